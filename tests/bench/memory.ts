/**
 * What the log's memory does while it grows tenfold: under the same load of adds, started
 * afresh at either size; and at rest, in the process that was filled. And how long a log
 * of that size takes to start.
 */

import { loadgen } from "../peers/loadgen.ts";
import { startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { append } from "./append.ts";
import { type Figure, round } from "./figures.ts";
import { pause, usageOf } from "./usage.ts";

/** "Flat" allows for caches of a fixed size that a small log does not fill. */
const FLAT = 1.25;

/** What a log of one size uses. */
interface Memory {
  readonly entries: number;
  /** MiB at rest, in the process that took the entries. */
  readonly rest: number;
  /** MiB under load, in a process that was started at this size; `null` without loadgen. */
  readonly load: number | null;
  /** Milliseconds of its start. */
  readonly start: number;
}

/** Measures. */
export async function benchMemory(short: boolean): Promise<Figure[]> {
  const found: Memory[] = [];
  await inFolder(async (folder) => {
    let log = await startLog({ folder });
    try {
      let size = 0;
      for (const entries of short ? [100_000, 200_000] : [100_000, 1_000_000]) {
        while (size < entries) {
          size = await append(log, size, false);
          console.error(`  ${size} entries, ${usageOf(log.pid).rss.toFixed(0)} MiB`);
        }
        await pause(short ? 5000 : 25_000);
        const rest = usageOf(log.pid).rss;
        await log.stop();
        const began = performance.now();
        log = await startLog({ folder });
        const start = performance.now() - began;
        const load = await underLoad(log.url, log.pid, short);
        found.push({ entries, rest, load, start });
      }
    } finally {
      await log.stop();
    }
  });
  const [small, large] = found as [Memory, Memory];
  const grown = (before: number, after: number) => `${round(after / before)} of that before`;
  const figures: Figure[] = found.map(({ entries, load }) => ({
    what: `memory under 1,000 connections that add, at ${entries.toLocaleString("en-US")} entries`,
    ours: load === null ? "" : `${round(load)} MiB`,
  }));
  if (small.load !== null && large.load !== null) {
    figures[1] = {
      ...figures[1]!,
      ratio: grown(small.load, large.load),
      goal: "flat",
      met: large.load / small.load <= FLAT,
    };
  }
  return [
    ...figures,
    ...found.map(({ entries, rest }, i): Figure => ({
      what: `memory at rest after ${entries.toLocaleString("en-US")} entries in bulk`,
      ours: `${round(rest)} MiB`,
      ...(i === 1 && { ratio: grown(small.rest, rest) }),
    })),
    {
      what: `start of a log of ${large.entries.toLocaleString("en-US")} entries, launcher included`,
      ours: `${round(large.start)} ms`,
    },
  ];
}

/** The most memory that a log has while it takes the same many adds. */
async function underLoad(url: string, pid: number, short: boolean): Promise<number | null> {
  const requests = short ? 5000 : 30_000;
  const load = await loadgen({ url, mode: "bt", requests, connections: 1000, pids: [pid] });
  return load && load.server_peak_mib;
}
