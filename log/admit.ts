/**
 * Admits entries: a request's bytes become the canonical bytes of an {@linkcode Entry}
 * or a refusal that names the field. Pure. What it admits is ready to be sequenced.
 *
 * `{filename, checksum, publisher?}` is a PyPI publication (`pypi-transparency/v1`,
 * as bt-log has it). With `ecosystem` or `event` it is an `artifact-transparency/v2`
 * statement, which may also have `package`, `native`, `size`, `attestation`.
 *
 * @module
 */

import {
  ARTIFACT_V2,
  checkFile,
  type Entry,
  EntryError,
  type Event,
  formatEntry,
  type Json,
  type JsonObject,
  parseChecksum,
  parseDecimal,
  parseJson,
  PYPI_V1,
} from "@indelible/core";
import { admitPlain } from "./admit_plain.ts";
import type { Submissions } from "./submissions.ts";

/** A refused request. */
export interface Refused {
  /** One sentence. */
  readonly error: string;
  /** The JSON member, where one is to blame. */
  readonly field?: string;
}

/** No byte ends the text before its end. */
const NO_BYTE = -1;

/**
 * Admits one entry.
 *
 * @param bytes Where its JSON text stands, in UTF-8.
 * @param start Its first byte.
 * @param end The one after its last.
 * @param into Where the entry goes when it is admitted.
 * @returns `null` when it is admitted, else why not.
 */
export function admit(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Submissions,
): Refused | null {
  const plain = admitPlain(bytes, start, end, NO_BYTE, into) === end;
  return plain ? null : admitStrictly(bytes.subarray(start, end), into);
}

/** The same, of any spelling: it has the last word. */
export function admitStrictly(text: Uint8Array, into: Submissions): Refused | null {
  try {
    into.append(formatEntry(entryOf(parseJson(text))));
    return null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { error: error.message, ...(error instanceof EntryError && { field: error.field }) };
  }
}

function entryOf(json: Json): Entry {
  const request = objectAt(json, "body");
  const file = checkFile(textAt(request, "filename"));
  const digest = parseChecksum(textAt(request, "checksum"));
  const publisher = publisherOf(request);
  const common = { file, digest, ...(publisher && { publisher }) };
  // A member that is null is a member that is absent.
  if ((request["ecosystem"] ?? request["event"] ?? null) === null) {
    return { format: PYPI_V1, ecosystem: "pypi", event: "publish", ...common };
  }
  return {
    format: ARTIFACT_V2,
    ecosystem: optionalText(request, "ecosystem") ?? "pypi",
    event: (optionalText(request, "event") ?? "publish") as Event, // formatEntry checks it.
    ...common,
    ...packageOf(request),
    ...present("native", optionalText(request, "native")),
    ...present("size", sizeOf(request)),
    ...present("attestation", optionalText(request, "attestation")),
  };
}

function publisherOf(request: JsonObject) {
  const publisher = request["publisher"];
  if (publisher === undefined || publisher === null) return null;
  const object = objectAt(publisher, "publisher");
  return {
    issuer: textAt(object, "issuer", "publisher."),
    subject: textAt(object, "subject", "publisher."),
  };
}

function packageOf(request: JsonObject) {
  const value = request["package"];
  if (value === undefined || value === null) return {};
  const object = objectAt(value, "package");
  return {
    package: {
      name: textAt(object, "name", "package."),
      version: textAt(object, "version", "package."),
    },
  };
}

function sizeOf(request: JsonObject): bigint | undefined {
  const size = request["size"];
  if (size === undefined || size === null) return undefined;
  if (typeof size === "number" && Number.isInteger(size) && size >= 0) {
    return BigInt(size);
  }
  if (typeof size !== "string") {
    throw new EntryError(
      "size",
      "must be a whole number, or its decimal digits as a string",
    );
  }
  try {
    return parseDecimal(size, "size");
  } catch (error) {
    throw new EntryError(
      "size",
      (error as Error).message.replace(/^Cannot parse size: /, ""),
    );
  }
}

function present<K extends string, V>(
  name: K,
  value: V | undefined,
): { [P in K]?: V } {
  return value === undefined ? {} : { [name]: value } as { [P in K]?: V };
}

function objectAt(json: Json | undefined, field: string): JsonObject {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json;
  }
  throw new EntryError(field, "must be a JSON object");
}

function textAt(object: JsonObject, member: string, prefix = ""): string {
  const value = object[member];
  if (typeof value === "string") return value;
  throw new EntryError(prefix + member, "must be a string");
}

function optionalText(object: JsonObject, member: string): string | undefined {
  const value = object[member];
  return value === undefined || value === null ? undefined : textAt(object, member);
}
