/**
 * The registry as `recover` asks it: pages of its index, and the bytes of files. A
 * registry that may be compromised chooses no host: files are fetched from the
 * index's own origin and from those that the operator named, redirects included
 * (faults P4 to P7). Bytes are counted, hashed as they come and let go.
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { createHash } from "node:crypto";
import { describe, openRequest, Unreachable } from "../http_client.ts";
import type { PackageIndex } from "../package_index.ts";
import { fetchPage, type PageAnswer } from "../proxy/upstream.ts";
import { retryAfter, retrying, TryLater } from "../retry.ts";
import type { Served } from "./findings.ts";

/** The largest file; registries have limits far below. */
const MAX_FILE = 16 * 2 ** 30;
/** How long one file may take, in milliseconds: whoever sends a byte a second is not waited for. */
const MAX_TIME = 60 * 60_000;
/** For how long to ask again a registry that cannot now, in milliseconds. */
const PATIENCE = 30_000;

/** Takes the pieces of a file as they come; asked for anew whenever the file begins anew. */
export type Sink = () => (piece: Uint8Array) => void;

/**
 * Parses an origin that files may be fetched from.
 *
 * @throws {SyntaxError} If it is anything else.
 */
export function parseFileHost(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href) return url;
  throw new SyntaxError(
    "it must be an origin without path and user, such as https://files.example",
  );
}

/** Asks a registry. */
export class Registry {
  readonly #index: PackageIndex;
  readonly #origins: ReadonlySet<string>;
  readonly #now: () => number;

  /**
   * @param index Its index.
   * @param fileHosts The origins, besides the index's own, that files may be fetched from.
   * @param now Milliseconds since 1970.
   */
  constructor(index: PackageIndex, fileHosts: readonly URL[], now: () => number = Date.now) {
    this.#index = index;
    this.#origins = new Set([index.url, ...fileHosts].map(({ origin }) => origin));
    this.#now = now;
  }

  /** Where the page of a project is. */
  pageUrl(project: string): URL {
    return new URL(`${normalizeProject(project)}/`, this.#index.url);
  }

  /** The page of a project. */
  page(project: string, signal: AbortSignal): Promise<PageAnswer> {
    const attempt = () => orAborted(fetchPage(this.#index, project), signal);
    return retrying(attempt, { patience: PATIENCE, signal });
  }

  /**
   * Fetches a file.
   *
   * @param url Where the listing says that it is.
   * @param signal Ends the fetch.
   * @param sink Takes its bytes.
   * @returns What came; a rejection only when the signal aborted.
   */
  async file(url: URL, signal: AbortSignal, sink?: Sink): Promise<Served> {
    const at = this.#now();
    if (!this.#mayAsk(url)) {
      const why =
        `it is at ${url.origin}, which is not asked: add --file-host=${url.origin} if it is yours`;
      return { kind: "unreachable", why, at };
    }
    try {
      const attempt = () => this.#fetch(url, signal, at, sink);
      return await retrying(attempt, { patience: PATIENCE, signal });
    } catch (error) {
      signal.throwIfAborted();
      return { kind: "unreachable", why: (error as Error).message, at };
    }
  }

  async #fetch(url: URL, signal: AbortSignal, at: number, sink?: Sink): Promise<Served> {
    const late = AbortSignal.timeout(MAX_TIME);
    const own = url.origin === this.#index.url.origin;
    const credentials = own ? this.#index.headers : {};
    const { status, headers, body } = await openRequest(url, {
      // An inflated body would be another file.
      headers: { "accept-encoding": "identity", ...credentials },
      maxBytes: MAX_FILE,
      signal: AbortSignal.any([signal, late]),
      mayFollow: (from, to) =>
        this.#mayAsk(to) && (from.protocol === to.protocol || to.protocol === "https:") &&
        // Header fields go along: credentials must not reach another host.
        (Object.keys(credentials).length === 0 || to.origin === from.origin),
    });
    if (status !== 200) {
      for await (const _ of body) break;
      const why = `${describe(url)} answers ${status}`;
      if (status === 404 || status === 410) return { kind: "gone", why, at };
      if (status === 429 || status >= 500) throw new TryLater(why, retryAfter(headers));
      return { kind: "unreachable", why, at };
    }
    const hash = createHash("sha256");
    const write = sink?.();
    let size = 0;
    try {
      for await (const piece of body) {
        hash.update(piece);
        write?.(piece);
        size += piece.length;
      }
    } catch (error) {
      if (late.aborted) throw new Error(`${describe(url)} takes over ${MAX_TIME / 60_000} minutes`);
      throw error;
    }
    const announced = headers.get("content-length");
    if (announced !== null && headers.get("content-encoding") === null && announced !== `${size}`) {
      throw new Unreachable(`${describe(url)} sends ${size} of ${announced} bytes`);
    }
    return { kind: "bytes", sha256: hash.digest("hex"), size, at };
  }

  #mayAsk(url: URL): boolean {
    return this.#origins.has(url.origin) && url.username === "" && url.password === "";
  }
}

/** A promise's outcome, or the signal's reason if that comes first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
