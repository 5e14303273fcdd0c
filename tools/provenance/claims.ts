/**
 * What a verified attestation says: whose workflow or account signed it, by the
 * certificate that Sigstore's authority gave it for a token of its issuer. Each
 * claim is an extension of that certificate.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";

/** What kind of statement it is: who uploaded the file, or who built it. */
export type PredicateKind = "publish" | "build";

/** What is proven of a file by one attestation; plain JSON. */
export interface Claims {
  /** What was attested. */
  readonly kind: PredicateKind;
  /** Who vouches for the identity: the issuer of the token (OpenID Connect). */
  readonly issuer: string;
  /** The identity: the workflow that signed, as a URL with its ref, or an account. */
  readonly subject: string;
  /** The repository it was started for. */
  readonly repository: string | null;
  /** The branch or tag. */
  readonly ref: string | null;
  /** The commit. */
  readonly commit: string | null;
  /** The workflow it was started by, as a URL with its ref. */
  readonly workflow: string | null;
  /** The deployment environment; certificates from before 2026 do not name it. */
  readonly environment: string | null;
  /** When it was signed, by the transparency log, ISO 8601. */
  readonly signed: string;
}

/** An extension of a certificate. */
export interface Extension {
  /** Its object identifier, with dots. */
  readonly oid: string;
  /** Its value, DER. */
  readonly value: Uint8Array;
}

const SIGSTORE = "1.3.6.1.4.1.57264.1";
/** The extensions that are claims, by Sigstore's table of object identifiers. */
const OIDS = {
  issuer: `${SIGSTORE}.8`,
  repository: `${SIGSTORE}.12`,
  commit: `${SIGSTORE}.13`,
  ref: `${SIGSTORE}.14`,
  workflow: `${SIGSTORE}.18`,
  environment: `${SIGSTORE}.23`,
} as const;

/** The claims among a certificate's extensions; `null` for what it does not say. */
export function claimsIn(
  extensions: readonly Extension[],
): Record<keyof typeof OIDS, string | null> {
  const claim = (oid: string): string | null => {
    const found = extensions.filter((extension) => extension.oid === oid);
    // Which of two would count is nobody's to say.
    return found.length === 1 ? utf8String(found[0]!.value) : null;
  };
  return {
    issuer: claim(OIDS.issuer),
    repository: claim(OIDS.repository),
    commit: claim(OIDS.commit),
    ref: claim(OIDS.ref),
    workflow: claim(OIDS.workflow),
    environment: claim(OIDS.environment),
  };
}

const UTF8_STRING = 0x0c;

/** The text of a DER `UTF8String` that is all of the value. */
function utf8String(der: Uint8Array): string | null {
  const [tag, first = 0] = der;
  if (tag !== UTF8_STRING) return null;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const start = 2 + lengthBytes;
  if (lengthBytes > 2 || der.length < start) return null;
  const length = lengthBytes === 0
    ? first
    : der.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  if (der.length !== start + length) return null;
  try {
    return parseUtf8(der.subarray(start));
  } catch {
    return null;
  }
}

/** Who signed, for people. */
export function describeSigner({ issuer, subject, environment }: Claims): string {
  return `${subject}, by ${issuer}${environment === null ? "" : `, environment ${environment}`}`;
}
