/**
 * Wheels of logged digests, in a folder of the user: each with its tlog-proof
 * beside it, so that `verify` says of each the same as this program, and an
 * environment can be checked again offline.
 *
 * @module
 */

import { encodeHex, equalBytes, formatTlogProof, type Hash, type TlogProof } from "@indelible/core";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { digestFile } from "../digest.ts";
import { replaceFile } from "../files.ts";
import { openRequest } from "../http_client.ts";
import type { PackageIndex } from "../package_index.ts";
import { PROOF_EXTENSION, readProof } from "../proof_file.ts";
import type { FileHosts } from "../proxy/file_hosts.ts";
import { retrying, TryLater } from "../retry.ts";
import { namesIn } from "./environment.ts";

/** The registry serves other bytes than those that were logged. */
export class OtherBytes extends Error {
  /** Tells it from other errors. */
  override readonly name = "OtherBytes";
}

/** The largest wheel. */
const MAX_WHEEL = 8 * 2 ** 30;
/** How long to wait for a registry that cannot now, in milliseconds. */
const PATIENCE = 30_000;

/** Keeps wheels. */
export class WheelStore {
  readonly #folder: string;

  /** @param folder The folder; made when missing. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a wheel is, if it is there. */
  path(filename: string): string {
    return join(this.#folder, filename);
  }

  /** The wheels that are there. */
  async names(): Promise<string[]> {
    return (await namesIn(this.#folder)).filter((name) => name.endsWith(".whl"));
  }

  /** The digest of a wheel's bytes as they are now; `null` if it is not there. */
  async digest(filename: string): Promise<Hash | null> {
    try {
      return await digestFile(this.path(filename));
    } catch (error) {
      if ((error as Error).cause instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** The proof of a wheel, nothing of it verified; `null` if there is none that can be read. */
  async proof(filename: string): Promise<TlogProof | null> {
    try {
      return await readProof(this.path(filename) + PROOF_EXTENSION);
    } catch {
      return null;
    }
  }

  /** Keeps the proof of a wheel. */
  async keepProof(filename: string, proof: TlogProof): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    replaceFile(this.path(filename) + PROOF_EXTENSION, formatTlogProof(proof));
  }

  /**
   * Fetches a wheel, unless it is there.
   *
   * @param filename Its name.
   * @param expected Its logged digest.
   * @param url Where the registry has it.
   * @param from `index`: the registry; `hosts`: where files may be fetched from; `signal` ends it.
   * @throws {OtherBytes} If the registry serves other bytes.
   */
  async fetch(
    filename: string,
    expected: Hash,
    url: URL,
    from: {
      readonly index: PackageIndex;
      readonly hosts: FileHosts;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const kept = await this.digest(filename);
    if (kept && equalBytes(kept, expected)) return;
    if (!await from.hosts.allow(url)) {
      throw new Error(`the registry has ${filename} at ${url.origin}, which is not to be reached`);
    }
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // A name of its own: others may be fetching the same.
    const temporary = `${this.path(filename)}.${crypto.randomUUID()}`;
    try {
      const digest = await retrying(() => download(url, temporary, from), {
        patience: PATIENCE,
        signal: from.signal,
      });
      if (!equalBytes(digest, expected)) {
        throw new OtherBytes(
          `the registry serves ${filename} with sha256:${encodeHex(digest)}, ` +
            `the log has sha256:${encodeHex(expected)}`,
        );
      }
      await Deno.rename(temporary, this.path(filename));
    } finally {
      await Deno.remove(temporary).catch(() => {});
    }
  }
}

async function download(
  url: URL,
  path: string,
  { index, hosts, signal }: Parameters<WheelStore["fetch"]>[3],
): Promise<Hash> {
  const { status, body } = await openRequest(url, {
    headers: {
      "accept-encoding": "identity",
      ...(url.origin === index.url.origin && index.headers),
    },
    maxBytes: MAX_WHEEL,
    signal,
    mayFollow: (from, to) => hosts.allowRedirect(from, to),
  });
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  const hash = createHash("sha256");
  for await (const piece of body) {
    hash.update(piece);
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
  if (status === 429 || status >= 500) throw new TryLater(`${url} answers ${status}`, null);
  if (status !== 200) throw new Error(`${url} answers ${status}`);
  return new Uint8Array(hash.digest());
}
