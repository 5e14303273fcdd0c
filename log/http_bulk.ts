/**
 * The text of bulk requests and their answers: NDJSON, a line an entry, as bt-log
 * has it. `http_write.ts` reads the one and sends the other.
 *
 * @module
 */

import { formatChecksum, parseJson } from "@indelible/core";
import { admit, type Admitted } from "./admit.ts";
import type { Outcome, Receipt, Submission } from "./pool.ts";
import type { Published } from "./publish.ts";
import { nextTurn } from "./respond.ts";

/** The most lines a bulk request may have. */
export const MAX_BULK_LINES = 50_000;
/** A line may be as long as the body of an add. */
export const MAX_ENTRY_BYTES = 16 * 1024;
/** Lines that are admitted without letting other requests in between: a few milliseconds. */
const LINES_PER_TURN = 500;
const LINES_PER_CHUNK = 500;
const LF = 0x0a;

/** A line, and what it is admitted as. */
export interface BulkLine {
  /** Its bytes. */
  readonly line: Uint8Array;
  /** An entry or a refusal. */
  readonly result: Admitted;
}

/**
 * Admits each line of a body.
 *
 * @returns The lines in order, or `null` when there are too many.
 */
export async function admitLines(
  body: Uint8Array,
  writer: string | null,
): Promise<BulkLine[] | null> {
  const lines = linesOf(body);
  if (lines === null) return null;
  const admitted: BulkLine[] = [];
  for (const line of lines) {
    if (admitted.length % LINES_PER_TURN === LINES_PER_TURN - 1) await nextTurn();
    admitted.push({ line, result: admitLine(line, writer) });
  }
  return admitted;
}

function admitLine(line: Uint8Array, writer: string | null): Admitted {
  if (line.length <= MAX_ENTRY_BYTES) return admit(line, writer);
  return { kind: "refused", error: `a line must have at most ${MAX_ENTRY_BYTES} bytes` };
}

/** The lines of a body, or `null` when there are too many. */
function linesOf(body: Uint8Array): Uint8Array[] | null {
  const lines: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf(LF, at);
    const next = end < 0 ? body.length : end;
    if (lines.length === MAX_BULK_LINES) return null;
    lines.push(body.subarray(at, next));
    at = next + 1;
  }
  return lines;
}

/**
 * The answer, written as fast as the client reads it.
 *
 * @param head The checkpoint that the proofs are under.
 * @param lines What was asked.
 * @param outcomes One for each line that was admitted.
 * @param proofs Whether inclusion proofs are wanted.
 */
export function bulkResponse(
  { base64, size }: Published,
  lines: readonly BulkLine[],
  outcomes: readonly Outcome[],
  proofs: boolean,
): Response {
  const encoder = new TextEncoder();
  let line = 0;
  let outcome = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const head = `{"type":"checkpoint","checkpoint":"${base64}","tree_size":${size}}\n`;
      controller.enqueue(encoder.encode(head));
    },
    async pull(controller) {
      let text = "";
      for (const end = Math.min(line + LINES_PER_CHUNK, lines.length); line < end; line++) {
        const { result } = lines[line]!;
        const fields = result.kind === "refused"
          ? refusedFields(lines[line]!, result)
          : await outcomeFields(result.submission, outcomes[outcome++]!, proofs);
        text += `{"type":"result","result":{${fields}}}\n`;
      }
      if (line === lines.length) text += `{"type":"complete","count":${lines.length}}\n`;
      controller.enqueue(encoder.encode(text));
      if (line === lines.length) controller.close();
    },
  });
  const headers = { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" };
  return new Response(body, { headers });
}

/** The receipt in an outcome, whoever's entry it is about. */
export function receiptOf(outcome: Outcome): Receipt | null {
  if (outcome.kind === "logged") return outcome.receipt;
  return outcome.kind === "conflict" ? outcome.existing : null;
}

async function outcomeFields(
  { entry }: Submission,
  outcome: Outcome,
  proofs: boolean,
): Promise<string> {
  const filename = `"filename":${JSON.stringify(entry.file)}`;
  switch (outcome.kind) {
    case "logged": {
      const { index, prove } = outcome.receipt;
      const fields = `${filename},"index":${index},"status":"logged"`;
      if (!proofs) return fields;
      return `${fields},"inclusionProof":${JSON.stringify((await prove()).hashes)}`;
    }
    case "conflict": {
      const existing = {
        index: outcome.existing.index,
        checksum: formatChecksum(outcome.digest),
      };
      return `${filename},"index":${existing.index},"status":"error",` +
        `"error":"this file is logged with another digest","existing":${JSON.stringify(existing)}`;
    }
    case "not-published-yet":
      return `${filename},"index":null,"status":"error",` +
        `"error":"this file is not logged: publish it before any other event"`;
    case "unavailable":
      throw new Error("an unavailable outcome was to be answered with 503");
  }
}

function refusedFields({ line }: BulkLine, { error }: { readonly error: string }): string {
  let filename = "";
  try {
    const parsed = line.length <= MAX_ENTRY_BYTES ? parseJson(line) : null;
    const name = (parsed as { filename?: unknown } | null)?.filename;
    if (typeof name === "string") filename = name;
  } catch {
    // Not JSON: the error says so, and the line's place tells which it was.
  }
  return `"filename":${JSON.stringify(filename)},"index":null,"status":"error",` +
    `"error":${JSON.stringify(error)}`;
}
