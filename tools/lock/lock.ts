/**
 * `lock`: a lock file proven by a log. With the network it asks for every digest
 * and writes the sidecar; `--check` needs the sidecar and nothing else.
 *
 * @module
 */

import {
  expandTlogProofs,
  formatTlogProof,
  formatTlogProofs,
  parseEntry,
  type TlogProofs,
} from "@indelible/core";
import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { join } from "node:path";
import { readSmallFile, replaceFile } from "../files.ts";
import { HeadFiles } from "../head_files.ts";
import { openSource } from "../log_source.ts";
import { interruptible, runMain } from "../main.ts";
import { PROOF_EXTENSION } from "../proof_file.ts";
import { SplitView, TrustedHead } from "../trusted_head.ts";
import { checkLockFile } from "./check.ts";
import { type LockFormat, parseLockFile } from "./formats.ts";
import type { LockFile } from "./lock_file.ts";
import {
  checkFlags,
  indexOf,
  LOCK_FLAGS,
  type LockFlags,
  lockFormat,
  onlineSettings,
  permissionsForLock,
  sidecarOf,
} from "./lock_settings.ts";
import { makeSidecar } from "./make.ts";
import { policyOf } from "./offline_trust.ts";
import { annotatePylock } from "./pylock_table.ts";
import { isProven, jsonReport, type LockReport, printReport } from "./report.ts";
import { MAX_LOCK_FILE, readSidecar, requireExtends } from "./sidecar.ts";

/** The command line of `lock`. */
export const command: Command<LockFlags, [string]> = {
  name: "lock",
  brief: "Prove every digest of a lock file, and check that offline ever after",
  description: [
    "Asks the log for every file that a lock file allows (requirements.txt with hashes,",
    "pylock.toml, uv.lock, poetry.lock; all wheels and sdists, not only those for this",
    "machine) and writes what proves them to FILE.tlog-proofs, to be committed with it.",
    "--check needs that and no network: put it before `uv sync --frozen`, which asks no index.",
    "",
    "Examples:",
    "  deno task lock uv.lock --log=https://log.example --policy=log.policy",
    "  deno task lock uv.lock --check --policy=log.policy --max-age=30d",
    "  deno task lock uv.lock --expand=proofs",
    "  deno task lock requirements.txt --exempt='ourcompany-*'",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "Lock file" }],
    },
    flags: LOCK_FLAGS,
  },
  permissions: permissionsForLock,
  async run(flags, file) {
    checkFlags(flags);
    if (flags.expand !== undefined) return await expand(flags, file, flags.expand);
    const read = await readLockFile(flags, file);
    return flags.check
      ? await check(flags, read)
      : await interruptible((signal) => make(flags, read, signal));
  },
};

/** A lock file as it was read. */
interface Read {
  readonly file: string;
  readonly format: LockFormat;
  readonly bytes: Uint8Array;
  readonly lock: LockFile;
}

async function readLockFile(flags: LockFlags, file: string): Promise<Read> {
  const format = lockFormat(flags, file);
  const bytes = await readSmallFile(file, "FILE", MAX_LOCK_FILE);
  try {
    return { file, format, bytes, lock: parseLockFile(format, bytes) };
  } catch (error) {
    throw new Error(`Cannot read ${file} as ${format}: ${(error as Error).message}`);
  }
}

function isExempt({ exempt = [] }: LockFlags): (project: string | null) => boolean {
  return (project) => project !== null && exempt.some((matches) => matches(project));
}

async function check(flags: LockFlags, { file, lock }: Read): Promise<number> {
  const report = checkLockFile(lock, await readSidecar(sidecarOf(flags, file)), {
    policy: await policyOf(flags),
    isExempt: isExempt(flags),
    maxAge: flags.maxAge,
    now: Date.now(),
  });
  return tell(flags, { ...report, file, written: null });
}

async function make(flags: LockFlags, read: Read, signal: AbortSignal): Promise<number> {
  const { file, format, bytes, lock } = read;
  const { log, policy, heads } = await onlineSettings(flags);
  const path = sidecarOf(flags, file);
  const store = new HeadFiles(heads);
  const fetch = await openSource({ kind: "url", url: log }, signal);
  const { report, proofs } = await makeSidecar(lock, {
    log,
    policy,
    fetch,
    signal,
    trusted: new TrustedHead(policy, store, fetch),
    index: () => indexOf(flags),
    isExempt: isExempt(flags),
    maxAge: flags.maxAge,
    now: Date.now(),
  }).catch((error) => {
    if (error instanceof SplitView) {
      const paths = store.evidencePaths(error.origin);
      console.error(`lock: both signed heads are kept in ${paths.join(" and ")}: show them`);
    }
    throw error;
  });
  if (!proofs) return tell(flags, { ...report, file, written: null });
  await requireExtends(path, proofs.checkpoint, policy, store, fetch);
  const sidecar = formatTlogProofs(proofs);
  replaceFile(path, sidecar);
  const tables = format === "pylock.toml" && flags.writeTable
    ? await writeTables(file, bytes, proofs)
    : null;
  const written = { proofs: path, bytes: sidecar.length, tables };
  return tell(flags, { ...report, file, written });
}

/** Says in a pylock.toml which log has its packages; whether there was a place for it. */
async function writeTables(file: string, bytes: Uint8Array, proofs: TlogProofs): Promise<boolean> {
  const annotated = annotatePylock(bytes, proofs);
  if (!annotated) return false;
  replaceFile(file, annotated, (await Deno.stat(file)).mode ?? undefined);
  return true;
}

function tell(flags: LockFlags, report: LockReport): number {
  if (flags.json) console.log(JSON.stringify(jsonReport(report)));
  else printReport(report);
  return isProven(report) ? 0 : EXIT_FAILURE;
}

/** Writes the tlog-proof of each file; whoever verifies it says whom to trust. */
async function expand(flags: LockFlags, file: string, folder: string): Promise<number> {
  const proofs = await readSidecar(sidecarOf(flags, file));
  await Deno.mkdir(folder, { recursive: true });
  for (const proof of expandTlogProofs(proofs)) {
    const name = parseEntry(proof.extra!).file;
    replaceFile(join(folder, name + PROOF_EXTENSION), formatTlogProof(proof));
  }
  const { length } = proofs.entries;
  if (flags.json) console.log(JSON.stringify({ folder, proofs: length }));
  else console.log(`${folder}: ${length} tlog-proof${length === 1 ? "" : "s"}`);
  return 0;
}

if (import.meta.main) await runMain(command);
