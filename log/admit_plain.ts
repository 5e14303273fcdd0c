/**
 * Admits entries in their plainest spelling, byte by byte and straight into the slab:
 *
 * ```text
 * {"filename":"a-1.zip","checksum":"sha256:…","publisher":{"issuer":"…","subject":"…"}}
 * ```
 *
 * in ASCII, without escapes, the members in any order and none twice, `publisher` or
 * not. Nearly all that is ever sent looks like this. It refuses nothing: whatever else
 * there is, it leaves to `admit.ts`, which is the judge, and tests hold the two to the
 * same entries. Pure.
 *
 * @module
 */

import {
  FILE_BYTE,
  HEX_BYTE,
  isFileString,
  isNext,
  MAX_TOKEN,
  pastBlanks,
  pastColon,
  pastRun,
  pastString,
  putBytes,
  PYPI_V1,
  TOKEN_BYTE,
  utf8,
} from "@indelible/core";
import type { Submissions } from "./submissions.ts";

const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const SPACE = 0x20;

const FILENAME = utf8('"filename"');
const CHECKSUM = utf8('"checksum"');
const PUBLISHER = utf8('"publisher"');
const ISSUER = utf8('"issuer"');
const SUBJECT = utf8('"subject"');
const SHA256 = utf8('"sha256:');
const DIGEST_DIGITS = 64;

const HEAD = utf8(`${PYPI_V1}\n`);
const PUBLISHER_LINE = utf8("\npublisher ");

/** A longer text is not plain. */
const MAX_TEXT = 8192;
/** What stands for all that is not plain. */
const NOT_PLAIN = -1;

/**
 * Appends the entry that a plain JSON text asks for.
 *
 * @param bytes Where the text stands.
 * @param start Its first byte.
 * @param end The one after the last that may be its own.
 * @param terminator The byte that ends it, if `end` does not: no plain text holds it.
 * @param into Where the entry goes.
 * @returns Where it ends; -1 when it is not plain, whatever it is.
 */
export function admitPlain(
  bytes: Uint8Array,
  start: number,
  end: number,
  terminator: number,
  into: Submissions,
): number {
  // Where the values stand, their quotes included; an end is 0 until its value was seen.
  let fileStart = 0, fileEnd = 0, checksumStart = 0, checksumEnd = 0;
  let issuerStart = 0, issuerEnd = 0, subjectStart = 0, subjectEnd = 0;

  if (start >= end || bytes[start] !== BRACE) return NOT_PLAIN;
  let at = start;
  do {
    at = pastBlanks(bytes, at + 1, end);
    if (isNext(bytes, at, end, FILENAME)) {
      if (fileEnd !== 0) return NOT_PLAIN;
      fileStart = pastColon(bytes, at + FILENAME.length, end);
      fileEnd = at = pastString(bytes, fileStart, end, FILE_BYTE);
      if (!isFileString(bytes, fileStart, fileEnd)) return NOT_PLAIN;
    } else if (isNext(bytes, at, end, CHECKSUM)) {
      if (checksumEnd !== 0) return NOT_PLAIN;
      checksumStart = pastColon(bytes, at + CHECKSUM.length, end);
      if (!isNext(bytes, checksumStart, end, SHA256)) return NOT_PLAIN;
      const digits = checksumStart + SHA256.length;
      at = pastRun(bytes, digits, end, HEX_BYTE);
      if (at !== digits + DIGEST_DIGITS || at >= end || bytes[at] !== QUOTE) return NOT_PLAIN;
      checksumEnd = ++at;
    } else if (isNext(bytes, at, end, PUBLISHER)) {
      if (issuerEnd !== 0) return NOT_PLAIN;
      at = pastColon(bytes, at + PUBLISHER.length, end);
      if (at < 0 || at >= end || bytes[at] !== BRACE) return NOT_PLAIN;
      do {
        at = pastBlanks(bytes, at + 1, end);
        const issuer = isNext(bytes, at, end, ISSUER);
        if (issuer ? issuerEnd !== 0 : subjectEnd !== 0) return NOT_PLAIN;
        if (!issuer && !isNext(bytes, at, end, SUBJECT)) return NOT_PLAIN;
        const value = pastColon(bytes, at + (issuer ? ISSUER : SUBJECT).length, end);
        at = pastString(bytes, value, end, TOKEN_BYTE);
        const length = at - value - 2;
        if (length < 1 || length > MAX_TOKEN) return NOT_PLAIN;
        if (issuer) issuerStart = value, issuerEnd = at;
        else subjectStart = value, subjectEnd = at;
        at = pastBlanks(bytes, at, end);
      } while (at < end && bytes[at] === COMMA);
      if (issuerEnd === 0 || subjectEnd === 0) return NOT_PLAIN;
      if (at >= end || bytes[at] !== CLOSING_BRACE) return NOT_PLAIN;
      at++;
    } else return NOT_PLAIN;
    at = pastBlanks(bytes, at, end);
  } while (at < end && bytes[at] === COMMA);
  if (at >= end || bytes[at] !== CLOSING_BRACE) return NOT_PLAIN;
  at = pastBlanks(bytes, at + 1, end);
  if (at < end && bytes[at] !== terminator || at - start > MAX_TEXT) return NOT_PLAIN;
  if (fileEnd === 0 || checksumEnd === 0) return NOT_PLAIN;

  // An entry is never longer than the text that asks for it and its own fixed words.
  into.makeRoom(HEAD.length + at - start);
  const slab = into.bytes;
  const entry = into.start(into.count);
  let to = putBytes(slab, entry, HEAD);
  to = putBytes(slab, to, bytes, checksumStart + 1, checksumEnd - 1);
  slab[to++] = LF;
  to = putBytes(slab, to, bytes, fileStart + 1, fileEnd - 1);
  if (issuerEnd !== 0) {
    to = putBytes(slab, to, PUBLISHER_LINE);
    to = putBytes(slab, to, bytes, issuerStart + 1, issuerEnd - 1);
    slab[to++] = SPACE;
    to = putBytes(slab, to, bytes, subjectStart + 1, subjectEnd - 1);
  }
  into.took(to - entry);
  return at;
}
