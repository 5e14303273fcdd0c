/**
 * What the log says of itself in `/status`: claims, none of them signed. Members
 * that are missing or of another type than expected are taken as not said.
 *
 * @module
 */

import type { Json, JsonObject } from "@indelible/core";

/** What the log says of a witness. */
export interface WitnessClaim {
  /** As in the policy. */
  readonly name: string;
  /** The tree size it cosigned last. */
  readonly cosignedSize: number | null;
  /** When, RFC 3339. */
  readonly cosignedAt: string | null;
  /** Why it did not cosign the last time it was asked. */
  readonly lastError: string | null;
}

/** The part of `/status` that the page shows. */
export interface LogStatus {
  /** The policy that the log itself runs with. */
  readonly policy: string | null;
  /** The verifier key of the log's first key. */
  readonly vkey: string | null;
  /** When the head was published, RFC 3339. */
  readonly publishedAt: string | null;
  /** The witnesses. */
  readonly witnesses: readonly WitnessClaim[];
  /** Whether it publishes without its witnesses' quorum. */
  readonly witnessFailOpen: boolean;
}

/** Reads `/status`. */
export function parseStatus(json: Json | null): LogStatus {
  const status = objectOf(json);
  return {
    policy: textOf(status["policy"]),
    vkey: textOf(status["vkey"]),
    publishedAt: textOf(objectOf(status["head"])["time"]),
    witnesses: listOf(status["witnesses"]).map(objectOf).map((witness) => ({
      name: textOf(witness["name"]) ?? "",
      cosignedSize: numberOf(witness["cosignedSize"]) ?? numberOf(witness["size"]),
      cosignedAt: textOf(witness["cosignedAt"]),
      lastError: textOf(witness["lastError"]),
    })),
    witnessFailOpen: status["witnessFailOpen"] === true,
  };
}

/** A JSON object, or an empty one. */
export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** A JSON list, or an empty one. */
export function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** A JSON string, or `null`. */
export function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** A JSON number, or `null`. */
export function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** A leaf index or tree size in JSON, or `null`. */
export function sizeOf(value: Json | undefined): bigint | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? BigInt(value) : null;
}
