import assert from "node:assert/strict";
import { flipBit, SLOW, TestLog } from "./_testing.ts";
import { EMPTY_ROOT, type Hash, nodeHash } from "./hash.ts";
import { LogReader } from "./log_reader.ts";
import { checkConsistency, checkInclusion, proveConsistency, proveInclusion } from "./proof.ts";

const GROWN = 130;
const EXHAUSTIVE = SLOW ? 64 : 24;
const log = new TestLog(GROWN + 1);

const readerAt = (size: number): LogReader => new LogReader(log.head(size), log.at(size));

/** Every proof with one thing wrong: each hash changed, dropped, doubled, swapped, one added. */
function* wrongProofs(proof: readonly Hash[], bit: number): Generator<Hash[]> {
  for (const [i, hash] of proof.entries()) {
    yield proof.with(i, flipBit(hash, bit % 256));
    yield proof.toSpliced(i, 1);
    yield proof.toSpliced(i, 0, hash);
    for (let j = i + 1; j < proof.length; j++) {
      yield proof.with(i, proof[j]!).with(j, hash);
    }
    yield proof.with(i, hash.subarray(0, 31));
    yield proof.with(i, new Uint8Array(33));
  }
  for (const hash of [EMPTY_ROOT, log.leaves[0]!]) {
    yield [...proof, hash];
    yield [hash, ...proof];
  }
  if (proof.length > 0) yield [];
  if (proof.length > 1) yield proof.toReversed();
}

Deno.test("LogReader proves every entry under every size up to 130", async () => {
  for (let size = 1; size <= GROWN; size++) {
    const { root } = log.head(size);
    const reader = readerAt(size);
    for (let index = 0; index < size; index++) {
      const proof = await reader.proveInclusion(BigInt(index));
      assert.ok(
        checkInclusion(
          BigInt(index),
          BigInt(size),
          log.leaves[index]!,
          proof,
          root,
        ),
        `${index} of ${size}`,
      );
    }
  }
});

Deno.test("LogReader proves every growth between sizes up to 130", async () => {
  for (let size = 0; size <= GROWN; size++) {
    const { root } = log.head(size);
    const reader = readerAt(size);
    for (let oldSize = 0; oldSize <= size; oldSize++) {
      const proof = await reader.proveConsistency(BigInt(oldSize));
      const { root: oldRoot } = log.head(oldSize);
      assert.ok(
        checkConsistency(BigInt(oldSize), BigInt(size), oldRoot, root, proof),
        `${oldSize} to ${size}`,
      );
    }
  }
});

Deno.test(`checkInclusion() refuses every wrong proof up to size ${EXHAUSTIVE}`, async () => {
  let bit = 0;
  for (let n = 1; n <= EXHAUSTIVE; n++) {
    const size = BigInt(n);
    const { root } = log.head(n);
    const reader = readerAt(n);
    for (let index = 0n; index < size; index++) {
      const leaf = log.leaves[Number(index)]!;
      const proof = await reader.proveInclusion(index);
      const check = (i: bigint, s: bigint, l: Hash, p: Hash[], r: Hash) =>
        checkInclusion(i, s, l, p, r);
      assert.ok(check(index, size, leaf, proof, root));
      for (const wrong of wrongProofs(proof, bit++)) {
        assert.ok(!check(index, size, leaf, wrong, root), `${index} of ${n}`);
      }
      for (let other = -1n; other <= size + 1n; other++) {
        if (other === index) continue;
        assert.ok(!check(other, size, leaf, proof, root), `${other} of ${n}`);
      }
      for (const other of [n - 1, n + 1]) {
        const { root } = log.head(other);
        assert.ok(!check(index, BigInt(other), leaf, proof, root));
      }
      assert.ok(!check(index, 0n, leaf, proof, EMPTY_ROOT));
      assert.ok(!check(index, -1n, leaf, proof, root));
      assert.ok(!check(index, size, flipBit(leaf, bit % 256), proof, root));
      assert.ok(!check(index, size, leaf, proof, flipBit(root, bit % 256)));
      assert.ok(!check(index, size, leaf.subarray(1), proof, root));
      assert.ok(!check(index, size, leaf, proof, root.subarray(1)));
    }
  }
});

Deno.test(`checkConsistency() refuses every wrong proof up to size ${EXHAUSTIVE}`, async () => {
  let bit = 0;
  for (let n = 0; n <= EXHAUSTIVE; n++) {
    const size = BigInt(n);
    const { root } = log.head(n);
    const reader = readerAt(n);
    for (let m = 0; m <= n; m++) {
      const oldSize = BigInt(m);
      const { root: oldRoot } = log.head(m);
      const proof = await reader.proveConsistency(oldSize);
      const check = (p: Hash[], from = oldRoot, to = root) =>
        checkConsistency(oldSize, size, from, to, p);
      const what = `${m} to ${n}`;
      assert.ok(check(proof), what);
      for (const wrong of wrongProofs(proof, bit++)) {
        assert.ok(!check(wrong), what);
      }
      assert.ok(!check(proof, flipBit(oldRoot, bit % 256)), what);
      if (m > 0) assert.ok(!check(proof, oldRoot, flipBit(root, bit % 256)), what);
      assert.ok(!check(proof, oldRoot.subarray(1)), what);
      if (m === n) continue;
      // Another old size, or another new one, has another root.
      for (const other of [m - 1, m + 1].filter((k) => k > 0 && k < n)) {
        const { root: from } = log.head(other);
        assert.ok(!checkConsistency(BigInt(other), size, from, root, proof), what);
      }
      if (m > 0) {
        for (const other of [n - 1, n + 1].filter((k) => k > m)) {
          const { root: to } = log.head(other);
          assert.ok(!checkConsistency(oldSize, BigInt(other), oldRoot, to, proof));
        }
        assert.ok(!checkConsistency(size, oldSize, root, oldRoot, proof), what);
        assert.ok(!checkConsistency(oldSize, 1n << 20n, oldRoot, root, proof), what);
      }
    }
  }
});

Deno.test("checkConsistency() knows only one root of size 0", () => {
  const root = log.head(3).root;
  assert.ok(checkConsistency(0n, 0n, EMPTY_ROOT, EMPTY_ROOT, []));
  assert.ok(checkConsistency(0n, 3n, EMPTY_ROOT, root, []));
  assert.ok(!checkConsistency(0n, 0n, root, root, []));
  assert.ok(!checkConsistency(0n, 3n, root, root, []));
  assert.ok(!checkConsistency(0n, 3n, EMPTY_ROOT, root, [root]));
  assert.ok(!checkConsistency(-1n, 3n, EMPTY_ROOT, root, []));
  assert.ok(!checkConsistency(4n, 3n, root, root, []));
});

Deno.test("proofs hold at 63 bits", async () => {
  // A tree whose every leaf is the same needs no leaves to be stored.
  const perfect = [log.leaves[0]!];
  for (let i = 0; i < 63; i++) perfect.push(nodeHash(perfect[i]!, perfect[i]!));
  const read = (nodes: readonly { height: number }[]) =>
    Promise.resolve(nodes.map(({ height }) => perfect[height]!));
  const rootOf = (size: bigint) => {
    let root: Hash | undefined;
    for (let bit = 0n; bit < 63n; bit++) {
      if (!(size >> bit & 1n)) continue;
      const left = perfect[Number(bit)]!;
      root = root === undefined ? left : nodeHash(left, root);
    }
    return root!;
  };
  const max = 2n ** 63n - 1n;
  for (const size of [2n ** 53n + 1n, 2n ** 62n, max]) {
    for (const index of [0n, 2n ** 53n, size - 1n]) {
      const proof = await proveInclusion(index, size, read);
      assert.ok(
        checkInclusion(index, size, perfect[0]!, proof, rootOf(size)),
        `${index} of ${size}`,
      );
    }
    for (const oldSize of [1n, 2n ** 32n, 2n ** 53n, size - 1n]) {
      const proof = await proveConsistency(oldSize, size, read);
      const [from, to] = [rootOf(oldSize), rootOf(size)];
      assert.ok(checkConsistency(oldSize, size, from, to, proof));
    }
  }
});

Deno.test("proveInclusion() and proveConsistency() reject what no tree holds", async () => {
  const read = () => Promise.reject(new Error("nothing is to be read"));
  for (const [index, size] of [[0n, 0n], [5n, 5n], [-1n, 5n]] as const) {
    await assert.rejects(proveInclusion(index, size, read), RangeError);
  }
  for (const [oldSize, size] of [[6n, 5n], [-1n, 5n]] as const) {
    await assert.rejects(proveConsistency(oldSize, size, read), RangeError);
  }
  assert.deepEqual(await proveConsistency(0n, 5n, read), []);
});
