/**
 * How many checkpoints a witness cosigns: one after another on one connection, each
 * durable before its answer. Against litewitness, in turns.
 */

import { formatSkey, formatVkey } from "@indelible/core";
import { join } from "node:path";
import { startLitewitness } from "../peers/litewitness.ts";
import { loadgen } from "../peers/loadgen.ts";
import { freePort } from "../peers/process.ts";
import { startProgram } from "../programs.ts";
import { newKey } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";

const ROUNDS = 4;
const GOAL = 2_500;
const GOAL_RATIO = 3;

/** Measures. */
export async function benchWitness(short: boolean): Promise<Figure[]> {
  const requests = short ? 2_000 : 10_000;
  const ours = new Series();
  const theirs = new Series();
  const cpu = new Series();
  await inFolder(async (folder) => {
    for (let round = 0; round < ROUNDS; round++) {
      // A log of its own each round: loadgen's starts at size 0.
      const log = newKey(`log.example/bench-${round}`);
      const keyFile = join(folder, `log-${round}.key`);
      await Deno.writeTextFile(keyFile, formatSkey(log));
      const load = async (url: string, pid: number) => {
        return await loadgen({
          url,
          mode: "witness",
          requests,
          connections: 1,
          keyFile,
          pids: [pid],
        });
      };
      await using witness = await startWitness(folder, round, log);
      const result = await load(witness.url, witness.pid);
      if (result === null) return;
      await using peer = await startLitewitness({
        name: "litewitness.example",
        logs: [{ origin: log.name, vkey: formatVkey(log) }],
      });
      const other = peer && await load(peer.url, peer.pid);
      if (round === 0) continue; // Compilers and disks warm up.
      ours.push(result.per_sec);
      cpu.push(1e6 * result.server_cpu_s / result.ok);
      if (other) theirs.push(other.per_sec);
    }
  });
  if (ours.values.length === 0) return [];
  const ratio = ratios(ours, theirs);
  return [{
    what: "add-checkpoint in sequence, durable, SQLite (peer: litewitness)",
    ours: ours.format("/s"),
    peer: theirs.values.length > 0 ? theirs.format("/s") : "",
    ratio: theirs.values.length > 0 ? ratio.format("×") : "",
    goal: `≥ ${GOAL.toLocaleString("en-US")}/s, ≥ ${GOAL_RATIO}×`,
    met: ours.median >= GOAL && !(ratio.median < GOAL_RATIO),
  }, { what: "↳ CPU time of the witness for one", ours: cpu.format("µs") }];
}

async function startWitness(folder: string, round: number, log: ReturnType<typeof newKey>) {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const [key, logs] = [join(folder, "witness.key"), join(folder, `logs-${round}`)];
  await Deno.writeTextFile(key, formatSkey(newKey("witness.example/bench")));
  await Deno.writeTextFile(logs, `${log.name} ${formatVkey(log)}\n`);
  const args = [
    `--database-path=witness-${round}.db`,
    `--private-key=${key}`,
    `--log-list=${logs}`,
    `--port=${port}`,
  ];
  const { pid, stop } = await startProgram("witness", args, {
    cwd: folder,
    ready: (output) => output().includes(`url=${url}`),
  });
  return { url, pid, [Symbol.asyncDispose]: stop };
}
