/**
 * One `POST /admin/bulk/append`: JSON lines out, JSON lines back, read as they
 * come. Appending is idempotent, so a request that was cut off is sent again.
 *
 * @module
 */

import { excerpt, type JsonObject, parseJson, type Publisher, utf8 } from "@indelible/core";
import { errorOf } from "./add_request.ts";
import { describe, openRequest, Unreachable } from "./http_client.ts";
import { splitLines } from "./import_line.ts";
import { asObject, natural, text } from "./json_members.ts";
import { retryAfter, TryLater } from "./retry.ts";

/** The most lines that a log takes at once. */
export const MAX_BULK_LINES = 50_000;

/** A file to append. */
export interface BulkLine {
  /** The identifier. */
  readonly filename: string;
  /** `sha256:<hex>`. */
  readonly checksum: string;
  /** What else it says of the file, as `/add` takes it. */
  readonly more?: JsonObject;
}

/** What became of a line. */
export type BulkResult =
  | {
    readonly kind: "logged";
    /** Its leaf index, the first one if it was there already. */
    readonly index: number;
  }
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
  /** One for each line, in order. */
  readonly results: readonly BulkResult[];
  /** The size of the tree that covers them. */
  readonly treeSize: number;
}

const MAX_ANSWER = 64 << 20;
const SILENCE = 120_000;

/**
 * Appends lines.
 *
 * @param log The log.
 * @param lines At most {@linkcode MAX_BULK_LINES}.
 * @param options Who published, the token's header fields, and what ends it.
 * @throws {TryLater} If the log cannot now.
 * @throws {Unreachable} If the answer is missing or cut off; then nothing is known of it.
 */
export async function requestBulk(
  log: URL,
  lines: readonly BulkLine[],
  options: {
    readonly publisher?: Publisher;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<BulkAnswer> {
  const { publisher, headers, signal } = options;
  const url = new URL("admin/bulk/append?proofs=false", log);
  // What a line says itself goes before what is said of all.
  const request = lines.map(({ filename, checksum, more }) =>
    JSON.stringify({ filename, checksum, ...(publisher && { publisher }), ...more }) + "\n"
  );
  const stream = await openRequest(url, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", ...headers },
    body: utf8(request.join("")),
    maxBytes: MAX_ANSWER,
    silence: SILENCE,
    ...(signal && { signal }),
  });
  if (stream.status !== 200) {
    const pieces = await Array.fromAsync(stream.body);
    const why = errorOf(pieces[0] ?? new Uint8Array(0));
    const message = `${describe(url)} refuses (${stream.status}): ${why}`;
    const busy = stream.status === 503 || stream.status === 429;
    throw busy ? new TryLater(message, retryAfter(stream.headers)) : new Error(message);
  }
  return await readAnswer(url, lines, stream.body);
}

async function readAnswer(
  url: URL,
  lines: readonly BulkLine[],
  body: AsyncIterable<Uint8Array>,
): Promise<BulkAnswer> {
  const results: BulkResult[] = [];
  let treeSize = 0;
  let complete = false;
  for await (const bytes of splitLines(body)) {
    const message = asObject(parseJson(bytes), "a line of the answer");
    switch (text(message, "type")) {
      case "checkpoint":
        treeSize = natural(message, "tree_size");
        break;
      case "result":
        results.push(resultOf(message, lines[results.length]));
        break;
      case "complete":
        complete = natural(message, "count") === results.length;
        break;
      case "error":
        throw new TryLater(
          `${describe(url)} stopped: ${excerpt(text(message, "error"), 200)}`,
          null,
        );
    }
  }
  if (!complete || results.length !== lines.length) {
    throw new Unreachable(
      `${describe(url)} broke off after ${results.length} of ${lines.length} results`,
    );
  }
  return { results, treeSize };
}

function resultOf(message: JsonObject, line: BulkLine | undefined): BulkResult {
  const result = asObject(message["result"] ?? null, "result");
  const filename = text(result, "filename");
  if (line?.filename !== filename) {
    throw new SyntaxError(
      `the answer is out of order: it is about ${excerpt(filename)}, expected ${
        line?.filename ?? "nothing more"
      }`,
    );
  }
  if (text(result, "status") === "logged") {
    return { kind: "logged", index: natural(result, "index") };
  }
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
