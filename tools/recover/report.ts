/**
 * The drift report: JSON Lines, one for the run, one for each file of the registry
 * and of the mirror, and a summary. `recover --json` prints it, `--report` writes it,
 * and `report_note.ts` signs it. Pure.
 *
 * @module
 */

import { encodeBase64, encodeHex, formatChecksum, parseHex } from "@indelible/core";
import type { Head } from "../trusted_head.ts";
import { type Facts, type Finding, type Kind, KINDS, type Listed } from "./findings.ts";
import type { MirrorFinding } from "./mirror.ts";
import type { RestoreStep } from "./plan.ts";
import type { Restored } from "./restore.ts";

/** The first line's `format`. */
export const REPORT_FORMAT = "drift-report/v1";

/** What was found in a mirror, and what is or was done about it. */
export interface MirrorReport {
  /** The mirror. */
  readonly folder: string;
  /** Its files. */
  readonly findings: readonly MirrorFinding[];
  /** The restore plan. */
  readonly plan: readonly RestoreStep[];
  /** What became of each step; `null` when the plan was not applied. */
  readonly restored: readonly Restored[] | null;
}

/** All that a run found. */
export interface Report {
  /** The accepted checkpoint. */
  readonly head: Head;
  /** The registry's index; `null` if none was asked. */
  readonly registry: string | null;
  /** The projects that were asked for; `null` for all of the log. */
  readonly projects: readonly string[] | null;
  /** Whether only pages were read. */
  readonly metadataOnly: boolean;
  /** What was looked at before this was looked at again; in milliseconds since 1970. */
  readonly since: number;
  /** When the report was made, likewise. */
  readonly made: number;
  /** Its files, judged. */
  readonly findings: readonly Finding[];
  /** Where good copies of drifted files are, by SHA-256 in hex. */
  readonly copies: ReadonlyMap<string, readonly string[]>;
  /** How many files were not looked at yet. */
  readonly unchecked: number;
  /** How many files of the log have names that do not tell their project. */
  readonly unplaced: number;
  /** The mirror; `null` if none was named. */
  readonly mirror: MirrorReport | null;
}

/** What it comes to. */
export interface Summary {
  /** How many files are of each kind. */
  readonly counts: Readonly<Partial<Record<Kind, number>>>;
  /** How many drifted at the registry. */
  readonly drift: number;
  /** How many of the mirror are still not as logged. */
  readonly mirrorDrift: number;
  /** Whether nothing drifted, and nothing is left unlooked at. */
  readonly clean: boolean;
}

/** Sums a report up. */
export function summarize({ findings, unchecked, mirror }: Report): Summary {
  const counts: Partial<Record<Kind, number>> = {};
  for (const kind of KINDS) {
    const count = findings.filter((finding) => finding.kind === kind).length;
    if (count > 0) counts[kind] = count;
  }
  const drift = findings.filter((finding) => finding.drift).length;
  const mirrorDrift = mirror ? driftOf(mirror) : 0;
  return { counts, drift, mirrorDrift, clean: drift + mirrorDrift + unchecked === 0 };
}

function driftOf({ findings, restored }: MirrorReport): number {
  const repaired = restored?.filter(({ error }) => error === null).length ?? 0;
  return findings.filter(({ kind }) => kind !== "unchanged").length - repaired;
}

/** The report as JSON Lines. */
export function formatReport(report: Report): string {
  const lines = [
    headLine(report),
    ...report.findings.map((finding) => fileLine(finding, report.copies)),
    ...report.mirror ? mirrorLines(report.mirror) : [],
    {
      type: "summary",
      ...summarize(report),
      unchecked: report.unchecked,
      unplaced: report.unplaced,
    },
  ];
  return lines.map((line) => JSON.stringify(line) + "\n").join("");
}

function headLine({ head, registry, projects, metadataOnly, since, made }: Report) {
  const { note, verdict: { checkpoint: { origin, size, root } } } = head;
  return {
    type: "run",
    format: REPORT_FORMAT,
    log: origin,
    treeSize: Number(size),
    root: encodeHex(root),
    checkpoint: encodeBase64(note),
    registry,
    projects,
    metadataOnly,
    since: timeOf(since),
    made: timeOf(made),
  };
}

function fileLine(finding: Finding, copies: Report["copies"]) {
  const { filename, project, kind, drift, why, logged, listed, served, page } = finding;
  return {
    type: "file",
    filename,
    project,
    kind,
    drift,
    why,
    logged: logged && {
      checksum: checksumOf(logged.sha256),
      index: logged.leafIndex,
      ...(logged.yanked && { yanked: true }),
      ...(logged.removed && { removed: true }),
    },
    listed: listed && listedMember(listed),
    pageRead: timeOf(page.at),
    served: served && servedMember(served),
    ...(drift && logged && { copies: copies.get(logged.sha256) ?? [] }),
  };
}

function listedMember({ url, sha256, yanked, reason }: Listed) {
  const checksum = sha256 === null ? null : checksumOf(sha256);
  return { checksum, url, ...(yanked && { yanked: reason ?? true }) };
}

function servedMember(served: NonNullable<Facts["served"]>) {
  const fetched = timeOf(served.at);
  return served.kind === "bytes"
    ? { checksum: checksumOf(served.sha256), size: served.size, fetched }
    : { error: served.why, fetched };
}

function mirrorLines({ findings, plan, restored }: MirrorReport) {
  const steps = new Map(plan.map((step) => [step.finding, step]));
  const done = new Map(restored?.map((one) => [one.step, one]));
  return findings.map((finding) => {
    const { path, filename, project, kind, logged, found } = finding;
    const step = steps.get(finding);
    const outcome = step && done.get(step);
    return {
      type: "mirror",
      path,
      filename,
      project,
      kind,
      logged: logged === null ? null : checksumOf(logged),
      found: found === null ? null : checksumOf(found),
      ...(step && {
        plan: {
          action: step.action,
          path: step.path,
          from: step.from && (step.from.kind === "file" ? step.from.path : step.from.url),
        },
      }),
      ...(outcome && {
        restored: outcome.error === null,
        quarantined: outcome.quarantined,
        ...(outcome.error !== null && { error: outcome.error }),
      }),
    };
  });
}

function checksumOf(sha256: string): string {
  return formatChecksum(parseHex(sha256));
}

/** A time for reports: ISO 8601 in UTC, whole seconds. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.[0-9]{3}Z$/, "Z");
}
