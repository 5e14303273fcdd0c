/**
 * The drift report: JSON Lines, one for the run, one for each file of the registry
 * and of the mirror, and a summary. `recover --json` prints it, `--report` writes it,
 * and `report_note.ts` signs it. Pure.
 *
 * @module
 */

import { encodeBase64, encodeHex, formatChecksum, parseHex } from "@indelible/core";
import type { Head } from "../trusted_head.ts";
import type { DriftTable, Tally } from "./drift_table.ts";
import type { Facts, Finding, Listed } from "./findings.ts";
import type { MirrorLine, MirrorTable } from "./mirror_table.ts";

/** The first line's `format`. */
export const REPORT_FORMAT = "drift-report/v1";

/** What was found in a mirror, and what is or was done about it. */
export interface MirrorReport {
  /** The mirror. */
  readonly folder: string;
  /** Its files. */
  readonly table: Pick<MirrorTable, "counts" | "drift" | "steps" | "lines">;
  /** Whether the plan was applied. */
  readonly applied: boolean;
}

/** All that a run found. Files are given one by one: there may be any number of them. */
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
  /** What its files come to. */
  readonly tally: Tally;
  /** Its files, judged. */
  readonly findings: () => Iterable<Finding>;
  /** Those that drifted, and where good copies are. */
  readonly table: Pick<DriftTable, "drifted" | "copiesOf">;
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
  readonly counts: Tally["counts"];
  /** How many drifted at the registry. */
  readonly drift: number;
  /** How many of the mirror are still not as logged. */
  readonly mirrorDrift: number;
  /** Whether nothing drifted, and nothing is left unlooked at. */
  readonly clean: boolean;
}

/** Sums a report up. */
export function summarize({ tally: { counts, drift }, unchecked, mirror }: Report): Summary {
  const mirrorDrift = mirror?.table.drift ?? 0;
  return { counts, drift, mirrorDrift, clean: drift + mirrorDrift + unchecked === 0 };
}

/** The report as JSON Lines, one by one, each with its end. */
export function* reportLines(report: Report): Generator<string> {
  const line = (members: object) => JSON.stringify(members) + "\n";
  yield line(headLine(report));
  for (const finding of report.findings()) yield line(fileLine(finding, report.table));
  for (const one of report.mirror?.table.lines() ?? []) yield line(mirrorLine(one));
  const { unchecked, unplaced } = report;
  yield line({ type: "summary", ...summarize(report), unchecked, unplaced });
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

function fileLine(finding: Finding, table: Report["table"]) {
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
    ...(drift && logged && { copies: table.copiesOf(logged.sha256) }),
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

function mirrorLine({ finding, step, outcome }: MirrorLine) {
  const { path, filename, project, kind, logged, found } = finding;
  return {
    type: "mirror",
    path,
    filename,
    project,
    kind,
    logged: logged === null ? null : checksumOf(logged),
    found: found === null ? null : checksumOf(found),
    ...(step && { plan: step }),
    ...(outcome && {
      restored: outcome.error === null,
      quarantined: outcome.quarantined,
      ...(outcome.error !== null && { error: outcome.error }),
    }),
  };
}

function checksumOf(sha256: string): string {
  return formatChecksum(parseHex(sha256));
}

/** A time for reports: ISO 8601 in UTC, whole seconds. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.[0-9]{3}Z$/, "Z");
}
