/**
 * A run's outcome for people: what is wrong, file by file, and what is to be done.
 * Names and reasons are the registry's and may be hostile: nothing of them reaches
 * a terminal that does not show.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { formatTime } from "../freshness.ts";
import { type Finding, KINDS } from "./findings.ts";
import { type MirrorReport, type Report, summarize } from "./report.ts";
import { placeOf, type Restored } from "./restore.ts";
import type { RestoreStep } from "./plan.ts";

/** How long names and reasons may be. */
const NAME = 255;
const REASON = 400;

/** The lines of a report. */
export function printReport(report: Report): string[] {
  const { head: { verdict: { checkpoint, cosigned } }, registry, mirror } = report;
  const witnesses = cosigned.map(({ witness, time }) => `${witness.name} at ${formatTime(time)}`);
  const by = witnesses.length > 0 ? witnesses.join(", ") : "nobody";
  return [
    `log       ${checkpoint.origin}, tree of ${checkpoint.size}, witnessed by ${by}`,
    ...registry === null ? [] : registryLines(registry, report),
    ...mirror ? mirrorLines(mirror) : [],
    verdictLine(report),
  ];
}

function registryLines(registry: string, report: Report): string[] {
  const { findings, copies, unchecked, unplaced, metadataOnly } = report;
  const { counts } = summarize(report);
  const drifted = findings.filter(({ drift }) => drift);
  drifted.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  const told = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  const lines = [
    `registry  ${registry}: ${findings.length} files${metadataOnly ? " (lists only)" : ""}` +
    `${told.length > 0 ? `: ${told.join(", ")}` : ""}`,
  ];
  for (const finding of drifted) lines.push(...findingLines(finding, copies));
  if (unchecked > 0) lines.push(`  ${unchecked} files were not looked at yet: run it again`);
  if (unplaced > 0) {
    lines.push(`  ${unplaced} files of the log have names that tell no project: not looked for`);
  }
  return lines;
}

function findingLines(finding: Finding, copies: Report["copies"]): string[] {
  const { kind, filename, why, logged } = finding;
  const lines = [`  ${kind.padEnd(12)} ${excerpt(filename, NAME)}: ${excerpt(why ?? "", REASON)}`];
  if (!logged || (kind !== "replaced" && kind !== "missing")) return lines;
  lines.push(`${" ".repeat(15)}right is sha256:${logged.sha256}, entry ${logged.leafIndex}`);
  const [copy] = copies.get(logged.sha256) ?? [];
  if (copy !== undefined) lines.push(`${" ".repeat(15)}a good copy is ${excerpt(copy, NAME)}`);
  return lines;
}

function mirrorLines({ folder, findings, plan, restored }: MirrorReport): string[] {
  const kinds = ["replaced", "missing", "unlogged", "unchanged"] as const;
  const counts = kinds.map((kind) =>
    [findings.filter((finding) => finding.kind === kind).length, kind] as const
  ).filter(([count]) => count > 0).map((words) => words.join(" "));
  const lines = [
    `mirror    ${folder}: ${findings.length} files${
      counts.length > 0 ? `: ${counts.join(", ")}` : ""
    }`,
  ];
  if (plan.length === 0) return lines;
  if (restored) return [...lines, ...restored.map(restoredLine)];
  lines.push("  the restore plan (nothing is written without --apply):");
  return [...lines, ...plan.map((step) => `  ${stepLine(step)}`)];
}

function stepLine({ action, path, finding: { filename, kind }, from }: RestoreStep): string {
  const name = excerpt(path ?? filename, NAME);
  switch (action) {
    case "restore":
      return `restore      ${name} (${kind}), from ${excerpt(placeOf(from!), NAME)}`;
    case "quarantine":
      return `move aside   ${name}, which is not logged`;
    case "stuck":
      return `stuck        ${name} (${kind}): no good copy is known; name one with --source=DIR`;
  }
}

function restoredLine({ step, quarantined, error }: Restored): string {
  if (error !== null) {
    return `  FAILED       ${excerpt(step.path ?? step.finding.filename, NAME)}: ${error}`;
  }
  const aside = quarantined === null ? "" : `; what was there is ${excerpt(quarantined, NAME)}`;
  const name = excerpt(step.path!, NAME);
  return step.action === "restore"
    ? `  restored     ${name}, sha256:${step.sha256}${aside}`
    : `  moved aside  ${name}${aside}`;
}

function verdictLine(report: Report): string {
  const { drift, mirrorDrift, clean } = summarize(report);
  if (clean) return "clean: everything is as logged";
  if (drift + mirrorDrift === 0) return "so far everything is as logged";
  const parts = [
    drift > 0 ? `${drift} files of the registry are not as logged` : null,
    mirrorDrift > 0 ? `${mirrorDrift} files of the mirror are not as logged` : null,
  ];
  return `NOT CLEAN: ${parts.filter((part) => part !== null).join("; ")}`;
}
