/**
 * The work of `import`: a source's lines go to the log chunk by chunk, each
 * acknowledged before it is remembered. Killed at any point, here or there, it
 * can be run again: nothing is lost and nothing is logged twice.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";
import { sendBulk } from "./bulk_request.ts";
import type { ImportChunk, ImportSource } from "./import_line.ts";
import type { ImportState } from "./import_state.ts";
import { retrying } from "./retry.ts";

/** Where lines go and who is told. */
export interface ImportTarget {
  /** The log. */
  readonly log: URL;
  /** Who published. */
  readonly publisher?: Publisher;
  /** The token's header fields. */
  readonly headers: Readonly<Record<string, string>>;
  /** What was acknowledged before, and what will be now. */
  readonly state: ImportState;
  /** Lines in one request. */
  readonly chunkLines: number;
  /** Entries below this leaf index were there before this run. */
  readonly sizeBefore: number;
  /** Told of each line that is not logged, by its number from 1. */
  readonly onProblem: (source: ImportSource, line: number, why: string) => void;
  /** Told how far the source is. */
  readonly onProgress: (source: ImportSource, lines: number) => void;
  /** Told before each wait for the log. */
  readonly onWait: (error: Error, seconds: number) => void;
  /** Ends the import after the chunk under way. */
  readonly signal: AbortSignal;
}

/** What became of the lines of a source. */
export interface ImportCounts {
  /** Logged in this run. */
  readonly added: number;
  /** Logged before, with the same digest. */
  readonly repeated: number;
  /** Not logged: told one by one, or in an earlier run. */
  readonly problems: number;
  /** Dealt with in an earlier run, by the state. */
  readonly skipped: number;
}

/** Bytes in a request, about. */
const CHUNK_BYTES = 16 << 20;
/** How long a chunk under way may take once the import is to end, in milliseconds. */
const GRACE = 5000;
/** How long to wait for a log that is not there, in milliseconds. */
const PATIENCE = 10 * 60_000;

/**
 * Imports what the state does not know of a source.
 *
 * @throws {Error} If the log refuses for good, or is not there for ten minutes.
 */
export async function importSource(
  source: ImportSource,
  target: ImportTarget,
): Promise<ImportCounts> {
  const before = target.state.get(source.key);
  let { lines, problems } = before;
  let added = 0;
  let repeated = 0;
  const { chunkLines, publisher } = target;
  const options = { lines: chunkLines, bytes: CHUNK_BYTES, ...(publisher && { publisher }) };
  for await (const chunk of oneAhead(source.chunks(lines, options))) {
    target.signal.throwIfAborted();
    const told = await sendChunk(chunk, target);
    for (const { offset, why } of told.problems) {
      target.onProblem(source, lines + offset + 1, why);
    }
    lines += chunk.lines;
    problems += told.problems.length;
    added += told.added;
    repeated += told.repeated;
    target.state.set(source.key, { lines, problems }, told.treeSize);
    target.onProgress(source, lines);
  }
  return { added, repeated, problems, skipped: before.lines };
}

/** While an item is worked on, the next one is made: log and source take turns no more. */
async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = iterator.next();
      next.catch(() => {}); // Thrown when its turn has come.
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

interface ChunkOutcome {
  readonly added: number;
  readonly repeated: number;
  readonly treeSize: number;
  readonly problems: readonly {
    readonly offset: number;
    readonly why: string;
  }[];
}

async function sendChunk(
  { body, unusable }: ImportChunk,
  target: ImportTarget,
): Promise<ChunkOutcome> {
  const { log, headers, signal, onWait } = target;
  if (body.count === 0) return { added: 0, repeated: 0, treeSize: 0, problems: unusable };
  // Not ended at once: what the log has taken is to be acknowledged.
  using grace = afterGrace(signal);
  const { indices, refusals, treeSize } = await retrying(
    () => sendBulk(log, body, { headers, signal: grace.signal }),
    { patience: PATIENCE, onWait, signal },
  );
  const added = indices.reduce((sum, index) => index >= target.sizeBefore ? sum + 1 : sum, 0);
  const problems = [...unusable];
  for (const [i, refusal] of refusals) {
    const { filename, checksum } = body.file(i);
    const offset = offsetOf(i, unusable);
    if (refusal.kind === "conflict") {
      const { index, checksum: standing } = refusal.existing;
      const why =
        `${filename} is logged with another digest: entry ${index} has ${standing}, the source has ${checksum}`;
      problems.push({ offset, why });
    } else problems.push({ offset, why: `${filename} is refused: ${refusal.why}` });
  }
  problems.sort((a, b) => a.offset - b.offset);
  return { added, repeated: body.count - added - refusals.size, treeSize, problems };
}

/** The place among all lines of a chunk of the i-th that can be imported. */
function offsetOf(i: number, unusable: ImportChunk["unusable"]): number {
  let offset = i;
  for (const before of unusable) {
    if (before.offset > offset) break;
    offset++;
  }
  return offset;
}

/** A signal that aborts some time after another one. */
function afterGrace(signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), GRACE);
  };
  signal.addEventListener("abort", start, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", start);
    },
  };
}
