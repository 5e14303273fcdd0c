/**
 * The user's own `gpg`, for what needs a secret key: it asks its agent or the card for
 * the passphrase or the touch, and nothing of that is seen here. Run by name, which is
 * all that the program's permission covers; it inherits the environment, `GNUPGHOME`
 * included.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import type { Sign } from "./attestation.ts";
import { chooseKey } from "./key_id.ts";

/** The program's name, as its permission has it. */
export const GPG = "gpg";

const NOTHING = new Uint8Array(0);

/**
 * The full fingerprint of the user's secret key that a key ID names.
 *
 * @throws {Error} If there is none, or more than one.
 */
export async function findSecretKey(id: string): Promise<string> {
  const { stdout } = await runGpg(["--with-colons", "--list-secret-keys"], NOTHING);
  const fingerprints: string[] = [];
  let isPrimary = false;
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const fields = line.split(":");
    if (fields[0] === "sec") isPrimary = true;
    else if (fields[0] === "fpr" && isPrimary) {
      fingerprints.push(fields[9] ?? "");
      isPrimary = false; // The next ones are subkeys'.
    }
  }
  return chooseKey(id, fingerprints, "among gpg's secret keys");
}

/**
 * The user's public key, armored, without other people's certifications.
 *
 * @param fingerprint In full.
 */
export async function exportKey(fingerprint: string): Promise<Uint8Array<ArrayBuffer>> {
  const options = ["--armor", "--export-options=export-minimal", "--export", fingerprint];
  const { stdout } = await runGpg(options, NOTHING);
  if (stdout.length > 0) return stdout;
  throw new Error(`Cannot export key ${fingerprint}: gpg has no such key`);
}

/** The certificates in a keybox, which only `gpg` reads. */
export async function exportKeybox(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { stdout } = await runGpg([`--keyring=${path}`, "--export"], NOTHING, [
    "--no-default-keyring",
  ]);
  return stdout;
}

/**
 * Signs with a secret key of the user: a binary detached signature with SHA-256.
 *
 * @param fingerprint In full.
 */
export function signWith(fingerprint: string): Sign {
  const options = [
    "--no-armor",
    "--no-textmode",
    "--digest-algo=SHA256",
    `--local-user=${fingerprint}`,
    "--detach-sign",
  ];
  return async (bytes) => (await runGpg(options, bytes)).stdout;
}

interface Ran {
  readonly stdout: Uint8Array<ArrayBuffer>;
}

async function runGpg(
  options: readonly string[],
  input: Uint8Array<ArrayBuffer>,
  first: readonly string[] = [],
): Promise<Ran> {
  const child = startGpg([...first, "--batch", "--no-tty", ...options]);
  const writer = child.stdin.getWriter();
  // It may end without reading; its exit code says so.
  const written = writer.write(input).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  if (code === 0) return { stdout };
  throw new Error(`Cannot use gpg: ${reason(new TextDecoder().decode(stderr), code)}`);
}

function startGpg(args: readonly string[]): Deno.ChildProcess {
  try {
    const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    return new Deno.Command(GPG, { args: [...args], ...streams }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      throw new Error("Cannot use gpg: there is no gpg on the PATH; install GnuPG");
    }
    throw error;
  }
}

/** What gpg says last, without its name. */
function reason(stderr: string, code: number): string {
  const lines = stderr.split("\n").filter((line) => line.startsWith("gpg: "));
  const last = lines.at(-1)?.slice("gpg: ".length);
  return last === undefined ? `it ended with ${code}` : excerpt(last, 200);
}
