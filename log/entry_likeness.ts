/**
 * Whether two entries are about the same file and name the same digest, by their bytes in
 * place: an import that is sent again compares tens of thousands of them.
 *
 * @module
 */

import { EntryScan, equalBytes, parseEntry, utf8 } from "@indelible/core";

/** What two entries have in common. */
export type Likeness = "other-file" | "same-digest" | "other-digest";

const PYPI = utf8("pypi");
const DIGEST_DIGITS = 64;
const [scanA, scanB] = [new EntryScan(), new EntryScan()];

/**
 * Compares two entries.
 *
 * @throws {SyntaxError} If one of them is no entry.
 */
export function likeness(a: Uint8Array, b: Uint8Array): Likeness {
  if (!scanA.scan(a, 0, a.length) || !scanB.scan(b, 0, b.length)) return likenessOfParsed(a, b);
  const sameFile = equalBytes(fileIn(a, scanA), fileIn(b, scanB)) &&
    equalBytes(ecosystemIn(a, scanA), ecosystemIn(b, scanB));
  if (!sameFile) return "other-file";
  return equalBytes(digestIn(a, scanA), digestIn(b, scanB)) ? "same-digest" : "other-digest";
}

/** For those that are not plain ASCII. */
function likenessOfParsed(a: Uint8Array, b: Uint8Array): Likeness {
  const [one, other] = [parseEntry(a), parseEntry(b)];
  if (one.file !== other.file || one.ecosystem !== other.ecosystem) return "other-file";
  return equalBytes(one.digest, other.digest) ? "same-digest" : "other-digest";
}

function fileIn(entry: Uint8Array, { fileStart, fileEnd }: EntryScan): Uint8Array {
  return entry.subarray(fileStart, fileEnd);
}

function ecosystemIn(entry: Uint8Array, { ecosystemStart, ecosystemEnd }: EntryScan): Uint8Array {
  return ecosystemEnd === 0 ? PYPI : entry.subarray(ecosystemStart, ecosystemEnd);
}

/** As hexadecimal digits, which have one spelling. */
function digestIn(entry: Uint8Array, { digestStart }: EntryScan): Uint8Array {
  return entry.subarray(digestStart, digestStart + DIGEST_DIGITS);
}
