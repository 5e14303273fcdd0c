/**
 * Builds the Go programs that interop tests and benchmarks run against, from
 * `go.mod` beside this file (exact versions, checksums in `go.sum`).
 *
 * `deno run -A tests/peers/build.ts [FOLDER]` builds all of them into a folder
 * (else `INDELIBLE_PEERS_DIR`, else a private one for temporary files). A second
 * build only asks `go` whether anything changed.
 */

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What `go build` is given for each peer: our own tools, and released programs. */
const PACKAGES: Record<BuiltPeer, string> = {
  /** Go reference libraries by JSON lines (see driver.ts). */
  check: "./cmd/check",
  /** Bounded load on a loopback server, with the server's CPU and memory. */
  loadgen: "./cmd/loadgen",
  /** Go's SHA-256 on nodes, for the kernel's bench. */
  nodehash: "./cmd/nodehash",
  /** Go's file server, to serve a log's folder to whoever reads it. */
  fileserver: "./cmd/fileserver",
  /** Tessera: re-derives a whole log and compares every tile. */
  fsck: "github.com/transparency-dev/tessera/cmd/fsck",
  /** Tessera: readers (and writers) that follow a log and check consistency. */
  hammer: "github.com/transparency-dev/tessera/internal/hammer",
  /** Tessera: a log on a POSIX file system; `/add` answers the index alone. */
  "tessera-posix": "github.com/transparency-dev/tessera/cmd/conformance/posix",
  /** Tessera's library in a program of ours: the same log, published with witnesses alone. */
  "tessera-witnessed": "./cmd/tessera-witnessed",
  /** Torchwood: a C2SP witness, its key in ssh-agent. */
  litewitness: "filippo.io/torchwood/cmd/litewitness",
};

/** The name of a peer that we build. */
export type BuiltPeer =
  | "check"
  | "loadgen"
  | "nodehash"
  | "fileserver"
  | "fsck"
  | "hammer"
  | "tessera-posix"
  | "tessera-witnessed"
  | "litewitness";

/** The absolute path of each built program. */
export type Peers = Record<BuiltPeer, string>;

/** All peers that {@linkcode buildPeers} builds. */
export const BUILT_PEERS = Object.keys(PACKAGES) as BuiltPeer[];

/** The Go module that pins the peers. */
const MODULE = dirname(fileURLToPath(import.meta.url));

/** Tells whether `name` is a peer that we build, rather than a command to be installed. */
export function isBuiltPeer(name: string): name is BuiltPeer {
  return Object.hasOwn(PACKAGES, name);
}

/**
 * The folder for built peers: `INDELIBLE_PEERS_DIR`, else one of this user alone
 * among the temporary files, kept between runs.
 *
 * @returns An absolute path; the folder exists.
 * @throws {Error} If the folder among the temporary files is another user's.
 */
export async function peersDir(): Promise<string> {
  const chosen = Deno.env.get("INDELIBLE_PEERS_DIR");
  if (chosen) {
    await Deno.mkdir(chosen, { recursive: true });
    return resolve(chosen);
  }
  const dir = join(
    Deno.env.get("TMPDIR") ?? "/tmp",
    `indelible-peers-${Deno.uid()}`,
  );
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  const { isDirectory, uid, mode } = await Deno.lstat(dir);
  if (!isDirectory || uid !== Deno.uid() || ((mode ?? 0) & 0o022) !== 0) {
    throw new Error(`Cannot build peers: "${dir}" is open to other users`);
  }
  return dir;
}

/**
 * Builds one peer.
 *
 * @param name The peer.
 * @param outDir The folder to put the program in; made when missing.
 * @returns The absolute path of the program.
 * @throws {Deno.errors.NotFound} If there is no `go`.
 * @throws {Error} If the build fails; the message ends with what `go` said.
 */
export async function buildPeer(
  name: BuiltPeer,
  outDir: string,
): Promise<string> {
  await Deno.mkdir(outDir, { recursive: true });
  const path = join(resolve(outDir), name);
  // Test files run at the same time, and two links into one file would mix.
  using lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  await lock.lock(true);
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-trimpath", "-buildvcs=false", "-o", path, PACKAGES[name]],
    cwd: MODULE,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot build ${name}: ${new TextDecoder().decode(stderr).trim()}`,
    );
  }
  return path;
}

/**
 * Builds every peer, one after the other, and prints progress on standard error.
 *
 * @param outDir The folder to put the programs in; made when missing.
 * @returns The absolute path of each program.
 * @throws {Deno.errors.NotFound} If there is no `go`.
 * @throws {Error} If a build fails.
 */
export async function buildPeers(outDir: string): Promise<Peers> {
  const peers: Partial<Peers> = {};
  for (const [i, name] of BUILT_PEERS.entries()) {
    const began = performance.now();
    peers[name] = await buildPeer(name, outDir);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.error(`[${i + 1}/${BUILT_PEERS.length}] ${name} (${seconds} s)`);
  }
  return peers as Peers;
}

if (import.meta.main) {
  const peers = await buildPeers(Deno.args[0] ?? await peersDir());
  for (const path of Object.values(peers)) console.log(path);
}
