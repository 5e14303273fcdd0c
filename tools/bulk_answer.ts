/**
 * The answer to a bulk request: JSON lines, read as they come. A result that says
 * "logged" in the usual spelling is read byte by byte; all else, and with it every
 * refusal, by the strict parser.
 *
 * @module
 */

import { excerpt, type JsonObject, parseJson, utf8 } from "@indelible/core";
import type { BulkBody } from "./bulk_body.ts";
import { describe, Unreachable } from "./http_client.ts";
import { asObject, natural, text } from "./json_members.ts";
import { eachLine, lineBlocks } from "./line_blocks.ts";
import { TryLater } from "./retry.ts";

/** Why a line is not logged. */
export type BulkRefusal =
  | {
    readonly kind: "conflict";
    /** The entry that stands. */
    readonly existing: { readonly index: number; readonly checksum: string };
  }
  | {
    readonly kind: "refused";
    /** What the log says. */
    readonly why: string;
  };

/** What a log answers to all lines. */
export interface BulkAnswer {
  /** By line: its leaf index, the first one if it was there already; -1 where it has none. */
  readonly indices: Float64Array;
  /** The lines that have none. */
  readonly refusals: ReadonlyMap<number, BulkRefusal>;
  /** The size of the tree that covers them. */
  readonly treeSize: number;
}

/** The longest line of an answer, in bytes: one with a checkpoint and all its cosignatures. */
const MAX_LINE = 1 << 20;
const RESULT = utf8('{"type":"result","result":{"filename":');
const INDEX = utf8(',"index":');
const LOGGED = utf8(',"status":"logged"}}');
/** With so many digits every index is below 2^53. */
const SAFE_DIGITS = 15;
const ZERO = 0x30;

/**
 * Reads an answer: it must speak of every line, in order.
 *
 * @param url Where it comes from.
 * @param body What was asked.
 * @param pieces The answer.
 * @throws {TryLater} If the log stopped and says so.
 * @throws {Unreachable} If it is cut off.
 * @throws {SyntaxError} If it is no answer to this.
 */
export async function readBulkAnswer(
  url: URL,
  body: BulkBody,
  pieces: AsyncIterable<Uint8Array>,
): Promise<BulkAnswer> {
  const indices = new Float64Array(body.count).fill(-1);
  const refusals = new Map<number, BulkRefusal>();
  let results = 0;
  let treeSize = 0;
  let complete = false;
  for await (const block of lineBlocks(pieces, MAX_LINE)) {
    eachLine(block, (start, end) => {
      const index = results < body.count ? plainIndex(block, start, end, body, results) : -1;
      if (index >= 0) indices[results++] = index;
      else readMessage(block.subarray(start, end));
    });
  }
  if (!complete || results !== body.count) {
    throw new Unreachable(
      `${describe(url)} broke off after ${results} of ${body.count} results`,
    );
  }
  return { indices, refusals, treeSize };

  function readMessage(line: Uint8Array): void {
    const message = asObject(parseJson(line), "a line of the answer");
    switch (text(message, "type")) {
      case "checkpoint":
        treeSize = natural(message, "tree_size");
        break;
      case "result": {
        const result = resultOf(message, results < body.count ? body.file(results).filename : null);
        if (typeof result === "number") indices[results] = result;
        else refusals.set(results, result);
        results++;
        break;
      }
      case "complete":
        complete = natural(message, "count") === results;
        break;
      case "error": {
        const why = excerpt(text(message, "error"), 200);
        throw new TryLater(`${describe(url)} stopped: ${why}`, null);
      }
    }
  }
}

/** The index in a result that says "logged" of the line asked about, plainly; else -1. */
function plainIndex(
  bytes: Uint8Array,
  start: number,
  end: number,
  body: BulkBody,
  line: number,
): number {
  if (!isWord(bytes, start, RESULT)) return -1;
  let at = body.matchFilename(line, bytes, start + RESULT.length);
  if (at < 0 || !isWord(bytes, at, INDEX)) return -1;
  at += INDEX.length;
  const first = at;
  let index = 0;
  for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) {
    index = 10 * index + digit;
  }
  const digits = at - first;
  if (digits < 1 || digits > SAFE_DIGITS || digits > 1 && bytes[first] === ZERO) return -1;
  return isWord(bytes, at, LOGGED) && at + LOGGED.length === end ? index : -1;
}

function isWord(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** The index of a line that is logged, or why it is not. */
function resultOf(message: JsonObject, expected: string | null): number | BulkRefusal {
  const result = asObject(message["result"] ?? null, "result");
  const filename = text(result, "filename");
  if (expected !== filename) {
    throw new SyntaxError(
      `the answer is out of order: it is about ${excerpt(filename)}, expected ${
        expected ?? "nothing more"
      }`,
    );
  }
  if (text(result, "status") === "logged") return natural(result, "index");
  const existing = result["existing"];
  if (existing === undefined || existing === null) {
    return { kind: "refused", why: excerpt(text(result, "error"), 300) };
  }
  const entry = asObject(existing, "existing");
  return {
    kind: "conflict",
    existing: {
      index: natural(entry, "index"),
      checksum: excerpt(text(entry, "checksum"), 100),
    },
  };
}
