/**
 * A project's page as the proxy serves it: the registry's, with each file's
 * digest the one that was proven, and refused files leading to their refusal.
 * Pure.
 *
 * Only the SHA-256 is served: pip checks the strongest digest alone, so that a
 * listed SHA-512 of other bytes would win over the proven one.
 *
 * @module
 */

import type { JsonObject } from "@indelible/core";
import type { Warning } from "../provenance/history.ts";
import type { ListedFile, Listing } from "../simple/listing.ts";
import { listedSha256, type Passage, type Reason } from "./gate.ts";

/** A file of the page and what becomes of it. */
export interface Judged {
  /** As listed. */
  readonly file: ListedFile;
  /** What becomes of it. */
  readonly passage: Passage;
  /** What the log's history says against it, if anything. */
  readonly warnings?: readonly Warning[];
  /** What its provenance proves, if a policy asked. */
  readonly proven?: readonly string[];
}

/** Where the proxy lets clients fetch a file that passes; `null` leaves it at the registry. */
export type FileUrl = ((file: ListedFile, sha256: string) => string) | null;

/** A digest of nothing: what has it cannot be installed. */
const NO_DIGEST = "0".repeat(64);

/** What a listing says about metadata files, which the log does not cover. */
const METADATA = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"] as const;

/**
 * Writes the page.
 *
 * @param listing As the registry serves it.
 * @param judged Its files, those that stay listed, with what becomes of each.
 * @param options `fileUrl`: where files that pass are fetched; `metadataOf`: the SHA-256 in
 * hex of a file's separate metadata, if that was found to be the file's own.
 */
export function rewritePage(
  listing: Listing,
  judged: readonly Judged[],
  options: {
    readonly fileUrl: FileUrl;
    readonly metadataOf?: (file: ListedFile, sha256: string) => string | null;
  },
): Listing {
  const { fileUrl, metadataOf } = options;
  const files = judged.map(({ file, passage }): ListedFile => {
    const refused = passage.kind === "refuse";
    const sha256 = refused ? passage.logged ?? listedSha256(file) ?? NO_DIGEST : passage.sha256;
    const url = refused
      ? `../../${refusalPath(passage.reason, file.filename)}`
      : fileUrl
      ? fileUrl(file, sha256)
      : file.url.href;
    const members: JsonObject = { ...file.members, url, hashes: { sha256 } };
    for (const name of METADATA) delete members[name];
    // What it says is beside the file is not beside ours.
    if (refused || fileUrl) delete members["gpg-sig"];
    const metadata = refused ? null : metadataOf?.(file, sha256) ?? null;
    if (metadata !== null) {
      members["core-metadata"] = members["dist-info-metadata"] = { sha256: metadata };
    }
    return { ...file, members, hashes: new Map([["sha256", sha256]]) };
  });
  return { ...listing, members: withFittingVersion(listing.members, files), files };
}

/** The page without a promise of fields that are not in it (PEP 700: versions, sizes). */
function withFittingVersion(members: JsonObject, files: readonly ListedFile[]): JsonObject {
  const whole = Array.isArray(members["versions"]) &&
    files.every(({ members }) => typeof members["size"] === "number");
  if (whole) return members;
  return { ...members, meta: { ...members["meta"] as JsonObject, "api-version": "1.0" } };
}

/** Where a refused file leads to, from the proxy's root. */
export function refusalPath(reason: Reason, filename: string): string {
  return `refused/${reason}/${encodeURIComponent(filename)}`;
}

/** Where the proxy serves a file itself, relative to the page of its project. */
export function streamedUrl({ filename }: ListedFile, sha256: string): string {
  return `../../files/${sha256}/${encodeURIComponent(filename)}`;
}
