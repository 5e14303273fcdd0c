/** The hash kernel against hash-wasm and `node:crypto`: runs `core/kernel/kernel_bench.ts`. */

import { fileURLToPath } from "node:url";
import { run } from "../peers/process.ts";
import type { Figure } from "./figures.ts";

const BENCH = fileURLToPath(new URL("../../core/kernel/kernel_bench.ts", import.meta.url));

/** Measures. */
export async function benchKernel(short: boolean): Promise<Figure[]> {
  const rounds = short ? "5" : "25";
  const { code, stdout, stderr } = await run(Deno.execPath(), ["run", "-A", BENCH, rounds]);
  if (code !== 0) throw new Error(`Cannot run ${BENCH}: ${stderr}`);
  const figures: Figure[] = [];
  let contest = "";
  let kernel = "";
  for (const line of stdout.split("\n")) {
    contest = /^(.+): median/.exec(line)?.[1] ?? contest;
    const [, name, rate, ratio] = /^ {2}(.+?) +([0-9.]+) M\/s .*is ([0-9.]+) times/.exec(line) ??
      [];
    if (name === undefined) continue;
    if (name === "kernel (SIMD)") kernel = `${rate} M/s`;
    else {
      figures.push({
        what: `hashing ${contest} (peer: ${name})`,
        ours: kernel,
        peer: `${rate} M/s`,
        ratio: ratio!,
      });
    }
  }
  return figures;
}
