/**
 * The command line of `recover`: its flags, what they need of each other, and what
 * the program may touch for them.
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { parseDuration, type Permissions, UsageError } from "@indelible/core/command";
import { join } from "node:path";
import { type Defaults, loadDefaults, permissionsForDefaults, userFolder } from "../defaults.ts";
import { pathsToReplace } from "../files.ts";
import { hostOf } from "../http_client.ts";
import { type LogSource, parseLogSource, permissionsForSource } from "../log_source.ts";
import { checkProject, type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { INDEX_VARIABLE } from "../pip_index.ts";
import { TRUST_FLAGS, type TrustFlags, trustPaths } from "../trust.ts";
import { parseFileHost } from "./registry.ts";
import { notePath } from "./report_note.ts";

/** Flags of `recover`. */
export type RecoverFlags = TrustFlags & {
  /** The registry's index. */
  readonly index?: PackageIndex;
  /** The log. */
  readonly log?: LogSource;
  /** Projects to look at; all of the log's without. */
  readonly project?: readonly string[];
  /** Origins that files may be fetched from, besides the index's own. */
  readonly fileHost?: readonly URL[];
  /** Whether only pages are read. */
  readonly metadataOnly: boolean;
  /** Fetches a minute. */
  readonly filesPerMinute: number;
  /** How long ago things may have been looked at, in milliseconds. */
  readonly maxAge?: number;
  /** For how long to begin new fetches, in milliseconds. */
  readonly for?: number;
  /** The mirror. */
  readonly mirror?: string;
  /** Folders with good copies. */
  readonly source?: readonly string[];
  /** Whether to restore the mirror. */
  readonly apply: boolean;
  /** Whether what the mirror misses stays so. */
  readonly replacedOnly: boolean;
  /** Where what is moved aside goes. */
  readonly quarantine?: string;
  /** Where bytes that are not as logged are kept. */
  readonly keep?: string;
  /** Where state is kept. */
  readonly stateDir?: string;
  /** Where the report goes. */
  readonly report?: string;
  /** The key that signs it. */
  readonly privateKey?: string;
  /** A report whose signature is to be checked. */
  readonly checkReport?: string;
  /** Whether to answer in JSON Lines. */
  readonly json: boolean;
};

function parseRate(text: string): number {
  const rate = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : Infinity;
  if (rate <= 100_000) return rate;
  throw new SyntaxError("it must be a whole number from 1 to 100000");
}

function path(brief: string) {
  return { kind: "parsed", parse: String, optional: true, placeholder: "PATH", brief } as const;
}

function flag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

/** Those flags, as the command takes them. */
export const RECOVER_FLAGS = {
  index: {
    kind: "parsed",
    parse: parseIndexUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the registry's simple index",
  },
  log: {
    kind: "parsed",
    parse: parseLogSource,
    optional: true,
    brief:
      "URL of the log, or a folder with its checkpoint and tiles (default: the configuration's)",
  },
  ...TRUST_FLAGS,
  project: {
    kind: "parsed",
    parse: (text: string) => normalizeProject(checkProject(text)),
    optional: true,
    variadic: ",",
    brief: "Project to look at; may be given more than once (default: every project of the log)",
  },
  fileHost: {
    kind: "parsed",
    parse: parseFileHost,
    optional: true,
    variadic: ",",
    placeholder: "URL",
    brief:
      "Origin that files are fetched from, if not the index's own, such as https://files.example",
  },
  metadataOnly: flag("Read the lists only and fetch no files"),
  filesPerMinute: {
    kind: "parsed",
    parse: parseRate,
    default: "60",
    brief: "Pages and files to fetch a minute, also over several runs",
  },
  maxAge: {
    kind: "parsed",
    parse: parseDuration,
    optional: true,
    brief: "Leave out what was looked at so lately, such as 7d (default: look at everything again)",
  },
  for: {
    kind: "parsed",
    parse: parseDuration,
    optional: true,
    brief: "Stop after so long, such as 50m; the next run goes on",
  },
  mirror: path("Folder of a mirror to check, and to look for good copies in"),
  source: {
    kind: "parsed",
    parse: String,
    optional: true,
    variadic: ",",
    placeholder: "DIR",
    brief: "Folder to look for good copies in; may be given more than once",
  },
  apply: flag("Restore the mirror by the plan"),
  replacedOnly: flag("Put back what was replaced, but not what the mirror does not have"),
  quarantine: path("Folder for what is moved out of the mirror (default: MIRROR.quarantine)"),
  keep: path("Folder for the bytes that the registry serves and nobody logged, as evidence"),
  stateDir: path("Folder that remembers how far it is (default: ~/.local/state/indelible)"),
  report: path("File to write the report to, as JSON Lines"),
  privateKey: path("File with the key that signs the report, into REPORT.note"),
  checkReport: path("Check the signature of a report by --public-key, and nothing else"),
  json: flag("Print the report as JSON Lines"),
} as const;

/**
 * Refuses flags that contradict each other.
 *
 * @throws {UsageError} If they do.
 */
export function checkFlags(flags: RecoverFlags): void {
  const { checkReport, index, mirror, publicKey, fileHost, metadataOnly } = flags;
  if (checkReport !== undefined) {
    if (publicKey === undefined) {
      throw new UsageError("--check-report needs --public-key=F, the key that signs reports");
    }
    return;
  }
  if (!index && mirror === undefined) {
    throw new UsageError("what to look at is not said: give --index=URL, --mirror=DIR or both");
  }
  if (!index && (fileHost || metadataOnly || flags.keep !== undefined)) {
    throw new UsageError("--file-host, --metadata-only and --keep go with --index");
  }
  if (metadataOnly && flags.keep !== undefined) {
    throw new UsageError("--keep needs files to be fetched: leave out --metadata-only");
  }
  if (mirror === undefined && (flags.apply || flags.replacedOnly || flags.quarantine)) {
    throw new UsageError("--apply, --replaced-only and --quarantine go with --mirror");
  }
  if (flags.privateKey !== undefined && flags.report === undefined) {
    throw new UsageError("--private-key signs what --report=F writes: give both");
  }
}

/** Where things are that flags may leave out. */
export interface Places {
  /** The log. */
  readonly log: LogSource;
  /** Whom to trust. */
  readonly trust: TrustFlags;
  /** Where the trusted heads are. */
  readonly heads: string;
  /** Where the states are. */
  readonly states: string;
}

/** Finds them. */
export async function placesOf(flags: RecoverFlags): Promise<Places> {
  const { policy, publicKey } = flags;
  const defaults: Defaults = isComplete(flags) ? {} : await loadDefaults();
  const log = flags.log ?? (defaults.log === undefined ? null : parseLogSource(defaults.log));
  if (!log) throw new UsageError("which log is not said: give --log=URL");
  const trust = policy === undefined && publicKey === undefined ? defaults : flags;
  const folder = flags.stateDir ?? userFolder(".local/state/indelible", "--state-dir");
  return {
    log,
    trust: {
      ...(trust.policy !== undefined && { policy: trust.policy }),
      ...("publicKey" in trust && trust.publicKey !== undefined && { publicKey: trust.publicKey }),
    },
    heads: join(folder, "heads"),
    states: join(folder, "recover"),
  };
}

function isComplete({ log, policy, publicKey }: RecoverFlags): boolean {
  return log !== undefined && (policy !== undefined || publicKey !== undefined);
}

/** The quarantine folder: beside the mirror, where nobody serves it. */
export function quarantineOf(flags: RecoverFlags): string {
  return flags.quarantine ?? `${flags.mirror!.replace(/\/+$/, "")}.quarantine`;
}

/** What the program may touch. */
export async function permissionsFor(flags: RecoverFlags): Promise<Permissions> {
  checkFlags(flags);
  const { checkReport, publicKey, index, mirror, report, apply, keep } = flags;
  if (checkReport !== undefined) {
    return { read: [checkReport, notePath(checkReport), publicKey!] };
  }
  const { log, trust, heads, states } = await placesOf(flags);
  const source = permissionsForSource(log);
  const defaults = isComplete(flags) ? {} : permissionsForDefaults();
  const written = [
    heads,
    states,
    ...report === undefined ? [] : [...pathsToReplace(report), ...pathsToReplace(notePath(report))],
    ...keep === undefined ? [] : [keep],
    ...apply ? [mirror!, quarantineOf(flags)] : [],
  ];
  return {
    read: [
      ...written,
      ...trustPaths(trust),
      ...source.read ?? [],
      ...defaults.read ?? [],
      ...[mirror, flags.privateKey].filter((path) => path !== undefined),
      ...flags.source ?? [],
    ],
    write: written,
    net: [
      ...source.net ?? [],
      ...index ? [hostOf(index.url), ...(flags.fileHost ?? []).map(hostOf)] : [],
    ],
    env: [
      ...new Set([
        ...flags.stateDir === undefined ? ["HOME"] : [],
        ...index ? [INDEX_VARIABLE] : [],
        ...defaults.env ?? [],
      ]),
    ],
  };
}
