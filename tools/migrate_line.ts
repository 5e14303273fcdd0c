/**
 * An entry as a line of a bulk request: the fields that a log makes the same bytes of
 * again (`POST /add` in `docs/formats.md`).
 *
 * @module
 */

import { type Entry, formatChecksum, type JsonObject, PYPI_V1, utf8 } from "@indelible/core";
import type { BulkLine } from "./bulk_request.ts";

/** The longest line that a log takes, in bytes. */
const MAX_LINE = 16 * 1024;

/**
 * The line that an entry is logged by.
 *
 * @throws {SyntaxError} If the line would be longer than a log takes.
 */
export function lineOf(entry: Entry): BulkLine {
  const { file, digest, publisher } = entry;
  const more: JsonObject = {
    ...(entry.format !== PYPI_V1 && v2Members(entry)),
    ...(publisher && { publisher: { issuer: publisher.issuer, subject: publisher.subject } }),
  };
  const line = { filename: file, checksum: formatChecksum(digest) };
  if (Object.keys(more).length === 0) return line;
  const { length } = utf8(JSON.stringify({ ...line, ...more }));
  if (length <= MAX_LINE) return { ...line, more };
  throw new SyntaxError(`it is too long to be added: a line of ${length} bytes, not ${MAX_LINE}`);
}

function v2Members(entry: Entry): JsonObject {
  const { ecosystem, event, package: ofPackage, native, size, attestation } = entry;
  return {
    ecosystem,
    event,
    ...(ofPackage && { package: { name: ofPackage.name, version: ofPackage.version } }),
    ...(native !== undefined && { native }),
    // As digits: a JSON number ends at 2^53.
    ...(size !== undefined && { size: `${size}` }),
    ...(attestation !== undefined && { attestation }),
  };
}
