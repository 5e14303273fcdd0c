/**
 * Reads the bodies of HTTP requests, never more than a limit into memory. Log and
 * witness share it; it has an export path of its own because it waits.
 *
 * How long a body is, is settled before it gets here: Deno's server answers 400 to
 * more than one length, to a length beside `Transfer-Encoding`, and to anything
 * but `chunked` as the last transfer coding, and cuts a body at its length. Other
 * hosts may not cut it, so its length is looked at again.
 *
 * @module
 */

import { concat } from "./bytes.ts";

/** A body, or why it is not read. */
export type Body =
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  /** The client went away in the middle of it, or its coding is not one that is read here. */
  | { readonly kind: "broken" }
  /** Nothing came for as long as the reader had patience, or not all of it in time. */
  | { readonly kind: "stalled" };

/**
 * Reads the whole body of a request.
 *
 * @param request The request.
 * @param limit The most bytes it may have.
 * @param patience How many milliseconds to wait for the next bytes; without it as
 *   long as the client holds the connection, which costs nobody else anything.
 * @param total With `patience`, how many milliseconds the whole body may take: a byte
 *   now and then is patience's end too.
 */
export async function readBody(
  request: Request,
  limit: number,
  patience?: number,
  total: number = Infinity,
): Promise<Body> {
  const { headers } = request;
  const announced = headers.get("content-length");
  if (announced !== null && Number(announced) > limit) return { kind: "too-large" };
  try {
    if (announced !== null && patience === undefined) {
      const bytes = await request.bytes();
      return bytes.length > limit ? { kind: "too-large" } : { kind: "read", bytes };
    }
    // `gzip, chunked` is allowed in HTTP, and would be compression by another name.
    const coding = headers.get("transfer-encoding");
    if (coding !== null && coding.trim().toLowerCase() !== "chunked") return { kind: "broken" };
    return request.body
      ? await collect(request.body.getReader(), limit, patience, total)
      : { kind: "read", bytes: new Uint8Array() };
  } catch {
    return { kind: "broken" };
  }
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  patience: number | undefined,
  total: number,
): Promise<Body> {
  const end = performance.now() + total;
  const parts: Uint8Array[] = [];
  for (let size = 0;;) {
    const wait = patience && Math.min(patience, end - performance.now());
    const next = await within(wait, reader.read());
    if (next === null || size + (next.value?.length ?? 0) > limit) {
      reader.cancel().catch(() => {}); // It may have gone away by itself.
      return { kind: next === null ? "stalled" : "too-large" };
    }
    if (next.done) return { kind: "read", bytes: concat(...parts) };
    size += next.value.length;
    parts.push(next.value);
  }
}

/** What a promise resolves to, or `null` when that takes too long. */
async function within<T>(milliseconds: number | undefined, promise: Promise<T>): Promise<T | null> {
  if (milliseconds === undefined) return await promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
