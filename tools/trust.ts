/**
 * Whom a program trusts: a policy file, or a log's public key alone. With both,
 * the policy has no log line and the key says which log it is about.
 *
 * @module
 */

import { parsePolicy, type Policy, policyOfLog } from "@indelible/core";
import { UsageError } from "@indelible/core/command";
import { readSmallFile } from "./files.ts";
import { readVkeyFile } from "./key_files.ts";

/** The flags that say whom to trust. */
export type TrustFlags = {
  /** A policy file. */
  readonly policy?: string;
  /** A file with the log's vkey. */
  readonly publicKey?: string;
};

/** Those flags, as a command takes them. */
export const TRUST_FLAGS = {
  policy: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Policy file: the trusted log and the witnesses it needs",
  },
  publicKey: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "File with the public key of a log that has no witnesses",
  },
} as const;

/** The files that the flags name. */
export function trustPaths({ policy, publicKey }: TrustFlags): string[] {
  return [policy, publicKey].filter((path) => path !== undefined);
}

/**
 * Loads the policy that the flags name.
 *
 * @param flags Their values.
 * @param prefix What their names start with, for messages: `from-` for `--from-policy`.
 * @returns The policy, or `null` when no flag is given.
 * @throws {UsageError} If the flags contradict each other or leave the log open.
 */
export async function loadTrust(flags: TrustFlags, prefix = ""): Promise<Policy | null> {
  const { policy: policyPath, publicKey } = flags;
  const [policyFlag, keyFlag] = [`--${prefix}policy`, `--${prefix}public-key`];
  if (policyPath === undefined) {
    return publicKey === undefined ? null : policyOfLog(await readVkeyFile(publicKey, keyFlag));
  }
  const bytes = await readSmallFile(policyPath, policyFlag);
  let policy: Policy;
  try {
    policy = parsePolicy(bytes);
  } catch (error) {
    throw new Error(
      `Cannot use ${policyFlag} ${policyPath}: ${(error as Error).message}`,
    );
  }
  if (publicKey === undefined) {
    if (policy.logs.length > 0) return policy;
    throw new UsageError(
      `${policyFlag} ${policyPath} names no log: name its key with ${keyFlag}`,
    );
  }
  if (policy.logs.length > 0) {
    throw new UsageError(
      `${policyFlag} ${policyPath} names its log itself: leave out ${keyFlag}`,
    );
  }
  return { ...policy, logs: policyOfLog(await readVkeyFile(publicKey, keyFlag)).logs };
}
