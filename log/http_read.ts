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
  encodeHex,
  EntryError,
  formatTlogProof,
  type Identifier,
  levelWidth,
  parseTilePath,
  sha256,
  type Tile,
  TILE_WIDTH,
  tilePath,
  utf8,
} from "@indelible/core";
import { LookupHandler } from "./http_lookup.ts";
import type { Identifiers } from "./identifiers.ts";
import type { Publication, Published } from "./publish.ts";
import { Resource } from "./resource.ts";
import { ANY_ORIGIN, badRequest, failure, json } from "./respond.ts";
import { type StandingReceipt, standingReceipt } from "./standing_receipt.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { Objects } from "./storage/objects.ts";
import type { StoredLog } from "./stored_log.ts";
import { TileCache } from "./tile_cache.ts";
import { wantsGzip } from "./zip.ts";

/** What reading needs. */
export interface ReadParts {
  /** Holds the published checkpoint. */
  readonly publication: Pick<Publication, "published">;
  /** Tiles and entry bundles. */
  readonly objects: Objects;
  /** Entries and proofs. */
  readonly stored: StoredLog;
  /** Which file has which leaf index. */
  readonly identifiers: Identifiers;
  /** Refusals. */
  readonly ledger: Ledger;
  /** The vkey of the log's first key. */
  readonly vkey: string;
  /** Milliseconds in which a body must have come. */
  readonly bodyTimeout: number;
}

const TEXT = "text/plain; charset=utf-8";
const BUNDLES = "tile/entries/";
const MAX_REFUSALS_SHOWN = 1000;

/** Answers reads. */
export class ReadHandler {
  readonly #parts: ReadParts;
  readonly #tiles: TileCache;
  /** The checkpoint served last, with what it was made of. */
  #checkpoint: { readonly published: Published; readonly resource: Resource } | null = null;
  readonly #lookups: LookupHandler;

  /** @param parts What it works with. */
  constructor(parts: ReadParts) {
    this.#parts = parts;
    this.#tiles = new TileCache(parts.objects);
    this.#lookups = new LookupHandler(parts);
  }

  /** The published checkpoint; `null` before the first. */
  get published(): Published | null {
    return this.#parts.publication.published;
  }

  /** `GET /checkpoint`. */
  checkpoint(request: Request): Response {
    const { published } = this;
    if (!published) return failure(404, "no checkpoint is published yet", {}, ANY_ORIGIN);
    if (this.#checkpoint?.published !== published) {
      const resource = textResource(new Uint8Array(published.note));
      this.#checkpoint = { published, resource };
    }
    return this.#checkpoint.resource.answer(request);
  }

  /** `GET /.well-known/public-key`. */
  publicKey(request: Request): Response {
    return textResource(utf8(`${this.#parts.vkey}\n`)).answer(request);
  }

  /** `GET /tile/…`: only canonical paths, only what the published tree has. */
  tile(request: Request, path: string): Response | Promise<Response> {
    // Zipped only when asked for, and never when a part of the bytes is.
    const zipped = path.startsWith(BUNDLES) && wantsGzip(request);
    // What was read once was in a published tree, and trees only grow.
    const known = this.#tiles.recall(path, zipped);
    return known ? known.answer(request) : this.#storedTile(request, path, zipped);
  }

  async #storedTile(request: Request, path: string, zipped: boolean): Promise<Response> {
    let tile: Tile;
    try {
      tile = parseTilePath(path);
    } catch {
      return failure(404, "there is no such tile", {}, ANY_ORIGIN);
    }
    const level = tile.level === "entries" ? 0 : tile.level;
    const width = levelWidth(level, BigInt(this.published?.size ?? 0));
    const inTree = tile.index * BigInt(TILE_WIDTH) + BigInt(tile.width) <= width;
    const resource = inTree ? await this.#tiles.read(tilePath(tile), zipped) : null;
    return resource?.answer(request) ?? failure(404, "there is no such tile", {}, ANY_ORIGIN);
  }

  /** `GET /bundle/<filename>`: a tlog-proof with the entry in `extra`. */
  async bundle(request: Request, encodedName: string, query: string): Promise<Response> {
    let asked: Identifier;
    try {
      const file = checkFile(decodeName(encodedName));
      const ecosystem = checkEcosystem(new URLSearchParams(query).get("ecosystem") ?? "pypi");
      asked = { ecosystem, file };
    } catch (error) {
      return badRequest(error);
    }
    const { published } = this;
    const [receipt] = published ? await this.#receipts([asked], published) : [];
    if (!receipt) {
      return failure(404, "this file is not logged", { filename: asked.file }, ANY_ORIGIN);
    }
    const proof = await receipt.prove();
    const bytes = formatTlogProof({
      extra: proof.bytes,
      index: BigInt(receipt.index),
      proof: proof.hashes,
      checkpoint: receipt.published.note,
    });
    return textResource(bytes).answer(request);
  }

  /** `POST /lookup`: many file names under one checkpoint. */
  lookup(request: Request): Promise<Response> {
    return this.#lookups.answer(request, () => this.published);
  }

  /** The published entries that published files. */
  async #receipts(
    asked: readonly Identifier[],
    published: Published,
  ): Promise<(StandingReceipt | undefined)[]> {
    const { identifiers, stored } = this.#parts;
    const found = await identifiers.find(asked, published.size);
    return asked.map((_, i) => {
      const leafIndex = found[i];
      return leafIndex === undefined ? undefined : standingReceipt(stored, leafIndex, published);
    });
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
  return new Resource({ bytes, type: TEXT, caching: "no-store", etag });
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new EntryError("filename", "must be percent-encoded UTF-8");
  }
}
