import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import {
  allTiles,
  levelWidth,
  newTiles,
  parseTilePath,
  type Tile,
  tileAt,
  tilePath,
  tileShape,
} from "./tile.ts";

const TILE: fc.Arbitrary<Tile> = fc.record({
  level: fc.oneof(fc.constant("entries" as const), fc.nat(63)),
  index: fc.oneof(
    fc.bigInt({ min: 0n, max: MAX_INT63 }),
    fc.bigInt({ min: 0n, max: 2_000_000n }),
  ),
  width: fc.integer({ min: 1, max: 256 }),
}, { noNullPrototype: true });

Deno.test("parseTilePath() reads what tilePath() writes", () => {
  fc.assert(
    fc.property(TILE, (tile) => {
      assert.deepEqual(parseTilePath(tilePath(tile)), tile);
    }),
    { numRuns: RUNS * 5 },
  );
});

Deno.test("parseTilePath() takes no second spelling", () => {
  const paths = [
    "tile/0/000",
    "tile/63/x001/x234/067.p/255",
    "tile/entries/x009/x223/x372/x036/x854/x775/807.p/9",
  ];
  for (const path of paths) {
    assert.equal(tilePath(parseTilePath(path)), path);
    for (const changed of mutations(utf8(path))) {
      const tile = parseOrRefuse(() => parseTilePath(parseUtf8(changed)));
      if (tile) assert.equal(tilePath(tile), parseUtf8(changed));
    }
  }
});

Deno.test("parseTilePath() refuses what leaves the tree or spells it otherwise", () => {
  for (
    const path of [
      "",
      "tile/0/..",
      "tile/0/../../secret",
      "tile/0/%2e%2e/000",
      "tile/0/x001%2f000",
      "tile//000",
      "tile/0//000",
      "/tile/0/000",
      "tile/0/000/",
      "tile/0/000\0",
      "tile/0/000\n",
      "tile/0/x1/000",
      "tile/0/x000/000",
      "tile/0/1000",
      "tile/0/000.p/0",
      "tile/0/000.p/01",
      "tile/0/000.p/256",
      "tile/0/000.p/999",
      "tile/64/000",
      "tile/00/000",
      "tile/-1/000",
      "tile/0/x009/x223/x372/x036/x854/x775/808", // 2^63
      "tile/0/x018/x446/x744/x073/x709/x551/616", // 2^64
      "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
      "tile/0/" + "x999/".repeat(100_000) + "000",
      "tile/0/٠٠٠",
      "tile\\0\\000",
      "tile/data/000",
    ]
  ) assert.throws(() => parseTilePath(path), SyntaxError, path.slice(0, 80));
});

Deno.test("tilePath() refuses tiles that cannot be", () => {
  const tile: Tile = { level: 0, index: 0n, width: 256 };
  for (
    const fields of [
      { level: -1 },
      { level: 64 },
      { level: 0.5 },
      { index: -1n },
      { index: MAX_INT63 + 1n },
      { width: 0 },
      { width: 257 },
      { width: NaN },
    ]
  ) assert.throws(() => tilePath({ ...tile, ...fields }), RangeError);
});

Deno.test("tileShape() and tileAt() agree on every tile of a tree", () => {
  const size = fc.oneof(
    fc.bigInt({ min: 0n, max: MAX_INT63 }),
    fc.bigInt({ min: 0n, max: 70_000n }),
  );
  fc.assert(
    fc.property(size, (size) => {
      const shape = tileShape(size);
      for (const { level, fullTiles, partialWidth } of shape) {
        const hashes = levelWidth(level, size);
        assert.equal(fullTiles * 256n + BigInt(partialWidth), hashes);
        if (fullTiles > 0n) {
          assert.equal(tileAt(level, fullTiles - 1n, size)?.width, 256);
        }
        assert.equal(
          tileAt(level, fullTiles, size)?.width,
          partialWidth || undefined,
        );
        assert.equal(tileAt(level, fullTiles + 1n, size), null);
      }
      assert.equal(tileAt(shape.length, 0n, size), null);
    }),
    { numRuns: RUNS },
  );
  assert.deepEqual(tileShape(0n), []);
  assert.equal(tileAt("entries", 0n, 0n), null);
  assert.equal(tileAt(0, -1n, 1000n), null);
});

Deno.test("newTiles() names what a growth changes, and nothing else", () => {
  const paths = (size: bigint) => new Set(allTiles(size).map(tilePath));
  for (let trial = 0; trial < 400; trial++) {
    const oldSize = BigInt((trial * 7919) % 1000);
    const size = oldSize + BigInt((trial * 104729) % 700);
    const before = paths(oldSize);
    const grown = newTiles(oldSize, size).map(tilePath);
    assert.equal(new Set(grown).size, grown.length);
    const after = paths(size);
    assert.deepEqual(
      grown,
      [...after].filter((path) => !before.has(path)),
      `${oldSize} to ${size}`,
    );
  }
  assert.deepEqual(newTiles(5n, 5n), []);
  assert.throws(() => newTiles(6n, 5n), RangeError);
});

Deno.test("newTiles() at the edges of levels", () => {
  const grown = (oldSize: bigint, size: bigint) => newTiles(oldSize, size).map(tilePath).join(" ");
  assert.equal(grown(0n, 1n), "tile/0/000.p/1");
  assert.equal(grown(255n, 256n), "tile/0/000 tile/1/000.p/1");
  assert.equal(grown(256n, 257n), "tile/0/001.p/1");
  assert.equal(
    grown(65535n, 65536n),
    "tile/0/255 tile/1/000 tile/2/000.p/1",
  );
  assert.equal(
    grown(65791n, 65792n),
    "tile/0/256 tile/1/001.p/1",
  );
});
