/**
 * What `lock` prints: what is proven and by whom, or what is not and why.
 *
 * @module
 */

import type { Policy } from "@indelible/core";
import { formatTime } from "../freshness.ts";
import type { Accepted } from "../trusted_head.ts";
import type { Audit } from "./audit.ts";

/** What came of a run. */
export interface LockReport {
  /** The lock file, as the user named it. */
  readonly file: string;
  /** What came of its digests. */
  readonly audit: Audit;
  /** The checkpoint that they are under; `null` if it is refused. */
  readonly verdict: Accepted | null;
  /** Why the proofs as a whole are refused; `null` if they are not. */
  readonly why: string | null;
  /** Whom the user trusts. */
  readonly policy: Policy;
  /** What was written; `null` for nothing. */
  readonly written: Written | null;
}

/** The files that a lock has written. */
export interface Written {
  /** The sidecar. */
  readonly proofs: string;
  /** Its size. */
  readonly bytes: number;
  /** Whether the lock file was told its log; `null` where it was not to be. */
  readonly tables: boolean | null;
}

/** How many refusals are told one by one; the rest is in `--json`. */
const MOST_TOLD = 50;

/** Whether everything is proven. */
export function isProven({ audit, why }: Pick<LockReport, "audit" | "why">): boolean {
  return why === null && audit.refused.length === 0;
}

/** Prints a report for people. */
export function printReport(report: LockReport): void {
  const { file, audit, verdict, why, policy, written } = report;
  const { digests, packages, refused, exempt, local } = audit;
  if (!isProven(report) || !verdict) {
    const failed = why ?? `${refused.length} of what it installs cannot be relied on`;
    console.error(`lock: ${file} is NOT verified: ${failed}`);
    for (const { what, filename, why } of refused.slice(0, MOST_TOLD)) {
      console.error(`  ${what}: ${filename ?? "it"} ${why}`);
    }
    if (refused.length > MOST_TOLD) console.error(`  and ${refused.length - MOST_TOLD} more`);
    return;
  }
  const { checkpoint, cosigned, log } = verdict;
  console.log(`${file}: ${count(packages, "package")}, ${count(digests, "digest")}, all logged`);
  const row = (name: string, value: string) => console.log(`  ${name.padEnd(11)}${value}`);
  row("log", `${log.key.name}, a tree of ${checkpoint.size}`);
  const witnesses = cosigned.map(({ witness, time }) => `${witness.name} at ${formatTime(time)}`);
  row(
    "witnessed",
    witnesses.length > 0
      ? `by ${witnesses.join(", ")}`
      : "by nobody: only the log's own key vouches that everyone sees these entries",
  );
  if (policy.quorum !== null) row("quorum", `${policy.quorum}, met`);
  if (local.length > 0) row("local", `${local.join(", ")}: folders of this machine`);
  if (exempt.length > 0) row("exempt", exempt.join(", "));
  if (!written) return;
  const { proofs, bytes, tables } = written;
  row("proofs", `${proofs}, ${(bytes / 1000).toFixed(1)} KB`);
  if (tables !== null) {
    row("tables", tables ? `written into ${file}` : `no place for them in ${file}`);
  }
}

/** The report for programs. */
export function jsonReport(report: LockReport): Record<string, unknown> {
  const { file, audit, verdict, why, written } = report;
  const { digests, packages, refused, exempt, local } = audit;
  return {
    file,
    verified: isProven(report),
    ...(why !== null && { error: why }),
    packages,
    digests,
    refused,
    exempt,
    local,
    ...(verdict && {
      log: verdict.log.key.name,
      treeSize: jsonNumber(verdict.checkpoint.size),
      witnesses: verdict.cosigned.map(({ witness, time }) => ({
        name: witness.name,
        time: formatTime(time),
      })),
    }),
    ...written,
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** A number where JSON holds it exactly, else its digits as text. */
function jsonNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
