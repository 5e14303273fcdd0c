/**
 * May this request write? With publishers: a bearer token says who it is.
 * Without: only callers on this very machine, and nothing that a reverse proxy or
 * a browser page of another site could pass on.
 *
 * @module
 */

import type { Publishers } from "./publishers.ts";

/** The answer. */
export type Access =
  | { readonly kind: "granted"; readonly writer: string | null }
  | {
    readonly kind: "denied";
    readonly status: 401 | 403;
    readonly error: string;
  };

const LOOPBACK_HOST = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?$/i;
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*)$/; // Names arrive in lower case.

/** Whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  return /^127(?:\.[0-9]{1,3}){3}$/.test(address) || address === "::1" ||
    address === "localhost" || /^::ffff:127(?:\.[0-9]{1,3}){3}$/i.test(address);
}

/**
 * Decides whether a request may write.
 *
 * @param headers The request's headers.
 * @param publishers `null` for a log that has none.
 */
export function accessOf(
  headers: Headers,
  publishers: Publishers | null,
): Access {
  const origin = headers.get("origin");
  const host = headers.get("host");
  const foreign = origin !== null && origin !== `http://${host}` && origin !== `https://${host}`;
  // Browsers say whose page it is; other programs send neither field.
  const site = headers.get("sec-fetch-site");
  if (foreign || (site !== null && site !== "same-origin" && site !== "none")) {
    return denied(403, "writes from pages of other sites are refused");
  }
  return publishers ? byToken(headers, publishers) : byPlace(headers, host);
}

function byToken(headers: Headers, publishers: Publishers): Access {
  const authorization = headers.get("authorization") ?? "";
  // RFC 6750 §3.1: another scheme, or none, is asked for a bearer token.
  if (!/^Bearer(?: |$)/i.test(authorization)) return denied(401, "a bearer token is required");
  const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1];
  // Unknown, malformed and other logs' tokens get the same answer after the same work.
  const writer = publishers.ownerOf(token ?? "");
  if (token === undefined || writer === null) {
    return denied(403, "this token may not write to this log");
  }
  return { kind: "granted", writer };
}

function byPlace(headers: Headers, host: string | null): Access {
  if (host === null || !LOOPBACK_HOST.test(host)) {
    return denied(
      403,
      "without publishers the log takes writes only under a loopback host name",
    );
  }
  for (const name of headers.keys()) {
    if (FORWARDED.test(name)) {
      return denied(403, "without publishers the log takes no writes through a proxy");
    }
  }
  return { kind: "granted", writer: null };
}

function denied(status: 401 | 403, error: string): Access {
  return { kind: "denied", status, error };
}
