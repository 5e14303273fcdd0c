/**
 * A run's outcome for people: what is wrong, file by file, and what is to be done.
 * Names and reasons are the registry's and may be hostile: nothing of them reaches
 * a terminal that does not show.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { formatTime } from "../freshness.ts";
import type { Drifted } from "./drift_table.ts";
import type { MirrorLine } from "./mirror_table.ts";
import { type MirrorReport, type Report, summarize } from "./report.ts";

/** How long names and reasons may be. */
const NAME = 255;
const REASON = 400;

/** The lines of a report, one by one. */
export function* printReport(report: Report): Generator<string> {
  const { head: { verdict: { checkpoint, cosigned } }, registry, mirror } = report;
  const witnesses = cosigned.map(({ witness, time }) => `${witness.name} at ${formatTime(time)}`);
  const by = witnesses.length > 0 ? witnesses.join(", ") : "nobody";
  yield `log       ${checkpoint.origin}, tree of ${checkpoint.size}, witnessed by ${by}`;
  if (registry !== null) yield* registryLines(registry, report);
  if (mirror) yield* mirrorLines(mirror);
  yield verdictLine(report);
}

function* registryLines(registry: string, report: Report): Generator<string> {
  const { tally: { files, counts }, table, unchecked, unplaced, metadataOnly } = report;
  const told = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  yield `registry  ${registry}: ${files} files${metadataOnly ? " (lists only)" : ""}` +
    `${told.length > 0 ? `: ${told.join(", ")}` : ""}`;
  for (const drifted of table.drifted()) yield* driftLines(drifted, table);
  if (unchecked > 0) yield `  ${unchecked} files were not looked at yet: run it again`;
  if (unplaced > 0) {
    yield `  ${unplaced} files of the log have names that tell no project: not looked for`;
  }
}

function* driftLines(
  { kind, filename, why, right }: Drifted,
  table: Report["table"],
): Generator<string> {
  yield `  ${kind.padEnd(12)} ${excerpt(filename, NAME)}: ${excerpt(why, REASON)}`;
  if (!right || (kind !== "replaced" && kind !== "missing")) return;
  yield `${" ".repeat(15)}right is sha256:${right.sha256}, entry ${right.leafIndex}`;
  const [copy] = table.copiesOf(right.sha256);
  if (copy !== undefined) yield `${" ".repeat(15)}a good copy is ${excerpt(copy, NAME)}`;
}

function* mirrorLines({ folder, table, applied }: MirrorReport): Generator<string> {
  const { counts } = table;
  const kinds = (["replaced", "missing", "unlogged", "unchanged"] as const)
    .filter((kind) => counts[kind]).map((kind) => `${counts[kind]} ${kind}`);
  const files = Object.values(counts).reduce((sum, count) => sum + count, 0);
  yield `mirror    ${folder}: ${files} files${kinds.length > 0 ? `: ${kinds.join(", ")}` : ""}`;
  if (table.steps === 0) return;
  if (!applied) yield "  the restore plan (nothing is written without --apply):";
  for (const line of table.lines()) {
    if (line.step) yield `  ${applied ? restoredLine(line) : stepLine(line)}`;
  }
}

function stepLine({ finding: { filename, kind }, step }: MirrorLine): string {
  const { action, path, from } = step!;
  const name = excerpt(path ?? filename, NAME);
  switch (action) {
    case "restore":
      return `restore      ${name} (${kind}), from ${excerpt(from!, NAME)}`;
    case "quarantine":
      return `move aside   ${name}, which is not logged`;
    case "stuck":
      return `stuck        ${name} (${kind}): no good copy is known; name one with --source=DIR`;
  }
}

function restoredLine({ finding: { filename, logged }, step, outcome }: MirrorLine): string {
  const name = excerpt(step!.path ?? filename, NAME);
  const { error, quarantined } = outcome!;
  if (error !== null) return `FAILED       ${name}: ${error}`;
  const aside = quarantined === null ? "" : `; what was there is ${excerpt(quarantined, NAME)}`;
  return step!.action === "restore"
    ? `restored     ${name}, sha256:${logged}${aside}`
    : `moved aside  ${name}${aside}`;
}

function verdictLine(report: Report): string {
  const { drift, mirrorDrift, clean } = summarize(report);
  if (clean) return "clean: everything is as logged";
  if (drift + mirrorDrift === 0) return "so far everything is as logged";
  const parts = [
    drift > 0 ? `${drift} files of the registry are not as logged, or out of reach` : null,
    mirrorDrift > 0 ? `${mirrorDrift} files of the mirror are not as logged` : null,
  ];
  return `NOT CLEAN: ${parts.filter((part) => part !== null).join("; ")}`;
}
