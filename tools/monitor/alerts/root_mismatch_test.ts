import {
  bundleCount,
  checkEvidence,
  encodeEvidence,
  type EvidenceHead,
  type FetchResource,
  parseCheckpoint,
  parseEvidence,
  parseNote,
  parsePolicy,
  parseUtf8,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { makeLog, POLICY } from "../../_testing.ts";
import { findRootMismatch } from "./root_mismatch.ts";

const SIZE = 700;
const LOG = makeLog(Array.from({ length: SIZE }, (_, i) => utf8(`entry ${i}`)), 1_790_000_000n);
const NOTE = parseUtf8(LOG.objects.get("checkpoint")!);
const HEAD: EvidenceHead = {
  origin: "log.test/tools",
  time: "2026-11-22T17:00:00Z",
  summary: "the tiles are not those of the checkpoint",
  policy: POLICY,
};

function search(fetch: FetchResource, from = 0n) {
  const head = parseCheckpoint(parseNote(utf8(NOTE)).text);
  return findRootMismatch(HEAD, { note: NOTE, head, fetch, from });
}

Deno.test("whatever one byte of the log is served wrongly, the evidence shows where", async () => {
  const paths = [...LOG.objects.keys()].filter((path) => path.startsWith("tile/"));
  assert.ok(paths.length >= 7);
  for (const path of paths) {
    const found = await search((asked) => {
      const bytes = LOG.objects.get(asked)?.slice() ?? null;
      if (bytes && asked === path) bytes[bytes.length >> 1]! ^= 1;
      return Promise.resolve(bytes);
    });
    assert.ok(found, path);
    const read = parseEvidence(encodeEvidence(found));
    const verdict = await checkEvidence(read, parsePolicy(utf8(POLICY)));
    assert.equal(verdict.kind, "verified", `${path}: ${JSON.stringify(verdict)}`);
    if (path.startsWith("tile/entries/")) assert.ok(found.entry);
    else assert.ok(!found.entry);
  }
  assert.equal(bundleCount(BigInt(SIZE)), 3n);
});

Deno.test("a log that serves its tree, or not all of it, gives no evidence", async () => {
  assert.equal(await search((path) => Promise.resolve(LOG.objects.get(path) ?? null)), null);
  assert.equal(await search(() => Promise.resolve(null)), null);
});
