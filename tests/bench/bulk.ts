/** Bulk appends, with a proof for every entry and without, one request after the other. */

import { startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { append, LINES } from "./append.ts";
import { type Figure, Series } from "./figures.ts";
import { usageOf } from "./usage.ts";

/** Measures. */
export async function benchBulk(short: boolean): Promise<Figure[]> {
  const rates = { true: new Series(), false: new Series() };
  const costs = { true: new Series(), false: new Series() };
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    let size = await append(log, 0, true); // Warm-up.
    for (let round = 0; round < (short ? 1 : 5); round++) {
      for (const proofs of [true, false] as const) {
        const before = usageOf(log.pid).cpu;
        const start = performance.now();
        size = await append(log, size, proofs);
        rates[`${proofs}`].push(1000 * LINES / (performance.now() - start));
        costs[`${proofs}`].push(1e6 * (usageOf(log.pid).cpu - before) / LINES);
      }
    }
  });
  return [{
    what: "bulk append with proofs, entries a second",
    ours: rates.true.measured("/s"),
    goal: "≥ 50,000",
    met: rates.true.median >= 50_000,
  }, {
    what: "↳ CPU an entry",
    ours: costs.true.measured("µs"),
  }, {
    what: "bulk append without proofs, entries a second",
    ours: rates.false.measured("/s"),
    goal: "≥ 150,000",
    met: rates.false.median >= 150_000,
  }, {
    what: "↳ CPU an entry",
    ours: costs.false.measured("µs"),
  }];
}
