/**
 * Whom this browser trusts for the log: the policy that it remembers, else the one
 * that the log states on the first visit. A log that later states another policy
 * is not followed; the reader is told what differs and decides.
 *
 * @module
 */

import {
  equalBytes,
  formatPolicy,
  parsePolicy,
  parseVkey,
  type Policy,
  policyOfLog,
  utf8,
  type VerifierKey,
} from "@indelible/core";
import { listNames } from "./format.ts";
import type { LogClient } from "./log_client.ts";
import type { Remembered } from "./remembered.ts";
import type { LogStatus } from "./status.ts";
import { Unavailable } from "./verdict.ts";

/** Whom to trust, and why. */
export interface Trust {
  /** The policy in force. */
  readonly policy: Policy;
  /** Its text. */
  readonly text: string;
  /** Where it is from. */
  readonly source: "first-visit" | "remembered" | "own";
  /** The last head that was verified under it. */
  readonly lastNote: Uint8Array | null;
  /** The other policy that the log states now, and what differs; `null` when it is the same. */
  readonly other: { readonly text: string; readonly differs: string } | null;
}

/**
 * Decides whom to trust.
 *
 * @throws {Unavailable} If nothing is remembered and the log states neither policy nor key.
 * @throws {SyntaxError} If what it states is malformed.
 */
export async function decideTrust(
  remembered: Remembered | null,
  status: LogStatus,
  client: LogClient,
): Promise<Trust> {
  if (!remembered) {
    const text = await statedPolicy(status, client);
    if (text === null) throw new Unavailable("The log states neither its policy nor its key.");
    const policy = parsePolicy(utf8(text));
    return { policy, text, source: "first-visit", lastNote: null, other: null };
  }
  const { policy: text, own, note } = remembered;
  const policy = parsePolicy(utf8(text));
  const stated = own ? null : await statedPolicy(status, client).catch(() => null);
  const differs = stated === null ? "" : difference(policy, stated);
  return {
    policy,
    text,
    source: own ? "own" : "remembered",
    lastNote: note,
    other: stated !== null && differs !== "" ? { text: stated, differs } : null,
  };
}

/** The policy that the log states, or one of its key alone. */
async function statedPolicy(status: LogStatus, client: LogClient): Promise<string | null> {
  if (status.policy !== null) return status.policy;
  const key = await client.resource(".well-known/public-key");
  const vkey = key ? new TextDecoder().decode(key).trim() : status.vkey;
  return vkey === null ? null : formatPolicy(policyOfLog(parseVkey(vkey)));
}

/** What two policies differ in, as far as it changes what they accept; empty when nothing does. */
function difference(policy: Policy, statedText: string): string {
  let stated: Policy;
  try {
    stated = parsePolicy(utf8(statedText));
  } catch {
    return "it cannot be read";
  }
  const parts: string[] = [];
  if (!sameKeys(policy.logs, stated.logs)) parts.push("the log’s keys");
  if (!sameKeys(policy.witnesses, stated.witnesses)) parts.push("the witnesses");
  if (quorumOf(policy) !== quorumOf(stated)) parts.push("how many witnesses must cosign");
  return listNames(parts);
}

function sameKeys(a: readonly { key: VerifierKey }[], b: readonly { key: VerifierKey }[]): boolean {
  return a.length === b.length &&
    a.every(({ key }) =>
      b.some((other) =>
        other.key.keyId === key.keyId && equalBytes(other.key.publicKey, key.publicKey)
      )
    );
}

function quorumOf({ quorum, groups }: Policy): string {
  return JSON.stringify([quorum, [...groups]]);
}
