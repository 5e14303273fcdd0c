/** People with keys, homes of Signet and published folders, for its stories. */

import { join } from "node:path";
import { GpgHome } from "../tools/sig/_testing.ts";
import { attestationJson } from "../tools/sig/attestation.ts";
import type { PythonObject } from "../tools/sig/python_json.ts";
import { formatRepository } from "../tools/sig/repository.ts";
import { requirePeers } from "./peers/peers.ts";
import type { Finished } from "./peers/process.ts";
import { runProgram } from "./programs.ts";

/** Someone with a keyring, a home of Signet and a folder to work in. */
export class Person implements AsyncDisposable {
  /** Their GnuPG home. */
  readonly gpg: GpgHome;
  /** Full fingerprint of their key. */
  readonly key: string;
  /** Where they work; their home of Signet is `signet` in it. */
  readonly folder: string;

  private constructor(gpg: GpgHome, key: string, folder: string) {
    this.gpg = gpg;
    this.key = key;
    this.folder = folder;
  }

  /** A person with a new key, not set up yet. */
  static async make(user: string, kind = "ed25519"): Promise<Person> {
    const gpg = await GpgHome.make();
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "indelible-sig-" }));
    return new Person(gpg, await gpg.makeKey(user, kind), folder);
  }

  /** Their home of Signet. */
  get home(): string {
    return join(this.folder, "signet");
  }

  /** What they publish. */
  get published(): string {
    return join(this.home, "repo");
  }

  /** Runs `sig` as they do, through the launcher. */
  sig(...args: string[]): Promise<Finished> {
    const env = { ...this.gpg.env, SIG_DIR: this.home };
    return runProgram("sig", args, { cwd: this.folder, env });
  }

  /** Runs `sig`, which must succeed; gives what it prints. */
  async did(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.sig(...args);
    if (code !== 0) throw new Error(`sig ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Sets their home up. */
  async setUp(): Promise<this> {
    await this.did("setup", this.key);
    return this;
  }

  /** Reads a file in their folder. */
  read(path: string): string {
    return Deno.readTextFileSync(join(this.folder, path));
  }

  /** Writes a file into their folder. */
  write(path: string, text: string): void {
    Deno.writeTextFileSync(join(this.folder, path), text);
  }

  /** Makes a repository with this `attestations`, signed by them, as JSON. */
  async repository(attestations: PythonObject, options: string[] = []): Promise<string> {
    const signed = await this.gpg.attest({ attestations, version: "0.0.1" }, this.key, options);
    return new TextDecoder().decode(formatRepository(signed));
  }

  /** An attestation by them, as JSON. */
  async attestation(data: PythonObject, options: string[] = []): Promise<PythonObject> {
    return attestationJson(await this.gpg.attest(data, this.key, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gpg[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Whether gpg is there; says so if not. */
export async function haveGpg(): Promise<boolean> {
  return await requirePeers("gpg", "gpgconf") !== null;
}

/** Serves files by name; the test changes them as it goes. */
export class Published implements AsyncDisposable {
  /** What is served: a text, or a way to answer. */
  readonly files: Record<string, string | (() => Response)> = {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Starts serving at once. */
  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => {
      const file = this.files[new URL(request.url).pathname.slice(1)];
      if (file === undefined) return new Response("no", { status: 404 });
      return typeof file === "string" ? new Response(file) : file();
    });
  }

  /** Where. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Serves what a person has published by now. */
  publish(person: Person): void {
    for (const name of ["repo.json", "key.asc"]) {
      this.files[name] = Deno.readTextFileSync(join(person.published, name));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Changes one letter of a JSON text's signed part. */
export function tampered(json: string): string {
  return json.replace('"ok": true', '"ok": false');
}
