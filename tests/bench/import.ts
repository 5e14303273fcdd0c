/**
 * A registry's history: made-up files shaped like real ones, imported as an operator
 * would, by `make-corpus` and `import` into a new log.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "../programs.ts";
import { startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, round, Series } from "./figures.ts";
import { usageOf } from "./usage.ts";

/** A registry's whole history, how long its import may take, what memory the log may take. */
const HISTORY = 10_000_000;
const HISTORY_SECONDS = 180;
const MAX_MEMORY = 1024;
const LIMIT_MS = 30 * 60_000;

/** Measures; `huge` imports a whole history too. */
export async function benchImport(short: boolean, huge: boolean): Promise<Figure[]> {
  const figures = await importing(short ? 100_000 : 1_000_000, short ? 1 : 3);
  return huge ? [...figures, ...await importing(HISTORY, 1)] : figures;
}

async function importing(count: number, rounds: number): Promise<Figure[]> {
  const [seconds, rate, cost, peak] = [new Series(), new Series(), new Series(), new Series()];
  await inFolder(async (folder) => {
    const file = join(folder, "corpus.jsonl");
    await program(folder, "make-corpus", [`--count=${count}`, `--out=${file}`]);
    for (let turn = 0; turn < rounds; turn++) {
      await inFolder(async (folder) => {
        await using log = await startLog({ folder });
        const before = usageOf(log.pid).cpu;
        const start = performance.now();
        const told = await program(folder, "import", [`--from=${file}`, `--log=${log.url}`]);
        const taken = (performance.now() - start) / 1000;
        assert.match(told, new RegExp(`\\b${count}\\b`), "all of them are logged");
        seconds.push(taken);
        rate.push(count / taken);
        const { cpu, peak: most } = usageOf(log.pid);
        cost.push(1e6 * (cpu - before) / count);
        peak.push(most);
        console.error(`  ${round(count / taken)} entries/s, log at most ${round(most)} MiB`);
      });
    }
  });
  const goal = HISTORY / HISTORY_SECONDS;
  return [
    {
      what: `import of ${round(count)} files, their start included`,
      ours: rate.measured("entries/s"),
      goal: `≥ ${round(goal)}: ${round(HISTORY)} in ${HISTORY_SECONDS} s`,
      met: rate.median >= goal,
    },
    { what: "↳ time", ours: seconds.measured("s") },
    { what: "↳ CPU time of the log for an entry", ours: cost.measured("µs") },
    {
      what: "↳ peak memory of the log",
      ours: peak.measured("MiB"),
      goal: "≤ 1 GiB",
      met: peak.median <= MAX_MEMORY,
    },
  ];
}

async function program(cwd: string, name: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(name, args, { cwd, limitMs: LIMIT_MS });
  assert.equal(code, 0, `${name}: ${stderr}`);
  return stdout + stderr;
}
