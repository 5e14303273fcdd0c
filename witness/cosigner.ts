/**
 * The witness's keys, ready for use: an Ed25519 key (0x04), an ML-DSA-44 key
 * (0x06), or one of each under one name. A 0x01 key is taken as the same key of
 * type 0x04, as bt-log's set-up needs.
 *
 * @module
 */

import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import {
  type Checkpoint,
  concat,
  cosignatureMessage,
  encodeBase64,
  formatSignatureLine,
  formatVkey,
  KeyType,
  type NoteVerifier,
  parseHex,
  type SignerKey,
  type Subtree,
  subtreeMessage,
  uint64,
  utf8,
  type VerifierKey,
  verifierOf,
  withKeyType,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";

/** Makes ML-DSA-44 signatures. */
type MlDsaSign = (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** A key as the key of a witness: type 0x01 becomes 0x04, with its own key ID. */
export function asWitnessKey<K extends VerifierKey>(key: K): K {
  return key.type === KeyType.ed25519 ? withKeyType(key, KeyType.ed25519Cosignature) : key;
}

/** Signs as one witness. */
export class Cosigner {
  /** The witness's name. */
  readonly name: string;
  /** Its public keys, in the order of their types. */
  readonly keys: readonly VerifierKey[];
  /** Check its own cosignatures. */
  readonly verifiers: readonly NoteVerifier[];
  /** Whether it can cosign subtrees. */
  readonly signsSubtrees: boolean;
  readonly #ed25519: Ed25519Lines | undefined;
  readonly #mlDsa: { key: SignerKey; sign: MlDsaSign } | undefined;

  private constructor(keys: readonly SignerKey[], sign: MlDsaSign | undefined) {
    const byType = (type: KeyType) => keys.find((key) => key.type === type);
    const ed25519 = byType(KeyType.ed25519Cosignature);
    this.#ed25519 = ed25519 && new Ed25519Lines(ed25519);
    const mlDsa = byType(KeyType.mlDsa44);
    this.#mlDsa = mlDsa && sign && { key: mlDsa, sign };
    this.name = keys[0]!.name;
    this.keys = keys;
    this.verifiers = keys.map((key) => verifierOf(key, nativeEd25519));
    this.signsSubtrees = mlDsa !== undefined;
  }

  /**
   * Makes the cosigner of a witness.
   *
   * @param keys Its secret keys: one, or one of each type, all of one name.
   * @throws {Error} If they cannot be the keys of one witness.
   */
  static async of(keys: readonly SignerKey[]): Promise<Cosigner> {
    const own = keys.map(asWitnessKey).sort((a, b) => a.type - b.type);
    const [first] = own;
    if (!first) throw new Error("A witness needs a private key");
    if (own.some(({ name }) => name !== first.name)) {
      const names = own.map(({ name }) => name).join(" and ");
      throw new Error(
        `All keys of a witness must have one name, not ${names}`,
      );
    }
    if (new Set(own.map(({ type }) => type)).size < own.length) {
      throw new Error(
        "A witness has one Ed25519 key, one ML-DSA-44 key, or one of each",
      );
    }
    if (utf8(first.name).length > 255) {
      throw new Error("A witness's name has at most 255 bytes");
    }
    const mlDsa = own.find(({ type }) => type === KeyType.mlDsa44);
    return new Cosigner(own, mlDsa && await mlDsaSigner(mlDsa));
  }

  /** The vkeys, in the order of the keys. */
  get vkeys(): string[] {
    return this.keys.map(formatVkey);
  }

  /**
   * Cosigns a checkpoint with every key.
   *
   * @param text The checkpoint's text, known to be that of a checkpoint.
   * @param checkpoint What it says.
   * @param time POSIX seconds, over 0.
   * @returns The signature lines.
   */
  async cosign(
    text: string,
    checkpoint: Checkpoint,
    time: bigint,
  ): Promise<string> {
    let lines = "";
    if (this.#ed25519) lines += this.#ed25519.cosign(text, time);
    if (this.#mlDsa) {
      lines += await this.cosignSubtree({
        time,
        origin: checkpoint.origin,
        start: 0n,
        end: checkpoint.size,
        hash: checkpoint.root,
      });
    }
    return lines;
  }

  /**
   * Cosigns a subtree with the ML-DSA-44 key.
   *
   * @returns The signature line, with its newline.
   */
  async cosignSubtree(subtree: Omit<Subtree, "cosigner">): Promise<string> {
    const { key, sign } = this.#mlDsa!;
    const message = subtreeMessage({ ...subtree, cosigner: key.name });
    return formatSignatureLine({
      name: key.name,
      keyId: key.keyId,
      signature: concat(uint64(subtree.time), await sign(message)),
    });
  }
}

/**
 * Signature lines of the Ed25519 key. Name and key ID are the same in all of them: they
 * are laid out once, and each line fills in its time and signature.
 */
class Ed25519Lines {
  readonly #seed: Uint8Array;
  readonly #start: string;
  /** Key ID, timestamp, signature: what stands in base64 in a line. */
  readonly #bytes = new Uint8Array(4 + 8 + 64);
  readonly #time = new DataView(this.#bytes.buffer, 4, 8);

  constructor({ name, keyId, seed }: SignerKey) {
    this.#seed = seed;
    this.#start = `— ${name} `;
    this.#bytes.set(parseHex(keyId));
  }

  cosign(text: string, time: bigint): string {
    this.#time.setBigUint64(0, time);
    this.#bytes.set(nativeEd25519.sign(cosignatureMessage(text, time), this.#seed), 12);
    return `${this.#start}${encodeBase64(this.#bytes)}\n`;
  }
}

/** The algorithm's name in WebCrypto; its types do not know it yet. */
const ML_DSA_44 = { name: "ML-DSA-44" };

/** ML-DSA-44 by the platform, ten times faster here (measured), or else in TypeScript. */
async function mlDsaSigner({ seed }: SignerKey): Promise<MlDsaSign> {
  const pair = ml_dsa44.keygen(seed);
  const pure: MlDsaSign = (message) =>
    Promise.resolve(
      ml_dsa44.sign(message, pair.secretKey, { extraEntropy: false }),
    );
  try {
    const key = await crypto.subtle.importKey(
      "raw-seed" as "raw",
      Uint8Array.from(seed),
      ML_DSA_44,
      false,
      ["sign"],
    );
    const native: MlDsaSign = async (message) =>
      new Uint8Array(await crypto.subtle.sign(ML_DSA_44, key, message));
    const probe = utf8("probe");
    const works = ml_dsa44.verify(await native(probe), probe, pair.publicKey);
    return works ? native : pure;
  } catch {
    return pure; // A platform that does not know the algorithm.
  }
}
