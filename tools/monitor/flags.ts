/**
 * The command line of `monitor`: its flags, what they need of each other, and what the
 * program may touch for them.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";
import { parseDuration, type Permissions, UsageError } from "@indelible/core/command";
import { readSmallFile } from "../files.ts";
import { hostOf } from "../http_client.ts";
import { parseLogSource, permissionsForSource } from "../log_source.ts";
import { type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { parseFileHost } from "../recover/registry.ts";
import { TRUST_FLAGS, trustPaths } from "../trust.ts";
import { CHANNEL_FLAGS, type ChannelFlags, channelPermissions } from "./alerts/channels.ts";
import type { LogFormat } from "./logging.ts";
import { type LogsFlags, namedLogs } from "./logs.ts";
import { parseRule, parseWatchFile, type Rule, RULE_KINDS, type RuleKind } from "./rules.ts";
import { SCAN_SOURCES } from "./scan_crew.ts";

/** Flags of `monitor`. */
export type MonitorFlags = LogsFlags & { [Name in keyof ChannelFlags]: ChannelFlags[Name] } & {
  /** The state folder. */
  readonly state: string;
  /** Whether to end after one pass over each log. */
  readonly once: boolean;
  /** Whether to go on. */
  readonly follow: boolean;
  /** Time between passes. */
  readonly interval: number;
  /** See `head_conditions.ts`; all in milliseconds. */
  readonly maxAge: number;
  readonly stallAfter: number;
  readonly silentAfter: number;
  readonly unreachableAfter: number;
  readonly lagAfter: number;
  /** Rules, a flag for each kind. */
  readonly project?: readonly Rule[];
  readonly filename?: readonly Rule[];
  readonly checksum?: readonly Rule[];
  readonly publisher?: readonly Rule[];
  readonly filenameRegex?: readonly Rule[];
  readonly checksumRegex?: readonly Rule[];
  readonly publisherRegex?: readonly Rule[];
  readonly guard?: readonly Rule[];
  /** A file of rules. */
  readonly watch?: string;
  /** Whether files are fetched and compared. */
  readonly checkArtifacts: boolean;
  /** Where from. */
  readonly index?: PackageIndex;
  readonly fileHost?: readonly URL[];
  readonly filesPerMinute: number;
  readonly recheckAfter: number;
  /** Where `/healthz` and `/metrics` are. */
  readonly listen?: Listen;
  /** How log lines are written. */
  readonly logFormat: LogFormat;
};

/** An address to listen on. */
export interface Listen {
  /** Its host. */
  readonly hostname: string;
  /** Its port; 0 picks a free one. */
  readonly port: number;
}

function rules(kind: RuleKind, placeholder: string, brief: string) {
  return {
    kind: "parsed",
    parse: (pattern: string) => parseRule(kind, pattern),
    optional: true,
    variadic: true,
    placeholder,
    brief,
  } as const;
}

function duration(byDefault: string, brief: string) {
  return { kind: "parsed", parse: parseDuration, default: byDefault, brief } as const;
}

function flag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

/** The flag that says where state is kept; `monitor authorize` has it too. */
export const STATE_FLAG = {
  kind: "parsed",
  parse: String,
  placeholder: "DIR",
  brief: "Folder that remembers how far it is, with alerts, evidence and what was authorised",
} as const;

/** Those flags, as the command takes them. */
export const MONITOR_FLAGS = {
  log: {
    kind: "parsed",
    parse: parseLogSource,
    optional: true,
    variadic: true,
    brief: "URL of a log, or a folder with its checkpoint and tiles; may be given more than once",
  },
  logs: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: "File of logs, each line a log and its policy file",
  },
  ...TRUST_FLAGS,
  state: STATE_FLAG,
  once: flag("Make one pass, deliver alerts, and end (the default)"),
  follow: flag("Go on until it is stopped"),
  interval: duration("10s", "Time between passes"),
  maxAge: duration("24h", "How old the newest cosignature may be before that is told"),
  stallAfter: duration("24h", "How long a log may not grow before that is told"),
  silentAfter: duration("1h", "How long checkpoints may lack a witness before that is told"),
  unreachableAfter: duration("5m", "How long a log may be out of reach before that is told"),
  lagAfter: duration("15m", "How long ago the last pass may have been before that is told"),
  project: rules("project", "GLOB", "Tell of each entry of a project"),
  filename: rules("filename", "GLOB", "Tell of each entry of a file name"),
  checksum: rules("checksum", "GLOB", "Tell of each entry with a digest"),
  publisher: rules("publisher", "GLOB", 'Tell of each entry by a publisher, "ISSUER SUBJECT"'),
  filenameRegex: rules("filename-regex", "RE2", "Likewise, file names by an RE2 expression"),
  checksumRegex: rules("checksum-regex", "RE2", "Likewise, checksums by an RE2 expression"),
  publisherRegex: rules("publisher-regex", "RE2", "Likewise, publishers by an RE2 expression"),
  guard: rules("guard", "PROJECT", "Tell of whatever of a project was not authorised"),
  watch: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: `File of rules, each line one of ${RULE_KINDS.join(", ")}, and a pattern`,
  },
  checkArtifacts: flag("Fetch the files that are watched, or all, and compare their digests"),
  index: {
    kind: "parsed",
    parse: parseIndexUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the registry's simple index, for --check-artifacts",
  },
  fileHost: {
    kind: "parsed",
    parse: parseFileHost,
    optional: true,
    variadic: ",",
    placeholder: "URL",
    brief: "Origin that files are fetched from, if not the index's own",
  },
  filesPerMinute: {
    kind: "parsed",
    parse: parseRate,
    default: "60",
    brief: "Pages and files to fetch a minute, also over restarts",
  },
  recheckAfter: duration("24h", "How long ago a file may have been fetched before it is again"),
  listen: {
    kind: "parsed",
    parse: parseListen,
    optional: true,
    placeholder: "HOST:PORT",
    brief: "Address to serve /healthz and /metrics on",
  },
  logFormat: {
    kind: "enum",
    values: ["text", "json"],
    default: "text",
    brief: "How log lines are written",
  },
  ...CHANNEL_FLAGS,
} as const;

function parseRate(text: string): number {
  const rate = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : Infinity;
  if (rate <= 100_000) return rate;
  throw new SyntaxError("it must be a whole number from 1 to 100000");
}

function parseListen(text: string): Listen {
  const [, hostname, digits] = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+):([0-9]{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (hostname !== undefined && port <= 65_535) return { hostname, port };
  throw new SyntaxError("it must be a host and a port, such as 127.0.0.1:9090");
}

/**
 * Refuses flags that contradict each other.
 *
 * @throws {UsageError} If they do.
 */
export function checkMonitorFlags(flags: MonitorFlags): void {
  if (flags.once && flags.follow) throw new UsageError("--once and --follow exclude each other");
  if (flags.checkArtifacts !== (flags.index !== undefined)) {
    throw new UsageError("--check-artifacts and --index=URL go together");
  }
  if (flags.fileHost && !flags.checkArtifacts) {
    throw new UsageError("--file-host goes with --check-artifacts");
  }
  if (flags.listen && !flags.follow) throw new UsageError("--listen goes with --follow");
}

/**
 * All the rules that the flags name.
 *
 * @throws {Error} If the watch file is not one, naming the line.
 */
export async function loadRules(flags: MonitorFlags): Promise<Rule[]> {
  const { project, filename, checksum, publisher, guard, watch } = flags;
  const { filenameRegex, checksumRegex, publisherRegex } = flags;
  const named = [project, filename, checksum, publisher, guard]
    .concat([filenameRegex, checksumRegex, publisherRegex])
    .flatMap((rules) => rules ?? []);
  if (watch === undefined) return named;
  try {
    return [...named, ...parseWatchFile(parseUtf8(await readSmallFile(watch, "--watch")))];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`Cannot use --watch ${watch}: ${error.message}`);
  }
}

/** What the program may touch. */
export async function monitorPermissions(flags: MonitorFlags): Promise<Permissions> {
  checkMonitorFlags(flags);
  const { state, watch, logs, index, fileHost = [], listen } = flags;
  const named = await namedLogs(flags);
  const sources = named.map(({ source }) => permissionsForSource(source));
  const { read = [], write = [], net = [] } = channelPermissions(flags);
  return {
    read: [
      state,
      ...SCAN_SOURCES,
      ...named.flatMap(({ trust }) => trustPaths(trust)),
      ...sources.flatMap(({ read = [] }) => read),
      ...[watch, logs].filter((path) => path !== undefined),
      ...read,
    ],
    write: [state, ...write],
    net: net === true ? net : [
      ...sources.flatMap(({ net = [] }) => net),
      ...index ? [hostOf(index.url), ...fileHost.map(hostOf)] : [],
      ...listen ? [`${listen.hostname}:${listen.port}`] : [],
      ...net,
    ],
  };
}
