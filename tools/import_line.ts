/**
 * What is imported: one published file a line, and the sources such lines come
 * from. A line that cannot be imported stays in its place, with the reason, so
 * that line numbers and resuming agree.
 *
 * @module
 */

import {
  checkFile,
  type JsonObject,
  parseChecksum,
  parseJson,
  type Publisher,
  utf8,
} from "@indelible/core";
import { createHash } from "node:crypto";
import { BulkBody } from "./bulk_body.ts";
import { cannot } from "./files.ts";
import { asObject, text } from "./json_members.ts";
import { eachLine, LF, lineBlocks } from "./line_blocks.ts";
import { addPlainLine } from "./plain_line.ts";

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

/** Lines of a source on their way into a log. */
export interface ImportChunk {
  /** How many lines of the source they are. */
  readonly lines: number;
  /** Those that can be imported, as the log takes them. */
  readonly body: BulkBody;
  /** The others: their places among the lines, in order, and what is wrong with them. */
  readonly unusable: readonly { readonly offset: number; readonly why: string }[];
}

/** How large chunks are, and what all lines have in common. */
export interface ChunkOptions {
  /** The most lines in one. */
  readonly lines: number;
  /** About the most bytes in one. */
  readonly bytes: number;
  /** Who published, unless a line says so itself. */
  readonly publisher?: Publisher;
}

/** Where lines come from. */
export interface ImportSource {
  /** What the user calls it. */
  readonly name: string;
  /** SHA-256 of its content, in hexadecimal: what a resumed import goes by. */
  readonly key: string;
  /** How many lines it has. */
  readonly total: number;
  /** Its lines from one on (0 is the first). */
  chunks(from: number, options: ChunkOptions): AsyncIterable<ImportChunk>;
}

/** The longest line that is read, in bytes. */
const MAX_LINE = 1 << 20;
/** Bytes that are read from a file at once. */
const READ_BYTES = 1 << 20;

/** A chunk under construction. */
class GrowingChunk implements ImportChunk {
  readonly body: BulkBody;
  readonly unusable: { offset: number; why: string }[] = [];
  readonly #options: ChunkOptions;

  constructor(options: ChunkOptions, before?: GrowingChunk) {
    this.#options = options;
    // It will be about as long as the one before it.
    this.body = new BulkBody(before?.body.end);
  }

  get lines(): number {
    return this.body.count + this.unusable.length;
  }

  get isFull(): boolean {
    const { lines, bytes } = this.#options;
    return this.lines >= lines || this.body.end >= bytes;
  }

  add(line: ImportLine): void {
    if (line.kind === "file") this.body.add(line, this.#options.publisher);
    else this.unusable.push({ offset: this.lines, why: line.why });
  }
}

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
 * A file of JSON lines, each like the body of `/add`: `filename` and `checksum`,
 * and what else that takes. Members it does not know are ignored.
 *
 * @param path The file. It is read twice: once for its digest, once to import.
 */
export async function openJsonLines(path: string): Promise<ImportSource> {
  const hash = createHash("sha256");
  let total = 0;
  try {
    for await (const block of lineBlocks(piecesOf(path), MAX_LINE)) {
      hash.update(block);
      eachLine(block, () => total++);
    }
  } catch (error) {
    throw cannot("read", path, "--from", error);
  }
  const chunks = (from: number, options: ChunkOptions) => readChunks(path, from, options);
  return { name: path, key: hash.digest("hex"), total, chunks };
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const length = await file.read(buffer);
    if (length === null) return;
    yield buffer.subarray(0, length);
  }
}

async function* readChunks(
  path: string,
  from: number,
  options: ChunkOptions,
): AsyncGenerator<ImportChunk> {
  const publisher = options.publisher ? utf8(JSON.stringify(options.publisher)) : NOTHING;
  let chunk = new GrowingChunk(options);
  let skip = from;
  for await (const block of lineBlocks(piecesOf(path), MAX_LINE)) {
    for (let at = 0; at < block.length; at++) {
      const plain = skip > 0 ? -1 : addPlainLine(block, at, block.length, chunk.body, publisher);
      if (plain >= 0) at = plain;
      else {
        const next = block.indexOf(LF, at);
        const line = block.subarray(at, next < 0 ? block.length : next);
        at += line.length;
        if (skip > 0) {
          skip--;
          continue;
        }
        chunk.add(parseLine(line));
      }
      if (!chunk.isFull) continue;
      yield chunk;
      chunk = new GrowingChunk(options, chunk);
    }
  }
  if (chunk.lines > 0) yield chunk;
}

const NOTHING = new Uint8Array(0);

/** A line of a source, of any spelling. */
export function parseLine(line: Uint8Array): ImportLine {
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
    async *chunks(from, options) {
      let chunk = new GrowingChunk(options);
      for (const line of lines.slice(from)) {
        chunk.add(line);
        if (!chunk.isFull) continue;
        yield chunk;
        chunk = new GrowingChunk(options);
      }
      if (chunk.lines > 0) yield chunk;
    },
  };
}
