/**
 * What a witness's memory does over a million requests, each cosigned and durable. Ten
 * logs would do; there are forty, because loadgen ends by itself after a minute.
 */

import { inFolder } from "../temporary.ts";
import { type Figure, round } from "./figures.ts";
import { usageOf } from "./usage.ts";
import { cosignAll, makeLogs, startWitness } from "./witness.ts";

const LOGS = 40;
const SAMPLES = 10;
/** "Flat" allows for what the garbage collector happens to hold when it is looked at. */
const FLAT = 1.1;

/** Measures. */
export async function benchWitnessMemory(short: boolean): Promise<Figure[]> {
  const requests = short ? 500 : 25_000;
  /** MiB after each tenth of the requests. */
  const samples: number[] = [];
  let missing = false;
  await inFolder(async (folder) => {
    const logs = await makeLogs(folder, LOGS);
    await using witness = await startWitness(folder, logs);
    for (const [i, log] of logs.entries()) {
      missing = await cosignAll(witness, log, requests, 1) === null;
      if (missing) return;
      if ((i + 1) % (LOGS / SAMPLES) > 0) continue;
      samples.push(usageOf(witness.pid).rss);
      console.error(`  ${(i + 1) * requests} requests, ${samples.at(-1)!.toFixed(1)} MiB`);
    }
  });
  if (missing) return [];
  const told = (count: number) => (count * LOGS / SAMPLES * requests).toLocaleString("en-US");
  // The compilers are done after the first tenth; the largest of the rest is what it comes to.
  const [first, ...rest] = samples as [number, ...number[]];
  const most = Math.max(...rest);
  return [{
    what: `memory of a witness after ${told(1)} requests`,
    ours: `${round(first)} MiB`,
  }, {
    what: `↳ at most, looked at every ${told(1)} up to ${told(SAMPLES)}`,
    ours: `${round(most)} MiB`,
    ratio: round(most / first),
    ...(!short && { goal: `flat: ≤ ${FLAT}`, met: most / first <= FLAT }),
  }];
}
