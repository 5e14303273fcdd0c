import { checkInclusion, type Hash, proveInclusion, sha256, utf8 } from "@indelible/core";
import { equal, ok } from "node:assert/strict";
import { nodeHash } from "@indelible/core";
import { ProvenTree } from "./proven_tree.ts";

const leaves = Array.from({ length: 40 }, (_, i) => sha256(utf8(`${i}`)));

/** The root of a stretch of leaves (RFC 6962 §2.1), by its definition. */
function rootOf(part: readonly Hash[]): Hash {
  if (part.length === 1) return part[0]!;
  let split = 1;
  while (split * 2 < part.length) split *= 2;
  return nodeHash(rootOf(part.slice(0, split)), rootOf(part.slice(split)));
}

function proofOf(index: number, size: number): Promise<Hash[]> {
  return proveInclusion(
    BigInt(index),
    BigInt(size),
    (nodes) =>
      Promise.resolve(nodes.map(({ height, index }) => {
        const start = Number(index) * 2 ** height;
        return rootOf(leaves.slice(start, start + 2 ** height));
      })),
  );
}

Deno.test("ProvenTree accepts what checkInclusion accepts, in any order, for all trees up to 40", async () => {
  for (let size = 1; size <= leaves.length; size++) {
    const root = rootOf(leaves.slice(0, size));
    const proofs = await Promise.all(
      leaves.slice(0, size).map((_, index) => proofOf(index, size)),
    );
    for (const order of [[...proofs.keys()], [...proofs.keys()].reverse()]) {
      const tree = new ProvenTree(BigInt(size), root);
      for (const index of order) {
        ok(tree.check(BigInt(index), leaves[index]!, proofs[index]!), `${index} of ${size}`);
      }
    }
  }
});

Deno.test("ProvenTree refuses every changed proof, also when it knows all nodes, and stays right", async () => {
  for (const size of [1, 2, 3, 6, 7, 8, 13, 33]) {
    const root = rootOf(leaves.slice(0, size));
    const full = new ProvenTree(BigInt(size), root);
    for (let index = 0; index < size; index++) {
      full.check(BigInt(index), leaves[index]!, await proofOf(index, size));
    }
    for (let index = 0; index < size; index++) {
      const proof = await proofOf(index, size);
      const wrong: [bigint, Hash, Hash[]][] = proof.map((hash, i) => {
        const flipped = hash.with(7, hash[7]! ^ 1);
        return [BigInt(index), leaves[index]!, proof.with(i, flipped)];
      });
      wrong.push(
        [BigInt(index), leaves[index]!.with(0, leaves[index]![0]! ^ 1), proof],
        [BigInt(index), leaves[index]!, [...proof, root]],
        [BigInt(size), leaves[index]!, proof],
        [-1n, leaves[index]!, proof],
      );
      if (proof.length > 0) wrong.push([BigInt(index), leaves[index]!, proof.slice(1)]);
      if (proof.length > 0) wrong.push([BigInt(index), leaves[index]!, proof.slice(0, -1)]);
      if (size > 1) wrong.push([BigInt((index + 1) % size), leaves[index]!, proof]);
      for (const tree of [full, new ProvenTree(BigInt(size), root)]) {
        for (const [at, leaf, hashes] of wrong) {
          const alone = checkInclusion(at, BigInt(size), leaf, hashes, root);
          equal(tree.check(at, leaf, hashes), alone, `${at} of ${size}`);
        }
        ok(tree.check(BigInt(index), leaves[index]!, proof));
      }
    }
  }
});

Deno.test("ProvenTree refuses a proof under another root", async () => {
  const tree = new ProvenTree(7n, rootOf(leaves.slice(0, 8)));
  ok(!tree.check(3n, leaves[3]!, await proofOf(3, 7)));
});
