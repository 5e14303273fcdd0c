/**
 * Asks the log. Every answer is hostile input: bounded in size, and parsed strictly.
 *
 * @module
 */

import { type FetchResource, type Json, parseJson } from "@indelible/core";
import { Unavailable } from "./verdict.ts";

/** The largest answer: an entry bundle has at most 256 entries of 65,535 bytes. */
const MAX_BYTES = 256 * (65_535 + 2);

/** The log's read side. */
export interface LogClient {
  /** The bytes at a path below the log's prefix; `null` when there is nothing (404). */
  readonly resource: FetchResource;
  /** The JSON at a path; `null` when there is nothing (404). */
  json(path: string): Promise<Json | null>;
}

/**
 * Makes a client.
 *
 * @param prefix The log's URL prefix, with a slash at the end.
 * @param fetch How to ask.
 */
export function logClient(prefix: string, fetch: typeof globalThis.fetch): LogClient {
  async function resource(path: string): Promise<Uint8Array | null> {
    const response = await ask(path);
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Unavailable(`The log answered ${response.status} for /${path}.`);
    }
    return await readBounded(response, path);
  }

  async function ask(path: string): Promise<Response> {
    try {
      return await fetch(prefix + path, { credentials: "omit", redirect: "error" });
    } catch {
      throw new Unavailable(`The log did not answer for /${path}.`);
    }
  }

  return {
    resource,
    async json(path) {
      const bytes = await resource(path);
      return bytes && parseJson(bytes);
    },
  };
}

async function readBounded(response: Response, path: string): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      length += part.value.length;
      if (length > MAX_BYTES) throw new SyntaxError(`/${path} has over ${MAX_BYTES} bytes`);
      parts.push(part.value);
    }
  } catch (error) {
    await reader?.cancel().catch(() => {});
    if (error instanceof SyntaxError) throw error;
    throw new Unavailable(`The log did not answer for /${path} to its end.`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
