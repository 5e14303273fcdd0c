/**
 * A log behind a real socket, in this process and in memory, and what an answer
 * of it must fulfil. The real program is `running_log.ts`.
 */

import {
  checkInclusion,
  encodeBase64,
  formatSkey,
  formatVkey,
  leafHash,
  openCheckpoint,
  parseBase64,
  parseUtf8,
  sha256,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, ok } from "node:assert/strict";
import type { BatchReport } from "../log/batch_report.ts";
import { type Log, type LogKeys, type LogOptions, openLog, readLogKeys } from "../log/mod.ts";
import { Publishers } from "../log/publishers.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { newKey } from "./running_log.ts";

/** A log that answers on a port of this machine. */
export interface ServedLog extends AsyncDisposable {
  /** Its port. */
  readonly port: number;
  /** Its URL, without a slash at the end. */
  readonly url: string;
  /** The log itself. */
  readonly log: Log;
  /** Its keys. */
  readonly keys: LogKeys;
  /** Its batches so far. */
  readonly batches: readonly BatchReport[];
  /** What failed inside. */
  readonly faults: readonly string[];
}

/** Serves a log that is in memory; it batches at once unless told otherwise. */
export async function serveLog(options: Partial<LogOptions> = {}): Promise<ServedLog> {
  const key = newKey("log.test/http");
  const keys = readLogKeys([formatSkey(key)], [formatVkey(key)], () => 1n);
  const batches: BatchReport[] = [];
  const faults: string[] = [];
  const log = await openLog({
    keys,
    ledger: openMemoryLedger(),
    objects: openMemoryObjects(),
    batchInterval: 1,
    ...options,
    events: {
      batch: (report) => void batches.push(report),
      fault: (error, where) => void faults.push(`${where}: ${error}`),
    },
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, log.handler);
  const { port } = server.addr;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    log,
    keys,
    batches,
    faults,
    async [Symbol.asyncDispose]() {
      await log.stop();
      await server.shutdown();
    },
  };
}

/** The checksum of a text. */
export function checksumOf(content: string): string {
  return `sha256:${sha256(utf8(content)).toHex()}`;
}

/** Publishers by name, each with its name and `-token` as token. */
export function publishersNamed(...names: readonly string[]): Publishers {
  const lines = names.map((name) => `${name} ${checksumOf(`${name}-token`)}\n`);
  return Publishers.parse(utf8(lines.join("")));
}

/** JSON of an answer, whatever its members. */
// deno-lint-ignore no-explicit-any -- tests look at what is there.
export type Answer = any;

/** `POST /add`, or another path, with JSON. */
export async function post(
  { url }: Pick<ServedLog, "url">,
  body: unknown,
  headers: Record<string, string> = {},
  path = "/add",
): Promise<{ status: number; headers: Headers; body: Answer }> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array
      ? body as BodyInit
      : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** `POST /admin/bulk/append`, with the lines of its answer. */
export async function postBulk(
  { url }: Pick<ServedLog, "url">,
  body: BodyInit,
  query = "",
): Promise<{ status: number; headers: Headers; lines: Answer[] }> {
  const response = await fetch(`${url}/admin/bulk/append${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson" },
    body,
  });
  const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  return { status: response.status, headers: response.headers, lines };
}

/** Checks that an answer proves an entry at an index; returns the tree size it is under. */
export function checkProof(
  { keys }: Pick<ServedLog, "keys">,
  answer: Answer,
  entry: string,
): bigint {
  equal(parseUtf8(parseBase64(answer.entry)), entry);
  return checkLeaf({ keys }, answer, entry);
}

/** As {@linkcode checkProof}, for answers that do not repeat the entry. */
export function checkLeaf(
  { keys }: Pick<ServedLog, "keys">,
  { checkpoint, index, inclusionProof }: Answer,
  entry: string,
): bigint {
  const opened = openCheckpoint(parseBase64(checkpoint), keys.origin, keys.verifiers);
  ok(opened.kind === "verified", `the checkpoint is ${opened.kind}`);
  const { size, root } = opened.checkpoint;
  const proof = inclusionProof.map(parseBase64);
  deepEqual(inclusionProof, proof.map(encodeBase64), "base64 in its one spelling");
  const leaf = leafHash(utf8(entry));
  ok(checkInclusion(BigInt(index), size, leaf, proof, root), `no proof of leaf ${index}`);
  return size;
}

/** The bytes that a PyPI publication is logged as. */
export function pypiEntry(filename: string, checksum: string, publisher?: string): string {
  const line = publisher === undefined ? "" : `\npublisher ${publisher}`;
  return `pypi-transparency/v1\n${checksum}\n${filename}${line}`;
}

/** The name of file `i` in {@linkcode logOf}. */
export const madeUpName = (i: number): string => `pkg-${i}.tar.gz`;

/** A log of files; file `i` has the digest of `content i`. */
export async function logOf(size: number): Promise<ServedLog> {
  const log = await serveLog();
  const lines = Array.from(
    { length: size },
    (_, i) => JSON.stringify({ filename: madeUpName(i), checksum: checksumOf(`content ${i}`) }),
  );
  await postBulk(log, lines.join("\n"), "?proofs=false");
  return log;
}
