/**
 * `requirements.txt` with hashes, as pip reads it. pip forgives much; here a line
 * that is not of a form known to be harmless is refused, so that pip cannot read
 * anything else in it.
 *
 * It has no file names: a digest allows whichever file of that release has it.
 *
 * @module
 */

import { excerpt, parseUtf8 } from "@indelible/core";
import { filenameOf, type LockFile, PackagePins, splitDigest } from "./lock_file.ts";

/** Lines of options that change where files come from or how they are chosen, not which bytes are allowed. */
const HARMLESS = new RegExp(
  "^(?:--(?:index-url|extra-index-url|find-links|no-binary|only-binary|trusted-host|use-feature)" +
    "(?:=| +)\\S+|-[if] +\\S+|--(?:no-index|prefer-binary|require-hashes|pre))$",
);
const INCLUDE = /^(?:-r|-c|--requirement|--constraint)\b/;
const EDITABLE = /^(?:-e|--editable)\b/;

const NAME = "([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)";
const EXTRAS = "(?:\\s*\\[[A-Za-z0-9._,\\s-]*\\])?";
const MARKER = "(?:;.*)?";
const PINNED = new RegExp(`^${NAME}${EXTRAS}\\s*===?\\s*([A-Za-z0-9.!+_-]+)\\s*${MARKER}$`);
const DIRECT = new RegExp(`^${NAME}${EXTRAS}\\s*@\\s*(\\S+)(?:\\s+${MARKER})?$`);
const NAMED = new RegExp(`^${NAME}`);
const HASH = /^--hash(?:=| +)(\S+)(?: +|$)/;

/** What splits lines for Python but not for people, and other controls. */
const HIDDEN = /[^\P{C}\n\r\t]|[\u2028\u2029]/u;
const CODING = /^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8\b)[-\w.]+/i;

interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * Reads a requirements.txt.
 *
 * @throws {SyntaxError} If a line is of no known form, naming it.
 */
export function parseRequirements(bytes: Uint8Array): LockFile {
  const text = parseUtf8(bytes);
  if (HIDDEN.test(text)) throw new SyntaxError("it holds a character that does not show");
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.slice(0, 2).some((line) => CODING.test(line))) {
    throw new SyntaxError("it declares another encoding than UTF-8");
  }
  const pins = new PackagePins();
  for (const line of logicalLines(lines)) {
    try {
      addLine(line.text, pins);
    } catch (error) {
      throw new SyntaxError(`line ${line.number}: ${(error as Error).message}`);
    }
  }
  return pins.lockFile;
}

/** Lines joined at their backslashes, then without comments, as pip does; none empty. */
function logicalLines(lines: readonly string[]): Line[] {
  const joined: Line[] = [];
  let open: Line | null = null;
  lines.forEach((text, i) => {
    // A comment ends what it stands in, whatever its own last character is.
    const isComment = /^\s*#/.test(text);
    const before: Line = open ?? { number: i + 1, text: "" };
    if (text.endsWith("\\") && !isComment) {
      open = { ...before, text: before.text + text.replace(/^\\+|\\+$/g, "") };
    } else {
      joined.push({ ...before, text: before.text + (isComment ? ` ${text}` : text) });
      open = null;
    }
  });
  if (open) joined.push(open);
  return joined
    .map(({ number, text }) => ({ number, text: text.replace(/(?:^|\s)\s*#.*$/, "").trim() }))
    .filter(({ text }) => text !== "");
}

function addLine(line: string, pins: PackagePins): void {
  if (HARMLESS.test(line)) return;
  if (INCLUDE.test(line)) {
    throw new SyntaxError(
      `it goes on in another file: lock that by itself, or put all into one: "${excerpt(line)}"`,
    );
  }
  if (EDITABLE.test(line)) {
    return pins.addUnprovable(null, excerpt(line), "is editable, so any bytes would do");
  }
  const start = line.search(/\s-/);
  const requirement = (start < 0 ? line : line.slice(0, start)).trim();
  const digests = hashesOf(start < 0 ? "" : line.slice(start).trim());
  const pinned = PINNED.exec(requirement);
  if (pinned) return pins.addFile(pinned[1]!, pinned[2]!, null, digests);
  const direct = DIRECT.exec(requirement);
  if (direct) return addDirect(direct[1]!, direct[2]!, digests, pins);
  const project = NAMED.exec(requirement)?.[1];
  if (project === undefined || /^[^;]*[/\\]/.test(requirement)) {
    throw new SyntaxError(
      `expected NAME==VERSION or NAME @ URL, with --hash: received "${excerpt(line)}"`,
    );
  }
  pins.addUnprovable(project, excerpt(requirement), "is not pinned to one version with ==");
}

function hashesOf(options: string): (readonly [string, string])[] {
  const digests: (readonly [string, string])[] = [];
  for (let rest = options; rest !== "";) {
    const match = HASH.exec(rest);
    if (!match) throw new SyntaxError(`expected only --hash options: received "${excerpt(rest)}"`);
    digests.push(splitDigest(match[1]!));
    rest = rest.slice(match[0].length);
  }
  return digests;
}

/** A digest in the URL's fragment counts beside those of `--hash`. */
function addDirect(
  project: string,
  url: string,
  digests: readonly (readonly [string, string])[],
  pins: PackagePins,
): void {
  if (/^[a-z]+\+/i.test(url)) {
    return pins.addUnprovable(project, project, "comes from version control");
  }
  const fragment = url.split("#")[1] ?? "";
  const inUrl = fragment.split("&").map(splitDigest)
    .filter(([name]) => /^(?:md5|sha[0-9]+)$/.test(name));
  pins.addFile(project, null, filenameOf(url), [...digests, ...inUrl]);
}
