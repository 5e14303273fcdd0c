/**
 * `deno task bench`: what the log costs, beside its peers. Figures, not a test: nothing
 * here fails because a machine is slow. Each contest takes turns with its peer within the
 * same minute, so the ratios hold where the rates drift.
 *
 * `--short` for a quick look (CI); `--only=add,latency,…`; `--patience=SECONDS` to wait
 * that long for a quiet machine before each contest. A full run writes `docs/benchmarks.md`.
 */

import { fileURLToPath } from "node:url";
import { run } from "../peers/process.ts";
import { benchAddLoad } from "./add_load.ts";
import { benchBulk } from "./bulk.ts";
import { type Figure, markdown } from "./figures.ts";
import { benchKernel } from "./kernel.ts";
import { benchLatency } from "./latency.ts";
import { benchMemory } from "./memory.ts";
import { benchReads } from "./reads.ts";
import { awaitQuiet, Disturbance, machine } from "./usage.ts";

const REPORT = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

/** Each bench by its name: what it is about, and how to run it. */
const BENCHES: Readonly<Record<string, readonly [string, (short: boolean) => Promise<Figure[]>]>> =
  {
    add: ["Adding under load", benchAddLoad],
    latency: ["How long one add takes", benchLatency],
    bulk: ["Bulk appends", benchBulk],
    memory: ["Memory", benchMemory],
    reads: ["Reading", benchReads],
    kernel: ["Hashing", benchKernel],
  };

const USAGE = `usage: deno task bench [--short] [--patience=SECONDS] [--only=${
  Object.keys(BENCHES).join(",")
}]`;

/** Runs the benches; resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let short = false;
  let patience = 0;
  let chosen = Object.keys(BENCHES);
  for (const arg of args) {
    if (arg === "--short") short = true;
    else if (/^--patience=[0-9]{1,4}$/.test(arg)) {
      patience = Number(arg.slice("--patience=".length));
    } else if (arg.startsWith("--only=")) chosen = arg.slice("--only=".length).split(",");
    else if (arg === "--help" || arg === "-h") {
      console.log(USAGE);
      return 0;
    } else {
      console.error(USAGE);
      return 2;
    }
  }
  const sections: string[] = [];
  for (const name of chosen) {
    const bench = BENCHES[name];
    if (!bench) {
      console.error(USAGE);
      return 2;
    }
    const [title, measure] = bench;
    console.error(`${title} …`);
    await awaitQuiet(patience);
    const disturbance = new Disturbance();
    const figures = await measure(short);
    const share = (100 * disturbance.share()).toFixed(0);
    const table = figures.length > 0 ? markdown(figures) : "Not measured: it needs Go.\n";
    const others = `Other programs took ${share} % of the machine meanwhile.`;
    const section = `## ${title}\n\n${table}\n${others}\n`;
    console.log(section);
    sections.push(section);
  }
  if (!short && chosen.length === Object.keys(BENCHES).length) {
    await Deno.writeTextFile(REPORT, report(sections));
    await run(Deno.execPath(), ["fmt", "--quiet", REPORT]);
    console.error(`written to ${REPORT}`);
  }
  return 0;
}

function report(sections: readonly string[]): string {
  return `# Benchmarks

Written by \`deno task bench\` (\`--short\` for a quick look), on
${machine()}, client and server together on it. The figures are medians of several rounds, with the smallest and the
largest in brackets; the first round of each is left out while compilers warm up. Every
contest takes turns with its peer in the same minute: where the machine's speed drifts, read
the ratios. Where other programs took more than a few percent of the machine, do not read
latencies and rates at all. CPU time is that of the server's process alone, all its threads together.

The log writes to the disk as in use: SQLite with \`synchronous=FULL\`, every object and its
folder fsynced. Peers, built from \`tests/peers/go.mod\` when there is a \`go\`: Tessera
v1.0.4, whose POSIX log answers an add with the index, before a checkpoint covers it.

${sections.join("\n")}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
