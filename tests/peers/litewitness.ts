/**
 * Torchwood's litewitness (`filippo.io/torchwood/cmd/litewitness`), a C2SP witness, with
 * its Ed25519 key in an ssh-agent of its own.
 *
 * Its companion `witnessctl` is not built (it needs a module that not every proxy
 * has); logs are put into the witness's database as `witnessctl add-log` and `add-key` do.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { requirePeers } from "./peers.ts";
import { get, run, type Running, startProcess, startServer } from "./process.ts";

/** A running witness. */
export interface Litewitness extends AsyncDisposable {
  /** Submission prefix, without a slash at the end: `POST /add-checkpoint`. */
  url: string;
  /** Its verifier key, type 0x04. */
  vkey: string;
  /** Its process id: another one after {@linkcode Litewitness.restart}. */
  readonly pid: number;
  /** Lets it cosign a log: its origin and a verifier key of type 0x01. */
  addLog(origin: string, vkey: string): void;
  /** What it remembers of a log; `undefined` for one it does not know. */
  latest(origin: string): { size: bigint; root: Uint8Array } | undefined;
  /** What it has written to its standard error. */
  output(): string;
  /** Forces it to end, as a crash would; its key and its memory stay. */
  kill(): Promise<void>;
  /** Starts it again after {@linkcode Litewitness.kill}, at the same URL. */
  restart(): Promise<void>;
  /** Ends it and its agent and removes its folder. */
  stop(): Promise<void>;
}

/** How to start {@linkcode startLitewitness}. */
export interface LitewitnessOptions {
  /** The witness's name, a URL without scheme. */
  name: string;
  /** The logs that it knows from the start. */
  logs?: { origin: string; vkey: string }[];
}

/** The root of an empty tree. */
const EMPTY_ROOT = createHash("sha256").digest("base64");

/**
 * Starts litewitness with a new key on a free port, in a new temporary folder.
 *
 * It takes bodies of at most 10 KiB, knows log keys of type 0x01 only, answers with a
 * cosignature of type 0x04, and has no monitoring endpoint.
 *
 * @param options Its name and its logs.
 * @returns The witness, or `null` if it, ssh-agent, ssh-add or ssh-keygen is missing.
 * @throws {Error} If it does not start.
 */
export async function startLitewitness(
  options: LitewitnessOptions,
): Promise<Litewitness | null> {
  const peers = await requirePeers(
    "litewitness",
    "ssh-agent",
    "ssh-add",
    "ssh-keygen",
  );
  if (peers === null) return null;
  const dir = await Deno.makeTempDir({ prefix: "indelible-lw-" });
  const started: Running[] = [];
  const stop = async () => {
    for (const running of started.splice(0).reverse()) await running.stop();
    await Deno.remove(dir, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  };
  try {
    const key = join(dir, "key");
    const socket = join(dir, "agent");
    await must(peers["ssh-keygen"], [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      "",
      "-f",
      key,
    ]);
    // In the foreground (-D), so that its process id is ours to end.
    started.push(
      await startProcess(peers["ssh-agent"], ["-D", "-a", socket], {
        // The socket is there a moment before the agent listens on it.
        ready: async () => {
          (await Deno.connect({ transport: "unix", path: socket })).close();
          return true;
        },
      }),
    );
    await must(peers["ssh-add"], ["-q", key], { SSH_AUTH_SOCK: socket });
    const blob = (await Deno.readTextFile(`${key}.pub`)).split(" ")[1] ?? "";
    const fingerprint = createHash("sha256").update(blob, "base64").digest(
      "base64",
    );
    const database = join(dir, "witness.db");
    const args = (address: string) => [
      `-name=${options.name}`,
      `-db=${database}`,
      `-ssh-agent=${socket}`,
      `-key=SHA256:${fingerprint.replace(/=+$/, "")}`,
      `-listen=${address}`,
    ];
    // Its own key on its page, not that of a witness which took the port first.
    const ready = async (url: string, output: () => string) =>
      (await get(`${url}/`)).replaceAll("&#43;", "+").includes(vkeyIn(output()) ?? "\0");
    const stopSignal = "SIGINT";
    const witness = await startServer(peers.litewitness, args, { ready, stopSignal });
    let running: Running = witness;
    started.push(witness);
    const kill = async () => {
      const at = started.indexOf(running);
      if (at >= 0) started.splice(at, 1);
      await running.kill();
    };
    const restart = async () => {
      running = await startProcess(peers.litewitness, args(new URL(witness.url).host), {
        ready: (output) => ready(witness.url, output),
        stopSignal,
      });
      started.push(running);
    };
    const vkey = vkeyIn(witness.output());
    if (vkey === undefined) {
      throw new Error(`No vkey from litewitness:\n${witness.output()}`);
    }
    const addLog = (origin: string, vkey: string) => {
      using db = new DatabaseSync(database, { timeout: 10_000 });
      db.prepare(
        "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?) ON CONFLICT DO NOTHING",
      )
        .run(origin, EMPTY_ROOT);
      db.prepare("INSERT INTO key (origin, key) VALUES (?, ?)").run(
        origin,
        vkey,
      );
    };
    const latest = (origin: string) => {
      using db = new DatabaseSync(database, {
        readOnly: true,
        timeout: 10_000,
      });
      const query = db.prepare(
        "SELECT tree_size, tree_hash FROM log WHERE origin = ?",
      );
      query.setReadBigInts(true);
      const row = query.get(origin);
      return row && {
        size: row["tree_size"] as bigint,
        root: Uint8Array.fromBase64(row["tree_hash"] as string),
      };
    };
    for (const log of options.logs ?? []) addLog(log.origin, log.vkey);
    const { url } = witness;
    return {
      url,
      vkey,
      get pid() {
        return running.pid;
      },
      addLog,
      latest,
      output: () => running.output(),
      kill,
      restart,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The verifier key that litewitness logs when it starts. */
function vkeyIn(output: string): string | undefined {
  return /\bvkey="?([^"\s]+)/.exec(output)?.[1];
}

async function must(
  command: string,
  args: string[],
  env: Record<string, string> = {},
) {
  const { code, stdout, stderr } = await run(command, args, { env });
  if (code !== 0) throw new Error(`${command} failed: ${stdout}${stderr}`);
}
