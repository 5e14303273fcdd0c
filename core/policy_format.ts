/**
 * A policy written out as a file (C2SP tlog-policy): what a log runs with, for those who
 * want to trust it, and the keys by which a piece of evidence was judged.
 *
 * @module
 */

import { formatVkey } from "./key.ts";
import type { Policy } from "./policy.ts";

/**
 * Writes a policy.
 *
 * @param policy What it says.
 * @returns A file that `parsePolicy` reads as the same policy.
 */
export function formatPolicy({ logs, witnesses, groups, quorum }: Policy): string {
  const lines = [
    ...logs.map(({ key, url }) => `log ${formatVkey(key)}${after(url)}`),
    ...witnesses.map(({ name, key, url }) =>
      `witness ${textOf(name)} ${formatVkey(key)}${after(url)}`
    ),
    ...[...groups].map(([name, { threshold, members }]) =>
      `group ${textOf(name)} ${threshold} ${members.map(textOf).join(" ")}`
    ),
    `quorum ${quorum === null ? "none" : textOf(quorum)}`,
  ];
  return lines.join("\n") + "\n";
}

function after(url: string | null): string {
  return url === null ? "" : ` ${textOf(url)}`;
}

/** What is octets in a policy, each a char of the same code, as text. */
function textOf(octets: string): string {
  return new TextDecoder().decode(Uint8Array.from(octets, (char) => char.charCodeAt(0)));
}
