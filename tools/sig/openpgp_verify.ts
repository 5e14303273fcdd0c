/**
 * Whether a detached OpenPGP signature is right, decided here and not by `gpg`, so
 * that whoever verifies needs no permission to run anything. The verdicts are those of
 * `gpg --verify`, or stricter:
 *
 * - one signature, of the type that is made over bytes; not several, not over text;
 * - SHA-1 says nothing about what was signed, nor RSA below 2048 bits, DSA, secp256k1;
 * - a key that is expired or revoked now counts for nothing, whenever it signed
 *   (`gpg` says so too, and ends with 0 all the same).
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import {
  config as defaults,
  createMessage,
  enums,
  type PublicKey,
  readSignature,
  type SignaturePacket,
  type Subkey,
  verify,
} from "openpgp";
import { type Attestation, signedBytes } from "./attestation.ts";
import { fingerprintOf } from "./certificate.ts";
import type { Keyring } from "./keyring.ts";

/** What is found about a signature; only `good` counts for its key. */
export type Verdict =
  | {
    readonly kind: "good";
    /** Full fingerprint of the primary key of whoever signed. */
    readonly signer: string;
    /** When it was signed, as its signer says. */
    readonly created: Date;
  }
  | {
    readonly kind: "expired-signature" | "expired-key" | "revoked-key";
    readonly signer: string;
    readonly created: Date;
    /** One clause that says what is wrong. */
    readonly why: string;
  }
  | { readonly kind: "unknown-key"; readonly why: string }
  | { readonly kind: "bad"; readonly why: string };

const CONFIG = {
  ...defaults,
  // Whether a key is valid is asked of today, below; a certificate that was cleaned
  // says nothing about the day of the signature.
  allowInsecureVerificationWithReformattedKeys: true,
};
/** Asks whether something holds, whenever; the library's types leave this value out. */
const ANY_TIME = null as unknown as Date;
/** For the arithmetic alone: which keys and hashes are too weak is said afterwards. */
const LAX = {
  ...CONFIG,
  rejectHashAlgorithms: new Set<enums.hash>(),
  rejectMessageHashAlgorithms: new Set<enums.hash>(),
};

/**
 * Verifies an attestation's signature.
 *
 * @param attestation Its `key` must be in the keyring, as a primary key or a subkey.
 * @param keyring Known keys; whether they are trusted is another question.
 * @param now The time to judge expiry by.
 */
export async function verifyAttestation(
  attestation: Attestation,
  keyring: Keyring,
  now: Date,
): Promise<Verdict> {
  const { key, sig, data } = attestation;
  const certificate = keyring.get(key);
  if (!certificate) return { kind: "unknown-key", why: `the key ${key} is not known` };
  try {
    const packet = await parseSignature(sig);
    const signedBy = signingKey(certificate, key, packet);
    requireCurve(signedBy);
    const message = await createMessage({ binary: signedBytes(data), format: "binary" });
    await checkArithmetic(packet, signedBy, message);
    const about = { signer: fingerprintOf(certificate), created: packet.created! };
    const late = await whatIsLate(certificate, signedBy, packet, now);
    if (late) return { ...late, ...about };
    const signature = await readSignature({ binarySignature: sig });
    const { signatures } = await verify({
      message,
      signature,
      verificationKeys: certificate,
      date: now,
      format: "binary",
      config: CONFIG,
    });
    await signatures[0]!.verified;
    return { kind: "good", ...about };
  } catch (error) {
    return { kind: "bad", why: excerpt((error as Error).message, 200) };
  }
}

async function parseSignature(sig: Uint8Array): Promise<SignaturePacket> {
  const { packets } = await readSignature({ binarySignature: sig });
  const [packet] = packets;
  if (!packet || packets.length !== 1) {
    throw new Error(`there are ${packets.length} signatures, expected one`);
  }
  if (packet.signatureType !== enums.signature.binary) {
    throw new Error("it is a signature of another type, expected one over bytes");
  }
  return packet;
}

/** The key of a certificate that a signature names, which must be the one that is claimed. */
function signingKey(
  certificate: PublicKey,
  claimed: string,
  { issuerKeyID }: SignaturePacket,
): PublicKey | Subkey {
  const primary = fingerprintOf(certificate);
  for (const key of certificate.getKeys(issuerKeyID)) {
    if (claimed === primary || claimed === fingerprintOf(key)) return key as PublicKey | Subkey;
  }
  throw new Error(`it is made by ${issuerKeyID.toHex().toUpperCase()}, not by ${claimed}`);
}

/** Asked before the arithmetic, for which the library has no code here. */
function requireCurve(key: PublicKey | Subkey): void {
  const { curve } = key.getAlgorithmInfo();
  if (curve && CONFIG.rejectCurves.has(curve as enums.curve)) {
    throw new Error(`its key is on the curve ${curve}, which is refused`);
  }
}

async function checkArithmetic(
  packet: SignaturePacket,
  { keyPacket }: PublicKey | Subkey,
  message: Awaited<ReturnType<typeof createMessage>>,
): Promise<void> {
  const literal = message.packets.findPacket(enums.packet.literalData)!;
  await packet.verify(keyPacket, enums.signature.binary, literal, ANY_TIME, true, LAX);
}

interface Late {
  readonly kind: "expired-signature" | "expired-key" | "revoked-key";
  readonly why: string;
}

/** Whether something that was right once is so no more. */
async function whatIsLate(
  certificate: PublicKey,
  signedBy: PublicKey | Subkey,
  packet: SignaturePacket,
  now: Date,
): Promise<Late | null> {
  const isSubkey = "bindingSignatures" in signedBy;
  if (await certificate.isRevoked(undefined, undefined, ANY_TIME, CONFIG)) {
    return { kind: "revoked-key", why: "its key is revoked" };
  }
  if (isSubkey && await isSubkeyRevoked(signedBy)) {
    return { kind: "revoked-key", why: "its subkey is revoked" };
  }
  const until = packet.getExpirationTime();
  if (until <= now) return { kind: "expired-signature", why: `it expired at ${dated(until)}` };
  const ends = [
    await certificate.getExpirationTime(undefined, CONFIG),
    isSubkey ? await signedBy.getExpirationTime(now, CONFIG) : Infinity,
  ];
  for (const end of ends) {
    if (end !== null && end <= now) {
      return { kind: "expired-key", why: `its key expired at ${dated(end)}` };
    }
  }
  return null;
}

/** A revocation stands whichever binding signature is the newest. */
async function isSubkeyRevoked(subkey: Subkey): Promise<boolean> {
  for (const binding of subkey.bindingSignatures) {
    const { keyPacket } = subkey.mainKey;
    if (await subkey.isRevoked(binding, keyPacket, ANY_TIME, CONFIG)) return true;
  }
  return false;
}

function dated(time: Date | number): string {
  return time instanceof Date ? time.toISOString() : String(time);
}
