import { packEntries, utf8 } from "@indelible/core";
import { deepEqual, rejects, throws } from "node:assert/strict";
import { HashPool } from "./hash_pool.ts";
import { integrate } from "./integrate.ts";
import { SecondOpinion } from "./second_opinion.ts";
import { startSecondOpinion } from "./second_opinion_face.ts";
import { EMPTY_TREE, type Tree } from "./tree.ts";

async function grow(tree: Tree, size: number, pool: HashPool) {
  const entries = packEntries(Array.from(
    { length: size - tree.size },
    (_, i) => utf8(`entry ${tree.size + i} ${"x".repeat(i % 70)}`),
  ));
  return integrate(tree, entries, await pool.growRows(tree, entries));
}

Deno.test("SecondOpinion finds the root that integrate() found, batch after batch", async () => {
  const pool = new HashPool();
  const opinion = new SecondOpinion(EMPTY_TREE);
  try {
    let tree = EMPTY_TREE;
    for (const size of [1, 2, 255, 256, 257, 600, 1024, 66_000, 66_001]) {
      const integrated = await grow(tree, size, pool);
      deepEqual(
        opinion.rootOf(tree.size, size, integrated.objects),
        integrated.tree.root,
        `${size}`,
      );
      tree = integrated.tree;
    }
    const resumed = new SecondOpinion(tree);
    const { tree: next, objects } = await grow(tree, 66_300, pool);
    deepEqual(resumed.rootOf(66_001, 66_300, objects), next.root);
  } finally {
    pool.close();
  }
});

Deno.test("SecondOpinion disagrees when one bit of any object is flipped, or one is missing", async () => {
  const pool = new HashPool();
  try {
    const { tree } = await grow(EMPTY_TREE, 300, pool);
    const { objects, tree: next } = await grow(tree, 700, pool);
    for (const [n, { path, bytes }] of objects.entries()) {
      for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const flipped = bytes.slice();
        flipped[at]! ^= 0x10;
        const changed = objects.with(n, { path, bytes: flipped });
        throws(
          () => new SecondOpinion(tree).rootOf(300, 700, changed),
          Error,
          `${path} ${at}`,
        );
      }
      throws(
        () => new SecondOpinion(tree).rootOf(300, 700, objects.toSpliced(n, 1)),
        /is missing/,
      );
    }
    const refused = new SecondOpinion(tree);
    const other = await grow(tree, 310, pool);
    refused.rootOf(300, 310, other.objects); // Not committed, say: the disk was full.
    deepEqual(refused.rootOf(300, 700, objects), next.root);
    const extra = [...objects, {
      path: "tile/0/009",
      bytes: new Uint8Array(32),
    }];
    throws(
      () => new SecondOpinion(tree).rootOf(300, 700, extra),
      /has no place/,
    );
    throws(() => new SecondOpinion(next).rootOf(300, 700, objects));
  } finally {
    pool.close();
  }
});

Deno.test("startSecondOpinion() answers from its worker, and says what is wrong", async () => {
  const pool = new HashPool();
  const opinion = startSecondOpinion(EMPTY_TREE);
  try {
    const { tree, objects } = await grow(EMPTY_TREE, 3, pool);
    deepEqual(await opinion.rootOf(0, 3, objects), tree.root);
    await rejects(opinion.rootOf(3, 4, objects), /is missing/);
  } finally {
    opinion.close();
    pool.close();
  }
});
