/**
 * The command line of `lock`: its flags, what they come to, and what it may touch
 * for them: with `--check` and `--expand` never the network.
 *
 * @module
 */

import { normalizeProject, type Policy } from "@indelible/core";
import { parseDuration, type Permissions, UsageError } from "@indelible/core/command";
import { basename } from "node:path";
import { permissionsForDefaults } from "../defaults.ts";
import { pathsToReplace } from "../files.ts";
import { hostOf, parseLogUrl } from "../http_client.ts";
import { letIn, type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { INDEX_VARIABLE } from "../pip_index.ts";
import { type Glob, parseGlob } from "../proxy/glob.ts";
import {
  headsFolder,
  indexOfVariable,
  LOG_VARIABLE,
  POLICY_VARIABLE,
  type Settings,
  settingsOf,
} from "../proxy/settings.ts";
import { TRUST_FLAGS, type TrustFlags, trustPaths } from "../trust.ts";
import { formatOf, LOCK_FORMATS, type LockFormat } from "./formats.ts";
import { trustFlags } from "./offline_trust.ts";
import { SIDECAR_EXTENSION } from "./sidecar.ts";

/** Flags of `lock`. */
export type LockFlags = TrustFlags & {
  /** Whether to check against the sidecar, offline. */
  readonly check: boolean;
  /** The folder for a tlog-proof of each file. */
  readonly expand?: string;
  /** The log. */
  readonly log?: URL;
  /** The index, when it is not pip's. */
  readonly index?: PackageIndex;
  /** The sidecar, when it is not beside the lock file. */
  readonly proofs?: string;
  /** The lock file's format, when its name does not say it. */
  readonly format?: LockFormat;
  /** Projects that no log need vouch for. */
  readonly exempt?: readonly Glob[];
  /** How old cosignatures may be, in milliseconds. */
  readonly maxAge?: number;
  /** Whether a pylock.toml is told its log. */
  readonly writeTable: boolean;
  /** Where the trusted heads are. */
  readonly stateDir?: string;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** Those flags, as the command takes them. */
export const LOCK_FLAGS = {
  ...TRUST_FLAGS,
  check: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Check against the sidecar, offline",
  },
  expand: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Write a tlog-proof of each file of the sidecar into this folder",
  },
  log: {
    kind: "parsed",
    parse: parseLogUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the log (default: the configuration's, else the policy's)",
  },
  index: {
    kind: "parsed",
    parse: parseIndexUrl,
    optional: true,
    placeholder: "URL",
    brief: "Package index that knows the files of a requirements.txt (default: pip's)",
  },
  proofs: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: `Sidecar (default: FILE${SIDECAR_EXTENSION})`,
  },
  format: {
    kind: "enum",
    values: LOCK_FORMATS,
    optional: true,
    brief: "Format of FILE, if its name does not say it",
  },
  exempt: {
    kind: "parsed",
    parse: (text: string) => parseGlob(normalizeProject(text)),
    optional: true,
    variadic: ",",
    placeholder: "GLOB",
    brief: "Private projects, which need not be logged",
  },
  maxAge: {
    kind: "parsed",
    parse: parseDuration,
    optional: true,
    brief: "How old the witnesses' cosignatures may be, such as 24h or 7d",
  },
  writeTable: {
    kind: "boolean",
    default: true,
    brief: "Say in a pylock.toml which log has its packages, as [packages.tool.indelible]",
  },
  stateDir: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder of the trusted heads (default: ~/.local/state/indelible)",
  },
  json: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Print the result as JSON",
  },
} as const;

/** Whether nothing but files is needed. */
function isOffline({ check, expand }: LockFlags): boolean {
  return check || expand !== undefined;
}

/**
 * Refuses flags that contradict each other.
 *
 * @throws {UsageError} If they do.
 */
export function checkFlags(flags: LockFlags): void {
  const { check, expand, log, index } = flags;
  if (check && expand !== undefined) {
    throw new UsageError("--check and --expand are two things to do: give one of them");
  }
  if (isOffline(flags) && (log || index)) {
    throw new UsageError("--check and --expand need no network: leave out --log and --index");
  }
}

/** Where the sidecar is. */
export function sidecarOf({ proofs }: LockFlags, file: string): string {
  return proofs ?? file + SIDECAR_EXTENSION;
}

/**
 * The format of a lock file.
 *
 * @throws {UsageError} If neither the flags nor its name say it.
 */
export function lockFormat({ format }: LockFlags, file: string): LockFormat {
  const found = format ?? formatOf(basename(file));
  if (found) return found;
  throw new UsageError(
    `what format ${file} has is not said by its name: give --format=${LOCK_FORMATS.join("|")}`,
  );
}

/** What asking the log takes. */
export async function onlineSettings(flags: LockFlags): Promise<
  { readonly log: URL; readonly policy: Policy; readonly heads: string }
> {
  const settings: Settings = await settingsOf({
    ...flags,
    tofu: false,
    onMissing: "refuse",
    strict: false,
  });
  return { ...settings.trust!, heads: headsFolder(settings) };
}

/**
 * Whether the package index must be known.
 *
 * @param flags The flags.
 * @param file The lock file.
 */
export function needsIndex(flags: LockFlags, file: string): boolean {
  return !isOffline(flags) && lockFormat(flags, file) === "requirements.txt";
}

/**
 * The package index.
 *
 * @throws {UsageError} If it is not known.
 */
export function indexOf({ index }: LockFlags): PackageIndex {
  const known = index ? letIn(index, indexOfVariable()) : indexOfVariable();
  if (known) return known;
  throw new UsageError("the package index is not known: name it with --index=URL");
}

/** What `lock` may touch. */
export async function permissionsForLock(flags: LockFlags, file: string): Promise<Permissions> {
  checkFlags(flags);
  const proofs = sidecarOf(flags, file);
  if (flags.expand !== undefined) return { read: [proofs, flags.expand], write: [flags.expand] };
  const { policy, publicKey, log } = flags;
  const isTrustSaid = policy !== undefined || publicKey !== undefined;
  const isComplete = isTrustSaid && (flags.check || log !== undefined);
  const defaults = isComplete ? {} : permissionsForDefaults();
  const variables = [...defaults.env ?? [], ...(isComplete ? [] : [LOG_VARIABLE, POLICY_VARIABLE])];
  const read = [file, proofs, ...trustPaths(await trustFlags(flags)), ...defaults.read ?? []];
  if (flags.check) return { read, env: variables };
  const format = lockFormat(flags, file);
  const settings = await onlineSettings(flags);
  const written = [proofs, ...(format === "pylock.toml" && flags.writeTable ? [file] : [])]
    .flatMap(pathsToReplace);
  const index = needsIndex(flags, file) ? indexOf(flags) : null;
  return {
    read: [...read, ...written, settings.heads],
    write: [...written, settings.heads],
    net: [hostOf(settings.log), ...(index ? [hostOf(index.url)] : [])],
    // HOME leads to the user's folders.
    env: ["HOME", ...variables, ...(index ? [INDEX_VARIABLE] : [])],
  };
}
