import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS, TestLog } from "./_testing.ts";
import { concat, equalBytes, parseUtf8, utf8 } from "./bytes.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { signerOf } from "./cosignature.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { ARTIFACT_V2, formatEntry, PYPI_V1 } from "./entry.ts";
import { leafHash, sha256 } from "./hash.ts";
import { KeyType, signerKey } from "./key.ts";
import { LogReader } from "./log_reader.ts";
import { signNote } from "./note.ts";
import { policyOfLog } from "./policy.ts";
import { verifyTlogProof } from "./tlog_proof.ts";
import {
  combineProofs,
  expandTlogProofs,
  formatTlogProofs,
  parseTlogProofs,
  type TlogProofs,
  verifyTlogProofs,
} from "./tlog_proofs.ts";

const SIZE = 300;
const PUBLISHERS = ["a", "b"].map((name) => ({
  issuer: "https://issuer.example",
  subject: `https://code.example/${name}`,
}));

/** All that a log may hold: both forms, publishers that return, names with much and nothing shared. */
const log = new TestLog(SIZE, (i) => {
  const digest = sha256(utf8(`${i}`));
  const file = i % 7 === 0 ? `${i}.zip` : `pkg-1.${i >> 2}-cp3${i % 4}-none-any.whl`;
  if (i % 11 === 0) {
    const event = "yank";
    return formatEntry({ format: ARTIFACT_V2, ecosystem: "npm", event, file, digest });
  }
  if (i % 13 === 0) return utf8(`of another log ${i}`);
  const publisher = PUBLISHERS[i % 3];
  return formatEntry({
    format: PYPI_V1,
    ecosystem: "pypi",
    event: "publish",
    file,
    digest,
    ...(publisher && { publisher }),
  });
});
const KEY = signerKey("log.example", KeyType.ed25519, new Uint8Array(32));
const POLICY = policyOfLog(KEY);

function checkpointOf(size: number): Uint8Array {
  const text = formatCheckpoint({ ...log.head(size), origin: KEY.name, extensions: [] });
  return signNote(text, [signerOf(KEY, () => 0n, nativeEd25519)]);
}

async function prove(indices: readonly number[], size = SIZE): Promise<TlogProofs> {
  const reader = new LogReader(log.head(size), log.at(size));
  const proven = indices.map(async (index) => ({
    index: BigInt(index),
    entry: log.entries[index]!,
    proof: await reader.proveInclusion(BigInt(index)),
  }));
  return combineProofs(checkpointOf(size), await Promise.all(proven));
}

const verify = (proofs: TlogProofs) => verifyTlogProofs(proofs, POLICY, nativeEd25519).kind;

Deno.test("any entries of any tree are proven together, and each by itself again", async () => {
  const choice = fc.integer({ min: 1, max: SIZE }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      indices: fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 40 }),
    })
  );
  await fc.assert(
    fc.asyncProperty(choice, async ({ size, indices }) => {
      const proofs = await prove(indices, size);
      assert.equal(verify(proofs), "accepted");
      const bytes = formatTlogProofs(proofs);
      const parsed = parseTlogProofs(bytes);
      assert.deepEqual(parsed, proofs);
      const reader = new LogReader(log.head(size), log.at(size));
      for (const single of expandTlogProofs(parsed)) {
        assert.deepEqual(single.proof, await reader.proveInclusion(single.index));
        assert.deepEqual(single.extra, log.entries[Number(single.index)]);
        const leaf = leafHash(single.extra!);
        assert.equal(verifyTlogProof(single, leaf, POLICY, nativeEd25519).kind, "accepted");
      }
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a whole tree is proven by its entries alone, no entry by the root hash alone", async () => {
  const all = await prove(Array.from({ length: SIZE }, (_, i) => i));
  assert.deepEqual(all.nodes, []);
  assert.equal(verify(all), "accepted");
  const none = await prove([]);
  assert.deepEqual(none.nodes, [log.head(SIZE).root]);
  assert.deepEqual(expandTlogProofs(none), []);
});

Deno.test("nodes are shared: two neighbours take one hash less than one of them", async () => {
  assert.equal((await prove([2])).nodes.length, 9);
  assert.equal((await prove([2, 3])).nodes.length, 8);
});

Deno.test("a changed or cut file proves nothing else", async () => {
  // An entry of each form, a publisher that returns, names that go on from the last.
  const size = 12;
  const proofs = await prove([0, 1, 4, 7, 11], size);
  const known = new Map(proofs.entries.map(({ index, entry }) => [index, entry]));
  let accepted = 0;
  for (const changed of mutations(formatTlogProofs(proofs))) {
    const parsed = parseOrRefuse(() => parseTlogProofs(changed));
    if (!parsed) continue;
    assert.ok(equalBytes(formatTlogProofs(parsed), changed));
    const verdict = parseOrRefuse(() => verifyTlogProofs(parsed, POLICY, nativeEd25519));
    if (verdict?.kind !== "accepted") continue;
    accepted++;
    assert.deepEqual(verdict.checkpoint.root, log.head(size).root);
    for (const { index, entry } of parsed.entries) assert.deepEqual(entry, known.get(index));
  }
  assert.equal(accepted, 0);
});

Deno.test("verifyTlogProofs() refuses another checkpoint and other entries", async () => {
  const proofs = await prove([3, 100, 299]);
  for (const size of [299, 1]) {
    assert.throws(() => {
      const checkpoint = checkpointOf(size);
      parseTlogProofs(formatTlogProofs({ ...proofs, checkpoint }));
    }, SyntaxError);
  }
  const [first, ...others] = proofs.entries;
  const entries = [{ ...first!, entry: log.entries[4]! }, ...others];
  assert.equal(verify({ ...proofs, entries }), "refused");
  assert.equal(verify({ ...proofs, nodes: proofs.nodes.toReversed() }), "refused");
  const stranger = signerKey("log.example", KeyType.ed25519, new Uint8Array(32).fill(1));
  assert.equal(verifyTlogProofs(proofs, policyOfLog(stranger), nativeEd25519).kind, "refused");
});

Deno.test("combineProofs() refuses what cannot be one file", async () => {
  const [a] = (await prove([1])).entries;
  const proof = await new LogReader(log.head(SIZE), log.at(SIZE)).proveInclusion(1n);
  assert.throws(
    () => combineProofs(checkpointOf(SIZE), [{ ...a!, proof }, { ...a!, proof }]),
    { name: "RangeError", message: /one leaf index/ },
  );
  assert.throws(
    () => combineProofs(checkpointOf(SIZE), [{ ...a!, proof: proof.slice(1) }]),
    { name: "RangeError", message: /too short/ },
  );
  assert.throws(() => combineProofs(checkpointOf(0), []), { message: /empty tree/ });
});

Deno.test("parseTlogProofs() refuses other spellings", async () => {
  const bytes = formatTlogProofs(await prove([0, 1]));
  const end = parseUtf8(bytes.subarray(0, 80)).indexOf("\n\n") + 2;
  const [head, rest] = [parseUtf8(bytes.subarray(0, end)), bytes.subarray(end)];
  for (
    const [from, to] of [
      ["indelible/tlog-proofs@v1", "indelible/tlog-proofs@v2"],
      ["indelible/tlog-proofs@v1", "\ufeffindelible/tlog-proofs@v1"],
      ["entries 2", "entries 02"],
      ["entries 2", "entries 1"],
      ["entries 2", "entries 3"],
      ["entries 2", "entries 9223372036854775807"],
      ["entries 2\n", ""],
      ["entries 2", "entries 2\nentries 2"],
      ["checkpoint ", "checkpoint  "],
      ["checkpoint ", "checkpoint 1"],
      ["\n\n", "\r\n\r\n"],
      ["\n\n", "\nmore\n\n"],
    ] as const
  ) {
    assert.ok(head.includes(from));
    const changed = concat(utf8(head.replace(from, to)), rest);
    assert.throws(() => parseTlogProofs(changed), SyntaxError, to);
  }
  for (const tail of [Uint8Array.of(0), new Uint8Array(32)]) {
    assert.throws(() => parseTlogProofs(concat(bytes, tail)), SyntaxError);
  }
});
