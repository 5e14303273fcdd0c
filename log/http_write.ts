/**
 * The write side over HTTP: `/add` and `/admin/bulk/append`, shaped as bt-log has
 * them. Who may write is `access.ts`, what may be written `admit.ts`; here are
 * limits and the table from outcome to status.
 *
 * @module
 */

import { encodeBase64, formatChecksum } from "@indelible/core";
import { readBody } from "@indelible/core/request_body";
import { accessOf } from "./access.ts";
import { admit } from "./admit.ts";
import {
  admitLines,
  bulkResponse,
  MAX_BULK_LINES,
  MAX_ENTRY_BYTES,
  receiptOf,
} from "./http_bulk.ts";
import type { Outcome, Pool, Receipt, Submission } from "./pool.ts";
import type { Published } from "./publish.ts";
import type { Publishers } from "./publishers.ts";
import { failure, json, methodNotAllowed, unavailable } from "./respond.ts";

/** What writing needs. */
export interface WriteParts {
  /** Where submissions wait. */
  readonly pool: Pool;
  /** Who may write now; `null` for a log without publishers. */
  readonly publishers: () => Publishers | null;
}

const MAX_BULK_BYTES = 64 * 1024 * 1024;
const MAX_BULK_WAITING = 8;
/** Milliseconds without a byte after which a bulk body loses its turn to the next. */
const BULK_PATIENCE = 20_000;
/** Milliseconds for the whole of a bulk body, however often a byte of it comes. */
const BULK_TOTAL = 60_000;

// What curl sends by itself is taken too: the README of bt-log uses it so.
const ADD_TYPES = ["application/json", "application/x-www-form-urlencoded"];
const BULK_TYPES = ["application/x-ndjson"];

/** Answers writes. */
export class WriteHandler {
  readonly #parts: WriteParts;
  /** Bulk requests are worked on one after the other: each may hold 64 MiB. */
  #bulkTurn: Promise<unknown> = Promise.resolve();
  #bulkWaiting = 0;

  /** @param parts What it works with. */
  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  /** `POST /add`. */
  async add(request: Request): Promise<Response> {
    const access = this.#access(request, ADD_TYPES);
    if (access instanceof Response) return access;
    const body = await readBody(request, MAX_ENTRY_BYTES);
    if (body.kind === "too-large") {
      return failure(413, `the body must have at most ${MAX_ENTRY_BYTES} bytes`);
    }
    if (body.kind !== "read") return failure(400, "the body did not arrive whole");
    const admitted = admit(body.bytes, access.writer);
    if (admitted.kind === "refused") {
      const { error, field } = admitted;
      return failure(400, error, field === undefined ? {} : { field });
    }
    const { submission } = admitted;
    return addResponse(submission, await this.#parts.pool.add(submission));
  }

  /**
   * `POST /admin/bulk/append`.
   *
   * @param request The request.
   * @param query What its URL has after `?`.
   * @param published The checkpoint to answer with when the lines prove nothing.
   */
  async bulkAppend(
    request: Request,
    query: string,
    published: () => Published | null,
  ): Promise<Response> {
    const access = this.#access(request, BULK_TYPES);
    if (access instanceof Response) return access;
    if (this.#bulkWaiting >= MAX_BULK_WAITING) {
      return unavailable("too many bulk requests are waiting");
    }
    this.#bulkWaiting++;
    const done = this.#bulkTurn.then(() => this.#bulk(request, access.writer, query, published));
    this.#bulkTurn = done.catch(() => {}).then(() => this.#bulkWaiting--);
    return await done;
  }

  #access(
    request: Request,
    types: readonly string[],
  ): Response | { readonly writer: string | null } {
    if (request.method !== "POST") return methodNotAllowed("POST");
    const { headers } = request;
    const access = accessOf(headers, this.#parts.publishers());
    if (access.kind === "denied") {
      const challenge: Record<string, string> = access.status === 401
        ? { "WWW-Authenticate": "Bearer" }
        : {};
      return failure(access.status, access.error, {}, challenge);
    }
    const type = headers.get("content-type")?.replace(/;.*/s, "").trim().toLowerCase();
    if (type !== undefined && !types.includes(type) || type === undefined && types === BULK_TYPES) {
      return failure(415, `the content type must be ${types[0]}`);
    }
    if (headers.has("content-encoding")) return failure(415, "compressed bodies are refused");
    return { writer: access.writer };
  }

  async #bulk(
    request: Request,
    writer: string | null,
    query: string,
    published: () => Published | null,
  ): Promise<Response> {
    const body = await readBody(request, MAX_BULK_BYTES, BULK_PATIENCE, BULK_TOTAL);
    if (body.kind === "too-large") {
      return failure(413, `the body must have at most ${MAX_BULK_BYTES} bytes`);
    }
    if (body.kind === "stalled") return failure(408, "the rest of the body did not arrive");
    if (body.kind === "broken") return failure(400, "the body did not arrive whole");
    const lines = await admitLines(body.bytes, writer);
    if (lines === null) return failure(413, `the body must have at most ${MAX_BULK_LINES} lines`);
    const proofs = !new URLSearchParams(query).getAll("proofs").includes("false");
    const submissions = lines.flatMap(({ result }) =>
      result.kind === "admitted" ? [result.submission] : []
    );
    const outcomes = await this.#parts.pool.addAll(submissions);
    // One group, one batch, one checkpoint: all are published or none is.
    const refused = outcomes.find((outcome) => outcome.kind === "unavailable");
    if (refused) return unavailable(refused.why);
    // When every line was refused, the checkpoint says what they were refused under.
    const head = outcomes.map(receiptOf).find((receipt) => receipt !== null)?.published ??
      published();
    if (!head) return unavailable("no checkpoint is published yet");
    return bulkResponse(head, lines, outcomes, proofs);
  }
}

async function addResponse({ entry }: Submission, outcome: Outcome): Promise<Response> {
  switch (outcome.kind) {
    case "logged":
      return json(`{"index":${outcome.receipt.index},${await proven(outcome.receipt)}}\n`);
    case "conflict": {
      const { existing, digest } = outcome;
      const checksum = formatChecksum(digest);
      const error =
        `this file is logged with another digest: ${checksum} at index ${existing.index}`;
      const head = { error, filename: entry.file, index: existing.index, checksum };
      return json(`${JSON.stringify(head).slice(0, -1)},${await proven(existing)}}\n`, 409);
    }
    case "not-published-yet": {
      const error = "this file is not logged: publish it before any other event";
      return failure(409, error, { field: "event", filename: entry.file });
    }
    case "unavailable":
      return unavailable(outcome.why, outcome.index);
  }
}

/** The JSON members that prove an entry; base64 needs no escaping. */
async function proven({ published, prove }: Receipt): Promise<string> {
  const { bytes, hashes } = await prove();
  const list = hashes.length === 0 ? "[]" : `["${hashes.join('","')}"]`;
  return `"checkpoint":"${published.base64}","inclusionProof":${list},` +
    `"entry":"${encodeBase64(bytes)}"`;
}
