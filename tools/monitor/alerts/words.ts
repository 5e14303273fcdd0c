/**
 * Alerts in words, for people: what a mail and a feed say. What comes from entries is
 * hostile; what would hide, turn or break lines stands escaped.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import type { Notice } from "./channel.ts";

/** The longest text of an entry that is shown. */
const LONGEST = 2_000;
const LONGEST_SUBJECT = 150;

/** One line that says what it is. */
export function subjectOf({ severity, summary }: Notice): string {
  return `[${severity}] ${printable(summary, LONGEST_SUBJECT)}`;
}

/** All of it, as plain text. */
export function textOf(notice: Notice): string {
  const { kind, origin, time, id, summary, facts, evidenceFile } = notice;
  const lines = [
    printable(summary, LONGEST),
    "",
    `Alert:    ${kind}`,
    `Log:      ${printable(origin, LONGEST)}`,
    `Time:     ${time}`,
    ...evidenceFile === undefined ? [] : [
      `Evidence: ${evidenceFile} in the monitor's evidence folder`,
      `          check it with: deno task verify-evidence ${evidenceFile} --policy=F`,
    ],
    "",
    ...Object.entries(facts).map(([name, value]) =>
      `${printable(name, 60)}: ${
        printable(typeof value === "string" ? value : JSON.stringify(value), LONGEST)
      }`
    ),
    "",
    `Id:       ${id}`,
  ];
  return lines.join("\n") + "\n";
}

function printable(text: string, length: number): string {
  return excerpt(text, length);
}
