/**
 * Responses in JSON, and errors: one sentence each, never stored by a cache.
 *
 * @module
 */

import { EntryError } from "@indelible/core";
import type { Body } from "@indelible/core/request_body";
import { setImmediate } from "node:timers";

/** Headers of every answer that differs from one moment to the next. */
const DYNAMIC = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Reads may be made by any page; writes never carry this. */
export const ANY_ORIGIN = { "Access-Control-Allow-Origin": "*" };

const JSON_HEADERS = { ...DYNAMIC, "Content-Type": "application/json" };

/** A JSON answer. */
export function json(
  body: string | Uint8Array<ArrayBuffer> | object,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  const made = typeof body === "string" || body instanceof Uint8Array;
  return new Response(made ? body : JSON.stringify(body) + "\n", {
    status,
    headers: headers ? { ...JSON_HEADERS, ...headers } : JSON_HEADERS,
  });
}

/** An error: one sentence, and the field it is about. */
export function failure(
  status: number,
  error: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json({ error, ...more }, status, headers);
}

/** 503: try again in a moment, not all at the same one. */
export function unavailable(
  error: string,
  index?: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const seconds = 1 + Math.floor(Math.random() * 3);
  const more = index === undefined ? {} : { index };
  return failure(503, error, more, { "Retry-After": String(seconds), ...headers });
}

/** Why a request's body was not read, as an answer. */
export function unread(
  { kind }: Exclude<Body, { readonly kind: "read" }>,
  limit: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  switch (kind) {
    case "too-large":
      return failure(413, `the body must have at most ${limit} bytes`, {}, headers);
    case "broken":
      return failure(400, "the body did not arrive whole", {}, headers);
    case "stalled":
      // The proxy in front hangs up after it. Deno's server by itself would not: it reads
      // on in the body of a request that it has answered, for as long as that comes.
      return failure(408, "the body came too slowly", {}, headers);
  }
}

/** 400, naming the field if it is one that is wrong. */
export function badRequest(error: unknown): Response {
  if (!(error instanceof SyntaxError)) throw error;
  const more = error instanceof EntryError ? { field: error.field } : {};
  return failure(400, error.message, more, ANY_ORIGIN);
}

/** Lets requests that have arrived meanwhile be answered. A timer of 0 would wait for over 1 ms. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** 405, naming what is allowed. */
export function methodNotAllowed(
  allow: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return failure(405, `this path allows only ${allow}`, {}, { Allow: allow, ...headers });
}
