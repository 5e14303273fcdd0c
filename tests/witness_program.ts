/** The witness as a real process: `deno task witness`, and the entry for Deno Deploy. */

import { formatSkey, formatVkey, KeyType, type SignerKey } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GrowingLog, testKey } from "./growing_log.ts";
import { freePort, type Running, startServer } from "./peers/process.ts";
import { runProgram, startProgram } from "./programs.ts";

/** The witness's key. */
export const KEY: SignerKey = testKey("witness.example/process", KeyType.ed25519Cosignature);
/** The log that it knows. */
export const LOG = new GrowingLog("log.example/process");
/** Its database, in its folder. */
export const DATABASE = "--database-path=witness.db";

/** A running witness. */
export interface WitnessProgram extends AsyncDisposable {
  readonly url: string;
  readonly process: Running;
}

/** Writes the keys that the flags of these tests name. */
export async function writeKeys(folder: string, key: SignerKey = KEY): Promise<void> {
  await Deno.writeTextFile(join(folder, "witness.key"), `${formatSkey(key)}\n`);
  await Deno.writeTextFile(join(folder, "witness.pub"), `${formatVkey(key)}\n`);
  await Deno.writeTextFile(join(folder, "log.pub"), `${LOG.vkey}\n`);
}

/** Starts it as its task does. */
export async function startWitness(
  folder: string,
  ...flags: readonly string[]
): Promise<WitnessProgram> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["--private-key=witness.key", `--port=${port}`, ...flags];
  const process = await startProgram("witness", args, {
    cwd: folder,
    ready: (output) => output().includes(`url=${url}`),
  });
  return { url, process, [Symbol.asyncDispose]: () => process.stop() };
}

/** What it says when it does not start. */
export async function refusedStart(folder: string, ...flags: readonly string[]): Promise<string> {
  const args = ["--private-key=witness.key", "--port=0", ...flags];
  const { code, stderr } = await runProgram("witness", args, { cwd: folder });
  assert.equal(code, 1, stderr);
  return stderr;
}

/** Starts the entry for hosts without a disk over a local KV database. */
export async function startHost(
  { database, keys = [KEY], logs, accept = false, ready = true }: {
    readonly database: string;
    readonly keys?: readonly SignerKey[];
    /** The log list. */
    readonly logs: string;
    /** Whether a rollback is accepted. */
    readonly accept?: boolean;
    /** Whether it is to become healthy. */
    readonly ready?: boolean;
  },
): Promise<WitnessProgram> {
  const entry = fileURLToPath(new URL("../deploy/witness_host.ts", import.meta.url));
  const config = fileURLToPath(new URL("../deno.json", import.meta.url));
  const files = ["", "-wal", "-shm", "-journal"].map((end) => database + end).join(",");
  const hosts = [...logs.matchAll(/ https?:\/\/(\S+)/g)].map(([, host]) => host);
  const server = await startServer(
    Deno.execPath(),
    (address) => [
      "serve",
      "--quiet",
      "--no-prompt",
      "--frozen",
      `--config=${config}`,
      "--allow-env=WITNESS_PRIVATE_KEY,WITNESS_LOGS,WITNESS_ACCEPT_ROLLBACK,WITNESS_KV_PATH",
      `--allow-read=${files}`,
      `--allow-write=${files}`,
      ...(hosts.length > 0 ? [`--allow-net=${[address, ...hosts]}`] : []),
      "--host=127.0.0.1",
      `--port=${address.split(":")[1]}`,
      entry,
    ],
    {
      env: {
        WITNESS_PRIVATE_KEY: keys.map(formatSkey).join("\n"),
        WITNESS_LOGS: logs,
        WITNESS_KV_PATH: database,
        ...(accept && { WITNESS_ACCEPT_ROLLBACK: "1" }),
      },
      ready: async (url, output) => {
        const response = await fetch(`${url}/healthz`);
        await response.body?.cancel();
        return response.ok
          ? keys.every((key) => output().includes(formatVkey(key)))
          : !ready && output().includes("not started");
      },
    },
  );
  return { url: server.url, process: server, [Symbol.asyncDispose]: () => server.stop() };
}

/** Sends it a checkpoint. */
export async function post(url: string, body: Uint8Array<ArrayBuffer>) {
  const response = await fetch(`${url}/add-checkpoint`, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

/** Runs a program that must end well; gives what it prints. */
export async function must(name: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(name, args, { cwd });
  assert.equal(code, 0, stderr);
  return stdout;
}
