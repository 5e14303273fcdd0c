/**
 * The log over HTTP: the one table of routes. Paths are matched as they came, not
 * as a URL parser would tidy them up: `..`, `//` and `%2f` are no part of any.
 *
 * @module
 */

import type { PageHandler } from "./http_page.ts";
import type { ReadHandler } from "./http_read.ts";
import type { WriteHandler } from "./http_write.ts";
import { ANY_ORIGIN, failure, methodNotAllowed, unavailable } from "./respond.ts";
import { NotStored } from "./storage/failure.ts";

/** What the routes lead to. */
export interface Routes {
  /** `/add` and `/admin/bulk/append`. */
  readonly write: WriteHandler;
  /** Tiles, checkpoint and look-ups. */
  readonly read: ReadHandler;
  /** The page for people, and what it asks. */
  readonly page: PageHandler;
  /** `/healthz`. */
  readonly health: () => Response;
  /** `/status`. */
  readonly status: () => Response | Promise<Response>;
  /** `/metrics`. */
  readonly metrics: () => Response | Promise<Response>;
  /** Told of requests that failed by a fault of the log. */
  readonly onFault: (error: unknown, path: string) => void;
}

/** Paths whose answers no page of another site may read. */
const WRITES = ["/add", "/admin/bulk/append"];
const UNAVAILABLE = "the log's storage cannot be used now";

/** Makes the handler of all requests. */
export function httpHandler(routes: Routes): (request: Request) => Promise<Response> {
  return async (request) => {
    const { path, query } = target(request.url);
    try {
      return await route(routes, request, path, query);
    } catch (error) {
      const headers = WRITES.includes(path) ? {} : ANY_ORIGIN;
      // Too many open files, say: it passes.
      if (error instanceof NotStored) return unavailable(UNAVAILABLE, undefined, headers);
      routes.onFault(error, path);
      return failure(500, "the log could not answer; the operator has been told", {}, headers);
    }
  };
}

/** Where a URL leads, its path exactly as it came. */
function target(url: string): { path: string; query: string } {
  const authority = url.indexOf("://") + 3;
  const question = url.indexOf("?", authority);
  const end = question < 0 ? url.length : question;
  const start = url.indexOf("/", authority);
  // `GET http://host?query` has no path, and a slash in its query starts none.
  const path = start < 0 || start > end ? "/" : url.slice(start, end);
  return { path, query: url.slice(end + 1) };
}

function route(
  { write, read, page, health, status, metrics }: Routes,
  request: Request,
  path: string,
  query: string,
): Response | Promise<Response> {
  // Writes and look-ups come first: they are what there is most of.
  if (path === "/add") return write.add(request);
  if (path === "/admin/bulk/append") {
    return write.bulkAppend(request, query, () => read.published);
  }
  const { method } = request;
  if (path === "/lookup") return method === "OPTIONS" ? preflight() : read.lookup(request);
  const answer = readRoute();
  if (!answer) return failure(404, "there is nothing at this path", {}, ANY_ORIGIN);
  if (method === "OPTIONS") return preflight();
  if (method === "GET" || method === "HEAD") return answer();
  return methodNotAllowed("GET, HEAD", ANY_ORIGIN);

  function readRoute(): (() => Response | Promise<Response>) | null {
    // A tile has one name, so that caches hold it once: no query, not even an empty one.
    if (path.startsWith("/tile/") && !request.url.includes("?")) {
      return () => read.tile(request, path.slice(1));
    }
    if (path.startsWith("/bundle/")) {
      return () => read.bundle(request, path.slice("/bundle/".length), query);
    }
    if (path.startsWith("/page/")) return () => page.file(request, path.slice("/page/".length));
    if (path.startsWith("/evidence/")) {
      return () => page.evidenceFile(request, path.slice("/evidence/".length));
    }
    switch (path) {
      case "/":
        return () => page.page(request);
      case "/search":
        return () => page.search(query);
      case "/growth":
        return () => page.growth();
      case "/events":
        return () => page.events(request);
      case "/evidence":
        return () => page.evidence();
      case "/checkpoint":
        return () => read.checkpoint(request);
      case "/.well-known/public-key":
        return () => read.publicKey(request);
      case "/refusals":
        return () => read.refusals(query);
      case "/healthz":
        return health;
      case "/status":
        return status;
      case "/metrics":
        return metrics;
      default:
        return null;
    }
  }
}

/** Any page may read, and look up. Writes are matched before this and refuse. */
function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...ANY_ORIGIN,
      "Access-Control-Allow-Methods": "GET, HEAD, POST",
      "Access-Control-Allow-Headers": "Content-Type, If-None-Match, Range",
      "Access-Control-Max-Age": "86400",
    },
  });
}
