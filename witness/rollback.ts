/**
 * Finds out at start whether the store went back: whether something larger was
 * cosigned than it remembers. Two things know better than a restored backup: the
 * high-water file, and the logs themselves, which publish our cosignatures.
 *
 * @module
 */

import {
  type Checkpoint,
  equalBytes,
  MAX_NOTE_SIZE,
  openNote,
  parseCheckpoint,
  type SignerKey,
} from "@indelible/core";
import { Cosigner } from "./cosigner.ts";
import type { HighWater } from "./high_water.ts";
import type { Logger } from "./logger.ts";
import type { TrustedLog } from "./logs.ts";
import { logId, type LogRecord, type WitnessStore } from "./store.ts";

/** How long a log has to say what it publishes, in milliseconds. */
const PUBLISHED_TIMEOUT = 5_000;

/** What shows that the store went back: a sentence for the operator. */
export type Rollback = string;

/** What to compare. */
export interface RollbackParts {
  /** The store that may have gone back. */
  readonly store: WitnessStore;
  /** The witness's keys: cosignatures of these are its own. */
  readonly keys: readonly SignerKey[];
  /** The logs; those with a URL are asked. */
  readonly logs: readonly TrustedLog[];
  /** The high-water file, where there is one. */
  readonly highWater?: HighWater | null;
  /** Where a log that does not answer is reported. */
  readonly logger: Logger;
}

/** Everything that shows that the store went back; nothing if all is well. */
export async function findRollback(
  { store, keys, logs, highWater, logger }: RollbackParts,
): Promise<Rollback[]> {
  const cosigner = await Cosigner.of(keys);
  const found = highWater ? behindHighWater(await store.list(), highWater) : [];
  await Promise.all(logs.map(async (log) => {
    if (log.url === undefined) return;
    try {
      const published = await readPublished(log, cosigner, PUBLISHED_TIMEOUT);
      if (!published) return;
      const record = await store.read(logId(log.origin));
      found.push(...behindPublished(log.origin, record, published));
    } catch (error) {
      // A log that is down must not keep its witness from starting.
      logger("warn", "log not asked what it publishes", {
        origin: log.origin,
        error: (error as Error).message,
      });
    }
  }));
  return found;
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

/**
 * Reads the checkpoint that a log publishes, if it carries our cosignature.
 *
 * @param log The log, with its URL.
 * @param cosigner The witness.
 * @param timeout How many milliseconds the log has.
 * @returns What it says; `null` without our cosignature.
 * @throws {Error} If the log does not answer with a checkpoint of its own.
 */
export async function readPublished(
  { origin, url }: TrustedLog,
  cosigner: Cosigner,
  timeout: number,
): Promise<Checkpoint | null> {
  const response = await fetch(`${url!.replace(/\/$/, "")}/checkpoint`, {
    signal: AbortSignal.timeout(timeout),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`it answered ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > MAX_NOTE_SIZE) throw new Error("its answer is too long");
    parts.push(part);
  }
  const note = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    note.set(part, at);
    at += part.length;
  }
  const opened = openNote(note, cosigner.verifiers);
  if (opened.kind !== "verified") return null;
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint.origin !== origin) throw new Error("it is another log");
  return checkpoint;
}
