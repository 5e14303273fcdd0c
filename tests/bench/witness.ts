/**
 * How many checkpoints a witness cosigns: one after another on one connection, each
 * durable before its answer. Against litewitness, in turns, both on the same disk.
 */

import { formatSkey, formatVkey, type SignerKey } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { startLitewitness } from "../peers/litewitness.ts";
import { loadgen, type LoadResult } from "../peers/loadgen.ts";
import { freePort } from "../peers/process.ts";
import { startProgram } from "../programs.ts";
import { newKey } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, quantile, ratios, Series } from "./figures.ts";

/** The first is left out: compilers and disks warm up. */
const ROUNDS = 10;
const GOAL = 2_500;
const GOAL_RATIO = 3;
/** Who goes first changes from round to round. */
const SIDES = [["ours", "theirs"], ["theirs", "ours"]] as const;

/** Measures. */
export async function benchWitness(short: boolean): Promise<Figure[]> {
  const requests = short ? 1_000 : 4_000;
  const rounds = short ? 3 : ROUNDS;
  const rate = { ours: new Series(), theirs: new Series() };
  const p50 = { ours: new Series(), theirs: new Series() };
  const cpu = { ours: new Series(), theirs: new Series() };
  const write = new Series();
  await inFolder(async (folder) => {
    // A log for each round: loadgen's begin at size 0.
    const logs = await makeLogs(folder, rounds);
    await using witness = await startWitness(folder, logs);
    await using peer = await startLitewitness({
      name: "litewitness.example",
      logs: logs.map(({ key }) => ({ origin: key.name, vkey: formatVkey(key) })),
    });
    const servers = { ours: witness, theirs: peer };
    for (const [round, log] of logs.entries()) {
      for (const side of SIDES[round % 2]!) {
        const server = servers[side];
        const result = server && await cosignAll(server, log, requests, 256);
        if (result === null || round === 0) continue;
        rate[side].push(result.per_sec);
        p50[side].push(1_000 * result.p50_ms);
        cpu[side].push(1e6 * result.server_cpu_s / result.ok);
      }
      write.push(await syncedWrite(folder));
    }
  });
  if (rate.ours.values.length === 0) return [];
  const against = rate.theirs.values.length > 0 ? rate.theirs : null;
  const ratio = ratios(rate.ours, rate.theirs);
  return [{
    what: "add-checkpoint in sequence, durable, SQLite (peer: litewitness)",
    ours: rate.ours.measured("/s"),
    ...(against && { peer: rate.theirs.measured("/s"), ratio: ratio.measured("×") }),
    goal: `≥ ${GOAL.toLocaleString("en-US")}/s`,
    met: rate.ours.median >= GOAL,
  }, {
    what: "↳ against the peer's",
    ours: against ? ratio.measured("×") : "",
    ...(against && { goal: `≥ ${GOAL_RATIO} ×`, met: ratio.median >= GOAL_RATIO }),
  }, {
    what: "↳ half of them answered within",
    ours: p50.ours.measured("µs"),
    ...(against && { peer: p50.theirs.measured("µs") }),
  }, {
    what: "↳ CPU time of the witness for one (without the peer's ssh-agent)",
    ours: cpu.ours.measured("µs"),
    ...(against && { peer: cpu.theirs.measured("µs") }),
  }, {
    what: "↳ a synced write of 4 KiB to that disk, nothing else",
    ours: write.measured("µs"),
  }];
}

/** A log of which loadgen has the key. */
export interface BenchLog {
  /** Its key; its name is the origin. */
  readonly key: SignerKey;
  /** The file with it. */
  readonly keyFile: string;
}

/** Makes logs and writes their keys into a folder. */
export async function makeLogs(folder: string, count: number): Promise<BenchLog[]> {
  const logs: BenchLog[] = [];
  for (let i = 0; i < count; i++) {
    const log = { key: newKey(`log.example/bench-${i}`), keyFile: join(folder, `log-${i}.key`) };
    await Deno.writeTextFile(log.keyFile, formatSkey(log.key));
    logs.push(log);
  }
  return logs;
}

/**
 * Has checkpoints of a log cosigned, one after another.
 *
 * @param server The witness.
 * @param log The log, of which it has seen nothing.
 * @param requests How many checkpoints.
 * @param step How many entries lie between two.
 * @returns What came of it; `null` without loadgen.
 */
export async function cosignAll(
  { url, pid }: { readonly url: string; readonly pid: number },
  { keyFile }: BenchLog,
  requests: number,
  step: number,
): Promise<LoadResult | null> {
  const mode = "witness";
  const result = await loadgen({ url, mode, requests, connections: 1, keyFile, step, pids: [pid] });
  if (result) assert.equal(result.ok, requests, JSON.stringify(result));
  return result;
}

/** Starts a witness of ours in a folder, with a new key. */
export async function startWitness(folder: string, logs: readonly BenchLog[]) {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const lines = logs.map(({ key }) => `${key.name} ${formatVkey(key)}\n`);
  await Deno.writeTextFile(join(folder, "logs"), lines.join(""));
  await Deno.writeTextFile(
    join(folder, "witness.key"),
    formatSkey(newKey("witness.example/bench")),
  );
  const args = [
    "--database-path=witness.db",
    "--private-key=witness.key",
    "--log-list=logs",
    `--port=${port}`,
  ];
  const { pid, stop } = await startProgram("witness", args, {
    cwd: folder,
    ready: (output) => output().includes(`url=${url}`),
  });
  return { url, pid, [Symbol.asyncDispose]: stop };
}

/** Microseconds that a synced write in place takes, the median of many in a tight loop. */
async function syncedWrite(folder: string): Promise<number> {
  using file = await Deno.open(join(folder, "write"), { write: true, create: true });
  const block = new Uint8Array(4096);
  const blocks = 256;
  for (let i = 0; i < blocks; i++) file.writeSync(block);
  file.syncSync();
  const times: number[] = [];
  for (let i = 0; i < blocks; i++) {
    const start = performance.now();
    file.seekSync(i * block.length, Deno.SeekMode.Start);
    file.writeSync(block);
    file.syncDataSync();
    times.push(1_000 * (performance.now() - start));
  }
  return quantile(times, 0.5);
}
