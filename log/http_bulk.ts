/**
 * The text of bulk requests and their answers: NDJSON, a line an entry, as bt-log
 * has it. `http_write.ts` reads the one and sends the other.
 *
 * @module
 */

import { formatChecksum, parseJson, PYPI_V1, utf8 } from "@indelible/core";
import { admitPlain } from "./admit_plain.ts";
import { admitStrictly } from "./admit.ts";
import { ByteWriter } from "./byte_writer.ts";
import type { Outcome, OutcomeOf, Receipt } from "./pool.ts";
import type { Published } from "./publish.ts";
import { nextTurn } from "./respond.ts";
import { Submissions } from "./submissions.ts";

/** The most lines a bulk request may have. */
export const MAX_BULK_LINES = 50_000;
/** A line may be as long as the body of an add. */
export const MAX_ENTRY_BYTES = 16 * 1024;
/** For so many milliseconds lines are admitted without letting other requests in between. */
const TURN = 5;
/** Lines between two looks at the clock. */
const LINES_PER_LOOK = 128;
/** Bytes of an answer that are made at once. */
const CHUNK_BYTES = 128 * 1024;
const LF = 0x0a;

/** The lines of a request. */
export interface BulkLines {
  /** How many there are. */
  readonly count: number;
  /** The entries of those that are admitted, in order. */
  readonly submissions: Submissions;
  /** The others by their numbers, from 0. */
  readonly refused: ReadonlyMap<number, RefusedLine>;
}

/** A line that is not admitted. */
export interface RefusedLine {
  /** Its bytes. */
  readonly line: Uint8Array;
  /** Why not. */
  readonly error: string;
}

/**
 * Admits each line of a body.
 *
 * @returns The lines, or `null` when there are too many.
 */
export async function admitLines(body: Uint8Array): Promise<BulkLines | null> {
  const submissions = new Submissions(Math.ceil(body.length / 128), body.length);
  const refused = new Map<number, RefusedLine>();
  let due = performance.now() + TURN;
  let count = 0;
  for (let at = 0; at < body.length; at++, count++) {
    if (count === MAX_BULK_LINES) return null;
    if (count % LINES_PER_LOOK === 0 && performance.now() > due) {
      await nextTurn();
      due = performance.now() + TURN;
    }
    const end = admitPlain(body, at, body.length, LF, submissions);
    if (end >= 0) {
      at = end;
      continue;
    }
    const next = body.indexOf(LF, at);
    const line = body.subarray(at, next < 0 ? body.length : next);
    at += line.length;
    const why = admitLine(line, submissions);
    if (why !== null) refused.set(count, { line, error: why });
  }
  return { count, submissions, refused };
}

function admitLine(line: Uint8Array, submissions: Submissions): string | null {
  if (line.length > MAX_ENTRY_BYTES) return `a line must have at most ${MAX_ENTRY_BYTES} bytes`;
  return admitStrictly(line, submissions)?.error ?? null;
}

/**
 * The answer, written as fast as the client reads it.
 *
 * @param head The checkpoint that the proofs are under.
 * @param lines What was asked.
 * @param outcomeOf What became of those that were admitted.
 * @param proofs Whether inclusion proofs are wanted.
 */
export function bulkResponse(
  { base64, size }: Published,
  { count, submissions, refused }: BulkLines,
  outcomeOf: OutcomeOf,
  proofs: boolean,
): Response {
  // A line may be longer than what is left of a chunk.
  const writer = new ByteWriter(CHUNK_BYTES + 4096);
  writer.bytes(utf8(`{"type":"checkpoint","checkpoint":"${base64}","tree_size":${size}}\n`));
  let line = 0;
  let submission = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      for (; line < count && writer.length < CHUNK_BYTES; line++) {
        writer.bytes(RESULT);
        const not = refused.size > 0 ? refused.get(line) : undefined;
        if (not) writeRefused(not, writer);
        else {
          writeFile(submissions, submission, writer);
          const more = writeOutcome(outcomeOf(submission++), proofs, writer);
          if (more) await more;
        }
        writer.bytes(RESULT_END);
      }
      if (line === count) writer.bytes(utf8(`{"type":"complete","count":${count}}\n`));
      controller.enqueue(writer.take());
      if (line === count) controller.close();
    },
  });
  const headers = { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" };
  return new Response(body, { headers });
}

const RESULT = utf8('{"type":"result","result":{"filename":');
const RESULT_END = utf8("}}\n");
const INDEX = utf8(',"index":');
const LOGGED = utf8(',"status":"logged"');
const PROOF = utf8(',"inclusionProof":');
const CONFLICT = utf8(
  ',"status":"error","error":"this file is logged with another digest","existing":',
);
const NOT_PUBLISHED_YET = utf8(
  ',"index":null,"status":"error",' +
    '"error":"this file is not logged: publish it before any other event"',
);
const NOT_ADMITTED = utf8(',"index":null,"status":"error","error":');
const QUOTE = utf8('"');

/** The start of a PyPI publication: behind it and its checksum, the file. */
const PYPI_PUBLICATION = utf8(`${PYPI_V1}\n`);
const FILE_OFFSET = PYPI_PUBLICATION.length + "sha256:".length + 64 + 1;

/** Writes the file of an entry as a JSON string. */
function writeFile(submissions: Submissions, i: number, writer: ByteWriter): void {
  const { bytes } = submissions;
  const start = submissions.start(i);
  const end = submissions.end(i);
  let plain = true;
  for (let k = 0; k < PYPI_PUBLICATION.length && plain; k++) {
    plain = bytes[start + k] === PYPI_PUBLICATION[k];
  }
  // To the end, or to the publisher's line. Of what a file may hold, only quotes need escapes.
  let fileEnd = start + FILE_OFFSET;
  for (; plain && fileEnd < end && bytes[fileEnd] !== LF; fileEnd++) {
    plain = bytes[fileEnd] !== QUOTE[0];
  }
  if (!plain) return writer.json(submissions.entry(i).file);
  writer.bytes(QUOTE);
  writer.bytes(bytes, start + FILE_OFFSET, fileEnd);
  writer.bytes(QUOTE);
}

/** Writes what became of an entry; what has to be read first is waited for. */
function writeOutcome(outcome: Outcome, proofs: boolean, writer: ByteWriter): Promise<void> | null {
  switch (outcome.kind) {
    case "logged": {
      writer.bytes(INDEX);
      writer.decimal(outcome.receipt.index);
      writer.bytes(LOGGED);
      return proofs ? writeProof(outcome.receipt, writer) : null;
    }
    case "conflict": {
      const { existing: { index }, digest } = outcome;
      writer.bytes(INDEX);
      writer.decimal(index);
      writer.bytes(CONFLICT);
      writer.json({ index, checksum: formatChecksum(digest) });
      return null;
    }
    case "not-published-yet":
      writer.bytes(NOT_PUBLISHED_YET);
      return null;
    case "unavailable":
      throw new Error("an unavailable outcome was to be answered with 503");
  }
}

function writeProof(receipt: Receipt, writer: ByteWriter): Promise<void> | null {
  writer.bytes(PROOF);
  const proof = receipt.prove();
  if (proof instanceof Promise) return proof.then((read) => read.writeInclusion(writer));
  proof.writeInclusion(writer);
  return null;
}

function writeRefused({ line, error }: RefusedLine, writer: ByteWriter): void {
  let filename = "";
  try {
    const parsed = line.length <= MAX_ENTRY_BYTES ? parseJson(line) : null;
    const name = (parsed as { filename?: unknown } | null)?.filename;
    if (typeof name === "string") filename = name;
  } catch {
    // Not JSON: the error says so, and the line's place tells which it was.
  }
  writer.json(filename);
  writer.bytes(NOT_ADMITTED);
  writer.json(error);
}

/** The receipt in an outcome, whoever's entry it is about. */
export function receiptOf(outcome: Outcome): Receipt | null {
  if (outcome.kind === "logged") return outcome.receipt;
  return outcome.kind === "conflict" ? outcome.existing : null;
}
