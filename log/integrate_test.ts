import {
  appendLeafHash,
  checkInclusion,
  EMPTY_EDGE,
  equalBytes,
  leafHash,
  newTiles,
  nodeHash,
  parseBase64,
  rootHash,
  tilePath,
  utf8,
} from "@indelible/core";
import { deepEqual, ok } from "node:assert/strict";
import { integrate } from "./integrate.ts";
import { HashPool } from "./hash_pool.ts";
import { BatchProofs } from "./receipts.ts";
import { EMPTY_TREE, type Tree } from "./tree.ts";

const slowHasher = {
  nodeHashes(pairs: Uint8Array): Promise<Uint8Array> {
    const hashes = new Uint8Array(pairs.length / 2);
    for (let at = 0; at < hashes.length; at += 32) {
      const left = pairs.subarray(2 * at, 2 * at + 32);
      hashes.set(nodeHash(left, pairs.subarray(2 * at + 32, 2 * at + 64)), at);
    }
    return Promise.resolve(hashes);
  },
};

const entry = (i: number) => utf8(`entry ${i} ${"x".repeat(i % 70)}`);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function grow(tree: Tree, size: number, hasher = slowHasher) {
  const entries = range(tree.size, size).map(entry);
  const leaves = new Uint8Array(entries.length * 32);
  entries.forEach((bytes, i) => leaves.set(leafHash(bytes), i * 32));
  return await integrate(tree, entries, leaves, hasher);
}

function rootsUpTo(size: number): Uint8Array[] {
  const roots = [rootHash(EMPTY_EDGE)];
  let edge = EMPTY_EDGE;
  for (let i = 0; i < size; i++) {
    edge = appendLeafHash(edge, leafHash(entry(i)));
    roots.push(rootHash(edge));
  }
  return roots;
}

Deno.test("integrate() gives the roots, tiles and proofs of the tree at every size", async () => {
  const steps = [
    1,
    2,
    3,
    5,
    8,
    13,
    100,
    200,
    255,
    256,
    257,
    511,
    512,
    513,
    800,
    1300,
  ];
  const roots = rootsUpTo(steps.at(-1)!);
  for (const start of [0, 1, 7, 255, 256, 300]) {
    let tree = EMPTY_TREE;
    if (start > 0) tree = (await grow(tree, start)).tree;
    for (const size of steps.filter((step) => step > start)) {
      const before = tree;
      const integrated = await grow(before, size);
      tree = integrated.tree;
      ok(
        equalBytes(tree.root, roots[size]!),
        `root of ${before.size} -> ${size}`,
      );
      const hashTiles = integrated.objects.map(({ path }) => path)
        .filter((path) => !path.includes("entries"));
      deepEqual(
        hashTiles,
        newTiles(BigInt(before.size), BigInt(size)).map(tilePath),
      );
      const proofs = new BatchProofs(integrated);
      for (const i of range(before.size, size)) {
        const proof = proofs.inclusion(i).map(parseBase64);
        ok(
          checkInclusion(
            BigInt(i),
            BigInt(size),
            leafHash(entry(i)),
            proof,
            tree.root,
          ),
          `proof of ${i} in ${before.size} -> ${size}`,
        );
      }
    }
  }
});

Deno.test("integrate() gives the same objects from one batch as from many", async () => {
  const whole = await grow(EMPTY_TREE, 700);
  const last = new Map<string, Uint8Array>();
  let tree = EMPTY_TREE;
  for (const size of [3, 256, 258, 600, 700]) {
    const integrated = await grow(tree, size);
    for (const { path, bytes } of integrated.objects) last.set(path, bytes);
    tree = integrated.tree;
  }
  for (const { path, bytes } of whole.objects) {
    deepEqual(last.get(path), bytes, path);
  }
  deepEqual(tree, whole.tree);
});

Deno.test("HashPool hashes as the pure functions do, in jobs of every size", async () => {
  const pool = new HashPool({ workers: 2 });
  try {
    for (const count of [1, 3, 4, 511, 513, 2000]) {
      const entries = range(0, count).map(entry);
      const leaves = await pool.leafHashes(entries);
      entries.forEach((bytes, i) =>
        deepEqual(leaves.subarray(i * 32, i * 32 + 32), leafHash(bytes))
      );
      const integrated = await integrate(EMPTY_TREE, entries, leaves, pool);
      deepEqual(
        integrated.tree,
        (await integrate(EMPTY_TREE, entries, leaves, slowHasher)).tree,
      );
    }
  } finally {
    pool.close();
  }
});

function brokenWorker(source: string): () => Worker {
  const url = `data:application/javascript,${encodeURIComponent(source)}`;
  return () => new Worker(url, { type: "module", deno: { permissions: "none" } });
}

const failures = {
  "dies": `onmessage = () => { throw new Error("died") }`,
  "hangs": `onmessage = () => {}`,
  "answers wrongly": `onmessage = ({ data }) => { if (!data.memory) postMessage(data.id) }`,
};
for (const [how, source] of Object.entries(failures)) {
  Deno.test(`HashPool replaces a worker that ${how}, and the job is done`, async () => {
    const seen: Error[] = [];
    let made = 0;
    const pool = new HashPool({
      workers: 1,
      deadline: 300,
      onFailure: (error) => seen.push(error),
      makeWorker: () =>
        made++ === 0 ? brokenWorker(source)() : new Worker(
          new URL("./hash_worker.ts", import.meta.url),
          { type: "module", deno: { permissions: "none" } },
        ),
    });
    try {
      const entries = range(0, 600).map(entry);
      const leaves = await pool.leafHashes(entries);
      deepEqual(leaves.subarray(599 * 32), leafHash(entries[599]!));
      deepEqual([made, seen.length], [2, 1]);
    } finally {
      pool.close();
    }
  });
}
