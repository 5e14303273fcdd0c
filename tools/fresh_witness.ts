/**
 * Starts a witness of our own for one scenario: the entry for hosts without a
 * disk, under `deno serve`, with its state in memory. It is a program of another
 * folder, so it is run and not imported.
 *
 * @module
 */

import { formatSkey, KeyType, type SignerKey, signerKey } from "@indelible/core";
import { fileURLToPath } from "node:url";
import type { ScenarioLog, ScenarioWitness } from "./witness_scenario.ts";

const ENTRY = new URL("../deploy/witness_host.ts", import.meta.url);
const CONFIG = new URL("../deno.json", import.meta.url);
const LISTENING = /Listening on http:\/\/127\.0\.0\.1:(\d+)\//;

/** The only host that a program which starts witnesses may connect to. */
export const WITNESS_HOST = "127.0.0.1";

/** A running witness. */
export interface FreshWitness extends ScenarioWitness, AsyncDisposable {}

/**
 * Starts a witness that has seen nothing.
 *
 * @param logs The logs that it knows.
 * @throws {Error} If it does not start.
 */
export async function startWitness(logs: readonly ScenarioLog[]): Promise<FreshWitness> {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const key: SignerKey = signerKey("witness.example/fresh", KeyType.ed25519Cosignature, seed);
  const list = logs.flatMap(({ origin, vkeys }) => vkeys.map((vkey) => `${origin} ${vkey}\n`));
  const child = new Deno.Command("deno", {
    args: [
      "serve",
      "--no-prompt",
      "--frozen",
      `--config=${fileURLToPath(CONFIG)}`,
      "--allow-env=WITNESS_PRIVATE_KEY,WITNESS_LOGS,WITNESS_KV_PATH,WITNESS_ACCEPT_ROLLBACK",
      `--host=${WITNESS_HOST}`,
      "--port=0",
      fileURLToPath(ENTRY),
    ],
    env: {
      WITNESS_PRIVATE_KEY: formatSkey(key),
      WITNESS_LOGS: list.join(""),
      WITNESS_KV_PATH: ":memory:",
      // Nobody serves the scenario's logs, and there is nothing that it could have forgotten.
      WITNESS_ACCEPT_ROLLBACK: "1",
      NO_COLOR: "1",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const port = await listeningPort(child.stderr);
  const url = `http://${WITNESS_HOST}:${port}`;
  return {
    keys: [key],
    send: (path, init) => fetch(url + path, init),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

/** Reads what a server says until it says its port; what follows is dropped. */
async function listeningPort(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.getReader();
  const decoder = new TextDecoder();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start a witness: ${said.trim()}`);
    said += decoder.decode(value, { stream: true });
    const port = LISTENING.exec(said)?.[1];
    if (port === undefined) continue;
    reader.releaseLock();
    stderr.pipeTo(new WritableStream()).catch(() => {}); // Ends with the process.
    return port;
  }
}
