/**
 * Key pairs as files: the skey in one, readable by its owner alone, the vkey in
 * the other, each one line. Nothing is overwritten, and both are made or none.
 *
 * @module
 */

import {
  formatSkey,
  formatVkey,
  parseUtf8,
  parseVkey,
  type SignerKey,
  utf8,
  type VerifierKey,
} from "@indelible/core";
import { cannot, readSmallFile, writeNew } from "./files.ts";

/** Where a key pair is kept. */
export type KeyPaths = {
  /** The skey's file. */
  readonly privateKeyPath: string;
  /** The vkey's file. */
  readonly publicKeyPath: string;
};

const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/**
 * Writes a key pair into two new files.
 *
 * @param key The secret key.
 * @param paths Where to.
 * @throws {Error} If one of them exists or cannot be written; then neither is made.
 */
export function writeKeyPair(
  key: SignerKey,
  { privateKeyPath, publicKeyPath }: KeyPaths,
): void {
  if (privateKeyPath === publicKeyPath) {
    throw new Error(
      "Cannot write keys: --private-key-path and --public-key-path name one file",
    );
  }
  create("--private-key-path", privateKeyPath, formatSkey(key), PRIVATE_MODE);
  try {
    create("--public-key-path", publicKeyPath, formatVkey(key), PUBLIC_MODE);
  } catch (error) {
    Deno.removeSync(privateKeyPath); // Ours: it was created above.
    throw error;
  }
}

function create(flag: string, path: string, line: string, mode: number): void {
  try {
    writeNew(path, utf8(line + "\n"), mode);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`Cannot write ${flag} ${path}: there is no such folder`);
    }
    throw cannot("write", path, flag, error);
  }
}

/**
 * Reads a public key file: one vkey, with or without a final newline.
 *
 * @param path The file.
 * @param flag The flag that named it, for messages.
 */
export async function readVkeyFile(
  path: string,
  flag = "--public-key",
): Promise<VerifierKey> {
  const bytes = await readSmallFile(path, flag);
  try {
    return parseVkeyLine(bytes);
  } catch (error) {
    throw new Error(`Cannot use ${flag} ${path}: ${(error as Error).message}`);
  }
}

/**
 * Parses the content of a public key file, or of `/.well-known/public-key`.
 *
 * @param bytes One vkey, with or without a final newline.
 * @throws {SyntaxError} If it is anything else.
 */
export function parseVkeyLine(bytes: Uint8Array): VerifierKey {
  const text = parseUtf8(bytes).replace(/\r?\n$/, "");
  if (text.startsWith("PRIVATE+KEY+")) {
    throw new SyntaxError("it holds a private key, expected the public one");
  }
  if (text.includes("\n")) {
    throw new SyntaxError("it must hold one vkey on one line");
  }
  return parseVkey(text);
}
