/**
 * The report of a bench: tables in Markdown, the goals first, and a chart for each part
 * that has something to compare. Pure: what was measured in, files out.
 *
 * @module
 */

import { chart } from "./chart.ts";
import { type Figure, told } from "./figures.ts";

/** What a part of the bench came to. */
export interface Section {
  /** Its name, as in `--only=`. */
  readonly name: string;
  /** What it is about. */
  readonly title: string;
  /** What was measured; nothing when a peer is missing without which it says nothing. */
  readonly figures: readonly Figure[];
  /** The share of the machine that other programs took meanwhile, 0–1. */
  readonly others: number;
  /** Why it did not end. */
  readonly failure?: string;
}

/** A file of the report, its path relative to the report's folder. */
export interface ReportFile {
  /** Its path. */
  readonly path: string;
  /** Its whole content. */
  readonly text: string;
}

/** Where charts are, beside the page. */
const CHARTS = "benchmarks";

/** Writes the whole report. */
export function report(machine: string, sections: readonly Section[]): ReportFile[] {
  const files: ReportFile[] = [];
  const chapters = sections.map((section) => {
    const drawing = chart(section.title, section.figures);
    if (drawing === null) return chapter(section);
    const path = `${CHARTS}/${section.name}.svg`;
    files.push({ path, text: drawing });
    // The drawing says in words what it shows, and the table below it says all of it.
    return chapter(section, `![${section.title}, beside its peers](${path})\n\n`);
  });
  const text = [introduction(machine), goals(sections), ...chapters].join("\n");
  return [{ path: "benchmarks.md", text }, ...files];
}

/** A part of the bench in Markdown, with a drawing above the table or without. */
export function chapter(section: Section, drawing = ""): string {
  const { title, figures, others, failure } = section;
  if (failure !== undefined) return `## ${title}\n\nIt failed: ${failure}\n`;
  const table = figures.length > 0
    ? drawing + markdown(figures)
    : "Not measured: a peer is missing.\n";
  const share = (100 * others).toFixed(0);
  return `## ${title}\n\n${table}\nOther programs took ${share} % of the machine meanwhile.\n`;
}

/** Figures as a table in Markdown. */
export function markdown(figures: readonly Figure[]): string {
  return rows(
    ["", "Indelible", "peer", "ratio", "goal", ""],
    figures.map(({ what, ours, peer, ratio, goal, met }) => [
      what,
      told(ours),
      told(peer ?? ""),
      told(ratio ?? ""),
      goal ?? "",
      verdict(met),
    ]),
  );
}

/** All goals in one table. */
function goals(sections: readonly Section[]): string {
  const lines: string[][] = [];
  for (const { title, figures } of sections) {
    let above = "";
    for (const { what, ours, ratio, goal, met } of figures) {
      const more = what.startsWith("↳");
      if (!more) above = what;
      if (goal === undefined) continue;
      const whole = more ? `${above} ${what}` : what;
      lines.push([title, whole, told(ours), told(ratio ?? ""), goal, verdict(met)]);
    }
  }
  const missed = lines.filter((line) => line.at(-1) === MISSED).length;
  return `## Goals

${lines.length - missed} of ${lines.length} are met. What limits those that are missed, and what was
tried, is in [decisions.md](decisions.md).

${rows(["", "", "Indelible", "ratio", "goal", ""], lines)}`;
}

const MISSED = "**missed**";

function verdict(met: boolean | undefined): string {
  return met === undefined ? "" : met ? "met" : MISSED;
}

function rows(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [head, head.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.map(cell).join(" | ")} |\n`).join("");
}

function introduction(machine: string): string {
  return `# Benchmarks

Written by \`deno task bench\` (\`--short\` for a quick look), on
${machine}, client and server together on it. The figures are medians of several rounds, with the smallest and the
largest in brackets; the first round of each is left out while compilers warm up. Every
contest takes turns with its peer in the same minute: where the machine's speed drifts, read
the ratios. Where other programs took more than a few percent of the machine, do not read
latencies and rates at all. CPU time is that of the server's process alone, all its threads together.
In the charts each pair of bars has a scale of its own.

The log writes to the disk as in use: SQLite with \`synchronous=FULL\`, every object and its
folder fsynced. Peers are built from \`tests/peers/go.mod\` when there is a \`go\`: Tessera
v1.0.4, whose POSIX log answers an add with the index, before a checkpoint covers it, and whose
\`fsck\` audits; litewitness of Torchwood; the file server and the SHA-256 of Go's standard library.
`;
}
