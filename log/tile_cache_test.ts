import { deepEqual, equal, ok } from "node:assert/strict";
import type { Objects } from "./storage/objects.ts";
import { TileCache } from "./tile_cache.ts";

/** Storage in which a tile has as many bytes as its path ends in, told what is read. */
function storage(): { objects: Pick<Objects, "read">; reads: string[] } {
  const reads: string[] = [];
  const objects = {
    read(path: string) {
      reads.push(path);
      const length = Number(path.slice(path.lastIndexOf("/") + 1));
      return Promise.resolve(Number.isNaN(length) ? null : new Uint8Array(length).fill(7));
    },
  };
  return { objects, reads };
}

const BOUND = 100_000;

Deno.test("TileCache keeps what was asked for last, and never more than its bound", async () => {
  const { objects } = storage();
  const cache = new TileCache(objects, BOUND);
  const first = "tile/0/001/8192";
  await cache.read(first, false);
  for (let i = 2; i < 200; i++) {
    await cache.read(`tile/0/${i}/8192`, false);
    ok(cache.recall(first, false), "it is asked for again and again");
    ok(cache.bytes <= BOUND);
  }
  equal(cache.recall("tile/0/2/8192", false), undefined);
  ok(cache.recall("tile/0/199/8192", false));
});

Deno.test("TileCache bounds the memory of the smallest tiles too", async () => {
  const { objects } = storage();
  const cache = new TileCache(objects, BOUND);
  const paths = Array.from({ length: 1000 }, (_, i) => `tile/${i}/32`);
  for (const path of paths) await cache.read(path, false);
  const kept = paths.filter((path) => cache.recall(path, false)).length;
  ok(kept > 0 && kept < 100, `${kept} tiles are kept`);
});

Deno.test("TileCache serves a large bundle without keeping it", async () => {
  const { objects, reads } = storage();
  const cache = new TileCache(objects);
  const large = "tile/entries/2000000";
  for (let i = 0; i < 2; i++) equal((await cache.read(large, false))?.length, 2_000_000);
  deepEqual([reads, cache.bytes], [[large, large], 0]);
});

Deno.test("TileCache reads storage once for all who ask at the same time", async () => {
  const { objects, reads } = storage();
  const cache = new TileCache(objects);
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) => cache.read("tile/entries/1000", i % 2 === 0)),
  );
  equal(new Set(all).size, 2, "the plain one and the zipped one");
  equal(reads.length, 2);
  const bytes = cache.bytes;
  await cache.read("tile/entries/1000", false);
  equal(cache.bytes, bytes, "read again it counts once");
});

Deno.test("TileCache remembers neither what is not there nor a failure", async () => {
  const { objects, reads } = storage();
  const cache = new TileCache(objects);
  for (let i = 0; i < 2; i++) equal(await cache.read("tile/0/none", false), null);
  equal(reads.length, 2);
  const { read } = objects;
  objects.read = () => Promise.reject(new Error("busy"));
  const failures = await Promise.allSettled([1, 2].map(() => cache.read("tile/0/1", false)));
  deepEqual(failures.map(({ status }) => status), ["rejected", "rejected"]);
  objects.read = read;
  equal((await cache.read("tile/0/1", false))?.length, 1);
});

Deno.test("TileCache leads nowhere by a path that is spelled like a zipped one's key", async () => {
  const { objects } = storage();
  const cache = new TileCache(objects);
  await cache.read("tile/entries/100", true);
  for (const path of ["tile/entries/100", "tile/entries/100 gzip", "/tile/entries/100"]) {
    equal(cache.recall(path, false), undefined);
  }
});
