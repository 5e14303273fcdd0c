import {
  encodeBase64,
  leafHash,
  nodeHash,
  packEntries,
  parseUtf8,
  proveInclusion,
  utf8,
} from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal } from "node:assert/strict";
import { plainRows } from "../tests/plain_rows.ts";
import { ByteWriter } from "./byte_writer.ts";
import { integrate } from "./integrate.ts";
import type { Published } from "./publish.ts";
import { BatchProofs, FreshReceipt } from "./receipts.ts";
import { EMPTY_TREE, type Tree } from "./tree.ts";

const entry = (i: number) => utf8(`entry ${i}`);

function grow(tree: Tree, size: number) {
  const fresh = Array.from({ length: size - tree.size }, (_, i) => entry(tree.size + i));
  const entries = packEntries(fresh);
  return integrate(tree, entries, plainRows(tree, entries));
}

/** The root of the perfect subtree, straight from the definition. */
function node(height: number, index: number): Uint8Array {
  if (height === 0) return leafHash(entry(index));
  return nodeHash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1));
}

function expected(leafIndex: number, size: number): Promise<Uint8Array[]> {
  return proveInclusion(
    BigInt(leafIndex),
    BigInt(size),
    (nodes) => Promise.resolve(nodes.map(({ height, index }) => node(height, Number(index)))),
  );
}

Deno.test("BatchProofs writes the proof of any entry of the batch, in whatever order asked", () =>
  fc.assert(
    fc.asyncProperty(
      fc.nat(70),
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      async (before, count, asked) => {
        const tree = before === 0 ? EMPTY_TREE : grow(EMPTY_TREE, before).tree;
        const proofs = new BatchProofs(grow(tree, before + count));
        const all = Array.from({ length: count }, (_, i) => i);
        for (const i of [...asked.map((i) => i % count), ...all]) {
          const writer = new ByteWriter(0);
          proofs.writeInclusion(before + i, writer);
          const hashes = await expected(before + i, before + count);
          equal(parseUtf8(writer.written), JSON.stringify(hashes.map(encodeBase64)));
        }
      },
    ),
    { numRuns: 60 },
  ));

Deno.test("FreshReceipt proves its entry with what is in memory", () => {
  const integrated = grow(EMPTY_TREE, 3);
  const published: Published = { size: 3, root: integrated.tree.root, note: utf8(""), base64: "" };
  const receipt = new FreshReceipt(2, published, new BatchProofs(integrated), () => entry(2));
  const proof = receipt.prove();
  const writer = new ByteWriter(0);
  proof.writeInclusion(writer);
  equal(parseUtf8(writer.written), JSON.stringify([encodeBase64(node(1, 0))]));
  deepEqual([receipt.index, proof.bytes], [2, entry(2)]);
});
