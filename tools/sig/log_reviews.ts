/**
 * The reviews that a log has, by what they are about. Its search index leads to entries;
 * each is read from the tiles and is under the root of a checkpoint that the policy
 * accepts and that extends the last one accepted. What the index does not cover yet is
 * read as well.
 *
 * That nothing is left out is the log's word: it could hide a review from us, but not
 * from those who read all of it.
 *
 * @module
 */

import {
  encodeHex,
  type Entry,
  LogReader,
  parseEntry,
  parseJson,
  TILE_WIDTH,
} from "@indelible/core";
import { errorOf } from "../add_request.ts";
import { describe, sendRequest } from "../http_client.ts";
import { asObject, natural } from "../json_members.ts";
import { inParallel } from "../parallel.ts";
import { retryAfter, retrying, TryLater } from "../retry.ts";
import type { Head } from "../trusted_head.ts";
import type { OpenLog } from "./log_settings.ts";
import { digestOf, isAbout, type LoggedReview, reviewIn, type Subject } from "./review_entry.ts";

/** What a log has about one identity. */
export interface LoggedAbout {
  /** What was published first with its digest; `null` if nothing was. */
  readonly subject: Subject | null;
  /** The reviews, oldest first. */
  readonly reviews: readonly LoggedReview[];
}

/** What a log has about some identities, under one checkpoint. */
export interface LoggedReviews {
  /** The accepted checkpoint; `null` when the log was not asked. */
  readonly head: Head | null;
  /** What it has, for each identity that was asked about. */
  readonly about: ReadonlyMap<string, LoggedAbout>;
}

const NOTHING: LoggedAbout = { subject: null, reviews: [] };
/** How many identities are asked about at once. */
const PARALLEL = 8;
/** How long a log that cannot now is asked again, in milliseconds. */
const PATIENCE = 30_000;
const MAX_ANSWER = 1 << 20;
const MAX_CHECKPOINT = 1 << 20;
const PAGE = 100;
/** Past so many entries about one identity something is wrong. */
const MAX_FOUND = 10_000;
/** How many entries behind the log its search index may be. */
const MAX_BEHIND = 65_536;

/**
 * Reads what a log has about identities.
 *
 * @param log The log.
 * @param ids The identities; of those that no log can have there is nothing.
 * @throws {Error} If the log cannot be searched, or shows what is not under its root.
 */
export async function readLogged(log: OpenLog, ids: Iterable<string>): Promise<LoggedReviews> {
  const asked = [...new Set(ids)].filter((id) => digestOf(id) !== null);
  if (asked.length === 0) return { head: null, about: new Map() };
  const found = await inParallel(asked, PARALLEL, (id) => search(log, id));
  const head = await readHead(log);
  const { size, root } = head.verdict.checkpoint;
  const reader = new LogReader({ size, root }, log.fetch);
  const indexedTo = found.reduce((least, { to }) => to < least ? to : least, size);
  if (size - indexedTo > MAX_BEHIND) {
    throw new TryLater(`${describe(log.url)} has a search index that is far behind`, null);
  }
  const tail: [bigint, Entry][] = [];
  for (let at = indexedTo; at < size; at++) tail.push([at, await readEntry(reader, at)]);
  const about = new Map<string, LoggedAbout>();
  for (const [i, id] of asked.entries()) {
    const entries = await inParallel(
      found[i]!.indices.filter((index) => index < indexedTo).reverse(),
      PARALLEL,
      async (index) => [index, await readEntry(reader, index)] as const,
    );
    about.set(id, loggedAbout(id, [...entries, ...tail]));
  }
  return { head, about };
}

/** What is known of an identity, of a log that has nothing about it too. */
export function aboutOf({ about }: LoggedReviews, id: string): LoggedAbout {
  return about.get(id) ?? NOTHING;
}

function loggedAbout(id: string, entries: readonly (readonly [bigint, Entry])[]): LoggedAbout {
  const ours = entries.filter(([, entry]) => isAbout(id, entry));
  const subject = ours.find(([, { event }]) => event === "publish")?.[1] ?? null;
  const reviews = ours.flatMap(([index, entry]) => reviewIn(index, entry) ?? []);
  return { subject, reviews };
}

const bundles = new WeakMap<LogReader, Map<bigint, Promise<Uint8Array[]>>>();

async function readEntry(reader: LogReader, index: bigint): Promise<Entry> {
  const known = bundles.get(reader) ?? new Map<bigint, Promise<Uint8Array[]>>();
  bundles.set(reader, known);
  const bundle = index / BigInt(TILE_WIDTH);
  const entries = known.get(bundle) ?? reader.readEntries(bundle);
  known.set(bundle, entries);
  return parseEntry((await entries)[Number(index % BigInt(TILE_WIDTH))]!);
}

async function readHead({ url, trusted, signal }: OpenLog): Promise<Head> {
  const path = new URL("checkpoint", url);
  const { status, body } = await sendRequest(path, { maxBytes: MAX_CHECKPOINT, signal });
  if (status === 200) return await trusted.accept(body);
  throw new Error(`${describe(path)} answers ${status}: ${errorOf(body)}`);
}

/** Leaf indices that may be about an identity, newest first, and how far the index has come. */
async function search(log: OpenLog, id: string): Promise<{ indices: bigint[]; to: bigint }> {
  const digest = encodeHex(digestOf(id)!);
  const indices: bigint[] = [];
  let to: bigint | null = null;
  for (let before = "";;) {
    const url = new URL(`search?digest=${digest}&limit=${PAGE}${before}`, log.url);
    const answer = await retrying(() => searchOnce(log, url), {
      patience: PATIENCE,
      signal: log.signal,
    });
    to ??= answer.to;
    indices.push(...answer.indices);
    if (!answer.more || answer.indices.length === 0) return { indices, to };
    if (indices.length > MAX_FOUND) {
      throw new Error(`${describe(log.url)} has over ${MAX_FOUND} entries about ${id}`);
    }
    before = `&before=${answer.indices.at(-1)}`;
  }
}

async function searchOnce({ signal }: OpenLog, url: URL) {
  const { status, headers, body } = await sendRequest(url, { maxBytes: MAX_ANSWER, signal });
  if (status === 503 || status === 429) {
    throw new TryLater(`${describe(url)} cannot now: ${errorOf(body)}`, retryAfter(headers));
  }
  if (status !== 200) {
    throw new Error(`${describe(url)} answers ${status}: name the log itself, which is searched`);
  }
  try {
    const answer = asObject(parseJson(body), "the answer");
    const { indices, more } = answer;
    if (!Array.isArray(indices)) throw new SyntaxError('"indices" must be a list');
    const leaves = indices.map((index) => {
      if (typeof index === "number" && Number.isSafeInteger(index) && index >= 0) {
        return BigInt(index);
      }
      throw new SyntaxError('"indices" must be leaf indices');
    });
    return { indices: leaves, more: more === true, to: BigInt(natural(answer, "indexedTo")) };
  } catch (error) {
    throw new Error(`Cannot understand ${describe(url)}: ${(error as Error).message}`);
  }
}
