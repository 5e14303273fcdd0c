/**
 * Entries: one canonical statement about one package file. There are two forms:
 *
 * ```text
 * pypi-transparency/v1
 * sha256:5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92
 * pkgname-1.2.3-py3-none-any.whl
 * publisher https://issuer.example https://code.example/project
 * ```
 *
 * is the publication of a PyPI file, byte for byte bt-log's leaf (the publisher
 * line is optional, there is no final newline), and `artifact-transparency/v2` is
 * a line grammar for every ecosystem and event (`docs/formats.md`). Either way an
 * entry has one spelling: parsing accepts only what formatting writes.
 *
 * The one-digest rule is over {@linkcode identifierOf}: (ecosystem, file).
 *
 * @module
 */

import { encodeHex, excerpt, MAX_INT63, parseDecimal, parseHex, parseUtf8, utf8 } from "./bytes.ts";
import { MAX_ENTRY_SIZE } from "./entry_bundle.ts";
import { type Hash, HASH_SIZE, sha256 } from "./hash.ts";

/** First line of a PyPI publication, bt-log's leaf. */
export const PYPI_V1 = "pypi-transparency/v1";
/** First line of every other entry. */
export const ARTIFACT_V2 = "artifact-transparency/v2";

/** What an entry can say happened to a file. */
export const EVENTS = [
  "publish",
  "yank",
  "unyank",
  "remove",
  "restore",
  "review",
] as const;
/** One of {@linkcode EVENTS}. */
export type Event = typeof EVENTS[number];

/** Who released a file: an account or workflow, as its issuer names it. */
export interface Publisher {
  /** Who vouches for the subject. */
  readonly issuer: string;
  /** The identity. */
  readonly subject: string;
}

/** A statement about one package file. */
export interface Entry {
  /** Which of the two forms it is written in. */
  readonly format: typeof PYPI_V1 | typeof ARTIFACT_V2;
  /** The registry's kind: `pypi`, `npm`, …; always `pypi` in v1. */
  readonly ecosystem: string;
  /** What happened; always `publish` in v1. */
  readonly event: Event;
  /** The identifier: the exact file name. */
  readonly file: string;
  /** SHA-256 of the file, 32 bytes. */
  readonly digest: Hash;
  /** Name and version of the package the file belongs to (v2). */
  readonly package?: { readonly name: string; readonly version: string };
  /** The digest as the ecosystem writes it, `algorithm:value` (v2). */
  readonly native?: string;
  /** The file's size in bytes (v2). */
  readonly size?: bigint;
  /** Who released it. */
  readonly publisher?: Publisher;
  /** The digest of a third party's attestation, `sha256:<hex>` (v2). */
  readonly attestation?: string;
}

/** A field of an entry that breaks its grammar. */
export class EntryError extends SyntaxError {
  /** Tells it from other errors, also across workers. */
  override readonly name = "EntryError";
  /** The field, named as in the JSON of `/add`. */
  readonly field: string;

  /**
   * Makes the error of a field.
   *
   * @param field The field, named as in the JSON of `/add`.
   * @param expected What it must be.
   */
  constructor(field: string, expected: string) {
    super(`${field} ${expected}`);
    this.field = field;
  }
}

const FILE = /^(?!\.{1,2}$)[\x21-\x24\x26-\x2e\x30-\x5b\x5d-\x7e]{1,255}$/;
const ECOSYSTEM = /^[a-z0-9][a-z0-9.-]{0,31}$/;
const CHECKSUM = /^sha256:[0-9a-f]{64}$/;
const NATIVE = /^[a-z0-9][a-z0-9-]{0,31}:[\x21-\x7e]{1,512}$/;
// Anything that shows: no controls, format characters, spaces, separators, unassigned,
// and none of the letters and marks that are drawn as nothing.
const PRINTABLE = /^[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]+$/u;
/** The longest publisher, package name or version, in UTF-16 units. */
export const MAX_TOKEN = 2048;

/** Checks an identifier: 1–255 bytes of 0x21–0x7E, none of them `/`, `\` or `%`. */
export function checkFile(file: string): string {
  if (FILE.test(file)) return file;
  throw new EntryError(
    "filename",
    `must be 1–255 printable ASCII characters without space, "/", "\\" or "%", ` +
      `and not "." or "..": received "${excerpt(file)}"`,
  );
}

/** Checks the name of an ecosystem: 1–32 of a-z, 0-9, `.` and `-`. */
export function checkEcosystem(ecosystem: string): string {
  if (ECOSYSTEM.test(ecosystem)) return ecosystem;
  throw new EntryError(
    "ecosystem",
    `must be 1–32 of a-z, 0-9, "." and "-", the first a letter or digit: ` +
      `received "${excerpt(ecosystem)}"`,
  );
}

/** Parses a checksum, `sha256:` and 64 lowercase hexadecimal digits, into 32 bytes. */
export function parseChecksum(checksum: string, field = "checksum"): Hash {
  if (CHECKSUM.test(checksum)) return parseHex(checksum.slice(7));
  throw new EntryError(
    field,
    `must be "sha256:" and 64 lowercase hexadecimal digits: received "${excerpt(checksum)}"`,
  );
}

/** The checksum of a digest: `sha256:` and 64 lowercase hexadecimal digits. */
export function formatChecksum(digest: Hash): string {
  return `sha256:${encodeHex(digest)}`;
}

function checkToken(field: string, token: string): void {
  if (
    token.length > MAX_TOKEN || !token.isWellFormed() ||
    !PRINTABLE.test(token) ||
    token.normalize("NFC") !== token
  ) {
    throw new EntryError(
      field,
      `must be 1–${MAX_TOKEN} printable characters in NFC without spaces: ` +
        `received "${excerpt(token)}"`,
    );
  }
}

/**
 * The canonical bytes of an entry: what is logged and hashed.
 *
 * @throws {EntryError} If a field breaks its grammar, naming it.
 */
export function formatEntry(entry: Entry): Uint8Array<ArrayBuffer> {
  checkFile(entry.file);
  if (entry.digest.length !== HASH_SIZE) {
    throw new EntryError("checksum", "must have 32 bytes");
  }
  if (entry.publisher) {
    checkToken("publisher.issuer", entry.publisher.issuer);
    checkToken("publisher.subject", entry.publisher.subject);
  }
  const text = entry.format === PYPI_V1 ? formatV1(entry) : formatV2(entry);
  const bytes = utf8(text);
  if (bytes.length > MAX_ENTRY_SIZE) {
    throw new EntryError("entry", `must have at most ${MAX_ENTRY_SIZE} bytes`);
  }
  return bytes;
}

function formatV1(entry: Entry): string {
  for (const field of ["package", "native", "size", "attestation"] as const) {
    if (entry[field] !== undefined) {
      throw new EntryError(field, `has no place in ${PYPI_V1}`);
    }
  }
  if (entry.ecosystem !== "pypi") {
    throw new EntryError("ecosystem", `must be pypi in ${PYPI_V1}`);
  }
  if (entry.event !== "publish") {
    throw new EntryError("event", `must be publish in ${PYPI_V1}`);
  }
  const head = `${PYPI_V1}\n${formatChecksum(entry.digest)}\n${entry.file}`;
  const { publisher } = entry;
  return publisher ? `${head}\npublisher ${publisher.issuer} ${publisher.subject}` : head;
}

function formatV2(entry: Entry): string {
  checkEcosystem(entry.ecosystem);
  if (!EVENTS.includes(entry.event)) {
    throw new EntryError(
      "event",
      `must be one of ${EVENTS.join(", ")}: received "${excerpt(entry.event)}"`,
    );
  }
  const lines = [
    ARTIFACT_V2,
    `ecosystem ${entry.ecosystem}`,
    `event ${entry.event}`,
    `file ${entry.file}`,
  ];
  if (entry.package) {
    checkToken("package.name", entry.package.name);
    checkToken("package.version", entry.package.version);
    lines.push(`package ${entry.package.name} ${entry.package.version}`);
  }
  lines.push(`sha256 ${encodeHex(entry.digest)}`);
  if (entry.native !== undefined) {
    if (!NATIVE.test(entry.native)) {
      throw new EntryError(
        "native",
        `must be "algorithm:value" in printable ASCII: received "${excerpt(entry.native)}"`,
      );
    }
    lines.push(`native ${entry.native}`);
  }
  if (entry.size !== undefined) {
    if (entry.size < 0n || entry.size > MAX_INT63) {
      throw new EntryError("size", "must be between 0 and 2^63-1");
    }
    lines.push(`size ${entry.size}`);
  }
  if (entry.publisher) {
    lines.push(
      `publisher ${entry.publisher.issuer} ${entry.publisher.subject}`,
    );
  }
  if (entry.attestation !== undefined) {
    parseChecksum(entry.attestation, "attestation");
    lines.push(`attestation ${entry.attestation}`);
  }
  return lines.join("\n") + "\n";
}

/**
 * Parses the bytes of an entry. Formatting the result gives the same bytes.
 *
 * @throws {SyntaxError} If the bytes are not an entry in its one spelling.
 */
export function parseEntry(bytes: Uint8Array): Entry {
  if (bytes.length > MAX_ENTRY_SIZE) throw malformed("it is over 65535 bytes");
  const text = parseUtf8(bytes);
  const entry = text.startsWith(PYPI_V1 + "\n") ? parseV1(text) : parseV2(text);
  // Whatever the grammar above let through, one spelling remains.
  if (parseUtf8(formatEntry(entry)) !== text) {
    throw malformed("it is not in canonical form");
  }
  return entry;
}

function parseV1(text: string): Entry {
  const [, checksum, file, publisherLine, ...extra] = text.split("\n");
  if (checksum === undefined || file === undefined || extra.length > 0) {
    throw malformed(`${PYPI_V1} has three or four lines`);
  }
  const entry: Entry = {
    format: PYPI_V1,
    ecosystem: "pypi",
    event: "publish",
    file,
    digest: parseChecksum(checksum),
  };
  if (publisherLine === undefined) return entry;
  const [keyword, ...tokens] = publisherLine.split(" ");
  if (keyword !== "publisher") {
    throw malformed('its fourth line must start with "publisher "');
  }
  return { ...entry, publisher: parsePublisher(tokens) };
}

function parseV2(text: string): Entry {
  const lines = text.split("\n");
  if (lines.shift() !== ARTIFACT_V2) {
    throw malformed(`its first line must be ${PYPI_V1} or ${ARTIFACT_V2}`);
  }
  if (lines.pop() !== "") throw malformed("the final newline is missing");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const space = line.indexOf(" ");
    const key = space < 0 ? line : line.slice(0, space);
    if (!V2_KEYS.has(key)) throw malformed(`unknown line "${excerpt(line)}"`);
    if (fields.has(key)) throw malformed(`"${key}" stands twice`);
    fields.set(key, line.slice(key.length + 1));
  }
  const required = (key: string): string => {
    const value = fields.get(key);
    if (value === undefined) throw malformed(`the "${key}" line is missing`);
    return value;
  };
  const packageLine = fields.get("package")?.split(" ");
  if (packageLine && packageLine.length !== 2) {
    throw malformed("package takes name and version");
  }
  const native = fields.get("native");
  const size = fields.get("size");
  const publisher = fields.get("publisher");
  const attestation = fields.get("attestation");
  return {
    format: ARTIFACT_V2,
    ecosystem: required("ecosystem"),
    event: required("event") as Event, // formatEntry, called by parseEntry, refuses any other.
    file: required("file"),
    digest: parseChecksum(`sha256:${required("sha256")}`, "sha256"),
    ...(packageLine &&
      { package: { name: packageLine[0]!, version: packageLine[1]! } }),
    ...(native !== undefined && { native }),
    ...(size !== undefined && { size: parseDecimal(size, "size") }),
    ...(publisher !== undefined &&
      { publisher: parsePublisher(publisher.split(" ")) }),
    ...(attestation !== undefined && { attestation }),
  };
}

const V2_KEYS = new Set([
  "ecosystem",
  "event",
  "file",
  "package",
  "sha256",
  "native",
  "size",
  "publisher",
  "attestation",
]);

function parsePublisher([issuer, subject, ...extra]: string[]): Publisher {
  if (issuer === undefined || subject === undefined || extra.length > 0) {
    throw malformed("publisher takes issuer and subject");
  }
  return { issuer, subject };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse entry: ${why}`);
}

/** What the one-digest rule is over. */
export interface Identifier {
  /** The registry's kind. */
  readonly ecosystem: string;
  /** The exact file name. */
  readonly file: string;
}

/** The identifier of an entry. */
export function identifierOf({ ecosystem, file }: Entry): Identifier {
  return { ecosystem, file };
}

/** The key of an identifier in ledgers and indices: SHA-256(ecosystem ‖ LF ‖ file). */
export function identifierKey({ ecosystem, file }: Identifier): Hash {
  return sha256(utf8(`${ecosystem}\n${file}`));
}
