/**
 * `deno task bench`: what the log costs, beside its peers. Figures, not a test: nothing
 * here fails because a machine is slow, only when something does not work. Each contest
 * takes turns with its peer within the same minute, so the ratios hold where the rates
 * drift.
 */

import { type Command, plainStreams, runCommand } from "@indelible/core/command";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../peers/process.ts";
import { PARTS } from "./parts.ts";
import { chapter, report, type Section } from "./report.ts";
import { awaitQuiet, Disturbance, machine } from "./usage.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));

type BenchFlags = {
  readonly short: boolean;
  readonly huge: boolean;
  readonly only?: readonly string[];
  readonly patience: number;
  readonly out?: string;
  readonly json?: string;
  readonly also?: readonly string[];
};

const command: Command<BenchFlags> = {
  name: "bench",
  brief: "Measure the log beside its peers",
  description: [
    "Prints a table for each part and, after all parts in full, writes docs/benchmarks.md",
    "with its charts. The parts, in order:",
    ...[...PARTS].map(([name, { title }]) => `  ${name.padEnd(8)} ${title}`),
    "",
    "Examples:",
    "  deno task bench --short",
    "  deno task bench --only=reads,fsck --json=figures.json",
    "  deno task bench --huge --patience=600",
    "  deno task bench --only=fsck --also=figures.json --out=docs",
  ].join("\n"),
  parameters: {
    flags: {
      short: flag("A quick look: few rounds, small logs; for CI"),
      huge: flag("Logs of ten million entries too: needs some GiB of disk and half an hour"),
      only: {
        kind: "parsed",
        parse: parsePart,
        optional: true,
        variadic: ",",
        brief: `Parts to run (default: all)`,
      },
      patience: {
        kind: "parsed",
        parse: parseSeconds,
        default: "0",
        brief: "Seconds to wait at most for a quiet machine before each part",
      },
      out: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Folder for the report (default: docs, when all parts run in full)",
      },
      json: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "File for the figures in JSON",
      },
      also: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: ",",
        brief: "Files that --json wrote: the report takes from them the parts that do not run now",
      },
    },
  },
  permissions: () => ({}),
  async run({ short, huge, only = [...PARTS.keys()], patience, out, json, also = [] }) {
    const sections: Section[] = [];
    const before = await earlier(also);
    for (const name of only) {
      console.error(`${PARTS.get(name)!.title} …`);
      await awaitQuiet(patience);
      const start = performance.now();
      const section = await measured(name, short, huge);
      console.error(`… in ${((performance.now() - start) / 1000).toFixed(0)} s`);
      console.log(chapter(section));
      sections.push(section);
      // After each: what was measured is there even if a later part brings all down.
      if (json !== undefined) await write(json, JSON.stringify(sections, null, 2) + "\n");
    }
    const whole = !short && only.length === PARTS.size;
    const folder = out ?? (whole ? DOCS : undefined);
    for (const { name } of sections) before.delete(name);
    const all = [...before.values(), ...sections].sort((a, b) => place(a) - place(b));
    if (folder !== undefined) await writeReport(folder, all);
    return sections.some(({ failure }) => failure !== undefined) ? 1 : 0;
  },
};

/** What earlier runs measured, by part; of two that ran the same part, the later file's. */
async function earlier(paths: readonly string[]): Promise<Map<string, Section>> {
  const sections = new Map<string, Section>();
  for (const path of paths) {
    const measured: Section[] = JSON.parse(await Deno.readTextFile(path));
    for (const section of measured) sections.set(section.name, section);
  }
  return sections;
}

/** Where a part stands in the report. */
function place({ name }: Section): number {
  return [...PARTS.keys()].indexOf(name);
}

async function measured(name: string, short: boolean, huge: boolean): Promise<Section> {
  const { title, measure } = PARTS.get(name)!;
  const disturbance = new Disturbance();
  try {
    const figures = await measure(short, huge);
    return { name, title, figures, others: disturbance.share() };
  } catch (error) {
    console.error(error);
    const [failure] = String(error).split("\n");
    return { name, title, figures: [], others: disturbance.share(), failure: failure! };
  }
}

async function writeReport(folder: string, sections: readonly Section[]): Promise<void> {
  for (const { path, text } of report(machine(), sections)) {
    const file = join(folder, path);
    await write(file, text);
    if (path.endsWith(".md")) await run(Deno.execPath(), ["fmt", "--quiet", file]);
    console.error(`written to ${file}`);
  }
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(resolve(path)), { recursive: true });
  await Deno.writeTextFile(path, text);
}

function flag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

function parsePart(name: string): string {
  if (PARTS.has(name)) return name;
  throw new SyntaxError(`it must be of ${[...PARTS.keys()].join(", ")}`);
}

function parseSeconds(text: string): number {
  if (/^(?:0|[1-9][0-9]{0,3})$/.test(text)) return Number(text);
  throw new SyntaxError("it must be a whole number of seconds from 0 to 9999");
}

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args, plainStreams(Deno)));
