/**
 * What `proxy`, `run` and `why` have in common on their command lines: the
 * registry, whom to trust, what to do with files that nobody vouches for; what
 * they may touch for that; and the settings that come of it.
 *
 * @module
 */

import { normalizeProject, type Policy } from "@indelible/core";
import { parseDuration, type Permissions, UsageError } from "@indelible/core/command";
import { join } from "node:path";
import { type Defaults, loadDefaults, permissionsForDefaults, userFolder } from "../defaults.ts";
import { readSmallFile } from "../files.ts";
import { hostOf, parseLogUrl } from "../http_client.ts";
import { letIn, type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { INDEX_VARIABLE, PIP_PROGRAMS } from "../pip_index.ts";
import { parseProvenancePolicy, type ProvenancePolicy } from "../provenance/policy.ts";
import { THRESHOLD_FLAG } from "../sig/threshold.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "../trust.ts";
import { type Glob, parseGlob } from "./glob.ts";

/** The variable that names the log, when no flag does. */
export const LOG_VARIABLE = "INDELIBLE_LOG";
/** The variable that names the policy file, when no flag does. */
export const POLICY_VARIABLE = "INDELIBLE_POLICY";

/** The common flags. */
export type JudgingFlags = TrustFlags & {
  /** The registry's index, when it is not pip's. */
  readonly upstream?: PackageIndex;
  /** The log. */
  readonly log?: URL;
  /** Whether what was seen first counts, in place of a log. */
  readonly tofu: boolean;
  /** What to do with files that the log does not have. */
  readonly onMissing: "refuse" | "warn";
  /** Projects that the log need not know. */
  readonly exempt?: readonly Glob[];
  /** How old what the log showed may be, in milliseconds. */
  readonly maxAge?: number;
  /** How old files must be, in milliseconds. */
  readonly cooldown?: number;
  /** The file that says who may publish and build. */
  readonly provenancePolicy?: string;
  /** Whose certificates and logs verify attestations. */
  readonly trustedRoot?: string;
  /** Whether what the log's history warns of is refused. */
  readonly strict: boolean;
  /** The home of Signet whose trusted keys must have reviewed what is installed. */
  readonly reviews?: string;
  /** The projects that must be reviewed, if not all. */
  readonly reviewed?: readonly Glob[];
  /** How many trusted keys that takes, if not as many as the home's settings say. */
  readonly reviewThreshold?: number;
  /** Where the trusted head and first-seen digests are. */
  readonly stateDir?: string;
  /** Where proven files are. */
  readonly cacheDir?: string;
};

/** Those flags, as a command takes them. */
export const JUDGING_FLAGS = {
  upstream: {
    kind: "parsed",
    parse: parseIndexUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the registry's simple index (default: pip's)",
  },
  log: {
    kind: "parsed",
    parse: parseLogUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the log (default: the configuration's, else the policy's)",
  },
  ...TRUST_FLAGS,
  tofu: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Without a log: the digest that is seen first is the one for ever",
  },
  onMissing: {
    kind: "enum",
    values: ["refuse", "warn"],
    default: "refuse",
    brief: "Files that the log does not have: refuse, or take the registry's word and say so",
  },
  exempt: {
    kind: "parsed",
    parse: (text: string) => parseGlob(normalizeProject(text)),
    optional: true,
    variadic: ",",
    placeholder: "GLOB",
    brief: "Private projects: the log is not asked about them and the registry's word is taken",
  },
  maxAge: {
    kind: "parsed",
    parse: parseDuration,
    optional: true,
    brief: "How old cosignatures may be (default: any age), and proofs " +
      "while the log is away (default: 24h)",
  },
  cooldown: {
    kind: "parsed",
    parse: parseDuration,
    optional: true,
    brief: "Leave files out that are newer than this, such as 3d",
  },
  provenancePolicy: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "Who may publish and build which projects, and which must prove it",
  },
  trustedRoot: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "Sigstore's trusted_root.json for provenance (default: its production root)",
  },
  strict: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Refuse what the log's history warns of: a new publisher, provenance that is gone",
  },
  reviews: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Home of `sig`: what its trusted keys mark bad is refused, what they do not review, too",
  },
  reviewed: {
    kind: "parsed",
    parse: (text: string) => parseGlob(normalizeProject(text)),
    optional: true,
    variadic: ",",
    placeholder: "GLOB",
    brief: "With --reviews: the projects that must be reviewed (default: all)",
  },
  reviewThreshold: THRESHOLD_FLAG,
  stateDir: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder of the trusted heads (default: ~/.local/state/indelible)",
  },
  cacheDir: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder of proven files (default: ~/.cache/indelible)",
  },
} as const;

/** What the flags and defaults come to. */
export interface Settings {
  /** The log and whom to trust; `null` with `--tofu`. */
  readonly trust: { readonly log: URL; readonly policy: Policy } | null;
  /** Who may publish and build; `null` when nothing is said. */
  readonly provenance: ProvenancePolicy | null;
  /** Where the trusted head and first-seen digests are. */
  readonly stateDir: string;
  /** Where proven files are. */
  readonly cacheDir: string;
}

/**
 * Works out what the flags leave to defaults.
 *
 * @throws {UsageError} If the flags contradict each other, or leave open whom to trust.
 */
export async function settingsOf(flags: JudgingFlags): Promise<Settings> {
  const { tofu, policy, publicKey } = flags;
  const stateDir = flags.stateDir ?? userFolder(".local/state/indelible", "--state-dir");
  const cacheDir = flags.cacheDir ?? userFolder(".cache/indelible", "--cache-dir");
  const provenance = await loadProvenancePolicy(flags);
  if (flags.reviews === undefined && (flags.reviewed || flags.reviewThreshold !== undefined)) {
    throw new UsageError("--reviewed and --review-threshold go with --reviews");
  }
  if (tofu) {
    if (flags.log || policy !== undefined || publicKey !== undefined) {
      throw new UsageError("--tofu needs no log: leave out --log, --policy and --public-key");
    }
    if (flags.strict) throw new UsageError("--strict goes by the log's history: --tofu has none");
    return { trust: null, provenance, stateDir, cacheDir };
  }
  const defaults = isComplete(flags) ? {} : await defaultTrust();
  const trusted = await loadTrust(
    policy === undefined && publicKey === undefined && defaults.policy !== undefined
      ? { policy: defaults.policy }
      : { ...(policy !== undefined && { policy }), ...(publicKey !== undefined && { publicKey }) },
  );
  if (!trusted) {
    throw new UsageError("whom to trust is not said: give --log and --policy, or --tofu");
  }
  const log = flags.log ?? urlOf(defaults.log ?? trusted.logs[0]?.url ?? null);
  if (!log) throw new UsageError("where the log is is not said: give --log");
  return { trust: { log, policy: trusted }, provenance, stateDir, cacheDir };
}

async function loadProvenancePolicy(
  { provenancePolicy: path, trustedRoot }: JudgingFlags,
): Promise<ProvenancePolicy | null> {
  if (path === undefined) {
    if (trustedRoot === undefined) return null;
    throw new UsageError("--trusted-root goes with --provenance-policy");
  }
  const bytes = await readSmallFile(path, "--provenance-policy");
  try {
    return parseProvenancePolicy(bytes);
  } catch (error) {
    throw new Error(`Cannot use --provenance-policy ${path}: ${(error as Error).message}`);
  }
}

/** The log and the policy of the environment, else of the configuration. */
export async function defaultTrust(): Promise<Pick<Defaults, "log" | "policy">> {
  const log = Deno.env.get(LOG_VARIABLE);
  const policy = Deno.env.get(POLICY_VARIABLE);
  const defaults = log && policy ? {} : await loadDefaults();
  return { ...defaults, ...(log && { log }), ...(policy && { policy }) };
}

/** Whether no default is needed for whom to trust. */
function isComplete({ log, policy, publicKey, tofu }: JudgingFlags): boolean {
  return tofu || (log !== undefined && (policy !== undefined || publicKey !== undefined));
}

function urlOf(text: string | null): URL | null {
  return text === null ? null : parseLogUrl(text);
}

/** What judging takes: the log, the registry, the folders. */
export async function permissionsForJudging(flags: JudgingFlags): Promise<Permissions> {
  const { trust, stateDir, cacheDir } = await settingsOf(flags);
  const defaults = isComplete(flags) ? {} : permissionsForDefaults();
  const defaultPolicy = isComplete(flags) ? undefined : (await defaultTrust()).policy;
  const folders = [stateDir, cacheDir];
  const common = {
    read: [
      ...folders,
      ...trustPaths(flags),
      ...[flags.provenancePolicy, flags.trustedRoot, flags.reviews].filter((path) =>
        path !== undefined
      ),
      ...(defaultPolicy === undefined ? [] : [defaultPolicy]),
      ...defaults.read ?? [],
    ],
    write: folders,
    env: [
      ...new Set(["HOME", INDEX_VARIABLE, LOG_VARIABLE, POLICY_VARIABLE, ...defaults.env ?? []]),
    ],
  };
  const index = upstreamOf(flags);
  // The launcher has asked pip already; without it, the answer may be any host.
  if (!index) return { ...common, net: true, run: PIP_PROGRAMS };
  return { ...common, net: [hostOf(index.url), ...(trust ? [hostOf(trust.log)] : [])] };
}

/** The registry: the one that is named, else the one that the launcher found. */
export function upstreamOf({ upstream }: JudgingFlags): PackageIndex | null {
  const found = indexOfVariable();
  return upstream ? letIn(upstream, found) : found;
}

/** The index that the launcher found, if it had to. */
export function indexOfVariable(): PackageIndex | null {
  const url = Deno.env.get(INDEX_VARIABLE);
  return url ? parseIndexUrl(url) : null;
}

/** Where the trusted heads are. */
export function headsFolder({ stateDir }: Pick<Settings, "stateDir">): string {
  return join(stateDir, "heads");
}
