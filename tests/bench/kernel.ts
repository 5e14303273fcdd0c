/**
 * The hash kernel against hash-wasm, `node:crypto` and Go's `crypto/sha256`: runs
 * `core/kernel/kernel_bench.ts`, all contestants pinned to one core where they can be.
 */

import { fileURLToPath } from "node:url";
import { requirePeer } from "../peers/peers.ts";
import { run } from "../peers/process.ts";
import { type Figure, Series } from "./figures.ts";

const BENCH = fileURLToPath(new URL("../../core/kernel/kernel_bench.ts", import.meta.url));

/** What the kernel is to be, by contest and peer: so many times as fast. */
const GOALS: Readonly<Record<string, number>> = {
  "nodes, Go sha256.Sum256": 1,
  "nodes, hash-wasm": 5,
  "leaves of 100 bytes, hash-wasm": 3,
};

/** Measures. */
export async function benchKernel(short: boolean): Promise<Figure[]> {
  const rounds = short ? "5" : "25";
  const nodehash = await requirePeer("nodehash");
  const command = [Deno.execPath(), "run", "-A", BENCH, rounds, ...(nodehash ? [nodehash] : [])];
  const taskset = await requirePeer("taskset");
  if (taskset) command.unshift(taskset, "-c", "0");
  const { code, stdout, stderr } = await run(command[0]!, command.slice(1));
  if (code !== 0) throw new Error(`Cannot run ${BENCH}: ${stderr}`);
  const figures: Figure[] = [];
  let contest = "";
  let kernel = new Series();
  for (const line of stdout.split("\n")) {
    contest = /^(.+): median/.exec(line)?.[1] ?? contest;
    const [, name, rate, ratio, spread] =
      /^ {2}(.+?) +([0-9.]+) M\/s .* is ([0-9.]+) times as fast (\(.+\))$/.exec(line) ?? [];
    if (name === undefined) continue;
    if (name === "kernel (SIMD)") kernel = new Series(Number(rate));
    else {
      const goal = GOALS[`${contest}, ${name}`];
      figures.push({
        what: `hashing ${contest} (peer: ${name})`,
        ours: kernel.measured("M/s"),
        peer: new Series(Number(rate)).measured("M/s"),
        ratio: `${ratio} ${spread}`,
        ...(goal && { goal: `≥ ${goal}`, met: Number(ratio) >= goal }),
      });
    }
  }
  return figures;
}
