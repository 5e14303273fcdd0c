/** A real log, started as `deno task log` starts it, and its two ways in. */

import { formatSkey, formatVkey, KeyType, type SignerKey, signerKey } from "@indelible/core";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Running } from "./peers/process.ts";
import { startProgram } from "./programs.ts";

/** A log under way. */
export interface RunningLog extends AsyncDisposable, Running {
  /** Its URL, without a slash at the end. */
  readonly url: string;
  /** Its verifier key. */
  readonly vkey: string;
  /** The folder of its keys. */
  readonly folder: string;
  /** Its data: `checkpoint`, `tile/` and the ledger. */
  readonly storageDir: string;
  /** The file of its public key. */
  readonly publicKey: string;
}

/** How to start a log. */
export interface LogStart {
  /** Where its keys and its data are, or are to be made. */
  readonly folder: string;
  /** Its origin, when keys are to be made. */
  readonly origin?: string;
  /** The port to listen on; a free one by default. */
  readonly port?: number;
  /** Further flags. */
  readonly flags?: readonly string[];
}

/** A new key. */
export function newKey(name: string, type: KeyType = KeyType.ed25519): SignerKey {
  return signerKey(name, type, crypto.getRandomValues(new Uint8Array(32)));
}

/** Writes the key files of a log, as `keygen` does, unless they are there. */
export async function writeLogKeys(folder: string, origin: string): Promise<SignerKey | null> {
  const key = newKey(origin);
  const file = join(folder, "private.key");
  try {
    await Deno.writeTextFile(file, formatSkey(key) + "\n", { createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return null;
    throw error;
  }
  await Deno.writeTextFile(join(folder, "public.key"), formatVkey(key) + "\n");
  return key;
}

/**
 * Starts a log, with the permissions that the launcher computes.
 *
 * @throws {Error} If it does not start; the message ends with its output.
 */
export async function startLog(start: LogStart): Promise<RunningLog> {
  const { folder, origin = "log.test/real", port = 0, flags = [] } = start;
  await writeLogKeys(folder, origin);
  const ready = /^log (\S+) (http\S+)$/m;
  const running = await startProgram("log", [
    "--storage-dir=data",
    "--private-key=private.key",
    "--public-key=public.key",
    `--port=${port}`,
    ...flags,
  ], { cwd: folder, ready: (output) => ready.test(output()) });
  const [, vkey, url] = ready.exec(running.output()) as unknown as [string, string, string];
  return {
    ...running,
    url,
    vkey,
    folder,
    storageDir: join(folder, "data"),
    publicKey: join(folder, "public.key"),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

/** A file to be logged. */
export interface LoggedFile {
  /** Its name. */
  readonly filename: string;
  /** Its digest, `sha256:<hex>`. */
  readonly checksum: string;
}

/** File `i` of a made-up package. */
export function madeUpFile(i: number, label = "made-up"): LoggedFile {
  const digest = createHash("sha256").update(`${label}:${i}`).digest("hex");
  return { filename: `${label}-1.${i}.tar.gz`, checksum: `sha256:${digest}` };
}

/** The entry that a file is logged as. */
export function entryOf({ filename, checksum }: LoggedFile): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`pypi-transparency/v1\n${checksum}\n${filename}`);
}

/** What `/add` answered. */
export interface AddAnswer {
  /** HTTP status. */
  readonly status: number;
  /** `Retry-After`, if any. */
  readonly retryAfter: string | null;
  /** The JSON body. */
  readonly body: {
    readonly index?: number;
    /** Base64. */
    readonly checkpoint?: string;
    /** Base64. */
    readonly inclusionProof?: readonly string[];
    /** Base64. */
    readonly entry?: string;
    readonly error?: string;
    readonly checksum?: string;
  };
}

/** `POST /add`. */
export async function add(url: string, file: LoggedFile): Promise<AddAnswer> {
  const response = await fetch(`${url}/add`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(file),
  });
  const retryAfter = response.headers.get("Retry-After");
  return { status: response.status, retryAfter, body: await response.json() };
}

/** One result line of a bulk append. */
export interface BulkResult {
  readonly filename: string;
  readonly index: number | null;
  readonly status: "logged" | "error";
  readonly inclusionProof?: readonly string[];
}

/**
 * `POST /admin/bulk/append`, at most 50,000 files.
 *
 * @throws {Error} If the log does not answer 200.
 */
export async function bulkAppend(
  url: string,
  files: readonly LoggedFile[],
  options: { readonly proofs?: boolean } = {},
): Promise<{ readonly checkpoint: Uint8Array | null; readonly results: BulkResult[] }> {
  const response = await fetch(`${url}/admin/bulk/append?proofs=${options.proofs ?? false}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson" },
    body: files.map((file) => JSON.stringify(file)).join("\n") + "\n",
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot append: ${response.status}: ${text}`);
  let checkpoint: Uint8Array | null = null;
  const results: BulkResult[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const message = JSON.parse(line);
    if (message.type === "checkpoint") checkpoint = Uint8Array.fromBase64(message.checkpoint);
    if (message.type === "result") results.push(message.result);
  }
  return { checkpoint, results };
}
