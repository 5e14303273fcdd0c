/** Fills a log. */

import assert from "node:assert/strict";
import { madeUpFile, type RunningLog } from "../running_log.ts";

/** How many files a bulk request brings: the most it may. */
export const LINES = 50_000;

/** Appends {@linkcode LINES} new files; gives the new size. */
export async function append(log: RunningLog, size: number, proofs: boolean): Promise<number> {
  const lines: string[] = [];
  for (let i = size; i < size + LINES; i++) lines.push(JSON.stringify(madeUpFile(i)));
  const response = await fetch(`${log.url}/admin/bulk/append?proofs=${proofs}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson" },
    body: lines.join("\n"),
  });
  const answer = await response.bytes(); // Read whole, looked at only at its end.
  const end = new TextDecoder().decode(answer.subarray(-100));
  assert(end.endsWith(`{"type":"complete","count":${LINES}}\n`), end);
  return size + LINES;
}
