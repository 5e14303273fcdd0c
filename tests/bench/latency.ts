/**
 * How long one `/add` takes: alone on an idle log, and in steady use, where the next one
 * comes every 100 to 300 ms. Against Tessera, whose answer is the index alone.
 */

import { formatSkey } from "@indelible/core";
import assert from "node:assert/strict";
import { startTessera } from "../peers/tessera.ts";
import { add, madeUpFile, newKey, type RunningLog, startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, quantile, round } from "./figures.ts";
import { pause } from "./usage.ts";
import { startWitnessedLog } from "./witnessed_log.ts";

/** Milliseconds. */
const GOALS = { lone: 10, loneTail: 40, steady: 600 } as const;
const WARM_UP = 5;
/** Longer than a log's batch interval: then it is idle again. */
const IDLE_MS = 1300;

/** Measures. */
export async function benchLatency(short: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    await using tessera = await startTessera({ skey: formatSkey(newKey("bench.test/tessera")) });
    let count = 0;
    const addTo = async ({ url }: RunningLog) => {
      assert.equal((await add(url, madeUpFile(count++))).status, 200);
    };
    const addOurs = () => addTo(log);
    const addTheirs = tessera && (async () => {
      const body = crypto.getRandomValues(new Uint8Array(128));
      const response = await fetch(`${tessera.url}/add`, { method: "POST", body });
      assert.equal(response.status, 200);
      await response.text();
    });

    // The first few are slow while the compiler warms up; idle logs that were never used are rare.
    for (let i = 0; i < WARM_UP; i++) await addOurs();
    const idle = await alternate(addOurs, addTheirs, short ? 6 : 40, () => pause(IDLE_MS));
    const lone = quantile(idle.ours, 0.5);
    figures.push({
      what: "a lone /add on an idle log, p50 (peer: Tessera, index only)",
      ours: `${round(lone)} ms`,
      peer: idle.theirs.length > 0 ? `${round(quantile(idle.theirs, 0.5))} ms` : "",
      goal: `≤ ${GOALS.lone} ms`,
      met: lone <= GOALS.lone,
    }, tail(idle, GOALS.loneTail));
    const witnessed = await witnessedLone(addTo, short ? 6 : 40);
    figures.push({
      what: "↳ on a log that waits for its witness, p50",
      ours: `${round(quantile(witnessed, 0.5))} ms`,
    });
    const steadily = () => pause(100 + Math.random() * 200);
    const steady = await alternate(addOurs, addTheirs, short ? 20 : 150, steadily);
    const middle = quantile(steady.ours, 0.5);
    figures.push({
      what: "an /add in steady use, one every 100–300 ms, p50",
      ours: `${round(middle)} ms`,
      peer: steady.theirs.length > 0 ? `${round(quantile(steady.theirs, 0.5))} ms` : "",
      goal: `≤ ${GOALS.steady} ms`,
      met: middle <= GOALS.steady,
    }, tail(steady));
  });
  return figures;
}

/** Lone adds to a log whose every checkpoint a witness cosigns before the answer. */
async function witnessedLone(
  addTo: (log: RunningLog) => Promise<void>,
  count: number,
): Promise<number[]> {
  let latencies: number[] = [];
  await inFolder(async (folder) => {
    await using both = await startWitnessedLog(folder);
    for (let i = 0; i < WARM_UP; i++) await addTo(both.log);
    const one = () => addTo(both.log);
    latencies = (await alternate(one, null, count, () => pause(IDLE_MS))).ours;
  });
  return latencies;
}

/** Latencies in milliseconds. */
interface Latencies {
  readonly ours: number[];
  readonly theirs: number[];
}

/** Adds to both at the same moments; neither waits for the other. */
async function alternate(
  ours: () => Promise<void>,
  theirs: (() => Promise<void>) | null,
  count: number,
  before: () => Promise<void>,
): Promise<Latencies> {
  const latencies: Latencies = { ours: [], theirs: [] };
  const timed = async (act: () => Promise<void>, into: number[]) => {
    const start = performance.now();
    await act();
    into.push(performance.now() - start);
  };
  const running: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    await before();
    running.push(timed(ours, latencies.ours));
    // Not at the very same instant: they would share the two cores.
    await pause(30);
    if (theirs) running.push(timed(theirs, latencies.theirs));
  }
  await Promise.all(running);
  return latencies;
}

function tail({ ours, theirs }: Latencies, goal?: number): Figure {
  const p99 = (values: number[]) => values.length > 0 ? `${round(quantile(values, 0.99))} ms` : "";
  return {
    what: `↳ p99 of ${ours.length}`,
    ours: p99(ours),
    peer: p99(theirs),
    ...(goal !== undefined && { goal: `≤ ${goal} ms`, met: quantile(ours, 0.99) <= goal }),
  };
}
