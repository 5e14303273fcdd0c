/**
 * Attestations as a registry serves them (PEP 740): a file's provenance object
 * holds bundles, each with attestations: a signed statement, the certificate of
 * the key that signed it, and its entries in a transparency log. Here they are
 * only read; `verify_attestation.ts` says what they are worth. What the registry
 * itself says beside them, such as a bundle's `publisher`, is left out.
 *
 * @module
 */

import { type Json, type JsonObject, parseBase64, parseJson } from "@indelible/core";
import { asObject, text } from "../json_members.ts";

/** An attestation, not verified. */
export interface Attestation {
  /** The certificate of the key that signed the statement, DER. */
  readonly certificate: Uint8Array;
  /** Its entries in transparency logs, as Sigstore writes them in JSON. */
  readonly entries: readonly JsonObject[];
  /** What is signed: an in-toto statement, JSON. */
  readonly statement: Uint8Array;
  /** The signature on it. */
  readonly signature: Uint8Array;
}

/** The largest provenance that is read, in bytes; real ones have some ten thousand. */
export const MAX_PROVENANCE = 1 << 20;
/** The most attestations that are read of one file. */
const MAX_ATTESTATIONS = 16;
/** The most log entries of an attestation. */
const MAX_ENTRIES = 8;

/**
 * Parses a provenance object, or an attestation alone.
 *
 * @param bytes JSON.
 * @throws {SyntaxError} If it is neither, naming the member.
 */
export function parseProvenance(bytes: Uint8Array): Attestation[] {
  if (bytes.length > MAX_PROVENANCE) {
    throw new SyntaxError(`it must have at most ${MAX_PROVENANCE >> 20} MiB`);
  }
  const object = asObject(parseJson(bytes), "provenance");
  checkVersion(object);
  if (object["attestation_bundles"] === undefined) return [attestationOf(object)];
  const attestations = list(object, "attestation_bundles")
    .flatMap((bundle) => list(asObject(bundle, "an attestation bundle"), "attestations"));
  if (attestations.length > MAX_ATTESTATIONS) {
    throw new SyntaxError(`"attestations" must be at most ${MAX_ATTESTATIONS}`);
  }
  return attestations.map((attestation) => {
    const object = asObject(attestation, "an attestation");
    checkVersion(object);
    return attestationOf(object);
  });
}

function attestationOf(object: JsonObject): Attestation {
  const material = asObject(object["verification_material"] ?? null, '"verification_material"');
  const envelope = asObject(object["envelope"] ?? null, '"envelope"');
  const entries = list(material, "transparency_entries");
  if (entries.length === 0 || entries.length > MAX_ENTRIES) {
    throw new SyntaxError(`"transparency_entries" must be 1–${MAX_ENTRIES}`);
  }
  return {
    certificate: base64(material, "certificate"),
    entries: entries.map((entry) => asObject(entry, "a transparency entry")),
    statement: base64(envelope, "statement"),
    signature: base64(envelope, "signature"),
  };
}

function checkVersion({ version }: JsonObject): void {
  if (version !== 1) throw new SyntaxError('"version" must be 1');
}

function list(object: JsonObject, name: string): Json[] {
  const value = object[name];
  if (Array.isArray(value)) return value;
  throw new SyntaxError(`"${name}" must be a list`);
}

/** Older writers break the lines. */
function base64(object: JsonObject, name: string): Uint8Array {
  const value = text(object, name).replaceAll("\n", "");
  try {
    return parseBase64(value);
  } catch {
    throw new SyntaxError(`"${name}" must be base64`);
  }
}
