/**
 * Attestations: `{data, key, sig}`, where `sig` is the base64 of a binary detached
 * OpenPGP signature over the JSON of `data`, exactly as Python's
 * `json.dumps(data, sort_keys=True)` spells it, and `key` the full fingerprint of who
 * made it. A repository and the configuration are attestations too; one about a file
 * is a review, and says `id`, `reviewed`, `ok` and perhaps `comment`.
 *
 * Pure: nothing here says whether a signature is right (`openpgp_verify.ts` does).
 *
 * @module
 */

import { encodeBase64, encodeHex, parseBase64, sha256 } from "@indelible/core";
import { formatPythonJson, isObject, type PythonJson, type PythonObject } from "./python_json.ts";

/** A signed JSON object. */
export interface Attestation {
  /** What is said; any JSON object. */
  readonly data: PythonObject;
  /** Full fingerprint of the key that says it, 40 hexadecimal digits in capitals. */
  readonly key: string;
  /** Its binary signature of {@linkcode signedBytes}. */
  readonly sig: Uint8Array<ArrayBuffer>;
}

/** What a reviewer says about a file or folder. */
export type Review = {
  /** What it is about, `sha256:<hex>` of a file. */
  readonly id: string;
  /** Whether it works as expected and has no major flaws. */
  readonly ok: boolean;
  /** Whether a human has reviewed it. */
  readonly reviewed: boolean;
  /** Anything else; absent rather than empty. */
  readonly comment?: string;
};

/** Signs bytes with one key; gives the binary detached signature. */
export type Sign = (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

const FINGERPRINT = /^[0-9A-Fa-f]{40}$/;

/** The bytes that the signature of an attestation is over. */
export function signedBytes(data: PythonObject): Uint8Array<ArrayBuffer> {
  return formatPythonJson(data);
}

/** Makes an attestation. */
export async function makeAttestation(
  data: PythonObject,
  key: string,
  sign: Sign,
): Promise<Attestation> {
  return { data, key, sig: await sign(signedBytes(data)) };
}

/**
 * Parses an attestation.
 *
 * @throws {SyntaxError} If a member is missing or is not what it should be.
 */
export function parseAttestation(json: PythonJson | undefined): Attestation {
  if (!isObject(json)) throw malformed("it must be a JSON object");
  const { data, key, sig } = json;
  if (!isObject(data)) throw malformed('"data" must be an object');
  if (typeof key !== "string" || !FINGERPRINT.test(key)) {
    throw malformed('"key" must be a full fingerprint of 40 hexadecimal digits');
  }
  if (typeof sig !== "string" || sig === "") throw malformed('"sig" must be a base64 string');
  return { data, key: key.toUpperCase(), sig: decodeSignature(sig) };
}

function decodeSignature(sig: string): Uint8Array<ArrayBuffer> {
  try {
    return parseBase64(sig);
  } catch {
    throw malformed('"sig" must be canonical base64');
  }
}

/** An attestation as JSON. */
export function attestationJson({ data, key, sig }: Attestation): PythonObject {
  return { data, key, sig: encodeBase64(sig) };
}

/** What tells an attestation from all others, `sha256:<hex>` over its members, the signature included. */
export function attestationDigest(attestation: Attestation): string {
  return `sha256:${encodeHex(sha256(formatPythonJson(attestationJson(attestation))))}`;
}

/**
 * What an attestation about a file says. Only the word `true` is a yes, as in the
 * original.
 *
 * @throws {SyntaxError} If it does not say what it is about.
 */
export function reviewOf({ data }: Attestation): Review {
  const { id, ok, reviewed, comment } = data;
  if (typeof id !== "string") throw malformed('"id" must be a string');
  return {
    id,
    ok: ok === true,
    reviewed: reviewed === true,
    ...(typeof comment === "string" && comment !== "" && { comment }),
  };
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse attestation: ${why}`);
}
