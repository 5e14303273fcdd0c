/**
 * Reads lines of a source in their plainest spelling, byte by byte, and writes them as a
 * log takes them, without what it has no use for:
 *
 * ```text
 * {"project":"a","filename":"a-1.zip","checksum":"sha256:…","size":17,"yanked":false}
 * ```
 *
 * ASCII, without escapes, the members in any order, values that are strings, integers,
 * true, false or null. Nearly all lines are such publications. It refuses nothing:
 * whatever else there is, it leaves to `import_line.ts`, and tests hold the two to the
 * same lines.
 *
 * @module
 */

import {
  DIGIT_BYTE,
  FILE_BYTE,
  HEX_BYTE,
  isFileString,
  isNext,
  pastBlanks,
  pastColon,
  pastRun,
  pastString,
  putBytes,
  TEXT_BYTE,
  utf8,
} from "@indelible/core";
import { type BulkBody, LINE_START } from "./bulk_body.ts";
import { LF } from "./line_blocks.ts";

const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const UNDERSCORE = 0x5f;

// Names in their quotes.
const FILENAME = utf8('"filename"');
const CHECKSUM = utf8('"checksum"');
const PUBLISHER = utf8('"publisher"');
const ISSUER = utf8('"issuer"');
const SUBJECT = utf8('"subject"');
/** With one of these it is no plain publication. */
const ECOSYSTEM = utf8('"ecosystem"');
const EVENT = utf8('"event"');
const SHA256 = utf8('"sha256:');
const WORDS = ["true", "false", "null"].map(utf8);

const CHECKSUM_START = utf8(',"checksum":');
const PUBLISHER_START = utf8(',"publisher":');
/** Of a checksum in its quotes. */
const CHECKSUM_LENGTH = SHA256.length + 64 + 1;
/** With so many digits every integer is below 2^53. */
const SAFE_DIGITS = 15;
/** Members; a line with more is not plain. */
const MAX_MEMBERS = 16;

/** Where the names of the line's members begin and end, quotes included. */
const names = new Int32Array(2 * MAX_MEMBERS);

/**
 * Adds a line of a source to a request.
 *
 * @param bytes Where it stands.
 * @param start Its first byte.
 * @param end The one after the last that may be its own.
 * @param body The request.
 * @param publisher Who published it unless it says so itself: JSON, or nothing.
 * @returns Where the line ends, its newline not counted; -1 when it is not plain, whatever it is.
 */
export function addPlainLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  body: BulkBody,
  publisher: Uint8Array,
): number {
  // Where values stand, quotes and braces included; an end is 0 until its value was seen.
  let fileStart = 0, fileEnd = 0, checksumStart = 0, checksumEnd = 0;
  let publisherStart = 0, publisherEnd = 0;
  let members = 0;
  if (start >= end || bytes[start] !== BRACE) return -1;
  let at = start;
  do {
    const name = pastBlanks(bytes, at + 1, end);
    const nameEnd = pastString(bytes, name, end, TEXT_BYTE);
    if (nameEnd < 0 || bytes[name + 1] === UNDERSCORE || members === MAX_MEMBERS) return -1;
    for (let i = 0; i < members; i++) {
      if (isSame(bytes, names[2 * i]!, names[2 * i + 1]!, name, nameEnd)) return -1;
    }
    names[2 * members] = name;
    names[2 * members + 1] = nameEnd;
    members++;
    const value = pastColon(bytes, nameEnd, end);
    if (value < 0) return -1;
    if (isNext(bytes, name, nameEnd, FILENAME)) {
      at = pastString(bytes, value, end, FILE_BYTE);
      if (!isFileString(bytes, value, at)) return -1;
      fileStart = value, fileEnd = at;
    } else if (isNext(bytes, name, nameEnd, CHECKSUM)) {
      at = pastString(bytes, value, end, TEXT_BYTE);
      if (!isChecksum(bytes, value, at)) return -1;
      checksumStart = value, checksumEnd = at;
    } else if (isNext(bytes, name, nameEnd, PUBLISHER)) {
      at = pastPublisher(bytes, value, end);
      publisherStart = value, publisherEnd = at;
    } else if (
      isNext(bytes, name, nameEnd, ECOSYSTEM) || isNext(bytes, name, nameEnd, EVENT)
    ) return -1;
    else at = pastScalar(bytes, value, end);
    if (at < 0) return -1;
    at = pastBlanks(bytes, at, end);
  } while (at < end && bytes[at] === COMMA);
  if (at >= end || bytes[at] !== CLOSING_BRACE) return -1;
  at = pastBlanks(bytes, at + 1, end);
  if (at < end && bytes[at] !== LF || fileEnd === 0 || checksumEnd === 0) return -1;

  // A line is never longer than what it is made of and its own fixed words.
  const from = body.end;
  const line = body.makeRoom(64 + at - start + publisher.length);
  let to = putBytes(line, from, LINE_START);
  to = putBytes(line, to, bytes, fileStart, fileEnd);
  to = putBytes(line, to, CHECKSUM_START);
  to = putBytes(line, to, bytes, checksumStart, checksumEnd);
  if (publisherEnd !== 0 || publisher.length > 0) {
    to = putBytes(line, to, PUBLISHER_START);
    to = publisherEnd !== 0
      ? putBytes(line, to, bytes, publisherStart, publisherEnd)
      : putBytes(line, to, publisher);
  }
  line[to++] = CLOSING_BRACE;
  line[to++] = LF;
  body.took(to - from);
  return at;
}

/** The place after a string, an integer, true, false or null; else -1. */
function pastScalar(bytes: Uint8Array, at: number, end: number): number {
  if (at < end && bytes[at] === QUOTE) return pastString(bytes, at, end, TEXT_BYTE);
  const digits = pastRun(bytes, at, end, DIGIT_BYTE) - at;
  if (digits > 0) {
    const plain = digits === 1 || digits <= SAFE_DIGITS && bytes[at] !== ZERO;
    return plain ? at + digits : -1;
  }
  for (const word of WORDS) if (isNext(bytes, at, end, word)) return at + word.length;
  return -1;
}

/** The place after `{"issuer":"…","subject":"…"}`, in this or the other order; else -1. */
function pastPublisher(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== BRACE) return -1;
  let issuer = false;
  let subject = false;
  do {
    const name = pastBlanks(bytes, at + 1, end);
    const isIssuer = isNext(bytes, name, end, ISSUER);
    if (isIssuer ? issuer : subject || !isNext(bytes, name, end, SUBJECT)) return -1;
    if (isIssuer) issuer = true;
    else subject = true;
    const value = pastColon(bytes, name + (isIssuer ? ISSUER : SUBJECT).length, end);
    at = pastString(bytes, value, end, TEXT_BYTE);
    if (at < 0) return -1;
    at = pastBlanks(bytes, at, end);
  } while (at < end && bytes[at] === COMMA);
  return issuer && subject && at < end && bytes[at] === CLOSING_BRACE ? at + 1 : -1;
}

function isSame(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = start; i < end; i++) if (bytes[i] !== bytes[otherStart - start + i]) return false;
  return true;
}

function isChecksum(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== CHECKSUM_LENGTH || !isNext(bytes, start, end, SHA256)) return false;
  return pastRun(bytes, start + SHA256.length, end, HEX_BYTE) === end - 1;
}
