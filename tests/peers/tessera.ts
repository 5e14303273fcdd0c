/**
 * Tessera (`github.com/transparency-dev/tessera`) on the other end: its POSIX log as
 * a foreign log and cost peer, its `fsck` and its hammer's readers against ours.
 */

import { join } from "node:path";
import { requirePeer } from "./peers.ts";
import { get, run, startServer } from "./process.ts";

/** A running Tessera POSIX conformance server. */
export interface Tessera extends AsyncDisposable {
  /** Base URL, without a slash at the end: `/add`, `/checkpoint`, `/tile/…`. */
  url: string;
  /** Its process id, for `loadgen -pid`. */
  pid: number;
  /** The folder of the log: `checkpoint` and `tile/` below it. */
  dir: string;
  /** What it has written to its standard error. */
  output(): string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** How to start {@linkcode startTessera}. */
export interface TesseraOptions {
  /** The log's private key in note form (Ed25519); its name is the origin. */
  skey: string;
  /** Keys that sign every checkpoint besides. */
  additionalSkeys?: string[];
  /** Keep Tessera's persistent deduplication (Badger). Default: in memory only. */
  antispam?: boolean;
  /**
   * A C2SP policy with the witnesses' URLs: nothing is published without its quorum.
   * Then the program is ours (see cmd/tessera-witnessed) and the key is the only one;
   * `POST /add` answers once the entry is published, and an unchanged tree is cosigned
   * again every second.
   */
  policy?: string;
}

/**
 * Starts Tessera's POSIX log on a free port in a new temporary folder.
 *
 * `POST /add` takes any body as one entry and answers its index as decimal text once
 * it is sequenced: batches close at 256 entries or after one second, and a checkpoint
 * is published at most once a second, so it may follow the answer by that much. A body
 * seen before is answered with its first index.
 *
 * @param options The keys.
 * @returns The server, or `null` if the peer is missing.
 * @throws {Error} If it does not start.
 */
export async function startTessera(
  options: TesseraOptions,
): Promise<Tessera | null> {
  const { policy } = options;
  const program = await requirePeer(policy === undefined ? "tessera-posix" : "tessera-witnessed");
  if (program === null) return null;
  const root = await Deno.makeTempDir({ prefix: "indelible-tessera-" });
  const remove = () => Deno.remove(root, { recursive: true });
  try {
    const dir = join(root, "log");
    await Deno.mkdir(dir);
    const keys: string[] = [];
    for (
      const [i, skey] of [options.skey, ...(options.additionalSkeys ?? [])]
        .entries()
    ) {
      const path = join(root, `key-${i}`);
      // Without a newline at the end: the program does not trim.
      await Deno.writeTextFile(path, skey.trim(), { mode: 0o600 });
      keys.push(
        `--${i === 0 ? "private_key" : "additional_private_key"}=${path}`,
      );
    }
    const policyFile = join(root, "policy");
    if (policy !== undefined) await Deno.writeTextFile(policyFile, policy);
    const server = await startServer(
      program,
      (address) => [
        `--storage_dir=${dir}`,
        `--listen=${address}`,
        ...keys,
        ...(policy === undefined
          ? [`--antispam=${options.antispam ?? false}`]
          : [`--policy=${policyFile}`, "--republish=1s"]),
      ],
      {
        // Its own checkpoint, not that of a server which took the port first.
        ready: async (url) =>
          await get(`${url}/checkpoint`) ===
            await Deno.readTextFile(join(dir, "checkpoint")),
      },
    );
    let stopped = false;
    const stop = async () => {
      if (stopped) return;
      stopped = true;
      await server.stop();
      await remove();
    };
    const { url, pid, output } = server;
    return { url, pid, dir, output, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What {@linkcode fsckLog} found. */
export interface FsckResult {
  /** Whether every tile and the root were re-derived and agree. */
  ok: boolean;
  /** True if it had to be ended by force: see {@linkcode fsckLog}. */
  hung: boolean;
  /** What it wrote. */
  output: string;
}

/**
 * Runs Tessera's `fsck` over a whole log: reads all entry bundles, re-derives leaf
 * hashes (RFC 6962), every tile and the root, and compares.
 *
 * The program ends with 0 whatever it found, so its words decide; and it can wait for
 * ever after a bad tile (its workers are gone, its queue is full), so a limit ends it.
 *
 * @param url The log's base URL, `http:` or `file:`.
 * @param vkey The log's verifier key; any type that `formats/note` knows, 0x06 included.
 * @param options The origin if it differs from the key's name, the number of workers
 *   (default 4), the limit in milliseconds (default 60,000).
 * @returns The verdict, or `null` if the peer is missing.
 */
export async function fsckLog(
  url: string,
  vkey: string,
  options: { origin?: string; workers?: number; limitMs?: number } = {},
): Promise<FsckResult | null> {
  const program = await requirePeer("fsck");
  if (program === null) return null;
  const key = await Deno.makeTempFile({ prefix: "indelible-fsck-" });
  try {
    await Deno.writeTextFile(key, vkey.trim());
    const { code, stdout, stderr } = await run(program, [
      `--storage_url=${url.replace(/\/?$/, "/")}`,
      `--public_key=${key}`,
      `--N=${options.workers ?? 4}`,
      "--ui=false",
      ...(options.origin === undefined ? [] : [`--origin=${options.origin}`]),
    ], { limitMs: options.limitMs ?? 60_000 });
    const output = stdout + stderr;
    return {
      ok: code === 0 && output.includes("Successfully fsck'd log") &&
        !/^[EF]\d/m.test(output),
      hung: code === null,
      output,
    };
  } finally {
    await Deno.remove(key);
  }
}

/** What {@linkcode hammerRead} saw. */
export interface HammerResult {
  /** Whether leaves were read and nothing failed: no read, no consistency check. */
  ok: boolean;
  /** How many leaves were asked for. */
  reads: number;
  /** Its warnings and errors, or all it wrote if there was no read. */
  output: string;
}

/**
 * Runs the readers of Tessera's hammer against a log, without writers: some at random,
 * some from the first leaf on, while it follows the checkpoint (twice a second) and
 * proves each one consistent with the last. It checks signatures and consistency, and
 * that bundles parse; that entries match the tree is what {@linkcode fsckLog} checks.
 *
 * @param url The log's base URL.
 * @param vkey The log's verifier key, type 0x01; its name is the origin.
 * @param options Readers of each kind (default 2), reads a second (default 200), and how
 *   long in whole seconds (default 3; the first second reads nothing).
 * @returns The verdict, or `null` if the peer is missing.
 */
export async function hammerRead(
  url: string,
  vkey: string,
  options: { readers?: number; opsPerSecond?: number; seconds?: number } = {},
): Promise<HammerResult | null> {
  const program = await requirePeer("hammer");
  if (program === null) return null;
  const readers = options.readers ?? 2;
  const seconds = options.seconds ?? 3;
  const { code, stderr } = await run(program, [
    `--log_url=${url}`,
    `--log_public_key=${vkey.trim()}`,
    `--max_read_ops=${options.opsPerSecond ?? 200}`,
    `--num_readers_random=${readers}`,
    `--num_readers_full=${readers}`,
    "--num_writers=0",
    `--max_runtime=${seconds}s`,
    "--show_ui=false",
    "--v=2",
  ], { limitMs: seconds * 1000 + 60_000 });
  // What it was doing when its time was up is cancelled, with a warning.
  const end = stderr.indexOf("Max runtime reached");
  const late = end < 0 ? "" : stderr.slice(end);
  const lines = (end < 0 ? stderr : stderr.slice(0, end)).split("\n")
    .concat(
      late.split("\n").filter((line) => !line.includes("context canceled")),
    );
  const reads = lines.filter((line) => line.includes("LeafReader getting")).length;
  const bad = lines.filter((line) => /^[WEF]\d/.test(line) || /^panic/.test(line));
  // Reaching its run time is the only way for readers to end, and has exit code 1.
  const ended = code === 1 && end >= 0;
  return {
    ok: ended && reads > 0 && bad.length === 0,
    reads,
    output: ended && reads > 0 ? bad.join("\n") : stderr,
  };
}
