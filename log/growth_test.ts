import { deepEqual, equal, ok } from "node:assert/strict";
import { inFolder } from "../tests/temporary.ts";
import { Growth, type GrowthOptions, MAX_POINTS } from "./growth.ts";

function options(more: Partial<GrowthOptions>): GrowthOptions & { faults: unknown[] } {
  const faults: unknown[] = [];
  return {
    origin: "log.test/growth",
    size: 1_000_000,
    file: null,
    now: () => 0,
    onFault: (error) => void faults.push(error),
    faults,
    ...more,
  };
}

Deno.test("Growth keeps the newest point and never more than its bound, for years", async () => {
  let now = 1_700_000_000;
  const growth = await Growth.open(options({ now: () => now }));
  const year = 365 * 24 * 3600;
  const end = now + 3 * year;
  let size = 0;
  for (let step = 1; now < end; now += step, step = Math.min(step + 7, 60_000)) {
    growth.record(++size);
    equal(growth.points.at(-1)![1], size);
    ok(growth.points.length <= MAX_POINTS);
  }
  // A busy day at the end: a point every second.
  for (let i = 0; i < 20_000; i++, now++) growth.record(++size);
  const { points } = growth;
  deepEqual([points[0]![1], points.at(-1)], [1, [now - 1, size]]);
  points.slice(1).forEach(([time, size], i) => ok(time > points[i]![0] && size > points[i]![1]));
  // Fine for the last hours, coarse before.
  const since = (seconds: number) => points.filter(([time]) => time > now - seconds).length;
  ok(since(3600) > 60, `${since(3600)} points in the last hour`);
  ok(points.length - since(24 * 3600) > 50, "the years before are not forgotten");
});

Deno.test("Growth takes nothing from a clock that goes back, or from what was published before", async () => {
  let now = 1000;
  const growth = await Growth.open(options({ now: () => now }));
  growth.record(5);
  now = 900;
  growth.record(6);
  now = 2000;
  growth.record(5);
  growth.record(4);
  deepEqual(growth.points, [[1000, 5]]);
  growth.record(7);
  growth.record(8);
  deepEqual(growth.points, [[1000, 5], [2000, 8]]);
  equal(growth.publishedAt(8), 2000);
  equal(growth.publishedAt(6), null);
});

Deno.test("Growth survives a restart, and a log restored from a backup has grown less", () =>
  inFolder(async (folder) => {
    const file = `${folder}/growth`;
    let now = 1000;
    const first = await Growth.open(options({ file, now: () => now }));
    for (const size of [10, 20, 30]) {
      first.record(size);
      now += 100;
    }
    await first.close();
    const again = options({ file, now: () => now, size: 30 });
    deepEqual((await Growth.open(again)).points, [[1000, 10], [1100, 20], [1200, 30]]);
    const restored = options({ file, now: () => now, size: 20 });
    deepEqual((await Growth.open(restored)).points, [[1000, 10], [1100, 20]]);
    deepEqual([again.faults, restored.faults], [[], []]);
  }));

Deno.test("Growth begins again with a file that is not this log's", () =>
  inFolder(async (folder) => {
    const file = `${folder}/growth`;
    const own = { version: 1, origin: "log.test/growth", points: [[1, 1], [2, 2]] };
    const wrong: unknown[] = [
      { ...own, version: 2 },
      { ...own, origin: "log.test/other" },
      { ...own, points: [[2, 1], [1, 2]] },
      { ...own, points: [[1, 2], [2, 2]] },
      { ...own, points: [[1, 1.5]] },
      { ...own, points: [["1", 1]] },
      { ...own, points: [[1]] },
      { ...own, points: Array.from({ length: MAX_POINTS + 1 }, (_, i) => [i, i]) },
      { version: 1, origin: own.origin },
      [],
      null,
    ];
    for (const text of [...wrong.map((value) => JSON.stringify(value)), "", "{", "x".repeat(3e5)]) {
      await Deno.writeTextFile(file, text);
      const parts = options({ file, now: () => 10 });
      deepEqual((await Growth.open(parts)).points, [], text.slice(0, 80));
      equal(parts.faults.length, 1);
    }
    await Deno.remove(file);
    await Deno.writeTextFile(`${folder}/elsewhere`, JSON.stringify(own));
    await Deno.symlink(`${folder}/elsewhere`, file);
    deepEqual((await Growth.open(options({ file }))).points, [], "a link is not followed");
  }));
