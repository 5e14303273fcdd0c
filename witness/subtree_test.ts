import { type Hash, leafHash, nodeHash, parseBase64, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { checkSubtree, isSubtree, parseSignSubtree } from "./subtree.ts";

const LEAVES = Array.from({ length: 33 }, (_, i) => leafHash(utf8(`leaf ${i}`)));

const splitOf = (count: number) => 2 ** (Math.ceil(Math.log2(count)) - 1);

/** RFC 6962 §2.1, by its definition. */
function rootOf(leaves: readonly Hash[]): Hash {
  if (leaves.length === 1) return leaves[0]!;
  const split = splitOf(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/** SUBTREE_SUBPROOF of the draft's §4.4, by its definition. */
function prove(start: number, end: number, leaves: readonly Hash[], whole = true): Hash[] {
  if (start === 0 && end === leaves.length) return whole ? [] : [rootOf(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  if (end <= split) return [...prove(start, end, left, whole), rootOf(right)];
  if (split <= start) return [...prove(start - split, end - split, right, whole), rootOf(left)];
  return [...prove(0, end - split, right, false), rootOf(left)];
}

Deno.test("isSubtree() demands a start at a multiple of the width", () => {
  const yes = [[0n, 1n], [0n, 5n], [4n, 8n], [4n, 7n], [8n, 13n], [6n, 8n], [7n, 8n]] as const;
  const no = [[0n, 0n], [1n, 0n], [1n, 3n], [4n, 9n], [2n, 5n], [6n, 9n]] as const;
  for (const [start, end] of yes) assert.equal(isSubtree(start, end), true, `${start} ${end}`);
  for (const [start, end] of no) assert.equal(isSubtree(start, end), false, `${start} ${end}`);
  assert.equal(isSubtree(0n, (1n << 63n) - 1n), true);
});

Deno.test("checkSubtree() accepts every proof of small trees and nothing near it", () => {
  let checked = 0;
  for (let size = 1; size <= LEAVES.length; size++) {
    const leaves = LEAVES.slice(0, size);
    const root = rootOf(leaves);
    for (let start = 0; start < size; start++) {
      for (let end = start + 1; end <= size; end++) {
        if (!isSubtree(BigInt(start), BigInt(end))) continue;
        const hash = rootOf(leaves.slice(start, end));
        const proof = prove(start, end, leaves);
        const check = (hashes: readonly Hash[], changed: { hash?: Hash; root?: Hash } = {}) =>
          checkSubtree(
            BigInt(start),
            BigInt(end),
            BigInt(size),
            changed.hash ?? hash,
            changed.root ?? root,
            hashes,
          );
        const name = `[${start}, ${end}) of ${size}`;
        assert.equal(check(proof), true, name);
        const other = leafHash(utf8("other"));
        assert.equal(check(proof, { hash: other }), false, name);
        assert.equal(check(proof, { root: other }), false, name);
        assert.equal(check([...proof, other]), false, name);
        assert.equal(check([other, ...proof]), false, name);
        proof.forEach((_, i) => {
          assert.equal(check(proof.with(i, other)), false, `${name} hash ${i}`);
          assert.equal(check(proof.toSpliced(i, 1)), false, `${name} without ${i}`);
        });
        checked++;
      }
    }
  }
  assert.ok(checked > 1_000);
});

/** The example of C2SP tlog-witness, without its signature. */
const EXAMPLE = `subtree 8 13
mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=
CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=
h/ghL5nyaXTIBAklqDnisM+SFdbA3izoGZ5oRYMZzc0=
8qtnAAU9sTKQx/zt3E4v8Jt2a9IMQUf0QUawvePF9y0=
KuO5BNOmginG34Lm5G3e2GuiWliGo3K0ebzGpvI0fEg=

example.com/behind-the-sofa
14
/CcKVZM9n65aH7jLaIZuUB4/MSlEFQ4+ldwUC21rDHM=
`;

Deno.test("parseSignSubtree() reads the example of the specification", () => {
  const { start, end, hash, proof, checkpoint } = parseSignSubtree(utf8(EXAMPLE));
  assert.deepEqual([start, end, proof.length], [8n, 13n, 4]);
  assert.deepEqual(hash, parseBase64("mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU="));
  assert.match(new TextDecoder().decode(checkpoint), /^example.com\/behind-the-sofa\n14\n/);
  // Its hashes are made up, but their number is that of the proof of [8, 13) in 14.
  assert.equal(prove(8, 13, LEAVES.slice(0, 14)).length, proof.length);
});

Deno.test("parseSignSubtree() refuses what is malformed", () => {
  const bad = [
    EXAMPLE.replace("subtree 8 13", "subtree 8"),
    EXAMPLE.replace("subtree 8 13", "subtree 8 13 14"),
    EXAMPLE.replace("subtree 8 13", "subtree 08 13"),
    EXAMPLE.replace("subtree 8 13", "subtree 8 +13"),
    EXAMPLE.replace("subtree 8 13", "Subtree 8 13"),
    EXAMPLE.replace("subtree 8 13", "subtree  8 13"),
    EXAMPLE.replace("subtree 8 13", `subtree 8 ${1n << 63n}`),
    EXAMPLE.replace("mbsQCg", "mbsQ"),
    "subtree 8 13\n\nrest",
    EXAMPLE.replace("\n\n", "\n"),
    `subtree 8 13\n${"mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=\n".repeat(65)}\nrest`,
  ];
  for (const text of bad) assert.throws(() => parseSignSubtree(utf8(text)), SyntaxError, text);
});
