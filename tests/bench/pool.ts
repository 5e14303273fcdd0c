/** The hash pool: what it makes of several cores, and what a small batch pays for it. */

import { packEntries } from "@indelible/core";
import { type GrowingTree, KernelMemory } from "@indelible/core/kernel";
import { cpuUsage } from "node:process";
import { HashPool } from "../../log/hash_pool.ts";
import { checkRows } from "../../log/native_sample.ts";
import { type Figure, ratios, round, Series } from "./figures.ts";
import { pause } from "./usage.ts";

const BATCH = 65_536;
const ENTRY_BYTES = 128;
const EMPTY: GrowingTree = { size: 0, edge: new Map() };
/** The share of all cores that the pool is to make something of. */
const NEARLY_ALL = 0.8;
/** A turn is the fastest of so many runs: it says little about what else was running. */
const RUNS = 3;

/** Measures. */
export async function benchPool(short: boolean): Promise<Figure[]> {
  const rounds = short ? 8 : 40;
  const entry = crypto.getRandomValues(new Uint8Array(ENTRY_BYTES));
  const batch = packEntries(Array.from({ length: BATCH }, () => entry));
  const one = packEntries([entry]);
  const cores = navigator.hardwareConcurrency;
  const pools = [...new Set([1, cores])].map((workers) => ({
    workers,
    pool: new HashPool({ workers }),
    rate: new Series(),
    cost: new Series(),
  }));
  const memory = new KernelMemory();
  const alone = { rate: new Series(), cost: new Series() };
  const lone = { pool: new Series(), alone: new Series() };
  const hashAlone = (entries: typeof batch) => {
    const growth = memory.placeGrowth(EMPTY, entries);
    memory.hashChunks(growth);
    checkRows(EMPTY.size, entries, memory.finishGrowth(growth));
  };
  try {
    await pause(1000); // Workers need a moment to start.
    for (let turn = -3; turn < rounds; turn++) {
      const contests = [
        ...pools.map(({ pool, ...series }) => [series, () => pool.growRows(EMPTY, batch)] as const),
        [alone, () => hashAlone(batch)] as const,
      ];
      for (const [{ rate, cost }, hash] of contests) {
        const before = cpuUsage();
        let fastest = Infinity;
        for (let run = 0; run < RUNS; run++) {
          const start = performance.now();
          await hash();
          fastest = Math.min(fastest, performance.now() - start);
        }
        const { user, system } = cpuUsage(before);
        if (turn < 0) continue;
        rate.push(1000 * BATCH / fastest);
        cost.push((user + system) / BATCH / RUNS);
      }
    }
    for (let turn = -100; turn < 10 * rounds; turn++) {
      const start = performance.now();
      await pools[0]!.pool.growRows(EMPTY, one);
      const between = performance.now();
      hashAlone(one);
      const end = performance.now();
      if (turn < 0) continue;
      lone.pool.push(1000 * (between - start));
      lone.alone.push(1000 * (end - between));
    }
  } finally {
    for (const { pool } of pools) pool.close();
  }
  const figures = pools.flatMap(({ workers, rate, cost }): Figure[] => {
    const speedUp = ratios(rate, alone.rate);
    const goal = NEARLY_ALL * cores;
    return [{
      what: `tree hashes of ${BATCH} entries of ${ENTRY_BYTES} bytes with ${workers} ` +
        `worker${workers > 1 ? "s" : ""}, entries a second (peer: the same on one thread)`,
      ours: rate.measured("/s"),
      peer: alone.rate.measured("/s"),
      ratio: speedUp.measured(),
      ...(workers === cores && { goal: `≥ ${round(goal)}`, met: speedUp.median >= goal }),
    }, {
      what: "↳ CPU an entry",
      ours: cost.measured("µs"),
      peer: alone.cost.measured("µs"),
      ratio: ratios(cost, alone.cost).measured(),
    }];
  });
  return [...figures, {
    what: "a batch of one entry through the pool (peer: the same without it)",
    ours: lone.pool.measured("µs", 2),
    peer: lone.alone.measured("µs", 2),
  }];
}
