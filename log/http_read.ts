/**
 * The read side over HTTP: what tlog-tiles defines, and look-ups by file name.
 * Everything here is public and below the published checkpoint: a tree that no
 * quorum has cosigned is not shown.
 *
 * @module
 */

import {
  checkEcosystem,
  checkFile,
  encodeBase64,
  encodeHex,
  EntryError,
  formatTlogProof,
  identifierKey,
  type JsonObject,
  levelWidth,
  parseBase64,
  parseJson,
  parseTilePath,
  sha256,
  type Tile,
  TILE_WIDTH,
  tilePath,
  utf8,
} from "@indelible/core";
import { readBody } from "@indelible/core/request_body";
import type { Receipt } from "./pool.ts";
import type { Publication, Published } from "./publish.ts";
import {
  ANY_ORIGIN,
  failure,
  json,
  methodNotAllowed,
  nextTurn,
  type Resource,
  serve,
  unavailable,
} from "./respond.ts";
import { standingReceipt } from "./standing_receipt.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { Objects } from "./storage/objects.ts";
import type { StoredLog } from "./stored_log.ts";
import { packHashes } from "./tree.ts";

/** What reading needs. */
export interface ReadParts {
  /** Holds the published checkpoint. */
  readonly publication: Pick<Publication, "published">;
  /** Tiles and entry bundles. */
  readonly objects: Objects;
  /** Entries and proofs. */
  readonly stored: StoredLog;
  /** Which file has which leaf index. */
  readonly ledger: Ledger;
  /** The vkey of the log's first key. */
  readonly vkey: string;
}

const TEXT = "text/plain; charset=utf-8";
const OCTETS = "application/octet-stream";
const IMMUTABLE = "public, max-age=31536000, immutable";
const GZIP_WANTED = /(?:^|,)\s*(?:x-)?gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[,;]|$)/i;
const MAX_LOOKUP_BYTES = 512 * 1024;
const MAX_LOOKUP_NAMES = 1000;
const MAX_LOOKUPS_WAITING = 32;
/** Proofs that are made without letting other requests in between: a few milliseconds. */
const PROOFS_PER_TURN = 20;
const MAX_REFUSALS_SHOWN = 1000;
const CACHE_BYTES = 64 * 1024 * 1024;

/** Answers reads. */
export class ReadHandler {
  readonly #parts: ReadParts;
  /** Objects served lately, least recently used first. */
  readonly #cache = new Map<string, Resource>();
  #cachedBytes = 0;
  #lookupTurn: Promise<unknown> = Promise.resolve();
  #lookupsWaiting = 0;

  /** @param parts What it works with. */
  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** The published checkpoint; `null` before the first. */
  get published(): Published | null {
    return this.#parts.publication.published;
  }

  /** `GET /checkpoint`. */
  checkpoint(request: Request): Response {
    const { published } = this;
    if (!published) return failure(404, "no checkpoint is published yet", {}, ANY_ORIGIN);
    return serve(request, textResource(new Uint8Array(published.note)));
  }

  /** `GET /.well-known/public-key`. */
  publicKey(request: Request): Response {
    return serve(request, textResource(utf8(`${this.#parts.vkey}\n`)));
  }

  /** `GET /tile/…`: only canonical paths, only what the published tree has. */
  async tile(request: Request, path: string): Promise<Response> {
    let tile: Tile;
    try {
      tile = parseTilePath(path);
    } catch {
      return failure(404, "there is no such tile", {}, ANY_ORIGIN);
    }
    const level = tile.level === "entries" ? 0 : tile.level;
    const width = levelWidth(level, BigInt(this.published?.size ?? 0));
    const inTree = tile.index * BigInt(TILE_WIDTH) + BigInt(tile.width) <= width;
    // Zipped only when asked for, and never when a part of the bytes is.
    const zipped = tile.level === "entries" && !request.headers.has("range") &&
      GZIP_WANTED.test(request.headers.get("accept-encoding") ?? "");
    const resource = inTree ? await this.#object(tilePath(tile), zipped) : null;
    return resource
      ? serve(request, resource)
      : failure(404, "there is no such tile", {}, ANY_ORIGIN);
  }

  async #object(path: string, zipped: boolean): Promise<Resource | null> {
    const key = zipped ? `${path} gzip` : path;
    const cached = this.#cache.get(key);
    if (cached) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached;
    }
    const stored = await this.#parts.objects.read(path);
    if (!stored) return null;
    const bytes = zipped ? await gzip(stored) : new Uint8Array(stored);
    const resource: Resource = {
      bytes,
      type: OCTETS,
      caching: IMMUTABLE,
      // The path names the bytes for ever.
      etag: `"${key.replace(" ", "-")}"`,
      ...(zipped && { encoding: "gzip" }),
    };
    // Another request may have read it meanwhile: its bytes count once.
    if (!this.#cache.has(key)) this.#cachedBytes += bytes.length;
    this.#cache.set(key, resource);
    for (const [oldest, { bytes }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= bytes.length;
    }
    return resource;
  }

  /** `GET /bundle/<filename>`: a tlog-proof with the entry in `extra`. */
  async bundle(request: Request, encodedName: string, query: string): Promise<Response> {
    let key: Uint8Array;
    let file: string;
    try {
      file = checkFile(decodeName(encodedName));
      const ecosystem = checkEcosystem(new URLSearchParams(query).get("ecosystem") ?? "pypi");
      key = identifierKey({ ecosystem, file });
    } catch (error) {
      return badRequest(error);
    }
    const { published } = this;
    const [receipt] = published ? await this.#receipts(key, published) : [];
    if (!receipt) return failure(404, "this file is not logged", { filename: file }, ANY_ORIGIN);
    const proof = await receipt.prove();
    const bytes = formatTlogProof({
      extra: proof.bytes,
      index: BigInt(receipt.index),
      proof: proof.hashes.map(parseBase64),
      checkpoint: receipt.published.note,
    });
    return serve(request, textResource(bytes));
  }

  /** `POST /lookup`: many file names under one checkpoint. */
  async lookup(request: Request): Promise<Response> {
    if (request.method !== "POST") return methodNotAllowed("POST", ANY_ORIGIN);
    if (request.headers.has("content-encoding")) {
      return failure(415, "compressed bodies are refused", {}, ANY_ORIGIN);
    }
    const body = await readBody(request, MAX_LOOKUP_BYTES);
    if (body.kind === "too-large") {
      return failure(413, `the body must have at most ${MAX_LOOKUP_BYTES} bytes`, {}, ANY_ORIGIN);
    }
    if (body.kind !== "read") {
      return failure(400, "the body did not arrive whole", {}, ANY_ORIGIN);
    }
    let names: string[];
    let ecosystem: string;
    try {
      ({ names, ecosystem } = parseLookup(body.bytes));
    } catch (error) {
      return badRequest(error);
    }
    const { published } = this;
    if (!published) return failure(404, "no checkpoint is published yet", {}, ANY_ORIGIN);
    if (this.#lookupsWaiting >= MAX_LOOKUPS_WAITING) {
      return unavailable("too many look-ups are waiting", undefined, ANY_ORIGIN);
    }
    // One after the other: a thousand proofs from as many tiles must not hold up the log.
    this.#lookupsWaiting++;
    const done = this.#lookupTurn.then(() => this.#lookUp(names, ecosystem, published));
    this.#lookupTurn = done.catch(() => {}).then(() => this.#lookupsWaiting--);
    return json(await done, 200, ANY_ORIGIN);
  }

  async #lookUp(names: readonly string[], ecosystem: string, published: Published) {
    const keys = packHashes(names.map((file) => identifierKey({ ecosystem, file })));
    const receipts = await this.#receipts(keys, published);
    const found: object[] = [];
    const missing: string[] = [];
    for (const [i, filename] of names.entries()) {
      const receipt = receipts[i];
      if (!receipt) {
        missing.push(filename);
        continue;
      }
      if (found.length % PROOFS_PER_TURN === PROOFS_PER_TURN - 1) await nextTurn();
      const { bytes, hashes } = await receipt.prove();
      const { index } = receipt;
      found.push({ filename, index, entry: encodeBase64(bytes), inclusionProof: hashes });
    }
    return { checkpoint: published.base64, found, missing };
  }

  /** The published entries that introduced identifiers, by their keys. */
  async #receipts(keys: Uint8Array, published: Published): Promise<(Receipt | undefined)[]> {
    const { ledger, stored } = this.#parts;
    const receipts = new Array<Receipt | undefined>(keys.length / 32).fill(undefined);
    if (keys.length === 0) return receipts;
    for (const { position, firstIndex } of await ledger.lookup(keys)) {
      if (firstIndex >= published.size) continue;
      receipts[position] = standingReceipt(stored, firstIndex, published);
    }
    return receipts;
  }

  /** `GET /refusals?limit=`: attempts at a second digest, newest first. */
  async refusals(query: string): Promise<Response> {
    const limit = new URLSearchParams(query).get("limit") ?? "100";
    if (!/^[1-9][0-9]{0,3}$/.test(limit) || Number(limit) > MAX_REFUSALS_SHOWN) {
      const error = `limit must be a number from 1 to ${MAX_REFUSALS_SHOWN}`;
      return failure(400, error, { field: "limit" }, ANY_ORIGIN);
    }
    return json(await this.#parts.ledger.refusals(Number(limit)), 200, ANY_ORIGIN);
  }
}

/** A text that may differ a moment later. */
function textResource(bytes: Uint8Array<ArrayBuffer>): Resource {
  const etag = `"${encodeHex(sha256(bytes).subarray(0, 16))}"`;
  return { bytes, type: TEXT, caching: "no-store", etag };
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new EntryError("filename", "must be percent-encoded UTF-8");
  }
}

function parseLookup(body: Uint8Array): { names: string[]; ecosystem: string } {
  const request = parseJson(body);
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw new EntryError("body", "must be a JSON object");
  }
  const { filenames, ecosystem = "pypi" } = request as JsonObject;
  if (
    !Array.isArray(filenames) || filenames.length > MAX_LOOKUP_NAMES ||
    !filenames.every((name) => typeof name === "string")
  ) {
    throw new EntryError("filenames", `must be a list of at most ${MAX_LOOKUP_NAMES} strings`);
  }
  if (typeof ecosystem !== "string") throw new EntryError("ecosystem", "must be a string");
  return { names: [...new Set(filenames.map(checkFile))], ecosystem: checkEcosystem(ecosystem) };
}

/** 400, naming the field if it is one that is wrong. */
function badRequest(error: unknown): Response {
  if (!(error instanceof SyntaxError)) throw error;
  const more = error instanceof EntryError ? { field: error.field } : {};
  return failure(400, error.message, more, ANY_ORIGIN);
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([new Uint8Array(bytes)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
