// The rows of a growth against the tree that core's plain functions make, for sizes around every edge.

import assert from "node:assert/strict";
import { concat, utf8 } from "../bytes.ts";
import { packEntries } from "../entry_slab.ts";
import { type Hash, leafHash, nodeHash } from "../hash.ts";
import { chunkCount, type Growth, hashChunk } from "./growth.ts";
import { instantiateKernel } from "./kernel.ts";
import { KernelMemory, type NodeRow } from "./memory.ts";

const entry = (i: number) => utf8(`entry ${i} ${"x".repeat(i % 150)}`);

/** Every perfect node of the largest tree, by height. */
const NODES: Hash[][] = [[]];
const LARGEST = 2100;
for (let i = 0; i < LARGEST; i++) NODES[0]!.push(leafHash(entry(i)));
for (let below = NODES[0]!; below.length > 1; below = NODES.at(-1)!) {
  NODES.push(
    Array.from(
      { length: Math.floor(below.length / 2) },
      (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!),
    ),
  );
}

const perfect = (size: number, height: number) => Math.floor(size / 2 ** height);

function treeOf(size: number) {
  const edge = new Map<number, Hash>();
  for (let height = 0; perfect(size, height) > 0; height++) {
    const nodes = perfect(size, height);
    if (nodes % 2 === 1) edge.set(height, NODES[height]![nodes - 1]!);
  }
  return { size, edge };
}

function slabOf(size: number, end: number) {
  return packEntries(Array.from({ length: end - size }, (_, i) => entry(size + i)));
}

function checkRows(rows: readonly NodeRow[], size: number, end: number): void {
  assert.equal(rows.length, Math.floor(Math.log2(end)) + 1);
  for (const [height, { first, hashes }] of rows.entries()) {
    const old = perfect(size, height);
    assert.equal(first, old - old % 2);
    const want = NODES[height]!.slice(first, perfect(end, height));
    assert.deepEqual(hashes, concat(...want), `${size} ${end} ${height}`);
  }
}

Deno.test("KernelMemory grows a tree by rows, from any size to any other", () => {
  const memory = new KernelMemory();
  const edges = [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 511, 512, 513, 700, 1023, 1024, 1025];
  for (const size of [...edges, 1999]) {
    for (const end of [size + 1, size + 2, ...edges, 1536, 2047, 2048, LARGEST]) {
      if (end <= size) continue;
      const growth = memory.placeGrowth(treeOf(size), slabOf(size, end));
      memory.hashChunks(growth);
      checkRows(memory.finishGrowth(growth), size, end);
    }
  }
});

Deno.test("chunks of every height can be hashed in any order, by any kernel, and say the same", () => {
  const memory = new KernelMemory(1);
  const other = instantiateKernel(memory.memory, memory.scratch(1));
  for (const [size, end] of [[0, 1], [0, 1030], [3, 70], [513, 2048], [1023, LARGEST]] as const) {
    for (let chunkHeight = 0; chunkHeight <= 11; chunkHeight++) {
      const placed = memory.placeGrowth(treeOf(size), slabOf(size, end));
      const growth: Growth = { ...placed, chunkHeight };
      // What the board tells workers: the size's rest, which 32 bits hold.
      const told: Growth = { ...growth, size: size % 2 ** chunkHeight };
      assert.equal(chunkCount(told), chunkCount(growth));
      for (let chunk = chunkCount(growth) - 1; chunk >= 0; chunk--) {
        if (chunk % 2 === 0) memory.hashChunk(growth, chunk);
        else hashChunk(other, told, chunk);
      }
      checkRows(memory.finishGrowth(growth), size, end);
    }
  }
});

Deno.test("KernelMemory grows a tree beyond 2^32 entries", () => {
  const memory = new KernelMemory();
  const size = 2 ** 40 + 2 ** 33 + 5;
  const node = (i: number) => new Uint8Array(32).fill(i);
  const edge = new Map([0, 2, 33, 40].map((height) => [height, node(height)]));
  const entries = [entry(0), entry(1), entry(2)];
  const growth = memory.placeGrowth({ size, edge }, packEntries(entries));
  memory.hashChunks(growth);
  const rows = memory.finishGrowth(growth);
  const [a, b, c] = entries.map(leafHash) as [Hash, Hash, Hash];
  const pair = nodeHash(node(0), a);
  const upper = nodeHash(b, c);
  assert.equal(rows.length, 41);
  const want = [[node(0), a, b, c], [pair, upper], [node(2), nodeHash(pair, upper)]];
  want.push([nodeHash(want[2]![0]!, want[2]![1]!)]);
  for (const [height, { first, hashes }] of rows.entries()) {
    const old = Math.floor(size / 2 ** height);
    assert.equal(first, old - old % 2);
    const expected = want[height] ?? (edge.has(height) ? [edge.get(height)!] : []);
    assert.deepEqual(hashes, concat(...expected), `${height}`);
  }
});

Deno.test("KernelMemory takes entries of any length, and keeps the bytes that are not its own", () => {
  const memory = new KernelMemory(2, 100);
  const kept = new Uint8Array(memory.memory.buffer, memory.kept, 100);
  kept.fill(7);
  const entries = Array.from({ length: 100 }, (_, i) => new Uint8Array([0, 1, 40, 65535][i % 4]!));
  const slab = packEntries(entries);
  const growth = memory.placeGrowth({ size: 0, edge: new Map() }, slab);
  // Long entries come in small chunks, so that all workers have some.
  assert.ok(chunkCount(growth) >= 25, `${chunkCount(growth)}`);
  memory.hashChunks(growth);
  const [leaves, nodes] = memory.finishGrowth(growth) as [NodeRow, NodeRow];
  const want = entries.map(leafHash);
  assert.deepEqual(leaves.hashes, concat(...want));
  assert.deepEqual(leaves.hashes, memory.hashSlab(slab));
  assert.deepEqual(nodes.hashes.subarray(-32), nodeHash(want[98]!, want[99]!));
  assert.ok(kept.every((byte) => byte === 7));
  // What comes out stays as it was when the memory is used again.
  const before = leaves.hashes.slice();
  memory.hashSlab(packEntries([entry(1)]));
  assert.deepEqual(leaves.hashes, before);
});

Deno.test("rowsAbove() gives the inner nodes of tiles", () => {
  const memory = new KernelMemory();
  for (const width of [0, 1, 2, 3, 5, 255, 256, 512, 2048]) {
    for (const heights of [0, 1, 7, 8]) {
      const row = concat(...NODES[0]!.slice(0, width));
      const rows = memory.rowsAbove(row, heights);
      const highest = Math.min(heights, width > 0 ? Math.floor(Math.log2(width)) : 0);
      const want = NODES.slice(1, 1 + highest)
        .map((nodes, i) => nodes.slice(0, perfect(width, 1 + i)));
      assert.deepEqual(rows, want.map((nodes) => concat(...nodes)));
    }
  }
});
