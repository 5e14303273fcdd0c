/**
 * Whom to trust, for programs that need not know where the log is.
 *
 * @module
 */

import type { Policy } from "@indelible/core";
import { UsageError } from "@indelible/core/command";
import { defaultTrust } from "../proxy/settings.ts";
import { loadTrust, type TrustFlags } from "../trust.ts";

/** The flags that say whom to trust, else the defaults. */
export async function trustFlags({ policy, publicKey }: TrustFlags): Promise<TrustFlags> {
  if (policy === undefined && publicKey === undefined) {
    const defaults = await defaultTrust();
    return defaults.policy === undefined ? {} : { policy: defaults.policy };
  }
  return { ...(policy !== undefined && { policy }), ...(publicKey !== undefined && { publicKey }) };
}

/**
 * The policy that they name.
 *
 * @throws {UsageError} If whom to trust is not said.
 */
export async function policyOf(flags: TrustFlags): Promise<Policy> {
  const policy = await loadTrust(await trustFlags(flags));
  if (policy) return policy;
  throw new UsageError(
    "whom to trust is not said: give --policy=F, or --public-key=F for a log without witnesses",
  );
}
