/** Clients that take their time: a byte a second, or nothing at all. */

import { utf8 } from "@indelible/core";
import { fileURLToPath } from "node:url";
import { run } from "./peers/process.ts";

const IDLE = fileURLToPath(new URL("testdata/idle_clients.ts", import.meta.url));
/** After so many milliseconds a connection counts as one that nobody closes. */
const PATIENCE_MS = 60_000;
const SPARE_FILES = 200;

/** What became of a connection. */
export interface Dripped {
  /** The status line of the first answer; empty when there was none. */
  readonly status: string;
  /** Whether the other side closed the connection while more was still being written. */
  readonly closed: boolean;
}

/**
 * Writes a head at once and then a byte a second, for as long as the other side listens.
 *
 * @param port Where the server listens on this machine.
 * @param head What is written at once.
 * @param byte What is written each second; nothing when empty.
 * @param enough Whether to end by oneself after an answer.
 */
export async function drip(
  port: number,
  head: string | Uint8Array,
  byte: string,
  { enough = false }: { readonly enough?: boolean } = {},
): Promise<Dripped> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let heard = "";
  let over = false;
  const listening = (async () => {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4096);
    try {
      for (let n; (n = await connection.read(buffer)) !== null;) {
        heard += decoder.decode(buffer.subarray(0, n), { stream: true });
        if (enough && heard.includes("\r\n\r\n")) return;
      }
    } catch {
      // A reset closes it too.
    }
    over = true;
  })();
  const limit = performance.now() + PATIENCE_MS;
  try {
    for (let text = head; !over && performance.now() < limit; text = byte) {
      await connection.write(typeof text === "string" ? utf8(text) : text);
      await Promise.race([listening, new Promise((resolve) => setTimeout(resolve, 1000))]);
      if (enough && heard.includes("\r\n\r\n")) break;
    }
  } catch {
    over = true; // Closed on the other side.
  }
  const closed = over;
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
  await listening;
  return { status: heard.split("\r\n")[0]!, closed };
}

/** Connections that are open and say nothing, or half a request. */
export interface IdleClients extends AsyncDisposable {
  /** How many there are. */
  readonly count: number;
}

/**
 * Opens idle connections from a process of their own, since each takes a file handle,
 * and opens those anew that the other side closes.
 *
 * @param ports Where to connect to, on this machine, in turn.
 * @param wanted How many; fewer where a process may not have so many open files.
 */
export async function idleClients(
  ports: readonly number[],
  wanted: number,
): Promise<IdleClients> {
  const limit = Number((await run("sh", ["-c", "ulimit -n"])).stdout);
  // The other side has other files open too.
  const count = limit - SPARE_FILES < wanted ? limit - SPARE_FILES : wanted;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", IDLE, `${count}`, ...ports.map(String)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await lines.read();
  return {
    count: Number(value),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await lines.cancel();
      await child.status;
    },
  };
}
