/**
 * The log's keys: who signs its checkpoints and who checks them.
 *
 * @module
 */

import {
  type Checkpoint,
  formatVkey,
  KeyType,
  type NoteSigner,
  type NoteVerifier,
  openCheckpoint,
  parseSkey,
  parseVkey,
  signerOf,
  type VerifierKey,
  verifierOf,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";

/** The log's keys, ready for use. */
export interface LogKeys {
  /** The log's name for ever: the name of its keys. */
  readonly origin: string;
  /** The vkey of the first key, which is Ed25519. */
  readonly vkey: string;
  /** The vkeys of all its keys, today's and former ones. */
  readonly vkeys: readonly string[];
  /** One for each private key. */
  readonly signers: readonly NoteSigner[];
  /** The log's verifiers; an old checkpoint may lack those of keys that were added since. */
  readonly verifiers: readonly NoteVerifier[];
}

/**
 * Reads the log's keys.
 *
 * @param skeys The private keys; the first is Ed25519, type 0x01.
 * @param vkeys The public keys, to be compared; the first belongs to the first private key.
 *   Any further ones are former keys of the log, still trusted for old checkpoints.
 * @param now POSIX seconds, for signatures that carry a time.
 * @throws {Error} If keys do not belong together, naming what does not.
 */
export function readLogKeys(
  skeys: readonly string[],
  vkeys: readonly string[],
  now: () => bigint,
): LogKeys {
  const secret = skeys.map((skey) => parseSkey(skey.trim()));
  const known = vkeys.map((vkey) => parseVkey(vkey.trim()));
  const [first] = secret;
  if (!first || first.type !== KeyType.ed25519) {
    throw new Error("The first private key must be Ed25519 (type 0x01)");
  }
  const vkey = formatVkey(first);
  if (known[0] && formatVkey(known[0]) !== vkey) {
    throw new Error(
      `The public key ${formatVkey(known[0])} is not that of the private key ${vkey}`,
    );
  }
  const keys = new Map<string, VerifierKey>();
  for (const key of [...secret, ...known]) {
    if (key.name !== first.name) {
      throw new Error(
        `All keys must have one name, the origin: ${first.name}, not ${key.name}`,
      );
    }
    keys.set(formatVkey(key), key);
  }
  return {
    origin: first.name,
    vkey,
    vkeys: [...keys.keys()],
    signers: secret.map((key) => signerOf(key, now, nativeEd25519)),
    verifiers: [...keys.values()].map((key) => verifierOf(key, nativeEd25519)),
  };
}

/**
 * Opens a checkpoint that this log signed.
 *
 * @throws {Error} If it is malformed or not signed by the log's keys, saying which checkpoint.
 */
export function openOwn(
  note: Uint8Array,
  keys: LogKeys,
  which: string,
): Checkpoint {
  let why: string;
  try {
    const opened = openCheckpoint(note, keys.origin, keys.verifiers);
    if (opened.kind === "verified") return opened.checkpoint;
    why = opened.why;
  } catch (error) {
    why = (error as Error).message;
  }
  throw new Error(`Cannot trust ${which}: ${why}`);
}
