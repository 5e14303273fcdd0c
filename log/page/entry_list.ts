/**
 * A list of entries: the file, what happened to it, its digest, and whether it is
 * under the head.
 *
 * @module
 */

import { encodeHex, excerpt, parseUtf8 } from "@indelible/core";
import { type Child, code, element } from "./dom.ts";
import { formatCount } from "./format.ts";
import type { ProvenEntry } from "./proven_entry.ts";
import { under, type VerdictKind } from "./verdict.ts";
import { verdictMark } from "./verdict_mark.ts";

/** Lists entries. Those that are not verified say why. */
export function entryList(entries: readonly ProvenEntry[], head: VerdictKind): HTMLElement {
  return element("ol", { class: "rows entries" }, ...entries.map((entry) => row(entry, head)));
}

function row(proven: ProvenEntry, head: VerdictKind): HTMLElement {
  const { index, entry } = proven;
  const verdict = under(head, proven.verdict);
  const link = element(
    "a",
    { href: `#/entry/${index}`, dir: "ltr" },
    entry ? entry.file : `Entry ${formatCount(index)}`,
  );
  const notes: Child[] = [];
  if (entry) {
    if (entry.event !== "publish") notes.push(element("strong", {}, eventText(entry.event)), " · ");
    notes.push(code(`sha256:${encodeHex(entry.digest).slice(0, 16)}…`));
    if (entry.ecosystem !== "pypi") notes.push(` · ${entry.ecosystem}`);
  } else {
    notes.push(readableText(proven.bytes));
  }
  const why = verdict.kind === "verified" ? [] : [element("p", { class: "why" }, verdict.why)];
  return element(
    "li",
    { class: verdict.kind },
    element("span", { class: "row-index", label: `Entry ${index}` }, formatCount(index)),
    element("span", { class: "row-name" }, link),
    verdictMark(verdict.kind),
    element("span", { class: "row-note" }, ...notes),
    ...why,
  );
}

const EVENT_TEXT: Readonly<Record<string, string>> = {
  publish: "published",
  yank: "yanked",
  unyank: "no longer yanked",
  remove: "removed",
  restore: "restored",
  review: "reviewed",
};

/** An event in plain words. */
export const eventText = (event: string): string => EVENT_TEXT[event] ?? event;

/** The start of bytes that are no statement, as text that can show and hide nothing. */
export function readableText(bytes: Uint8Array | null, length = 80): string {
  if (!bytes) return "";
  try {
    return excerpt(parseUtf8(bytes), length);
  } catch {
    return `${bytes.length} bytes that are no text`;
  }
}
