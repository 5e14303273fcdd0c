/**
 * Which logs to follow, and whom to trust for each: `--log` with one policy for all, or a
 * file with a line for each log:
 *
 * ```text
 * # where it is read, and its policy file
 * https://log.example/ example.policy
 * /var/lib/indelible   own.policy
 * ```
 *
 * A log's state is kept under its origin. The policy says it, unless it trusts logs of
 * several origins: then the one with the log's URL counts.
 *
 * @module
 */

import { encodeHex, parseUtf8, type Policy, sha256, utf8 } from "@indelible/core";
import { UsageError } from "@indelible/core/command";
import { dirname, join, resolve } from "node:path";
import { readSmallFile } from "../files.ts";
import { describe } from "../http_client.ts";
import { type LogSource, parseLogSource } from "../log_source.ts";
import { loadTrust, type TrustFlags } from "../trust.ts";

/** A log and the files that say whom to trust. */
export interface NamedLog {
  /** Where it is read. */
  readonly source: LogSource;
  /** Whom to trust, as flags name it. */
  readonly trust: TrustFlags;
}

/** A log to follow. */
export interface FollowedLog {
  /** Where it is read. */
  readonly source: LogSource;
  /** Its origin. */
  readonly origin: string;
  /** Whom to trust: keys of this origin, and witnesses. */
  readonly policy: Policy;
}

/** Flags that name logs. */
export type LogsFlags = TrustFlags & {
  /** Logs that share a policy. */
  readonly log?: readonly LogSource[];
  /** A file that names logs. */
  readonly logs?: string;
};

/**
 * The logs that the flags name.
 *
 * @throws {UsageError} If they name none, or leave open whom to trust.
 */
export async function namedLogs(flags: LogsFlags): Promise<NamedLog[]> {
  const { log = [], logs, policy, publicKey } = flags;
  if (log.length === 0 && logs === undefined) {
    throw new UsageError("which log is not said: give --log=URL, or --logs=F");
  }
  const trust = {
    ...policy !== undefined && { policy },
    ...publicKey !== undefined && { publicKey },
  };
  if (log.length > 0 && policy === undefined && publicKey === undefined) {
    throw new UsageError("whom to trust is not said: give --policy=F or --public-key=F");
  }
  const named = log.map((source) => ({ source, trust }));
  if (logs === undefined) return named;
  const text = parseUtf8(await readSmallFile(logs, "--logs"));
  return [...named, ...parseLogs(text, logs)];
}

function parseLogs(text: string, path: string): NamedLog[] {
  return text.split("\n").flatMap((whole, i) => {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) return [];
    const [source = "", policy, ...extra] = line.split(/\s+/);
    if (policy === undefined || extra.length > 0) {
      throw new UsageError(`--logs ${path}: line ${i + 1}: it must be a log and its policy file`);
    }
    try {
      // Paths are relative to the file that names them.
      const parsed = parseLogSource(source);
      const at = parsed.kind === "folder"
        ? { ...parsed, path: resolve(dirname(path), parsed.path) }
        : parsed;
      return [{ source: at, trust: { policy: resolve(dirname(path), policy) } }];
    } catch (error) {
      throw new UsageError(`--logs ${path}: line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

/**
 * Loads the policies, and finds each log's origin.
 *
 * @throws {UsageError} If an origin is not said, or two logs have one.
 */
export async function followedLogs(named: readonly NamedLog[]): Promise<FollowedLog[]> {
  const logs: FollowedLog[] = [];
  for (const { source, trust } of named) {
    const policy = (await loadTrust(trust))!;
    const origin = originOf(policy, source);
    if (logs.some((other) => other.origin === origin)) {
      throw new UsageError(`two logs are named ${origin}: follow it once`);
    }
    logs.push({
      source,
      origin,
      policy: { ...policy, logs: policy.logs.filter(({ key }) => key.name === origin) },
    });
  }
  return logs;
}

function originOf({ logs }: Policy, source: LogSource): string {
  const origins = new Set(logs.map(({ key }) => key.name));
  if (origins.size === 1) return logs[0]!.key.name;
  const here = source.kind === "url" ? source.url.href : source.path;
  const own = new Set(
    logs.filter(({ url }) => url !== null && url.replace(/\/*$/, "/") === here)
      .map(({ key }) => key.name),
  );
  const [origin] = own;
  if (own.size === 1) return origin!;
  const where = source.kind === "url" ? describe(source.url) : source.path;
  throw new UsageError(
    `the policy trusts logs of several origins, and none has the URL ${where}: name it there`,
  );
}

/** The folder of a log's state. */
export function logFolder(state: string, origin: string): string {
  // An origin may hold any character.
  return join(state, "logs", encodeHex(sha256(utf8(origin)).subarray(0, 8)));
}
