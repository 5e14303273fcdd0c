/**
 * What `installed` prints: what is as the log vouches for, and what is not.
 *
 * @module
 */

import type { Accepted } from "../trusted_head.ts";
import type { EnvironmentAudit, Finding } from "./audit.ts";

/** What came of a run. */
export interface InstalledReport {
  /** The environment, as the user named it. */
  readonly environment: string;
  /** What came of it. */
  readonly audit: EnvironmentAudit;
  /** The checkpoint that the wheels are under; `null` offline, where each has its own. */
  readonly verdict: Accepted | null;
}

/** How many files of one kind are told one by one; the rest is in `--json`. */
const MOST_TOLD = 20;

/** Whether everything is as the log vouches for. */
export function isVerified({ audit: { findings, strays } }: InstalledReport): boolean {
  return strays.length === 0 &&
    findings.every(({ kind }) => kind === "verified" || kind === "exempt");
}

/** Prints a report for people. */
export function printReport(report: InstalledReport): void {
  const { environment, audit: { findings, strays }, verdict } = report;
  const of = (kind: Finding["kind"]) => findings.filter((finding) => finding.kind === kind);
  const counts = (["verified", "modified", "unlogged", "unproven", "exempt"] as const)
    .map((kind) => [of(kind).length, kind === "unlogged" ? "not logged" : kind] as const)
    .filter(([count]) => count > 0)
    .map(([count, kind]) => `${count} ${kind}`);
  console.log(`${environment}: ${findings.length} distributions: ${counts.join(", ")}`);
  for (const finding of findings) printFinding(finding);
  if (strays.length > 0) {
    console.error(`  belong to no distribution: ${several(strays)}`);
  }
  if (verdict) {
    const { checkpoint, log, cosigned } = verdict;
    const by = cosigned.map(({ witness }) => witness.name).join(", ");
    const witnessed = by === "" ? "witnessed by nobody" : `witnessed by ${by}`;
    console.log(`  log  ${log.key.name}, a tree of ${checkpoint.size}, ${witnessed}`);
  }
  const made = of("verified").reduce((sum, one) => sum + (one as { made: number }).made, 0);
  if (made > 0) console.log(`  not compared: ${made} files that installers made`);
}

function printFinding(finding: Finding): void {
  const { what, kind } = finding;
  switch (kind) {
    case "verified":
    case "exempt":
      return;
    case "modified": {
      const files = finding.differences.map(({ path, how }) => `${path} (${how})`);
      console.error(
        `  ${what} is MODIFIED: it is not as in ${finding.filename}: ${several(files)}`,
      );
      return;
    }
    case "unlogged":
    case "unproven":
      console.error(`  ${what} ${finding.why}`);
      return;
    default:
      finding satisfies never;
  }
}

function several(names: readonly string[]): string {
  const told = names.slice(0, MOST_TOLD).join(", ");
  return names.length > MOST_TOLD ? `${told} and ${names.length - MOST_TOLD} more` : told;
}

/** The report for programs. */
export function jsonReport(report: InstalledReport): Record<string, unknown> {
  const { environment, audit, verdict } = report;
  return {
    environment,
    verified: isVerified(report),
    ...audit,
    ...(verdict && {
      log: verdict.log.key.name,
      treeSize: Number(verdict.checkpoint.size),
      witnesses: verdict.cosigned.map(({ witness }) => witness.name),
    }),
  };
}
