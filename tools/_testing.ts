/**
 * For the tests of the tools: a small log made by core alone, a witness, and
 * commands run here with what they print.
 *
 * @module
 */

import {
  allTiles,
  appendLeafHash,
  bundleCount,
  concat,
  EMPTY_EDGE,
  encodeEntryBundle,
  type Entry,
  formatCheckpoint,
  formatEntry,
  formatTlogProof,
  formatVkey,
  type Hash,
  KeyType,
  leafHash,
  LogReader,
  nodeHash,
  rootHash,
  sha256,
  type SignerKey,
  signerKey,
  signerOf,
  signNote,
  tileAt,
  tilePath,
  utf8,
} from "@indelible/core";
import { type Command, runCommand } from "@indelible/core/command";
import { dirname, join } from "node:path";

/** The key of every test log. */
export const LOG_KEY: SignerKey = signerKey("log.test/tools", KeyType.ed25519, sha256(utf8("log")));
/** The key of every test witness. */
export const WITNESS_KEY: SignerKey = signerKey(
  "witness.test",
  KeyType.ed25519Cosignature,
  sha256(utf8("witness")),
);

/** A policy: the test log, cosigned by the test witness. */
export const POLICY = `log ${formatVkey(LOG_KEY)}\nwitness W ${
  formatVkey(WITNESS_KEY)
}\nquorum W\n`;

/** A publication by name and content. */
export function publication(file: string, content: string, fields: Partial<Entry> = {}): Entry {
  return {
    format: "pypi-transparency/v1",
    ecosystem: "pypi",
    event: "publish",
    file,
    digest: sha256(utf8(content)),
    ...fields,
  };
}

/** A log: its objects by path, `checkpoint` among them. */
export interface TestLog {
  readonly entries: readonly Uint8Array[];
  readonly objects: Map<string, Uint8Array>;
  /** A tlog-proof of an entry. */
  proof(index: number): Promise<Uint8Array>;
}

/** Makes a log of entries; cosigned at a time (POSIX seconds) when one is given. */
export function makeLog(entries: readonly Uint8Array[], cosignedAt?: bigint): TestLog {
  const objects = new Map<string, Uint8Array>();
  const size = BigInt(entries.length);
  const levels: Hash[][] = [entries.map(leafHash)];
  for (const tile of allTiles(size)) {
    const level = tile.level as number;
    const start = Number(tile.index) * 256;
    const hashes = levels[level]!.slice(start, start + tile.width);
    objects.set(tilePath(tile), concat(...hashes));
    if (tile.width === 256) (levels[level + 1] ??= []).push(perfect(hashes));
  }
  for (let bundle = 0n; bundle < bundleCount(size); bundle++) {
    const start = Number(bundle) * 256;
    const bytes = encodeEntryBundle(entries.slice(start, start + 256));
    objects.set(tilePath(tileAt("entries", bundle, size)!), bytes);
  }
  const root = rootHash(levels[0]!.reduce(appendLeafHash, EMPTY_EDGE));
  const text = formatCheckpoint({ origin: LOG_KEY.name, size, root, extensions: [] });
  const signers = [signerOf(LOG_KEY, () => 0n)];
  if (cosignedAt !== undefined) signers.push(signerOf(WITNESS_KEY, () => cosignedAt));
  const checkpoint = signNote(text, signers);
  objects.set("checkpoint", checkpoint);
  const reader = new LogReader(
    { size, root },
    (path) => Promise.resolve(objects.get(path) ?? null),
  );
  const proof = async (index: number) =>
    formatTlogProof({
      extra: entries[index]!,
      index: BigInt(index),
      proof: await reader.proveInclusion(BigInt(index)),
      checkpoint,
    });
  return { entries, objects, proof };
}

function perfect(hashes: readonly Hash[]): Hash {
  if (hashes.length === 1) return hashes[0]!;
  const half = hashes.length / 2;
  return nodeHash(perfect(hashes.slice(0, half)), perfect(hashes.slice(half)));
}

/** A log of `size` publications, `pkg-N.tar.gz` with the content `content N`. */
export function makeNumberedLog(size: number): TestLog {
  return makeLog(
    Array.from(
      { length: size },
      (_, n) => formatEntry(publication(`pkg-${n}.tar.gz`, `content ${n}`)),
    ),
  );
}

/** Writes a log's objects into a folder. */
export function writeLog(folder: string, log: TestLog): void {
  for (const [path, bytes] of log.objects) {
    const file = join(folder, path);
    Deno.mkdirSync(dirname(file), { recursive: true });
    Deno.writeFileSync(file, bytes);
  }
}

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process, with what it prints. */
export async function runHere<
  Flags extends Readonly<Record<string, unknown>>,
  Args extends readonly unknown[],
>(command: Command<Flags, Args>, args: readonly string[]): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const { log, error } = console;
  console.log = (text: string) => void (printed.stdout += text + "\n");
  console.error = (text: string) => void (printed.stderr += text + "\n");
  try {
    const code = await runCommand(command, args, {
      stdout: { write: (text) => void (printed.stdout += text) },
      stderr: { write: (text) => void (printed.stderr += text) },
    });
    return { code, ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** A folder for one test, removed afterwards. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indelible-tools-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
