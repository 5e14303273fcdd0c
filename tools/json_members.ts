/**
 * Members of a JSON answer by name and type, for answers that are not to be
 * believed: what is missing or of another type is an error that names it.
 *
 * @module
 */

import { type Json, type JsonObject, parseBase64 } from "@indelible/core";

/** The value as an object. */
export function asObject(json: Json, what: string): JsonObject {
  if (json !== null && typeof json === "object" && !Array.isArray(json)) {
    return json;
  }
  throw new SyntaxError(`${what} must be a JSON object`);
}

/** A text member. */
export function text(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === "string") return value;
  throw new SyntaxError(`"${name}" must be a string`);
}

/** A member that is an integer from 0. */
export function natural(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) {
    return value;
  }
  throw new SyntaxError(`"${name}" must be an integer from 0`);
}

/** A member that is bytes in base64. */
export function bytes(
  object: JsonObject,
  name: string,
): Uint8Array<ArrayBuffer> {
  return parseBase64(text(object, name));
}

/** A member that is a list of bytes in base64. */
export function byteStrings(object: JsonObject, name: string): Uint8Array[] {
  const value = object[name];
  if (Array.isArray(value)) {
    return value.map((item) => {
      if (typeof item === "string") return parseBase64(item);
      throw new SyntaxError(`"${name}" must be a list of strings`);
    });
  }
  throw new SyntaxError(`"${name}" must be a list`);
}
