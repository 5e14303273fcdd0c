/**
 * Verifies an attestation of a file, offline. All of it must hold: the
 * certificate was given by the trusted authority and is in a certificate log,
 * the signature is its key's, the statement's entry is in the transparency log,
 * under its checkpoint, signed within the certificate's life; and the statement
 * is about this very file, name and digest, and nothing else.
 *
 * That an attestation verifies says who made it, not that one should trust them:
 * that is for a policy to say.
 *
 * @module
 */

import "./ec_digest_shim.ts";
import {
  encodeBase64,
  equalBytes,
  excerpt,
  type JsonObject,
  parseBase64,
  parseJson,
} from "@indelible/core";
import { type Bundle, bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, VerificationError, Verifier } from "@sigstore/verify";
import { asObject, text } from "../json_members.ts";
import type { Attestation } from "./attestation.ts";
import { type Claims, claimsIn, type PredicateKind } from "./claims.ts";
import type { TrustedRoot } from "./trusted_root.ts";

/** The file that an attestation must be about. */
export interface AttestedFile {
  /** Its name. */
  readonly filename: string;
  /** Its SHA-256, in hex. */
  readonly sha256: string;
}

/** An attestation does not verify, or not for this file. */
export class NotVerified extends Error {
  /** Tells it from other errors. */
  override readonly name = "NotVerified";
}

/** The statements that are understood (PEP 740), and what they are about. */
const PREDICATES: ReadonlyMap<string, PredicateKind> = new Map([
  ["https://docs.pypi.org/attestations/publish/v1", "publish"],
  ["https://slsa.dev/provenance/v1", "build"],
]);

const STATEMENT = "https://in-toto.io/Statement/v1";
const PAYLOAD = "application/vnd.in-toto+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/**
 * Verifies an attestation.
 *
 * @param attestation As it was served.
 * @param file The file that it must be about.
 * @param root Whom to trust.
 * @throws {NotVerified} If any of it does not hold.
 */
export function verifyAttestation(
  attestation: Attestation,
  file: AttestedFile,
  root: TrustedRoot,
): Claims {
  const { subject, extensions, signed } = verifySignature(attestation, root);
  for (const entry of attestation.entries) checkCertificate(entry, attestation.certificate);
  const kind = checkStatement(attestation.statement, file);
  const { issuer, ...claims } = claimsIn(extensions);
  if (issuer === null) throw new NotVerified("the certificate does not name its issuer");
  return { kind, issuer, subject, ...claims, signed };
}

function verifySignature(attestation: Attestation, root: TrustedRoot) {
  try {
    const bundle = bundleOf(attestation);
    const { identity } = new Verifier(root.material).verify(toSignedEntity(bundle));
    const subject = identity?.subjectAlternativeName;
    if (!identity || !subject) throw new NotVerified("the certificate names nobody");
    const extensions = (identity.oids ?? []).map(({ oid, value }) => ({
      oid: oid?.id.join(".") ?? "",
      value,
    }));
    const seconds = Number(bundle.verificationMaterial.tlogEntries[0]!.integratedTime);
    return { subject, extensions, signed: new Date(seconds * 1000).toISOString() };
  } catch (error) {
    if (error instanceof NotVerified) throw error;
    // Among what is thrown are errors of its parsers: whatever it is, it is not verified.
    throw new NotVerified(explain(error), { cause: error });
  }
}

function bundleOf({ certificate, entries, statement, signature }: Attestation): Bundle {
  return bundleFromJSON({
    mediaType: BUNDLE,
    verificationMaterial: {
      certificate: { rawBytes: encodeBase64(certificate) },
      tlogEntries: entries,
    },
    dsseEnvelope: {
      payloadType: PAYLOAD,
      payload: encodeBase64(statement),
      signatures: [{ sig: encodeBase64(signature) }],
    },
  });
}

/**
 * The log's entry holds the certificate, too, and it must be the very same: an
 * authority signs only a part of its bytes, and the library reads the rest kindly.
 */
function checkCertificate(entry: JsonObject, certificate: Uint8Array): void {
  let logged: Uint8Array;
  try {
    const body = asObject(parseJson(parseBase64(text(entry, "canonicalizedBody"))), "the entry");
    const [kind, version] = [text(body, "kind"), text(body, "apiVersion")];
    if (kind !== "dsse" || version !== "0.0.1") {
      throw new SyntaxError(`entries of ${excerpt(kind)} ${excerpt(version)} are not understood`);
    }
    const { signatures } = asObject(body["spec"] ?? null, '"spec"');
    const [signature = null] = Array.isArray(signatures) ? signatures : [];
    const pem = new TextDecoder().decode(
      parseBase64(text(asObject(signature, '"signatures"'), "verifier")),
    );
    logged = parseBase64(pem.replace(/-----[A-Z ]+-----/g, "").replaceAll("\n", ""));
  } catch (error) {
    throw new NotVerified(`the transparency log's entry: ${(error as Error).message}`);
  }
  if (!equalBytes(logged, certificate)) {
    throw new NotVerified("the certificate is not the one in the transparency log");
  }
}

/** What does not hold, by the library's code for it. */
const PARTS: Readonly<Record<string, string>> = {
  CERTIFICATE_ERROR: "the certificate is not one of the trusted authority's, or was not valid then",
  SIGNATURE_ERROR: "the signature is not the certificate's on this statement",
  TIMESTAMP_ERROR: "nobody trusted says when it was signed",
  TLOG_BODY_ERROR: "the transparency log's entry is of another statement",
  TLOG_ERROR: "it is not in the transparency log",
  TLOG_INCLUSION_PROMISE_ERROR: "the transparency log did not sign for this entry at that time",
  TLOG_INCLUSION_PROOF_ERROR: "its entry is not proven to be in the transparency log",
  TLOG_MISSING_INCLUSION_ERROR: "its entry is not proven to be in the transparency log",
};

function explain(error: unknown): string {
  // It may quote what was served.
  const message = excerpt((error as Error).message, 200);
  const known = error instanceof VerificationError ? PARTS[error.code] : undefined;
  return known ? `${known} (${message})` : `it is malformed: ${message}`;
}

function checkStatement(bytes: Uint8Array, { filename, sha256 }: AttestedFile): PredicateKind {
  let statement: JsonObject;
  let subject: JsonObject;
  let name: string;
  let digest: string;
  let type: string;
  try {
    statement = asObject(parseJson(bytes), "it");
    if (text(statement, "_type") !== STATEMENT) {
      throw new SyntaxError('"_type" must be an in-toto statement, version 1');
    }
    const subjects = statement["subject"];
    if (!Array.isArray(subjects) || subjects.length !== 1) {
      throw new SyntaxError('"subject" must be a list of one');
    }
    subject = asObject(subjects[0]!, '"subject"');
    name = text(subject, "name");
    digest = text(asObject(subject["digest"] ?? null, '"digest"'), "sha256");
    type = text(statement, "predicateType");
  } catch (error) {
    throw new NotVerified(`the statement is malformed: ${(error as Error).message}`);
  }
  if (name !== filename) {
    throw new NotVerified(`the statement is about another file, ${excerpt(name, 255)}`);
  }
  if (digest !== sha256) {
    throw new NotVerified(`the statement is about other bytes, sha256:${excerpt(digest, 64)}`);
  }
  const kind = PREDICATES.get(type);
  if (!kind) throw new NotVerified(`the statement is of another kind, ${excerpt(type, 200)}`);
  return kind;
}
