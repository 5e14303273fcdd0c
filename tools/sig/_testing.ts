/**
 * For the tests of Signet: throw-away GnuPG homes with keys of any kind, each with its
 * own agent, which is stopped when the home goes.
 *
 * @module
 */

import type { Attestation } from "./attestation.ts";
import { formatPythonJson, type PythonObject } from "./python_json.ts";

/** What a program did. */
export interface Ended {
  readonly code: number;
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: string;
}

/** A GnuPG home of its own. */
export class GpgHome implements AsyncDisposable {
  /** The folder. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes one; its path must be short, as it holds a socket. */
  static async make(): Promise<GpgHome> {
    const folder = await Deno.makeTempDir({ prefix: "sig-gpg-" });
    await Deno.chmod(folder, 0o700);
    return new GpgHome(folder);
  }

  /** The environment of whoever uses it. */
  get env(): Record<string, string> {
    return { GNUPGHOME: this.folder };
  }

  /** Runs `gpg` here, without asking anything. */
  async try(args: readonly string[], input = new Uint8Array(0)): Promise<Ended> {
    const quiet = ["--batch", "--no-tty", "--quiet", "--pinentry-mode=loopback", "--passphrase="];
    const child = new Deno.Command("gpg", {
      args: [...quiet, ...args],
      env: this.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const written = writer.write(input).then(() => writer.close()).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    await written;
    return { code, stdout, stderr: new TextDecoder().decode(stderr) };
  }

  /** Runs `gpg` here; it must succeed. */
  async run(
    args: readonly string[],
    input?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { code, stdout, stderr } = await this.try(args, input);
    if (code !== 0) throw new Error(`gpg ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /**
   * Makes a key.
   *
   * @param user Its user ID.
   * @param kind Its algorithm, as `--quick-generate-key` has it.
   * @param options Of `gpg`; and its usage and last day.
   * @returns Its full fingerprint.
   */
  async makeKey(
    user: string,
    kind = "ed25519",
    { usage = "sign", expires = "never", options = [] as readonly string[] } = {},
  ): Promise<string> {
    await this.run([...options, "--quick-generate-key", user, kind, usage, expires]);
    return (await this.fingerprints(user))[0]!;
  }

  /** Full fingerprints of a key and its subkeys. */
  async fingerprints(user: string): Promise<string[]> {
    const listed = await this.run(["--with-colons", "--list-keys", user]);
    return new TextDecoder().decode(listed).split("\n")
      .filter((line) => line.startsWith("fpr:")).map((line) => line.split(":")[9]!);
  }

  /** Public keys, armored. */
  export(...keys: string[]): Promise<Uint8Array<ArrayBuffer>> {
    return this.run(["--armor", "--export", ...keys]);
  }

  /** Signs as the original does, with more options of `gpg`. */
  async attest(
    data: PythonObject,
    key: string,
    options: readonly string[] = [],
  ): Promise<Attestation> {
    const args = ["--digest-algo=SHA256", ...options, `--local-user=${key}`, "--detach-sign"];
    return { data, key: key.replace("!", ""), sig: await this.run(args, formatPythonJson(data)) };
  }

  /** Stops the agent and removes the home. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Deno.Command("gpgconf", {
      args: ["--kill", "all"],
      env: this.env,
      stdout: "null",
      stderr: "null",
    }).output();
    await Deno.remove(this.folder, { recursive: true });
  }
}
