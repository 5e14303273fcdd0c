/**
 * What a witness prints for those who want to trust it.
 *
 * @module
 */

import { formatVkey, KeyType, type VerifierKey } from "@indelible/core";

/**
 * The witness's lines for a policy: one for each key, each under its own name.
 *
 * @param keys Its public keys.
 * @param url Where it is reached; left out where that is not known.
 */
export function policyLines(
  keys: readonly VerifierKey[],
  url?: string,
): string[] {
  return keys.map((key, i) => {
    const suffix = i > 0 && key.type === KeyType.mlDsa44 ? "/ml-dsa-44" : "";
    const words = ["witness", key.name + suffix, formatVkey(key)];
    return [...words, ...(url === undefined ? [] : [url])].join(" ");
  });
}
