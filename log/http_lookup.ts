/**
 * `POST /lookup`: many file names under one checkpoint. The answer is JSON with an
 * inclusion proof for each file, or, to whoever accepts it, a tlog-proofs container of
 * the same (`docs/formats.md`): it holds every node once, and is a fraction as long and
 * as much work, for the log and for the asker. What it leaves out is missing.
 *
 * @module
 */

import {
  checkEcosystem,
  checkFile,
  encodeBase64,
  EntryError,
  equalBytes,
  formatTlogProofs,
  type JsonObject,
  parseJson,
  proveTogether,
  rootFromShared,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { readBody } from "@indelible/core/request_body";
import type { FoundEntry, Identifiers } from "./identifiers.ts";
import type { Published } from "./publish.ts";
import {
  ANY_ORIGIN,
  badRequest,
  failure,
  json,
  methodNotAllowed,
  nextTurn,
  unavailable,
  unread,
} from "./respond.ts";
import { standingReceipt } from "./standing_receipt.ts";
import { Damaged } from "./storage/failure.ts";
import type { StoredLog } from "./stored_log.ts";

/** What look-ups need. */
export interface LookupParts {
  /** Entries and proofs. */
  readonly stored: StoredLog;
  /** Which file has which leaf index. */
  readonly identifiers: Identifiers;
  /** Milliseconds in which a body must have come. */
  readonly bodyTimeout: number;
}

const MAX_BYTES = 512 * 1024;
const MAX_NAMES = 1000;
const MAX_WAITING = 32;
/** Proofs that are made without letting other requests in between: a few milliseconds. */
const PROOFS_PER_TURN = 20;

/** The media type of a tlog-proofs container. */
export const TLOG_PROOFS_TYPE = "application/vnd.indelible.tlog-proofs";

/** A file that is logged. */
interface Found extends FoundEntry {
  readonly filename: string;
}

/** Answers look-ups. */
export class LookupHandler {
  readonly #parts: LookupParts;
  readonly #kernel = new KernelMemory();
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param parts What it works with. */
  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  /**
   * Answers one.
   *
   * @param request The request.
   * @param latest Gives the published checkpoint, once the request has come.
   */
  async answer(request: Request, latest: () => Published | null): Promise<Response> {
    if (request.method !== "POST") return methodNotAllowed("POST", ANY_ORIGIN);
    if (request.headers.has("content-encoding")) {
      return failure(415, "compressed bodies are refused", {}, ANY_ORIGIN);
    }
    const body = await readBody(request, MAX_BYTES, { timeout: this.#parts.bodyTimeout });
    if (body.kind !== "read") return unread(body, MAX_BYTES, ANY_ORIGIN);
    let names: string[];
    let ecosystem: string;
    try {
      ({ names, ecosystem } = parseLookup(body.bytes));
    } catch (error) {
      return badRequest(error);
    }
    const published = latest();
    if (!published) return failure(404, "no checkpoint is published yet", {}, ANY_ORIGIN);
    if (this.#waiting >= MAX_WAITING) {
      return unavailable("too many look-ups are waiting", undefined, ANY_ORIGIN);
    }
    // The container proves nothing under the empty tree.
    const shared = published.size > 0 &&
      (request.headers.get("accept") ?? "").includes(TLOG_PROOFS_TYPE);
    // One after the other: a thousand proofs from as many tiles must not hold up the log.
    this.#waiting++;
    const done = this.#turn.then(async () => {
      const { found, missing } = await this.#find(names, ecosystem, published);
      return shared
        ? await this.#together(found, published)
        : await this.#oneByOne(found, missing, published);
    });
    this.#turn = done.catch(() => {}).then(() => this.#waiting--);
    const made = await done;
    const type = shared ? { "Content-Type": TLOG_PROOFS_TYPE } : {};
    return json(made, 200, { ...ANY_ORIGIN, Vary: "Accept", ...type });
  }

  async #find(names: readonly string[], ecosystem: string, { size }: Published) {
    const asked = names.map((file) => ({ ecosystem, file }));
    const entries = await this.#parts.identifiers.findEntries(asked, size);
    const found: Found[] = [];
    const missing: string[] = [];
    names.forEach((filename, i) => {
      const entry = entries[i];
      if (entry) found.push({ filename, ...entry });
      else missing.push(filename);
    });
    return { found, missing };
  }

  async #oneByOne(found: readonly Found[], missing: readonly string[], published: Published) {
    const proven: object[] = [];
    for (const { filename, leafIndex: index } of found) {
      if (proven.length % PROOFS_PER_TURN === PROOFS_PER_TURN - 1) await nextTurn();
      const { bytes, hashes } = await standingReceipt(this.#parts.stored, index, published).prove();
      const inclusionProof = hashes.map(encodeBase64);
      proven.push({ filename, index, entry: encodeBase64(bytes), inclusionProof });
    }
    return { checkpoint: published.base64, found: proven, missing };
  }

  /** @throws {Damaged} If what is stored does not lead to the published root hash. */
  async #together(found: readonly Found[], published: Published): Promise<Uint8Array<ArrayBuffer>> {
    const { stored } = this.#parts;
    const { size, root, note } = published;
    const entries = found
      .map(({ leafIndex, bytes }) => ({ index: BigInt(leafIndex), entry: bytes }))
      .sort((a, b) => a.index < b.index ? -1 : 1);
    const nodes = await proveTogether(
      entries.map(({ index }) => index),
      BigInt(size),
      (nodes) => Promise.all(nodes.map((node) => stored.node(node, size))),
    );
    await nextTurn();
    if (!equalBytes(rootFromShared(entries, BigInt(size), nodes, this.#kernel), root)) {
      throw new Damaged(
        `the tiles above ${entries.length} entries`,
        "they do not lead to the published root hash",
      );
    }
    return formatTlogProofs({ checkpoint: note, entries, nodes });
  }
}

function parseLookup(body: Uint8Array): { names: string[]; ecosystem: string } {
  const request = parseJson(body);
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw new EntryError("body", "must be a JSON object");
  }
  const { filenames, ecosystem = "pypi" } = request as JsonObject;
  if (
    !Array.isArray(filenames) || filenames.length > MAX_NAMES ||
    !filenames.every((name) => typeof name === "string")
  ) {
    throw new EntryError("filenames", `must be a list of at most ${MAX_NAMES} strings`);
  }
  if (typeof ecosystem !== "string") throw new EntryError("ecosystem", "must be a string");
  return { names: [...new Set(filenames.map(checkFile))], ecosystem: checkEcosystem(ecosystem) };
}
