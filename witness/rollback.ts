/**
 * Whether the store went back: whether something larger was cosigned than it
 * remembers. Two things know better than a restored backup: the high-water file,
 * and the logs themselves, which publish our cosignatures. What follows from it
 * is decided in `rollback_guard.ts`.
 *
 * @module
 */

import {
  type Checkpoint,
  concat,
  equalBytes,
  MAX_NOTE_SIZE,
  openNote,
  parseCheckpoint,
  parseNote,
} from "@indelible/core";
import type { Cosigner } from "./cosigner.ts";
import type { HighWater } from "./high_water.ts";
import { logId, type LogRecord, type WitnessStore } from "./store.ts";

/** How long a log has to say what it publishes, in milliseconds. */
const PUBLISHED_TIMEOUT = 5_000;

/** What shows that the store went back: a sentence for the operator. */
export type Rollback = string;

/** A log that the witness knows. */
export interface KnownLog {
  /** Its origin. */
  readonly origin: string;
  /** Where it is served; `null` where that is not known. */
  readonly url: string | null;
  /** Whether the operator stopped it. */
  readonly disabled: boolean;
}

/** What came of comparing the store with a log. */
export type Comparison =
  | { readonly kind: "fits" }
  | { readonly kind: "behind"; readonly found: readonly Rollback[] }
  | { readonly kind: "unknown"; readonly why: string };

/**
 * Compares the store with what a log publishes under our cosignature. A log that
 * publishes nothing, or nothing that we cosigned, fits: it is how new ones begin.
 *
 * @param log The log; one without URL, or that was stopped, is not asked.
 * @param store The store.
 * @param cosigner The witness.
 */
export async function compareWithLog(
  { origin, url, disabled }: KnownLog,
  store: WitnessStore,
  cosigner: Cosigner,
): Promise<Comparison> {
  if (url === null) return { kind: "unknown", why: "it has no URL to be asked what it publishes" };
  if (disabled) return { kind: "unknown", why: "it was disabled when the witness started" };
  let published: Checkpoint | null;
  try {
    published = await readPublished(origin, url, cosigner);
  } catch (error) {
    return { kind: "unknown", why: `asked what it publishes, ${url} ${(error as Error).message}` };
  }
  if (!published) return { kind: "fits" };
  // Read after the log was asked: another witness on this store may go on meanwhile.
  const found = behindPublished(origin, await store.read(logId(origin)), published);
  return found.length > 0 ? { kind: "behind", found } : { kind: "fits" };
}

/**
 * Compares with the high-water file.
 *
 * @param records What the store has.
 * @param highWater The file.
 */
export function behindHighWater(
  records: readonly LogRecord[],
  highWater: HighWater,
): Rollback[] {
  const known = new Set(records.map(({ origin }) => logId(origin)));
  const missing = highWater.ids.filter((id) => !known.has(id)).map((id) =>
    `the log with the ID ${id} was cosigned and is not in the database`
  );
  const behind = records.flatMap(({ origin, cosigned }) => {
    const size = highWater.sizeOf(origin);
    const held = cosigned?.size ?? 0n;
    if (size <= held) return [];
    return [
      `size ${size} of the log "${origin}" was cosigned, the database has ${held}`,
    ];
  });
  return [...missing, ...behind];
}

/**
 * Compares with a checkpoint that a log publishes under our cosignature.
 *
 * @param record What the store has of the log.
 * @param published What the log publishes.
 */
export function behindPublished(
  origin: string,
  record: LogRecord | null,
  published: Checkpoint,
): Rollback[] {
  const { size, root } = published;
  const held = record?.cosigned ?? null;
  if (size > (held?.size ?? 0n)) {
    return [
      `the log "${origin}" publishes size ${size} with our cosignature, the store has ${
        held?.size ?? 0n
      }`,
    ];
  }
  if (held && size === held.size && !equalBytes(root, held.root)) {
    return [
      `the log "${origin}" publishes another root hash for size ${size} with our cosignature`,
    ];
  }
  return [];
}

/** Reads the checkpoint that a log publishes; `null` without one or without our cosignature. */
async function readPublished(
  origin: string,
  url: string,
  cosigner: Cosigner,
): Promise<Checkpoint | null> {
  let response: Response;
  let note: Uint8Array;
  try {
    const signal = AbortSignal.timeout(PUBLISHED_TIMEOUT);
    response = await fetch(`${url.replace(/\/$/, "")}/checkpoint`, { signal });
    note = await readAll(response);
  } catch (error) {
    throw new Error(`does not answer: ${(error as Error).message}`, { cause: error });
  }
  if (response.status === 404) return null;
  if (response.status !== 200) throw new Error(`answers ${response.status}`);
  let checkpoint: Checkpoint;
  try {
    checkpoint = parseCheckpoint(parseNote(note).text);
  } catch (error) {
    throw new Error(`answers with no checkpoint: ${(error as Error).message}`, { cause: error });
  }
  if (checkpoint.origin !== origin) throw new Error("serves another log");
  return openNote(note, cosigner.verifiers).kind === "verified" ? checkpoint : null;
}

/** Reads a body of a bounded length. */
async function readAll({ body }: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > MAX_NOTE_SIZE) throw new Error("its answer is too long");
    parts.push(part);
  }
  return concat(...parts);
}
