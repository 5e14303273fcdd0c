/** A real witness, started as `deno task witness` starts it. */

import {
  formatSkey,
  formatVkey,
  KeyType,
  openNote,
  type SignerKey,
  verifierOf,
} from "@indelible/core";
import { logId } from "@indelible/witness";
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort, type Running } from "./peers/process.ts";
import { runProgram, startProgram } from "./programs.ts";
import { newKey } from "./running_log.ts";

/** A witness with an Ed25519 and an ML-DSA-44 key, which answers with both. */
export class RunningWitness implements AsyncDisposable {
  /** Its name; in {@linkcode RunningWitness.policyLine} it is `ours`. */
  readonly name: string;
  readonly #port = freePort();
  readonly #keys: readonly SignerKey[];
  readonly #folder: string;
  #running!: Running;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.name = name;
    this.#keys = [KeyType.ed25519Cosignature, KeyType.mlDsa44].map((type) => newKey(name, type));
  }

  /** Makes its keys in a folder and starts it there. */
  static async start(folder: string, name = "witness.example/ours"): Promise<RunningWitness> {
    const witness = new RunningWitness(folder, name);
    for (const [i, key] of witness.#keys.entries()) {
      await Deno.writeTextFile(join(folder, `witness-${i}.key`), formatSkey(key));
    }
    await witness.start();
    return witness;
  }

  /** Its URL, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The policy line that it prints for its Ed25519 key, which every peer knows. */
  get policyLine(): string {
    const vkey = formatVkey(this.#keys[0]!);
    const line = this.#running.output().split("\n").find((line) => line.includes(vkey));
    assert.match(line ?? "", /^witness \S+ \S+ http/);
    return line!.replace(/^witness \S+/, "witness ours");
  }

  /** Lets it cosign a log, by `witness-add-key`. */
  async addLog(vkey: string): Promise<void> {
    await Deno.writeTextFile(join(this.#folder, "log.pub"), vkey);
    const args = ["--database-path=witness.db", "--public-key=log.pub"];
    const { code, stderr } = await runProgram("witness-add-key", args, { cwd: this.#folder });
    assert.equal(code, 0, stderr);
  }

  /** What the monitoring read shows of a log. */
  async latest(origin: string): Promise<Uint8Array> {
    const response = await fetch(`${this.url}/${logId(origin)}/checkpoint`);
    assert.equal(response.status, 200);
    return await response.bytes();
  }

  /** Whether all its keys have cosigned a note. */
  cosigned(note: Uint8Array): boolean {
    const opened = openNote(note, this.#keys.map((key) => verifierOf(key)));
    return opened.kind === "verified" && opened.verified.length === this.#keys.length;
  }

  /** Starts it again after {@linkcode RunningWitness.kill}, at the same URL. */
  async start(): Promise<void> {
    const flags = ["--database-path=witness.db", `--port=${this.#port}`];
    for (const i of this.#keys.keys()) flags.push(`--private-key=witness-${i}.key`);
    this.#running = await startProgram("witness", flags, {
      cwd: this.#folder,
      ready: (output) => output().includes(`url=${this.url}`),
    });
  }

  /** Forces it to end, as a crash would. */
  kill(): Promise<void> {
    return this.#running.kill();
  }

  /** Ends it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#running.stop();
  }
}
