/**
 * The programs that `deno task` starts and `deno task compile` builds, by name.
 * Commands are loaded when asked for, so one that cannot be loaded does not keep
 * the others from starting.
 *
 * @module
 */

import type { Command } from "@indelible/core/command";
import { PIP_PROGRAMS } from "../tools/pip_index.ts";
import { prepareImport } from "./prepare_import.ts";
import { prepareInstall, prepareProxy } from "./prepare_proxy.ts";

/** A program of the project. */
export interface Program {
  /** Its module, relative to this folder; it exports `command`. */
  readonly module: string;
  /**
   * What its binary may do. A binary's permissions are fixed before its flags are
   * known, so they are kinds of access rather than files and hosts.
   */
  readonly compiled: readonly string[];
  /** What its binary holds besides what its module imports: workers, kernels, files of a page. */
  readonly include?: readonly string[];
  /** Its binary's name, if it has one of its own; by default `indelible-<name>`. */
  readonly binary?: string;
  /**
   * Finds out what must be known before its permissions can be computed; gives
   * the hosts that it may connect to besides those of its flags, if any.
   */
  // deno-lint-ignore no-explicit-any -- each program has flags of its own.
  readonly prepare?: (flags: any, ...args: any[]) => Promise<readonly string[] | void>;
}

/** A command whose flags are nobody's business here. */
// deno-lint-ignore no-explicit-any -- each program has flags of its own.
export type AnyCommand = Command<any, any>;

const READ = "--allow-read";
const WRITE = "--allow-write";
const NET = "--allow-net";
const DEFAULTS = "--allow-env=HOME,INDELIBLE_CONFIG";

const LOG_PERMISSIONS = [READ, WRITE, NET, "--allow-sys=statfs"];
const KERNEL = [
  "../core/kernel/sha256_kernel.wasm",
  "../core/kernel/sha256_scalar.wasm",
  "../core/kernel/entry_scan.wasm",
];
const LOG_INCLUDES = [
  "../log/hash_worker.ts",
  "../log/second_opinion_worker.ts",
  "../log/search/search_worker.ts",
  "../log/storage/ledger_sqlite_worker.ts",
  "../log/page/dist",
  ...KERNEL,
];

const PROXY_PERMISSIONS = [
  ...LOG_PERMISSIONS,
  `${DEFAULTS},INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL`,
  `--allow-run=${PIP_PROGRAMS.join(",")}`,
];

const WITNESS_PERMISSIONS = [READ, WRITE, NET, "--allow-env=PG*"];

/** Every program by its name, as in `deno task <name>`; one of two words is an act of the first. */
export const PROGRAMS: ReadonlyMap<string, Program> = new Map(
  Object.entries<Program>({
    start: { module: "./start.ts", compiled: LOG_PERMISSIONS, include: LOG_INCLUDES },
    log: { module: "../log/main.ts", compiled: LOG_PERMISSIONS, include: LOG_INCLUDES },
    keygen: { module: "../tools/keygen.ts", compiled: [READ, WRITE] },
    "publisher-add": { module: "../tools/publisher_add.ts", compiled: [READ, WRITE] },
    add: { module: "../tools/add.ts", compiled: [READ, WRITE, NET, DEFAULTS] },
    verify: { module: "../tools/verify.ts", compiled: [READ, DEFAULTS] },
    "verify-evidence": { module: "../tools/verify_evidence.ts", compiled: [READ] },
    provenance: { module: "../tools/provenance/provenance.ts", compiled: [READ] },
    import: {
      module: "../tools/import.ts",
      compiled: [
        READ,
        WRITE,
        NET,
        `${DEFAULTS},PIP_INDEX_URL`,
        `--allow-run=${PIP_PROGRAMS.join(",")}`,
      ],
      prepare: prepareImport,
    },
    fsck: {
      module: "../tools/fsck.ts",
      compiled: [READ, NET],
      include: ["../tools/fsck_worker.ts", ...KERNEL],
    },
    monitor: {
      module: "../tools/monitor/monitor.ts",
      compiled: [READ, WRITE, NET],
      include: ["../tools/monitor/scan_worker.ts", ...KERNEL],
    },
    "monitor authorize": {
      module: "../tools/monitor/authorize.ts",
      compiled: [READ, WRITE],
    },
    "make-corpus": { module: "../tools/make_corpus.ts", compiled: [WRITE] },
    canary: { module: "../tools/canary.ts", compiled: [READ, NET] },
    witness: {
      module: "../witness/main.ts",
      compiled: WITNESS_PERMISSIONS,
      // Loaded when asked for: it brings the witness's databases along.
      prepare: async (flags) => (await import("./prepare_witness.ts")).prepareWitness(flags),
    },
    "witness-add-key": { module: "../witness/add_key.ts", compiled: WITNESS_PERMISSIONS },
    "witness-list": { module: "../witness/list.ts", compiled: WITNESS_PERMISSIONS },
    "witness-disable": { module: "../witness/disable.ts", compiled: WITNESS_PERMISSIONS },
    "witness-status": { module: "../tools/witness_status.ts", compiled: [READ, NET] },
    proxy: {
      module: "./proxy.ts",
      compiled: PROXY_PERMISSIONS,
      include: LOG_INCLUDES,
      prepare: prepareProxy,
    },
    lock: {
      module: "../tools/lock/lock.ts",
      compiled: [READ, WRITE, NET, `${DEFAULTS},INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL`],
      prepare: async (flags, file) => (await import("./prepare_lock.ts")).prepareLock(flags, file),
    },
    "proxy install": {
      module: "../tools/proxy/install.ts",
      compiled: [READ, WRITE, `${DEFAULTS},PIP_INDEX_URL`, "--allow-sys=uid,gid"],
      prepare: prepareInstall,
    },
    "proxy uninstall": {
      module: "../tools/proxy/uninstall.ts",
      compiled: [READ, WRITE, `${DEFAULTS},PIP_INDEX_URL`, "--allow-sys=uid,gid"],
    },
    run: {
      module: "./run.ts",
      // Any command may be named.
      compiled: [...PROXY_PERMISSIONS.slice(0, -1), "--allow-run"],
      include: LOG_INCLUDES,
      prepare: prepareProxy,
    },
    why: {
      module: "./why.ts",
      compiled: PROXY_PERMISSIONS,
      include: LOG_INCLUDES,
      prepare: prepareProxy,
    },
    recover: {
      module: "../tools/recover/recover.ts",
      compiled: [READ, WRITE, NET, `${DEFAULTS},PIP_INDEX_URL`],
      prepare: async (flags) => (await import("./prepare_lock.ts")).prepareRecover(flags),
    },
    installed: {
      module: "../tools/installed/installed.ts",
      compiled: [READ, WRITE, NET, `${DEFAULTS},INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL`],
      prepare: async (flags) => (await import("./prepare_lock.ts")).prepareInstalled(flags),
    },
    sig: {
      module: "../tools/sig/main.ts",
      compiled: [
        READ,
        WRITE,
        NET,
        `${DEFAULTS},SIG_DIR,INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL`,
        "--allow-run=gpg",
      ],
      binary: "sig",
      prepare: async (flags, ...names) =>
        (await import("./prepare_lock.ts")).prepareSig(flags, ...names),
    },
    vectors: { module: "../tools/vectors.ts", compiled: [READ, NET] },
  }),
);

/** The path of a file of the project that the table names. */
export function moduleUrl(relative: string): URL {
  return new URL(relative, import.meta.url);
}

/** A command line, and the arguments that are left for it. */
export interface Routed {
  /** The command. */
  readonly command: AnyCommand;
  /** Its arguments. */
  readonly args: readonly string[];
}

/**
 * Loads a program's command line. A program of several acts says itself, by `route`,
 * which of them its arguments name.
 */
export async function loadCommand({ module }: Program, args: readonly string[]): Promise<Routed> {
  const { command, route } = await import(moduleUrl(module).href);
  return route ? route(args) : { command, args };
}
