/**
 * One `POST /admin/bulk/append`: JSON lines out, JSON lines back. Appending is
 * idempotent, so a request that was cut off is sent again.
 *
 * @module
 */

import { errorOf } from "./add_request.ts";
import { type BulkAnswer, type BulkRefusal, readBulkAnswer } from "./bulk_answer.ts";
import { BulkBody, type BulkLine } from "./bulk_body.ts";
import { describe, openRequest } from "./http_client.ts";
import { retryAfter, TryLater } from "./retry.ts";

export type { BulkLine };

/** The most lines that a log takes at once. */
export const MAX_BULK_LINES = 50_000;

/** What became of a line. */
export type BulkResult =
  | {
    readonly kind: "logged";
    /** Its leaf index, the first one if it was there already. */
    readonly index: number;
  }
  | BulkRefusal;

/** How to ask. */
export interface BulkOptions {
  /** The token's header fields. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

const MAX_ANSWER = 64 << 20;
const SILENCE = 120_000;

/**
 * Appends lines.
 *
 * @param log The log.
 * @param body At most {@linkcode MAX_BULK_LINES} lines.
 * @param options The token's header fields, and what ends it.
 * @throws {TryLater} If the log cannot now.
 * @throws {Unreachable} If the answer is missing or cut off; then nothing is known of it.
 */
export async function sendBulk(
  log: URL,
  body: BulkBody,
  { headers, signal }: BulkOptions,
): Promise<BulkAnswer> {
  const url = new URL("admin/bulk/append?proofs=false", log);
  const stream = await openRequest(url, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", ...headers },
    body: body.written,
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
  return await readBulkAnswer(url, body, stream.body);
}

/** {@linkcode sendBulk} for lines that are at hand: what became of each, in order. */
export async function requestBulk(
  log: URL,
  lines: readonly BulkLine[],
  options: BulkOptions = {},
): Promise<{ readonly results: readonly BulkResult[]; readonly treeSize: number }> {
  const body = new BulkBody();
  for (const line of lines) body.add(line);
  const { indices, refusals, treeSize } = await sendBulk(log, body, options);
  const results = Array.from(
    indices,
    (index, i): BulkResult => refusals.get(i) ?? { kind: "logged", index },
  );
  return { results, treeSize };
}
