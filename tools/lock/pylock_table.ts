/**
 * Where a pylock.toml says which log vouches for it: a table
 * `[packages.tool.indelible]` at the end of each package. It is put in as text,
 * so that nothing else in the file changes by a byte; what comes of it is parsed
 * again and compared, so that no odd spelling makes it anything else.
 *
 * @module
 */

import {
  parseCheckpoint,
  parseEntry,
  parseNote,
  parseUtf8,
  type TlogProofs,
  utf8,
} from "@indelible/core";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify, type TomlTable } from "smol-toml";
import { filesByPackage } from "./pylock.ts";

/** What the table of a package says. */
export interface LoggedPackage {
  /** The log's origin. */
  readonly log: string;
  /** The tree size of the checkpoint that the sidecar has. */
  readonly checkpointSize: bigint;
  /** The leaf index of each of its files. */
  readonly leafIndices: ReadonlyMap<string, bigint>;
}

const HEADER = "[packages.tool.indelible]";
const PACKAGE = /^\s*\[\[\s*packages\s*\]\]\s*(?:#.*)?$/;
const TABLE = /^\s*\[/;
const OF_PACKAGE = /^\s*\[\[?\s*packages\s*\./;
const NOTHING = /^\s*(?:#.*)?$/;

/**
 * Says in a pylock.toml which log has its packages.
 *
 * @param bytes The file.
 * @param proofs What proves it.
 * @returns The new file; `null` if its spelling leaves no place for tables.
 */
export function annotatePylock(
  bytes: Uint8Array,
  { checkpoint, entries }: TlogProofs,
): Uint8Array<ArrayBuffer> | null {
  const { origin, size } = parseCheckpoint(parseNote(checkpoint).text);
  const known = new Map(entries.map(({ index, entry }) => [parseEntry(entry).file, index]));
  const packages = filesByPackage(bytes).map((files) => {
    const logged = files.flatMap((file) => known.has(file) ? [[file, known.get(file)!]] : []);
    const leafIndices = new Map(logged as [string, bigint][]);
    return leafIndices.size > 0 ? { log: origin, checkpointSize: size, leafIndices } : null;
  });
  return writeTables(bytes, packages);
}

/**
 * Writes the tables into a pylock.toml, in place of those that are there.
 *
 * @param bytes The file.
 * @param packages What to say of each package, in the file's order; `null` for none.
 * @returns The new file; `null` if its spelling leaves no place for tables.
 */
export function writeTables(
  bytes: Uint8Array,
  packages: readonly (LoggedPackage | null)[],
): Uint8Array<ArrayBuffer> | null {
  const text = parseUtf8(bytes);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = withoutTables(text.split(/(?<=\n)/));
  const starts = lines.flatMap((line, at) => PACKAGE.test(line.trimEnd()) ? [at] : []);
  if (starts.length !== packages.length) return null;
  // From the last package to the first, so that the places before stay what they are.
  for (const [i, start] of [...starts.entries()].reverse()) {
    const logged = packages[i];
    if (!logged) continue;
    const at = endOfPackage(lines, start);
    if (!lines[at - 1]!.endsWith("\n")) lines[at - 1] += newline;
    lines.splice(at, 0, ...tableOf(logged).map((line) => line + newline));
  }
  const annotated = lines.join("");
  return saysTheSame(text, annotated, packages) ? utf8(annotated) : null;
}

/** The lines without our tables and the blank line before each. */
function withoutTables(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let inside = false;
  for (const line of lines) {
    if (line.trim() === HEADER) {
      inside = true;
      if (kept.at(-1)?.trim() === "") kept.pop();
    } else if (inside && (line.trim() === "" || TABLE.test(line))) {
      inside = false;
    }
    if (!inside) kept.push(line);
  }
  return kept;
}

/** One beyond the last line of a package that says something. */
function endOfPackage(lines: readonly string[], start: number): number {
  let end = start + 1;
  for (let at = end; at < lines.length; at++) {
    const line = lines[at]!.trimEnd();
    if (TABLE.test(line) && (PACKAGE.test(line) || isOtherTable(line))) break;
    if (!NOTHING.test(line)) end = at + 1;
  }
  return end;
}

/** A header that is not of a package; `[` also starts lines of lists. */
function isOtherTable(line: string): boolean {
  return /^\[\[?\s*[A-Za-z0-9_"'-]/.test(line) && line.endsWith("]") && !OF_PACKAGE.test(line);
}

function tableOf({ log, checkpointSize, leafIndices }: LoggedPackage): string[] {
  const indices = [...leafIndices].map(([file, index]) => `${quoted(file)} = ${index}`);
  return [
    "",
    HEADER,
    `log = ${quoted(log)}`,
    `checkpoint-size = ${checkpointSize}`,
    `leaf-indices = { ${indices.join(", ")} }`,
  ];
}

function quoted(text: string): string {
  return stringify({ _: text }).trim().slice("_ = ".length);
}

/** Whether both files say the same but for our tables, and these what they should. */
function saysTheSame(
  before: string,
  after: string,
  packages: readonly (LoggedPackage | null)[],
): boolean {
  try {
    const [had, has] = [before, after].map((text) => parse(text, { integersAsBigInt: "asNeeded" }));
    const tables = takeTables(has!);
    takeTables(had!);
    return isDeepStrictEqual(had, has) &&
      packages.every((logged, i) => isDeepStrictEqual(tables[i], logged ? valueOf(logged) : null));
  } catch {
    return false;
  }
}

/** Takes our tables out of a parsed file. */
function takeTables(file: TomlTable): unknown[] {
  return (file["packages"] as TomlTable[]).map((entry) => {
    const tool = entry["tool"] as TomlTable | undefined;
    const table = tool?.["indelible"] ?? null;
    if (tool) delete tool["indelible"];
    if (tool && Object.keys(tool).length === 0) delete entry["tool"];
    return table;
  });
}

function valueOf(logged: LoggedPackage): unknown {
  const text = tableOf(logged).slice(2).join("\n");
  return parse(text, { integersAsBigInt: "asNeeded" });
}
