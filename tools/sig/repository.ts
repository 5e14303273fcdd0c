/**
 * Repositories: attestations by what they are about, in an attestation of the owner.
 *
 * ```json
 * {"data": {"attestations": {"sha256:…": [{…}, …]}, "version": "0.0.1"}, "key": "…", "sig": "…"}
 * ```
 *
 * Pure; {@linkcode judgeUpdate} decides whether what a remote serves now may take the
 * place of what it served last: a repository only grows.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import {
  type Attestation,
  attestationDigest,
  attestationJson,
  parseAttestation,
  reviewOf,
} from "./attestation.ts";
import {
  formatPythonJson,
  isObject,
  parsePythonJson,
  type PythonJson,
  type PythonObject,
} from "./python_json.ts";

/** The version of the format. */
export const REPOSITORY_VERSION = "0.0.1";
/** The most bytes a repository may have. */
export const MAX_REPOSITORY = 32 << 20;

/** A repository: what its owner signed, and its attestations. */
export interface Repository {
  /** The owner's attestation of all of it. */
  readonly signed: Attestation;
  /** Attestations by what they are about, each under its own `id`. */
  readonly attestations: ReadonlyMap<string, readonly Attestation[]>;
}

/** The `data` of a repository without attestations. */
export const EMPTY_REPOSITORY: PythonObject = { attestations: {}, version: REPOSITORY_VERSION };

/**
 * Parses a repository.
 *
 * @throws {SyntaxError} If it is malformed, or files an attestation under what it is not about.
 */
export function parseRepository(bytes: Uint8Array): Repository {
  const signed = parseAttestation(parsePythonJson(bytes));
  const { attestations, version } = signed.data;
  if (version !== REPOSITORY_VERSION) {
    throw malformed(`"version" must be "${REPOSITORY_VERSION}": received ${told(version)}`);
  }
  if (!isObject(attestations)) throw malformed('"attestations" must be an object');
  const byId = Object.entries(attestations).map(([id, list]) => {
    if (!Array.isArray(list)) throw malformed(`"${excerpt(id)}" must hold an array`);
    return [id, list.map((item) => parseFiled(id, item))] as const;
  });
  return { signed, attestations: new Map(byId) };
}

/** Nothing signed says where an attestation is filed: a review of one file must not pass as another's. */
function parseFiled(id: string, item: PythonJson): Attestation {
  const attestation = parseAttestation(item);
  const review = reviewOf(attestation);
  if (review.id === id) return attestation;
  throw malformed(`an attestation about "${excerpt(review.id)}" is filed under "${excerpt(id)}"`);
}

/** The bytes of `repo.json`. */
export function formatRepository(signed: Attestation): Uint8Array<ArrayBuffer> {
  return formatPythonJson(attestationJson(signed));
}

/** The `data` of a repository with more attestations, to be signed. */
export function withAttestations(
  { signed }: Repository,
  added: readonly Attestation[],
): PythonObject {
  const lists = new Map(Object.entries(signed.data["attestations"] as PythonObject));
  for (const attestation of added) {
    const { id } = reviewOf(attestation);
    const list = (lists.get(id) ?? []) as readonly PythonJson[];
    lists.set(id, [...list, attestationJson(attestation)]);
  }
  return { ...signed.data, attestations: Object.fromEntries(lists) };
}

/** What is to be done with what a remote serves. */
export type Update =
  | { readonly kind: "accept" }
  | { readonly kind: "same" }
  | { readonly kind: "refuse"; readonly why: string };

/**
 * Compares what a remote serves with what was seen of it last.
 *
 * @param last What was seen last, and when it was signed.
 * @param next What is served now, and when it was signed.
 */
export function judgeUpdate(
  last: { readonly repository: Repository; readonly created: Date },
  next: { readonly repository: Repository; readonly created: Date },
): Update {
  const [before, after] = [last.repository, next.repository];
  if (before.signed.key !== after.signed.key) {
    const why = `it is signed by ${after.signed.key}, was signed by ${before.signed.key}`;
    return { kind: "refuse", why };
  }
  if (attestationDigest(before.signed) === attestationDigest(after.signed)) return { kind: "same" };
  if (next.created < last.created) {
    const [then, now] = [last, next].map(({ created }) => created.toISOString());
    return { kind: "refuse", why: `it is rolled back: signed at ${now}, seen last was ${then}` };
  }
  const all = ({ attestations }: Repository) => [...attestations.values()].flat();
  const kept = new Set(all(after).map(attestationDigest));
  const dropped = all(before).filter((attestation) => !kept.has(attestationDigest(attestation)));
  if (dropped.length === 0) return { kind: "accept" };
  const count = `${dropped.length} attestation${dropped.length === 1 ? "" : "s"}`;
  const { id } = reviewOf(dropped[0]!);
  return { kind: "refuse", why: `it drops ${count} seen before, about ${excerpt(id)}` };
}

function told(value: PythonJson | undefined): string {
  return typeof value === "string" ? `"${excerpt(value)}"` : "something else";
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse repository: ${why}`);
}
