/**
 * Responses: JSON and its errors, and stored resources with HEAD, Range and
 * If-None-Match (RFC 9110).
 *
 * @module
 */

/** Headers of every answer that differs from one moment to the next. */
const DYNAMIC = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Reads may be made by any page; writes never carry this. */
export const ANY_ORIGIN = { "Access-Control-Allow-Origin": "*" };

const JSON_HEADERS = { ...DYNAMIC, "Content-Type": "application/json" };

/** A JSON answer. */
export function json(
  body: string | object,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body) + "\n";
  return new Response(text, {
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

/** Lets requests that have arrived meanwhile be answered. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** 405, naming what is allowed. */
export function methodNotAllowed(
  allow: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return failure(405, `this path allows only ${allow}`, {}, { Allow: allow, ...headers });
}

/** Something that is served as stored. */
export interface Resource {
  /** The bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its media type. */
  readonly type: string;
  /** Its `Cache-Control`. */
  readonly caching: string;
  /** Its entity tag, quotes included. */
  readonly etag: string;
  /** Its `Content-Encoding`, when it has one. */
  readonly encoding?: string;
}

const RANGE = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/i;

/** Answers GET and HEAD for a resource. */
export function serve(request: Request, resource: Resource): Response {
  const { bytes, type, caching, etag, encoding } = resource;
  const headers: Record<string, string> = {
    ...ANY_ORIGIN,
    "Content-Type": type,
    "Cache-Control": caching,
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Vary": "Accept-Encoding",
    ETag: etag,
    ...(encoding && { "Content-Encoding": encoding }),
  };
  const known = request.headers.get("if-none-match");
  if (
    known !== null && (known === "*" || known.split(/\s*,\s*/).some((tag) => sameTag(tag, etag)))
  ) {
    return new Response(null, { status: 304, headers });
  }
  const part = rangeOf(request, bytes.length, etag);
  if (part === "unsatisfiable") {
    headers["Content-Range"] = `bytes */${bytes.length}`;
    headers["Cache-Control"] = "no-store"; // The answer to this range, not the resource.
    delete headers["Content-Type"];
    return new Response(null, { status: 416, headers });
  }
  const body = part ? bytes.subarray(part.start, part.end) : bytes;
  if (part) headers["Content-Range"] = `bytes ${part.start}-${part.end - 1}/${bytes.length}`;
  headers["Content-Length"] = String(body.length);
  return new Response(request.method === "HEAD" ? null : body, {
    status: part ? 206 : 200,
    headers,
  });
}

function sameTag(tag: string, etag: string): boolean {
  return tag.replace(/^W\//, "") === etag;
}

/** The one range that a GET asks for; a list of ranges may be ignored, and is. */
function rangeOf(
  request: Request,
  length: number,
  etag: string,
): { start: number; end: number } | "unsatisfiable" | null {
  if (request.method !== "GET") return null; // RFC 9110 §14.2: no other method has ranges.
  const match = RANGE.exec(request.headers.get("range") ?? "");
  const unchanged = request.headers.get("if-range");
  if (!match || (unchanged !== null && unchanged !== etag)) return null;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === "" && last === "") return null;
  if (first === "") {
    const suffix = Math.min(Number(last), length);
    return suffix === 0 ? "unsatisfiable" : { start: length - suffix, end: length };
  }
  const start = Number(first);
  const end = last === "" ? length : Math.min(Number(last) + 1, length);
  if (last !== "" && Number(last) < start) return null;
  return start >= length ? "unsatisfiable" : { start, end };
}
