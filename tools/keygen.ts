/**
 * `keygen`: makes a key pair for a log or a witness, as files that Go's
 * `sumdb/note` reads.
 *
 * @module
 */

import { formatVkey, isKeyName, KeyType, type SignerKey, signerKey } from "@indelible/core";
import type { Command } from "@indelible/core/command";
import { type KeyPaths, writeKeyPair } from "./key_files.ts";
import { runMain } from "./main.ts";

/** Flags of `keygen`. */
export type KeygenFlags = KeyPaths & {
  /** The key's name: a log's origin, a witness's name. */
  readonly origin: string;
  /** The signature algorithm. */
  readonly algorithm: "ed25519" | "ml-dsa-44";
  /** Whether the key is a witness's. */
  readonly witness: boolean;
};

function parseOrigin(origin: string): string {
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(origin) ?? [];
  if (scheme !== undefined) {
    throw new Error(
      `it must be a URL without its scheme: leave out ${scheme}, as in log.example/main`,
    );
  }
  if (isKeyName(origin)) return origin;
  throw new Error(
    'it must be a name without white space or "+", such as log.example/main',
  );
}

function keyType({ algorithm, witness }: KeygenFlags): KeyType {
  if (algorithm === "ml-dsa-44") return KeyType.mlDsa44;
  return witness ? KeyType.ed25519Cosignature : KeyType.ed25519;
}

const DESCRIPTIONS: Readonly<Record<KeyType, string>> = {
  [KeyType.ed25519]: "Ed25519 key of a log (type 0x01)",
  [KeyType.ed25519Cosignature]: "Ed25519 key of a witness (type 0x04)",
  [KeyType.mlDsa44]: "ML-DSA-44 key (type 0x06)",
};

/**
 * Makes a new key.
 *
 * @param name Its name.
 * @param type What it signs.
 */
export function generateKey(name: string, type: KeyType): SignerKey {
  return signerKey(name, type, crypto.getRandomValues(new Uint8Array(32)));
}

/** The command line of `keygen`. */
export const command: Command<KeygenFlags> = {
  name: "keygen",
  brief: "Make a key pair for a log or a witness",
  description: [
    "Makes a key pair for a log or a witness, in Go's signed note format.",
    "Existing files are never overwritten; the private key is readable by its owner only.",
    "",
    "Examples:",
    "  deno task keygen --origin=log.example/main",
    "  deno task keygen --origin=witness.example --witness \\",
    "    --private-key-path=witness.key --public-key-path=witness.pub",
  ].join("\n"),
  parameters: {
    flags: {
      origin: {
        kind: "parsed",
        parse: parseOrigin,
        brief: "Name of the key: the log's origin or the witness's name",
      },
      privateKeyPath: {
        kind: "parsed",
        parse: String,
        default: "private.key",
        brief: "File to create for the private key",
      },
      publicKeyPath: {
        kind: "parsed",
        parse: String,
        default: "public.key",
        brief: "File to create for the public key",
      },
      algorithm: {
        kind: "enum",
        values: ["ed25519", "ml-dsa-44"],
        default: "ed25519",
        brief: "Signature algorithm; Go's sumdb/note reads ed25519 only",
      },
      witness: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "The key is a witness's and makes cosignatures",
      },
    },
  },
  permissions({ privateKeyPath, publicKeyPath }) {
    const paths = [privateKeyPath, publicKeyPath];
    return { read: paths, write: paths };
  },
  run(flags) {
    const key = generateKey(flags.origin, keyType(flags));
    writeKeyPair(key, flags);
    console.log(`Made an ${DESCRIPTIONS[key.type]} named ${key.name}:`);
    console.log(`  private  ${flags.privateKeyPath}  (keep it secret)`);
    console.log(`  public   ${flags.publicKeyPath}`);
    // A vkey of ML-DSA-44 has 1,800 characters; its file has it.
    if (key.type !== KeyType.mlDsa44) console.log(formatVkey(key));
    return Promise.resolve(0);
  },
};

if (import.meta.main) await runMain(command);
