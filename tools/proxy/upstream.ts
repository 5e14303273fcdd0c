/**
 * The registry behind the proxy: one configured index, and the hosts that its
 * pages name for files. Nothing that a client sends chooses a host, and nothing
 * that the registry sends makes us connect to this machine or its networks, unless
 * the index itself is there (faults P4 to P7).
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { createHash } from "node:crypto";
import { describe, sendRequest } from "../http_client.ts";
import { checkProject, type PackageIndex } from "../package_index.ts";
import { retryAfter, TryLater } from "../retry.ts";
import { ACCEPT, type Listing, parseListing } from "../simple/listing.ts";

/** The largest page: a project of some ten thousand files takes 5 MB. */
const MAX_PAGE = 64 << 20;
/** How long the registry may be silent, in milliseconds. */
const SILENCE = 20_000;
/** How long it may take over a page, in milliseconds. */
const DEADLINE = 60_000;

/** The most bytes of pages that are kept; read, they take some times as much. */
const MAX_CACHED = 32 << 20;

/** A page, or that there is none. */
export type PageAnswer =
  | { readonly kind: "page"; readonly listing: Listing }
  | { readonly kind: "no-such-project" };

/** Pages as they were last served, so that one that has not changed need not be read again. */
export class PageCache {
  readonly #pages = new Map<string, KeptPage>();
  #bytes = 0;

  /** The page of a project as it was last. */
  get(project: string): KeptPage | undefined {
    return this.#pages.get(project);
  }

  /** Keeps a page, and forgets the oldest when all of them grow too large. */
  keep(project: string, page: KeptPage): void {
    this.#forget(project);
    this.#pages.set(project, page);
    this.#bytes += page.bytes;
    for (const oldest of this.#pages.keys()) {
      if (this.#bytes <= MAX_CACHED) break;
      this.#forget(oldest);
    }
  }

  #forget(project: string): void {
    this.#bytes -= this.#pages.get(project)?.bytes ?? 0;
    this.#pages.delete(project);
  }
}

/** A page as it was. */
interface KeptPage {
  /** What was served: its SHA-256 in hex, with the type. */
  readonly digest: string;
  /** How the registry calls it, if it does. */
  readonly etag: string | null;
  /** How large it was. */
  readonly bytes: number;
  /** What it says. */
  readonly listing: Listing;
}

/**
 * Fetches the page of a project.
 *
 * @param index The registry's index.
 * @param project The project's name, in any spelling.
 * @param cache Pages as they were last.
 * @throws {TryLater} If the registry cannot now.
 * @throws {Error} If it answers with something else.
 */
export async function fetchPage(
  index: PackageIndex,
  project: string,
  cache: PageCache = new PageCache(),
): Promise<PageAnswer> {
  const name = normalizeProject(checkProject(project));
  const url = new URL(`${name}/`, index.url);
  const kept = cache.get(name);
  const { status, headers, body } = await sendRequest(url, {
    headers: {
      accept: ACCEPT,
      ...(kept?.etag && { "if-none-match": kept.etag }),
      ...index.headers,
    },
    maxBytes: MAX_PAGE,
    silence: SILENCE,
    deadline: DEADLINE,
    mayFollow: staysWithin,
  });
  if (status === 304 && kept) return { kind: "page", listing: kept.listing };
  if (status === 404 || status === 410) return { kind: "no-such-project" };
  if (status === 429 || status >= 500) {
    throw new TryLater(`${describe(url)} answers ${status}`, retryAfter(headers));
  }
  if (status !== 200) throw new Error(`${describe(url)} answers ${status}`);
  const type = headers.get("content-type") ?? "";
  const digest = createHash("sha256").update(`${type}\n`).update(body).digest("hex");
  if (kept?.digest === digest) return { kind: "page", listing: kept.listing };
  try {
    const listing = parseListing(body, type, url, name);
    cache.keep(name, { digest, etag: headers.get("etag"), bytes: body.length, listing });
    return { kind: "page", listing };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`Cannot understand ${describe(url)}: ${error.message}`);
  }
}

/** A redirect that changes neither the host nor the protection of the connection. */
export function staysWithin(from: URL, to: URL): boolean {
  return to.host === from.host && to.protocol === from.protocol && to.username === "" &&
    to.password === "";
}
