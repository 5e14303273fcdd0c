/**
 * What is imported: one published file a line, and the sources such lines come
 * from. A line that cannot be imported stays in its place, with the reason, so
 * that line numbers and resuming agree.
 *
 * @module
 */

import { checkFile, type JsonObject, parseChecksum, parseJson } from "@indelible/core";
import { createHash } from "node:crypto";
import { cannot } from "./files.ts";
import { asObject, text } from "./json_members.ts";

/** One line of a source. */
export type ImportLine =
  | {
    readonly kind: "file";
    /** The identifier. */
    readonly filename: string;
    /** `sha256:<hex>`. */
    readonly checksum: string;
    /** What else it says of the file, as `/add` takes it. */
    readonly more?: JsonObject;
  }
  | {
    readonly kind: "unusable";
    /** What is wrong with it. */
    readonly why: string;
  };

/** Where lines come from. */
export interface ImportSource {
  /** What the user calls it. */
  readonly name: string;
  /** SHA-256 of its content, in hexadecimal: what a resumed import goes by. */
  readonly key: string;
  /** How many lines it has. */
  readonly total: number;
  /** Its lines from one on (0 is the first). */
  lines(from: number): AsyncIterable<ImportLine>;
}

/** The longest line that is read, in bytes. */
const MAX_LINE = 1 << 20;

/** A line about a file, its name and checksum checked; the log checks the rest. */
export function fileLine(filename: string, checksum: string, more?: JsonObject): ImportLine {
  try {
    checkFile(filename);
    parseChecksum(checksum);
    return { kind: "file", filename, checksum, ...(more && { more }) };
  } catch (error) {
    return { kind: "unusable", why: (error as Error).message };
  }
}

/**
 * Splits bytes into lines, without their newlines; a final newline is optional.
 *
 * @throws {SyntaxError} If a line is longer than 1 MiB.
 */
export async function* splitLines(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    let start = 0;
    for (;;) {
      const end = piece.indexOf(0x0a, start);
      if (end < 0) break;
      yield join(rest, piece.subarray(start, end));
      rest = new Uint8Array(0);
      start = end + 1;
    }
    rest = join(rest, piece.subarray(start));
    if (rest.length > MAX_LINE) {
      throw new SyntaxError("a line is longer than 1 MiB");
    }
  }
  if (rest.length > 0) yield rest;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/**
 * A file of JSON lines, each like the body of `/add`: `filename` and `checksum`,
 * and what else that takes. Members it does not know are ignored.
 *
 * @param path The file. It is read twice: once for its digest, once to import.
 */
export async function openJsonLines(path: string): Promise<ImportSource> {
  const hash = createHash("sha256");
  let total = 0;
  try {
    using file = await Deno.open(path);
    const tap = async function* () {
      for await (const piece of file.readable) {
        hash.update(piece);
        yield piece;
      }
    };
    for await (const _ of splitLines(tap())) total++;
  } catch (error) {
    throw cannot("read", path, "--from", error);
  }
  async function* lines(from: number): AsyncGenerator<ImportLine> {
    using file = await Deno.open(path);
    let at = 0;
    for await (const line of splitLines(file.readable)) {
      if (at++ >= from) yield parseLine(line);
    }
  }
  return { name: path, key: hash.digest("hex"), total, lines };
}

function parseLine(line: Uint8Array): ImportLine {
  try {
    const object = asObject(parseJson(line), "the line");
    return fileLine(text(object, "filename"), text(object, "checksum"), moreOf(object));
  } catch (error) {
    return { kind: "unusable", why: (error as Error).message };
  }
}

/** Without an ecosystem or an event `/add` makes a PyPI publication, which has no more than a publisher. */
function moreOf(line: JsonObject): JsonObject | undefined {
  const v2 = line["ecosystem"] !== undefined || line["event"] !== undefined;
  const names = v2
    ? ["ecosystem", "event", "package", "native", "size", "publisher", "attestation"]
    : ["publisher"];
  const members = names.filter((name) => line[name] !== undefined);
  if (members.length === 0) return undefined;
  return Object.fromEntries(members.map((name) => [name, line[name]!]));
}

/** A source that is in memory already. */
export function sourceOf(
  name: string,
  lines: readonly ImportLine[],
): ImportSource {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(JSON.stringify(line) + "\n");
  return {
    name,
    key: hash.digest("hex"),
    total: lines.length,
    async *lines(from) {
      yield* lines.slice(from);
    },
  };
}
