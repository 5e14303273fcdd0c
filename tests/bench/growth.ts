/**
 * What growth does to a log: how long an add takes, how long a start, how much memory
 * under the same load, how many bytes on disk. Logs of several sizes run side by side
 * and take turns; the smallest is what the others are measured against.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { loadgen } from "../peers/loadgen.ts";
import { add, entryOf, madeUpFile, type RunningLog, startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { append } from "./append.ts";
import { type Figure, round, Series } from "./figures.ts";
import { pause, usageOf } from "./usage.ts";

/** Longer than a log's batch interval: then it is idle again. */
const IDLE_MS = 1300;
const WARM_UP = 3;
/** A lone add may take so many times as long as on the smallest log. */
const LATENCY_GOAL = 1.3;
/** "Flat" allows for caches of a fixed size that a small log does not fill. */
const FLAT = 1.25;
const MAX_MEMORY = 1024;
const START_GOAL = 2;

/** A log, and what was seen of it. */
interface Grown {
  readonly size: number;
  readonly folder: string;
  /** Seconds of its starts, launcher included. */
  readonly starts: Series;
  /** Milliseconds of lone adds. */
  readonly adds: Series;
  /** MiB at most while it was filled. */
  readonly filling: number;
  /** Bytes on disk once it was filled: all of it, and what readers need of it. */
  readonly disk: { readonly all: number; readonly tiles: number };
}

/** Measures; `huge` adds a log of a registry's whole history. */
export async function benchGrowth(short: boolean, huge: boolean): Promise<Figure[]> {
  const sizes = short ? [50_000, 150_000] : [100_000, 1_000_000, ...(huge ? [10_000_000] : [])];
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    const grown: Grown[] = [];
    for (const size of sizes) grown.push(await fill(join(folder, `${size}`), size, short));
    figures.push(...await latencies(grown, short));
    figures.push(...await memory(grown, short));
  });
  return figures;
}

async function fill(folder: string, size: number, short: boolean): Promise<Grown> {
  await Deno.mkdir(folder);
  const log = await startLog({ folder });
  let filling: number;
  try {
    for (let filled = 0; filled < size;) filled = await append(log, filled, false);
    filling = usageOf(log.pid).peak;
  } finally {
    await log.stop();
  }
  const all = await bytesOnDisk(log.storageDir);
  const tiles = await bytesOnDisk(join(log.storageDir, "tile"));
  const starts = new Series();
  for (let turn = 0; turn < (short ? 1 : 5); turn++) {
    const start = performance.now();
    const log = await startLog({ folder });
    starts.push((performance.now() - start) / 1000);
    await log.stop();
  }
  console.error(`  ${round(size)} entries: at most ${round(filling)} MiB while filled`);
  return { size, folder, starts, adds: new Series(), filling, disk: { all, tiles } };
}

/** Lone adds to logs that are idle, in turns; and what was seen while they were filled. */
async function latencies(grown: readonly Grown[], short: boolean): Promise<Figure[]> {
  const logs: RunningLog[] = [];
  try {
    for (const { folder } of grown) logs.push(await startLog({ folder }));
    for (let turn = -WARM_UP; turn < (short ? 3 : 40); turn++) {
      if (turn === 0) await pause(IDLE_MS);
      for (const [i, log] of logs.entries()) {
        // What another log does after its answer must be over, and this one idle.
        await pause(turn < 0 ? 0 : IDLE_MS / logs.length);
        const start = performance.now();
        assert.equal((await add(log.url, madeUpFile(turn, "lone"))).status, 200);
        if (turn >= 0) grown[i]!.adds.push(performance.now() - start);
      }
    }
  } finally {
    for (const log of logs) await log.stop();
  }
  const [small, ...larger] = grown as [Grown, ...Grown[]];
  const bytes = entryOf(madeUpFile(small.size)).length;
  return [
    ...larger.map(({ size, adds }): Figure => {
      const ratio = adds.median / small.adds.median;
      return {
        what: `a lone /add at ${round(size)} entries (peer: the same at ${round(small.size)})`,
        ours: adds.measured("ms"),
        peer: small.adds.measured("ms"),
        ratio: `${round(ratio)} of the medians`,
        goal: `≤ ${LATENCY_GOAL}`,
        met: ratio <= LATENCY_GOAL,
      };
    }),
    ...larger.map(({ size, starts }): Figure => ({
      what: `start at ${round(size)} entries, launcher included (peer: at ${round(small.size)})`,
      ours: starts.measured("s"),
      peer: small.starts.measured("s"),
      goal: `≤ ${START_GOAL} s`,
      met: starts.median <= START_GOAL,
    })),
    ...larger.map(({ size, disk }): Figure => ({
      what: `on disk at ${round(size)} entries of ${bytes} bytes, an entry`,
      ours: `${round(disk.all / size)} bytes, ${round(disk.tiles / size)} of them public`,
    })),
    ...larger.map(({ size, filling }): Figure => ({
      what: `peak memory while ${round(size)} entries are appended in bulk ` +
        `(peer: ${round(small.size)})`,
      ours: new Series(filling).measured("MiB"),
      peer: new Series(small.filling).measured("MiB"),
      ratio: round(filling / small.filling),
      goal: "≤ 1 GiB",
      met: filling <= MAX_MEMORY,
    })),
  ];
}

/** The most memory that logs have while they take the same many adds, each started for it. */
async function memory(grown: readonly Grown[], short: boolean): Promise<Figure[]> {
  const peaks: Series[] = grown.map(() => new Series());
  for (let turn = 0; turn < (short ? 1 : 3); turn++) {
    for (const [i, { folder }] of grown.entries()) {
      await using log = await startLog({ folder });
      const load = await loadgen({
        url: log.url,
        mode: "bt",
        requests: short ? 5000 : 30_000,
        connections: 1000,
        pids: [log.pid],
      });
      if (load === null) return [];
      peaks[i]!.push(load.server_peak_mib);
    }
  }
  const [small, ...larger] = grown as [Grown, ...Grown[]];
  return larger.map(({ size }, i): Figure => {
    const [ours, theirs] = [peaks[i + 1]!, peaks[0]!];
    const ratio = ours.median / theirs.median;
    return {
      what: `peak memory under 1,000 connections that add, at ${round(size)} entries ` +
        `(peer: at ${round(small.size)})`,
      ours: ours.measured("MiB"),
      peer: theirs.measured("MiB"),
      ratio: round(ratio),
      goal: `flat: ≤ ${FLAT}`,
      met: ratio <= FLAT,
    };
  });
}

/** What a folder takes on its disk: whole blocks, as the file system counts them. */
async function bytesOnDisk(folder: string): Promise<number> {
  let sum = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    sum += 512 * ((await Deno.lstat(path)).blocks ?? 0);
    if (isDirectory) sum += await bytesOnDisk(path);
  }
  return sum;
}
