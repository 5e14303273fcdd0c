/**
 * How entries are written in a tlog-proofs container: the publication of a PyPI
 * file by what tells it from others (its digest, the rest of its name, which of
 * the publishers), any other entry by its bytes. One spelling each.
 *
 * @module
 */

import { concat, MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import { type Entry, formatEntry, parseEntry, type Publisher, PYPI_V1 } from "./entry.ts";
import { HASH_SIZE } from "./hash.ts";
import type { IndexedEntry } from "./tlog_proofs_tree.ts";

/** How an entry is written; from {@linkcode KNOWN_PUBLISHER} on, by whom it was published. */
const VERBATIM = 0n;
const NO_PUBLISHER = 1n;
const NEW_PUBLISHER = 2n;
const KNOWN_PUBLISHER = 3n;

/**
 * Writes entries.
 *
 * @param entries The entries, ascending, each index once.
 * @throws {RangeError} If they are not in order.
 */
export function encodeIndexedEntries(entries: readonly IndexedEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const publishers = new Map<string, bigint>();
  let least = 0n;
  let lastFile = utf8("");
  for (const { index, entry } of entries) {
    if (index < least) throw new RangeError("Cannot write entries: they are not in order");
    parts.push(varint(index - least));
    least = index + 1n;
    const publication = publicationOf(entry);
    if (!publication) {
      parts.push(varint(VERBATIM), varint(BigInt(entry.length)), entry);
      continue;
    }
    parts.push(publisherReference(publication.publisher, publishers), publication.digest);
    const file = utf8(publication.file);
    const shared = sharedPrefix(lastFile, file);
    // A file name has at most 255 bytes.
    parts.push(Uint8Array.of(shared, file.length - shared), file.subarray(shared));
    lastFile = file;
  }
  return concat(...parts);
}

/** The entry, if it is the publication of a PyPI file in its first form. */
function publicationOf(bytes: Uint8Array): Entry | null {
  try {
    const entry = parseEntry(bytes);
    return entry.format === PYPI_V1 ? entry : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function publisherReference(
  publisher: Publisher | undefined,
  publishers: Map<string, bigint>,
): Uint8Array {
  if (!publisher) return varint(NO_PUBLISHER);
  const text = `${publisher.issuer} ${publisher.subject}`;
  const known = publishers.get(text);
  if (known !== undefined) return varint(KNOWN_PUBLISHER + known);
  publishers.set(text, BigInt(publishers.size));
  const bytes = utf8(text);
  return concat(varint(NEW_PUBLISHER), varint(BigInt(bytes.length)), bytes);
}

function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** An entry as it was read. */
export interface DecodedEntry extends IndexedEntry {
  /** What it says, where that is how it was written: then it need not be parsed. */
  readonly said: Entry | null;
}

/**
 * Reads entries. What it gives may have been spelled in another way than
 * {@linkcode encodeIndexedEntries} does: the caller compares.
 *
 * @param bytes The bytes that start with them.
 * @param count How many they are.
 * @returns The entries, and what is behind them.
 * @throws {SyntaxError} If the bytes end before, or an entry cannot be one.
 */
export function decodeIndexedEntries(
  bytes: Uint8Array,
  count: bigint,
): { readonly entries: DecodedEntry[]; readonly rest: Uint8Array } {
  const reader = new Reader(bytes);
  const entries: DecodedEntry[] = [];
  const publishers: Publisher[] = [];
  let least = 0n;
  let file = "";
  for (let i = 0n; i < count; i++) {
    const index = least + reader.varint();
    if (index > MAX_INT63) throw malformed("a leaf index is over 2^63-1");
    least = index + 1n;
    const form = reader.varint();
    if (form === VERBATIM) {
      entries.push({ index, entry: reader.take(Number(reader.varint())).slice(), said: null });
      continue;
    }
    if (form === NEW_PUBLISHER) publishers.push(readPublisher(reader));
    const at = form === NEW_PUBLISHER ? publishers.length - 1 : Number(form - KNOWN_PUBLISHER);
    const publisher = publishers[at];
    if (form !== NO_PUBLISHER && !publisher) throw malformed("it names no publisher so far");
    const digest = reader.take(HASH_SIZE);
    const [shared, more] = reader.take(2) as unknown as [number, number];
    if (shared > file.length) throw malformed("a file name goes on from more than there is");
    file = file.slice(0, shared) + parseUtf8(reader.take(more));
    const fields = { format: PYPI_V1, ecosystem: "pypi", event: "publish" } as const;
    const said = { ...fields, file, digest: digest.slice(), ...(publisher && { publisher }) };
    entries.push({ index, entry: formatEntry(said), said });
  }
  return { entries, rest: reader.rest() };
}

function readPublisher(reader: Reader): Publisher {
  const tokens = parseUtf8(reader.take(Number(reader.varint()))).split(" ");
  const [issuer, subject] = tokens;
  if (tokens.length !== 2) throw malformed("a publisher is issuer and subject");
  return { issuer: issuer!, subject: subject! };
}

/** Seven bits a byte, the lowest first; the top bit says that another byte follows. */
function varint(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  bytes.push(Number(value));
  return Uint8Array.from(bytes);
}

/** Takes bytes from the front, and says so when there are not enough. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw malformed("it ends too early");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  varint(): bigint {
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return BigInt(first); // Most of them.
    }
    let value = 0n;
    // 2^63-1 takes nine bytes.
    for (let shift = 0n; shift < 63n; shift += 7n) {
      const byte = this.take(1)[0]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed("a number is over 2^63-1");
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse tlog-proofs: ${why}`);
}
