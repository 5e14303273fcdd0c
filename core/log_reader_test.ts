import assert from "node:assert/strict";
import { flipBit, SLOW, TestLog } from "./_testing.ts";
import { parseUtf8 } from "./bytes.ts";
import { EMPTY_ROOT } from "./hash.ts";
import { bundleCount, type FetchResource, LogMismatch, LogReader } from "./log_reader.ts";
import { checkConsistency, checkInclusion } from "./proof.ts";
import { allTiles, parseTilePath, tilePath } from "./tile.ts";

const log = new TestLog(65_537);
const EDGES = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537];

const readerAt = (size: number, fetch: FetchResource = log.at(size)) =>
  new LogReader(log.head(size), fetch);

/** Indexes near every edge of a tree. */
const indexes = (size: number): number[] =>
  [0, 1, 254, 255, 256, 257, 511, 512, size >> 1, 65_279, 65_535, size - 2, size - 1]
    .filter((index) => index >= 0 && index < size);

/** Reads all that a checker of this size would: proofs, bundles, tiles. */
async function readAll(reader: LogReader): Promise<void> {
  const size = Number(reader.size);
  const { root } = log.head(size);
  for (const index of indexes(size)) {
    const proof = await reader.proveInclusion(BigInt(index));
    const leaf = log.leaves[index]!;
    assert.ok(checkInclusion(BigInt(index), reader.size, leaf, proof, root));
    const entries = await reader.readEntries(BigInt(index >> 8));
    assert.deepEqual(entries[index & 255], log.entries[index]);
  }
  for (const oldSize of [1, ...indexes(size)]) {
    const proof = await reader.proveConsistency(BigInt(oldSize));
    const { root: oldRoot } = log.head(oldSize);
    const [from, to] = [BigInt(oldSize), reader.size];
    assert.ok(checkConsistency(from, to, oldRoot, root, proof));
  }
}

Deno.test("LogReader reads trees around every edge of tiles", async () => {
  for (const size of EDGES) await readAll(readerAt(size));
});

Deno.test("LogReader reads every entry of a tree, and only its own tiles", async () => {
  const size = 700;
  const asked = new Set<string>();
  const reader = readerAt(size, (path) => {
    asked.add(path);
    return log.at(size)(path);
  });
  const entries: Uint8Array[] = [];
  for (let bundle = 0n; bundle < bundleCount(700n); bundle++) {
    entries.push(...await reader.readEntries(bundle));
  }
  assert.deepEqual(entries, log.entries.slice(0, size));
  const bundles = ["000", "001", "002.p/188"].map((n) => `tile/entries/${n}`);
  const tiles = allTiles(700n).map(tilePath);
  assert.deepEqual([...asked].sort(), [...tiles, ...bundles].sort());
});

Deno.test("LogReader asks for a tile once, however often it is read", async () => {
  const counts = new Map<string, number>();
  const reader = readerAt(65_537, (path) => {
    counts.set(path, (counts.get(path) ?? 0) + 1);
    return log.at(65_537)(path);
  });
  await Promise.all(
    [0n, 1n, 300n, 301n, 65_000n, 65_536n].map((index) => reader.proveInclusion(index)),
  );
  await reader.proveInclusion(2n);
  for (const [path, count] of counts) assert.equal(count, 1, path);
});

Deno.test("LogReader forgets tiles beyond its limit, and reads them again", async () => {
  let fetched = 0;
  const reader = new LogReader(log.head(2048), (path) => {
    fetched++;
    return log.at(2048)(path);
  }, { cachedTiles: 2 });
  for (const index of [0n, 300n, 600n]) await reader.proveInclusion(index);
  const before = fetched;
  await reader.proveInclusion(601n);
  assert.equal(fetched, before);
  await reader.proveInclusion(0n);
  assert.equal(fetched, before + 1);
});

Deno.test("LogReader takes the full tile when a partial one is gone", async () => {
  // A log that has grown on and deleted its partial tiles.
  for (const size of [1, 200, 256, 257, 300, 600, 65_000]) {
    const asked: string[] = [];
    const reader = readerAt(size, (path) => {
      asked.push(path);
      return parseTilePath(path).width < 256 ? Promise.resolve(null) : log.at(65_536)(path);
    });
    await readAll(reader);
    // The exact width first, each time.
    for (const [i, path] of asked.entries()) {
      if (!path.includes(".p/")) continue;
      assert.ok(asked.slice(i).includes(path.split(".p/")[0]!));
    }
  }
});

/** What is read of the tree; `LogMismatch` or the truth, whatever is served. */
async function mustRefuse(fetch: FetchResource, size: number, what: string) {
  await assert.rejects(
    async () => {
      const reader = readerAt(size, fetch);
      for (let bundle = 0n; bundle < bundleCount(BigInt(size)); bundle++) {
        await reader.readEntries(bundle);
      }
    },
    LogMismatch,
    what,
  );
}

Deno.test("LogReader refuses any flipped bit of any tile or entry bundle", async () => {
  const size = 600;
  const serve = log.at(size);
  const paths = [
    ...allTiles(600n).map(tilePath),
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002.p/88",
  ];
  for (const [n, path] of paths.entries()) {
    const bits = (await serve(path))!.length * 8;
    const step = SLOW ? 97 : 4999;
    for (let bit = (n * 101) % step; bit < bits; bit += step) {
      await mustRefuse(
        async (asked) => {
          const bytes = await serve(asked);
          return asked === path ? flipBit(bytes!, bit) : bytes;
        },
        size,
        `${path} bit ${bit}`,
      );
    }
  }
});

Deno.test("LogReader refuses tiles and bundles of the wrong width", async () => {
  const size = 600;
  const whole = log.at(65_536);
  for (const asked of ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"]) {
    const level = asked.startsWith("tile/0") ? "0" : "1";
    for (const served of [1, 2, 3, 87, 88, 89, 255, 256]) {
      const [stem, width] = asked.split(".p/");
      if (served === Number(width ?? 256)) continue;
      await mustRefuse(
        async (path) => {
          if (path !== asked) return await log.at(size)(path);
          const full = await whole(stem!);
          return full!.slice(0, served * 32);
        },
        size,
        `${asked} served ${served} wide, level ${level}`,
      );
    }
    for (const length of [0, 1, 31, 33]) {
      const served = (path: string) =>
        path === asked ? Promise.resolve(new Uint8Array(length)) : log.at(size)(path);
      await mustRefuse(served, size, `${asked} of ${length} bytes`);
    }
  }
  for (const [asked, at] of [["002.p/88", 689], ["002.p/88", 599], ["001", 511]] as const) {
    const path = `tile/entries/${asked}`;
    await mustRefuse(
      async (wanted) => {
        if (wanted !== path) return await log.at(size)(wanted);
        // The bundle as it is at another size of the same log.
        const width = at % 256 || 256;
        const index = path.includes("002") ? 2n : 1n;
        return await log.at(at)(tilePath({ level: "entries", index, width }));
      },
      size,
      `${path} of size ${at}`,
    );
  }
});

Deno.test("LogReader refuses a missing tile, another root and another size", async () => {
  const size = 600;
  for (const gone of ["tile/0/000", "tile/0/002", "tile/1/000", "tile/entries/002"]) {
    const served = (path: string) =>
      path.startsWith(gone) ? Promise.resolve(null) : log.at(size)(path);
    await mustRefuse(served, size, gone);
  }
  const { root } = log.head(size);
  for (
    const head of [
      { size: 600n, root: flipBit(root, 7) },
      { size: 600n, root: EMPTY_ROOT },
      { size: 599n, root },
      { size: 601n, root },
    ]
  ) {
    const reader = new LogReader(head, log.at(Number(head.size)));
    await assert.rejects(reader.proveInclusion(3n), LogMismatch);
  }
});

Deno.test("LogReader tries again after a fetch that failed", async () => {
  const failures = new Set<string>();
  const reader = readerAt(600, (path) => {
    if (failures.has(path)) return log.at(600)(path);
    failures.add(path);
    return Promise.reject(new TypeError(`no connection for ${path}`));
  });
  let proof;
  for (let attempt = 0; !proof; attempt++) {
    assert.ok(attempt < 10);
    try {
      proof = await reader.proveInclusion(3n);
    } catch (error) {
      assert.ok(error instanceof TypeError);
    }
  }
  assert.ok(checkInclusion(3n, 600n, log.leaves[3]!, proof, log.head(600).root));
});

Deno.test("LogReader throws RangeError for what the tree does not have", async () => {
  const reader = readerAt(600);
  await assert.rejects(reader.readEntries(3n), RangeError);
  await assert.rejects(reader.readEntries(-1n), RangeError);
  await assert.rejects(reader.proveInclusion(600n), RangeError);
  await assert.rejects(reader.proveConsistency(601n), RangeError);
  for (
    const tile of [
      { level: 0, index: 2n, width: 89 },
      { level: 0, index: 1n, width: 88 },
      { level: 0, index: 3n, width: 256 },
      { level: 2, index: 0n, width: 1 },
      { level: "entries" as const, index: 0n, width: 256 },
    ]
  ) await assert.rejects(reader.readTile(tile), RangeError);
  for (const node of [{ height: 0, index: 600n }, { height: 4, index: 37n }]) {
    await assert.rejects(reader.readHashes([node]), RangeError);
  }
  const empty = readerAt(0);
  assert.deepEqual(await empty.proveConsistency(0n), []);
  await assert.rejects(empty.readEntries(0n), RangeError);
  await assert.rejects(empty.proveInclusion(0n), RangeError);
  assert.equal(bundleCount(0n), 0n);
});

Deno.test("LogReader reads entries as they were logged", async () => {
  const [, , third] = await readerAt(257).readEntries(0n);
  assert.equal(parseUtf8(third!), "entry 2");
});
