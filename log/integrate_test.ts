import {
  appendLeafHash,
  checkInclusion,
  EMPTY_EDGE,
  equalBytes,
  leafHash,
  newTiles,
  packEntries,
  parseBase64,
  parseUtf8,
  rootHash,
  tilePath,
  utf8,
} from "@indelible/core";
import { deepEqual, ok } from "node:assert/strict";
import { plainRows } from "../tests/plain_rows.ts";
import { ByteWriter } from "./byte_writer.ts";
import { integrate } from "./integrate.ts";
import { BatchProofs } from "./receipts.ts";
import { EMPTY_TREE, type Tree } from "./tree.ts";

const entry = (i: number) => utf8(`entry ${i} ${"x".repeat(i % 70)}`);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function grow(tree: Tree, size: number) {
  const entries = packEntries(range(tree.size, size).map(entry));
  return integrate(tree, entries, plainRows(tree, entries));
}

/** The proof as a client reads it. */
function inclusionOf(proofs: BatchProofs, leafIndex: number): Uint8Array[] {
  const writer = new ByteWriter(16);
  proofs.writeInclusion(leafIndex, writer);
  return JSON.parse(parseUtf8(writer.written)).map(parseBase64);
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

Deno.test("integrate() gives the roots, tiles and proofs of the tree at every size", () => {
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
    if (start > 0) tree = grow(tree, start).tree;
    for (const size of steps.filter((step) => step > start)) {
      const before = tree;
      const integrated = grow(before, size);
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
        const proof = inclusionOf(proofs, i);
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

Deno.test("integrate() gives the same objects from one batch as from many", () => {
  const whole = grow(EMPTY_TREE, 700);
  const last = new Map<string, Uint8Array>();
  let tree = EMPTY_TREE;
  for (const size of [3, 256, 258, 600, 700]) {
    const integrated = grow(tree, size);
    for (const { path, bytes } of integrated.objects) last.set(path, bytes);
    tree = integrated.tree;
  }
  for (const { path, bytes } of whole.objects) {
    deepEqual(last.get(path), bytes, path);
  }
  deepEqual(tree, whole.tree);
});
