import assert from "node:assert/strict";
import { rootByDefinition } from "./_testing.ts";
import { encodeHex, parseHex, utf8 } from "./bytes.ts";
import { EMPTY_ROOT, type Hash, leafHash, nodeHash, sha256 } from "./hash.ts";
import { appendLeafHash, EMPTY_EDGE, rootHash } from "./right_edge.ts";

Deno.test("leafHash() and nodeHash() have their prefixes", () => {
  assert.deepEqual(leafHash(utf8("a")), sha256(utf8("\0a")));
  const [left, right] = [sha256(utf8("l")), sha256(utf8("r"))];
  const node = parseHex(`01${encodeHex(left)}${encodeHex(right)}`);
  assert.deepEqual(nodeHash(left, right), sha256(node));
  assert.equal(
    encodeHex(EMPTY_ROOT),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

Deno.test("rootHash() is the root by definition, at every size", () => {
  const leaves: Hash[] = [];
  let edge = EMPTY_EDGE;
  assert.deepEqual(rootHash(edge), EMPTY_ROOT);
  for (let size = 1; size <= 300; size++) {
    const leaf = leafHash(utf8(`${size}`));
    leaves.push(leaf);
    const before = edge;
    edge = appendLeafHash(edge, leaf);
    assert.equal(edge.size, BigInt(size));
    assert.equal(before.size, BigInt(size - 1)); // An edge is a value.
    const ones = size.toString(2).replaceAll("0", "").length;
    assert.equal(edge.hashes.length, ones);
    assert.deepEqual(rootHash(edge), rootByDefinition(leaves));
  }
});
