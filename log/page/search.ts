/**
 * Searches the log. The log's search gives leaf indices, which are hints; each entry
 * is then read and proven. That there is *no* entry cannot be proven this way, and
 * the page says so.
 *
 * @module
 */

import { type Entry, equalBytes, formatChecksum } from "@indelible/core";
import { formatCount } from "./format.ts";
import type { SignedHead } from "./head_report.ts";
import type { LogClient } from "./log_client.ts";
import { type ProvenEntry, readEntries } from "./proven_entry.ts";
import { answers, impossible, searchPath, type SearchQuery } from "./search_query.ts";
import { listOf, objectOf, sizeOf } from "./status.ts";
import { Unavailable, type Verdict, wrong } from "./verdict.ts";

/** What a search found. */
export interface SearchResult {
  /** Entries that answer, newest first, and those that could not be proven. */
  readonly found: readonly ProvenEntry[];
  /** How far the log's index of its entries has come; `null` when it does not say. */
  readonly indexedTo: bigint | null;
  /** Where the next page starts; `null` when there is none. */
  readonly next: bigint | null;
  /** One file with two digests: the promise is broken. */
  readonly conflict: Verdict | null;
}

const PAGE = 50;

/**
 * Searches.
 *
 * @throws {Unavailable} If the log does not offer it, or does not answer.
 */
export async function search(
  client: LogClient,
  head: SignedHead,
  query: SearchQuery,
  before: bigint | null = null,
): Promise<SearchResult> {
  const why = impossible(query);
  if (why !== null) throw new Unavailable(why);
  const json = await client.json(searchPath(query, before, PAGE));
  if (json === null) throw new Unavailable("This log offers no search.");
  const answer = objectOf(json);
  const indices = listOf(answer["indices"]).map(sizeOf).filter((index) => index !== null);
  // The search may know entries that are newer than the head this browser judged.
  const shown = indices.slice(0, PAGE).filter((index) => index < head.checkpoint.size);
  const read = await readEntries(head, shown);
  const found = read.filter(({ entry }) => entry === null || answers(query, entry));
  return {
    found,
    indexedTo: sizeOf(answer["indexedTo"]),
    next: answer["more"] === true && indices.length > 0 ? indices.at(-1)! : null,
    conflict: secondDigest(found.flatMap(({ entry }) => entry ?? [])),
  };
}

/** Whether one file was published with two digests. */
export function secondDigest(entries: readonly Entry[]): Verdict | null {
  const first = new Map<string, Entry>();
  for (const entry of entries) {
    const key = `${entry.ecosystem}\n${entry.file}`;
    const known = first.get(key);
    if (!known) first.set(key, entry);
    else if (!equalBytes(known.digest, entry.digest)) {
      return wrong(
        `The log holds two digests for ${entry.file}, ${formatChecksum(entry.digest)} and ` +
          `${formatChecksum(known.digest)}. It must never hold more than one.`,
      );
    }
  }
  return null;
}

/** Says how much of the log a search covers, unless it is all. */
export function coverage({ indexedTo }: SearchResult, { checkpoint }: SignedHead): string {
  if (indexedTo === null || indexedTo >= checkpoint.size) return "";
  return `The log’s search covers its first ${formatCount(indexedTo)} of ` +
    `${formatCount(checkpoint.size)} entries so far.`;
}
