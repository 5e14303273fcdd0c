/**
 * What `run` says when its command is done: one line on what the command was
 * shown, and one for each refusal that it ran into. Which of the listed files it
 * fetched, the proxy does not see, unless it serves them itself.
 *
 * @module
 */

import { type Reason, REASONS } from "./gate.ts";
import type { Status } from "./judge_page.ts";

/** What is said of a file that the registry does not list any more. */
export const VANISHED = "no longer listed, though the log has it: withdrawn, or hidden";

/** How many warnings are told: a release has many files. */
const SHOWN = 5;

/**
 * The lines.
 *
 * @param status What was served.
 * @param now The time, in milliseconds.
 */
export function summaryLines(status: Status, now: number): string[] {
  const { projects, files, met, vanished, warnings, trouble, registryTroubles } = status;
  const lines = met.map((path) => {
    const at = path.indexOf("/");
    const [reason, file] = [path.slice(0, at) as Reason, path.slice(at + 1)];
    return `refused: ${file}: ${REASONS[reason]} (deno task why ${file})`;
  });
  lines.push(...vanished.map((file) => `${file}: ${VANISHED}`));
  lines.push(...warnings.slice(0, SHOWN).map((warning) => `warning: ${warning}`));
  const more = warnings.length - SHOWN;
  if (more > 0) lines.push(`warning: ${count(more, "more file")} of such releases`);
  lines.push(...registryTroubles.map((why) => `the registry: ${why}`));
  if (trouble !== null) lines.push(`the log: ${trouble}`);
  lines.push(
    projects === 0
      ? "nothing was asked of the proxy: nothing was verified"
      : `${count(projects, "project")} asked, ${count(files, "file")} listed, ${verdict(status)}${
        seen(status, now)
      }`,
  );
  return lines;
}

function verdict({ files, passed, refused, leftOut }: Status): string {
  const vouched = passed.log + passed["first-seen"];
  const word = passed["first-seen"] > 0 ? "as first seen" : "proven by the log";
  if (vouched === files) return `all ${word}`;
  const parts = [
    [vouched, word],
    [passed.warning, "not in the log, on the registry's word"],
    [passed.exemption, "exempt, on the registry's word"],
    [refused, "refused"],
    [leftOut, "left out as too new"],
  ] as const;
  return parts.filter(([n]) => n > 0).map(([n, text]) => `${thousands(n)} ${text}`).join(", ");
}

function seen({ checkpoint }: Status, now: number): string {
  if (!checkpoint) return "";
  const { origin, size, witnesses, witnessed } = checkpoint;
  const age = witnessed === null ? "" : `, checkpoint ${ago(now - Date.parse(witnessed))} old`;
  return ` (${origin}, size ${thousands(size)}, ${count(witnesses.length, "witness")}${age})`;
}

/** A span of time in its largest unit. */
function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

function count(n: number, noun: string): string {
  const plural = noun.endsWith("s") ? `${noun}es` : `${noun}s`;
  return `${thousands(n)} ${n === 1 ? noun : plural}`;
}

function thousands(n: number): string {
  return n.toLocaleString("en-US");
}
