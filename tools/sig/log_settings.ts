/**
 * The log of an act of `sig`: the flags that name it, whom to trust, where its trusted
 * head is, and what it takes to ask it.
 *
 * @module
 */

import type { FetchResource, Policy } from "@indelible/core";
import type { Permissions } from "@indelible/core/command";
import { permissionsForDefaults } from "../defaults.ts";
import { HeadFiles } from "../head_files.ts";
import { hostOf, parseLogUrl } from "../http_client.ts";
import { openSource } from "../log_source.ts";
import { trustFlags } from "../lock/offline_trust.ts";
import { headsFolder, LOG_VARIABLE, POLICY_VARIABLE, settingsOf } from "../proxy/settings.ts";
import { TRUST_FLAGS, type TrustFlags, trustPaths } from "../trust.ts";
import { TrustedHead } from "../trusted_head.ts";

/** Flags that name a log. */
export type LogFlags = TrustFlags & {
  /** The log. */
  readonly log?: URL;
  /** Where the trusted heads are. */
  readonly stateDir?: string;
};

/** Those flags, as a command takes them. */
export const LOG_FLAGS = {
  ...TRUST_FLAGS,
  log: {
    kind: "parsed",
    parse: parseLogUrl,
    optional: true,
    placeholder: "URL",
    brief: "URL of the log (default: the configuration's, else the policy's)",
  },
  stateDir: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder of the trusted heads (default: ~/.local/state/indelible)",
  },
} as const;

/** A log to ask. */
export interface OpenLog {
  /** Its URL. */
  readonly url: URL;
  /** Whom to trust. */
  readonly policy: Policy;
  /** Judges its checkpoints. */
  readonly trusted: TrustedHead;
  /** Reads its tiles. */
  readonly fetch: FetchResource;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

async function logSettings(flags: LogFlags) {
  // What belongs to a proxy alone is left at nothing.
  const { policy, publicKey, log, stateDir } = flags;
  const settings = await settingsOf({
    ...(policy !== undefined && { policy }),
    ...(publicKey !== undefined && { publicKey }),
    ...(log && { log }),
    ...(stateDir !== undefined && { stateDir }),
    cacheDir: "",
    tofu: false,
    onMissing: "refuse",
    strict: false,
  });
  return { ...settings.trust!, heads: headsFolder(settings) };
}

/**
 * Opens the log.
 *
 * @throws {UsageError} If which log, or whom to trust, is not said.
 */
export async function openLog(flags: LogFlags, signal: AbortSignal): Promise<OpenLog> {
  const { log: url, policy, heads } = await logSettings(flags);
  const fetch = await openSource({ kind: "url", url }, signal);
  return {
    url,
    policy,
    trusted: new TrustedHead(policy, new HeadFiles(heads), fetch),
    fetch,
    signal,
  };
}

/** What asking it takes. */
export async function permissionsForLog(flags: LogFlags): Promise<Permissions> {
  const { log, heads } = await logSettings(flags);
  const isTrustSaid = flags.policy !== undefined || flags.publicKey !== undefined;
  const isComplete = isTrustSaid && flags.log !== undefined;
  const defaults = isComplete ? {} : permissionsForDefaults();
  return {
    read: [heads, ...trustPaths(await trustFlags(flags)), ...defaults.read ?? []],
    write: [heads],
    net: [hostOf(log)],
    env: [
      "HOME",
      ...defaults.env ?? [],
      ...(isComplete ? [] : [LOG_VARIABLE, POLICY_VARIABLE]),
    ],
  };
}

/** Permissions together. */
export function together(...all: readonly Permissions[]): Permissions {
  const union = (kind: "read" | "write" | "env" | "run" | "sys") => [
    ...new Set(all.flatMap((one) => one[kind] ?? [])),
  ];
  const nets = all.map(({ net = [] }) => net);
  const net = nets.includes(true) ? true : [...new Set(nets.flatMap((one) => one as string[]))];
  return {
    read: union("read"),
    write: union("write"),
    env: union("env"),
    run: union("run"),
    sys: union("sys"),
    net,
  };
}
