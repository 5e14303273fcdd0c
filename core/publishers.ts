/**
 * The publishers file: who may write to a log. One `name sha256:<hex>` a line, the
 * digest being that of the publisher's bearer token; lines that start with `#` are
 * comments. The log reads it, `publisher-add` writes it.
 *
 * @module
 */

import { parseUtf8 } from "./bytes.ts";
import { formatChecksum, parseChecksum } from "./entry.ts";
import type { Hash } from "./hash.ts";

/** One who may write to a log. */
export interface TokenHolder {
  /** The name, as the log's own records show it. */
  readonly name: string;
  /** SHA-256 of the bearer token. */
  readonly digest: Hash;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;

/**
 * Checks a publisher's name.
 *
 * @throws {SyntaxError} If it cannot be one.
 */
export function checkPublisherName(name: string): string {
  if (NAME.test(name)) return name;
  throw new SyntaxError(
    "it must be 1–64 of A-Z, a-z, 0-9 and ._@+-, and start with a letter or digit",
  );
}

/** The line of a publisher, with its newline. */
export function formatPublisherLine({ name, digest }: TokenHolder): string {
  return `${checkPublisherName(name)} ${formatChecksum(digest)}\n`;
}

/**
 * Parses a publishers file.
 *
 * @throws {SyntaxError} If a line is malformed or a name or digest stands twice.
 */
export function parsePublishers(file: Uint8Array): TokenHolder[] {
  const publishers: TokenHolder[] = [];
  const seen = new Set<string>();
  for (const [i, text] of parseUtf8(file).split("\n").entries()) {
    const line = text.trim();
    if (line === "" || line.startsWith("#")) continue;
    // The line is not quoted: it may hold a token by mistake, and this is logged.
    const fail = (why: string) => new SyntaxError(`Cannot read publishers: line ${i + 1}: ${why}`);
    const [name = "", checksum = "", ...extra] = line.split(/[ \t]+/);
    if (extra.length > 0) throw fail('must be "name sha256:<hex>"');
    try {
      checkPublisherName(name);
    } catch (error) {
      throw fail(`before the digest stands a name: ${(error as Error).message}`);
    }
    let digest: Hash;
    try {
      digest = parseChecksum(checksum);
    } catch {
      throw fail('after the name must be "sha256:" and 64 lowercase hexadecimal digits');
    }
    for (const identity of [name, formatChecksum(digest)]) {
      if (seen.has(identity)) throw fail(`"${identity}" stands twice`);
      seen.add(identity);
    }
    publishers.push({ name, digest });
  }
  return publishers;
}
