/**
 * The write side over HTTP: `/add` and `/admin/bulk/append`, shaped as bt-log has
 * them. Who may write is `access.ts`, what may be written `admit.ts`; here are
 * limits and the table from outcome to status.
 *
 * @module
 */

import { type Pace, readBody } from "@indelible/core/request_body";
import { accessOf } from "./access.ts";
import { addResponse } from "./add_response.ts";
import { admit } from "./admit.ts";
import { BulkTurns } from "./bulk_turns.ts";
import {
  admitLines,
  type BulkLines,
  bulkResponse,
  MAX_BULK_LINES,
  MAX_ENTRY_BYTES,
  receiptOf,
} from "./http_bulk.ts";
import type { Pool } from "./pool.ts";
import type { Published } from "./publish.ts";
import type { Publishers } from "./publishers.ts";
import { failure, methodNotAllowed, unavailable, unread } from "./respond.ts";
import { Submissions } from "./submissions.ts";

/** What writing needs. */
export interface WriteParts {
  /** Where submissions wait. */
  readonly pool: Pool;
  /** Who may write now; `null` for a log without publishers. */
  readonly publishers: () => Publishers | null;
  /** Milliseconds in which a body must have come. */
  readonly bodyTimeout: number;
}

const MAX_BULK_BYTES = 64 * 1024 * 1024;
const MAX_BULK_WAITING = 8;
/** So many bytes of a bulk body win it the time of a whole one anew; no fewer keep its turn. */
const BULK_STRIDE = 8 * 1024 * 1024;

// What curl sends by itself is taken too: the README of bt-log uses it so.
const ADD_TYPES = ["application/json", "application/x-www-form-urlencoded"];
const BULK_TYPES = ["application/x-ndjson"];

/** Answers writes. */
export class WriteHandler {
  readonly #parts: WriteParts;
  readonly #addPace: Pace;
  readonly #bulkPace: Pace;
  readonly #bulkTurns = new BulkTurns(MAX_BULK_WAITING);
  /** The entry of the add that is being admitted. */
  readonly #admitted = new Submissions();

  /** @param parts What it works with. */
  constructor(parts: WriteParts) {
    this.#parts = parts;
    this.#addPace = { timeout: parts.bodyTimeout };
    this.#bulkPace = { timeout: parts.bodyTimeout, stride: BULK_STRIDE };
  }

  /** `POST /add`. */
  async add(request: Request): Promise<Response> {
    const access = this.#access(request, ADD_TYPES);
    if (access instanceof Response) return access;
    const body = await readBody(request, MAX_ENTRY_BYTES, this.#addPace);
    if (body.kind !== "read") return unread(body, MAX_ENTRY_BYTES);
    const submission = this.#admitted;
    submission.clear();
    const refused = admit(body.bytes, 0, body.bytes.length, submission);
    if (refused !== null) {
      const { error, field } = refused;
      return failure(400, error, field === undefined ? {} : { field });
    }
    return await addResponse(await this.#parts.pool.add(submission, access.writer));
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
    if (this.#bulkTurns.full) return unavailable("too many bulk requests are waiting");
    const proofs = !new URLSearchParams(query).getAll("proofs").includes("false");
    return await this.#bulkTurns.take(
      () => this.#readBulk(request),
      async (lines) =>
        lines instanceof Response
          ? lines
          : await this.#append(lines, access.writer, proofs, published),
    );
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

  async #readBulk(request: Request): Promise<BulkLines | Response> {
    const body = await readBody(request, MAX_BULK_BYTES, this.#bulkPace);
    if (body.kind !== "read") return unread(body, MAX_BULK_BYTES);
    const lines = await admitLines(body.bytes);
    return lines ?? failure(413, `the body must have at most ${MAX_BULK_LINES} lines`);
  }

  async #append(
    lines: BulkLines,
    writer: string | null,
    proofs: boolean,
    published: () => Published | null,
  ): Promise<Response> {
    const outcomeOf = await this.#parts.pool.addAll(lines.submissions, writer);
    // When every line was refused, the checkpoint says what they were refused under.
    let head: Published | null = null;
    for (let i = 0; i < lines.submissions.count; i++) {
      const outcome = outcomeOf(i);
      // One group, one batch, one checkpoint: all are published or none is.
      if (outcome.kind === "unavailable") return unavailable(outcome.why);
      head ??= receiptOf(outcome)?.published ?? null;
    }
    head ??= published();
    if (!head) return unavailable("no checkpoint is published yet");
    return bulkResponse(head, lines, outcomeOf, proofs);
  }
}
