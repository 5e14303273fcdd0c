/**
 * Reads a log's objects over HTTP, many at a time. What is ordinary is quick: an answer
 * that says how long it is, taken whole, with one timer for all that are under way. What
 * is not is asked for again by way of `http_client.ts`, which counts bytes as they come
 * and says what is wrong.
 *
 * @module
 */

import { describe, sendRequest } from "./http_client.ts";
import { HttpConnection } from "./http_connection.ts";
import { retrying, TryLater } from "./retry.ts";

/** The largest object: an entry bundle of 256 entries of 65,535 bytes. */
const MAX_OBJECT = 256 * (2 + 65_535);
/** How long to retry a log that cannot now, in milliseconds. */
const PATIENCE = 60_000;
const SILENCE = 60_000;

/** After so many answers in a row that are not ordinary, none is expected any more. */
const STRIKES = 8;

/** How to read. */
export interface HttpObjectsOptions {
  /** Whether to keep connections of its own, until it is disposed of; else `fetch` has them. */
  readonly connections?: boolean;
  /** How long the log may be silent while it is asked, in milliseconds; a minute by default. */
  readonly silence?: number;
}

/** How ordinary answers are got. */
interface Getter {
  /** Gets an object; `null` or an error if the answer is not ordinary. */
  get(url: URL): Promise<Uint8Array | null>;
  /** Ends what is under way, and closes what is kept open. */
  abort(): void;
}

/** The objects of a log at a URL. */
export class HttpObjects implements Disposable {
  readonly #base: URL;
  readonly #signal: AbortSignal;
  readonly #silence: number;
  readonly #getter: Getter;
  readonly #onAbort = () => this.#getter.abort();
  #strikes = 0;
  #underWay = 0;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Prepares.
   *
   * @param base The log's URL.
   * @param signal Ends the reading.
   * @param options How to read.
   */
  constructor(base: URL, signal: AbortSignal, options: HttpObjectsOptions = {}) {
    this.#base = base;
    this.#signal = signal;
    this.#silence = options.silence ?? SILENCE;
    // With TLS it is left to fetch, which has many requests share one connection.
    const ours = options.connections && base.protocol === "http:";
    this.#getter = ours ? new ConnectionGetter() : new FetchGetter();
    signal.addEventListener("abort", this.#onAbort);
  }

  /**
   * Reads an object.
   *
   * @param path Its path below the log's URL.
   * @returns Its bytes; `null` when there is no such object.
   * @throws {Error} If the log answers anything else, or cannot be reached.
   */
  read(path: string): Promise<Uint8Array | null> {
    const url = new URL(path, this.#base);
    const attempt = async () => await this.#readWhole(url) ?? await this.#readCarefully(url);
    return retrying(attempt, { patience: PATIENCE, signal: this.#signal });
  }

  /** Closes what is kept open for further reading. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#getter.abort();
  }

  /** The object, if it comes in the ordinary way. */
  async #readWhole(url: URL): Promise<Uint8Array | null> {
    if (this.#strikes >= STRIKES) return null;
    this.#begin();
    let bytes: Uint8Array | null = null;
    try {
      bytes = await this.#getter.get(url);
    } catch {
      // Whoever asks again finds out why.
    } finally {
      this.#end();
    }
    this.#strikes = bytes ? 0 : this.#strikes + 1;
    return bytes;
  }

  async #readCarefully(url: URL): Promise<Uint8Array | null> {
    const { status, body } = await sendRequest(url, {
      maxBytes: MAX_OBJECT,
      signal: this.#signal,
    });
    if (status === 200) return body;
    if (status === 404 || status === 410) return null;
    const message = `${describe(url)} answers ${status}`;
    throw status === 503 || status === 429 ? new TryLater(message, null) : new Error(message);
  }

  #begin(): void {
    if (this.#underWay++ > 0) return;
    this.#heard = performance.now();
    this.#watch(this.#silence);
  }

  #end(): void {
    this.#heard = performance.now();
    if (--this.#underWay === 0) clearTimeout(this.#timer);
  }

  /** Ends what is under way once the log has been silent for too long. */
  #watch(left: number): void {
    this.#timer = setTimeout(() => {
      const silence = performance.now() - this.#heard;
      if (silence < this.#silence) return this.#watch(this.#silence - silence);
      this.#getter.abort();
      this.#watch(this.#silence);
    }, left);
  }
}

/** Gets objects over connections of its own. */
class ConnectionGetter implements Getter {
  readonly #all = new Set<HttpConnection>();
  readonly #idle: HttpConnection[] = [];
  #aborts = 0;

  async get(url: URL): Promise<Uint8Array | null> {
    const connection = this.#idle.pop() ?? await this.#open(url);
    let bytes: Uint8Array | null = null;
    try {
      bytes = await connection.get(url, MAX_OBJECT);
    } finally {
      if (!bytes) connection.close();
      if (connection.isOpen) this.#idle.push(connection);
      else this.#all.delete(connection);
    }
    return bytes;
  }

  async #open(url: URL): Promise<HttpConnection> {
    const aborts = this.#aborts;
    const connection = await HttpConnection.open(url);
    this.#all.add(connection);
    if (aborts !== this.#aborts) connection.close();
    return connection;
  }

  abort(): void {
    this.#aborts++;
    for (const connection of this.#all) connection.close();
    this.#all.clear();
    this.#idle.length = 0;
  }
}

/** Gets objects by `fetch`. */
class FetchGetter implements Getter {
  #controller = new AbortController();

  async get(url: URL): Promise<Uint8Array | null> {
    const response = await fetch(url, { redirect: "manual", signal: this.#controller.signal });
    const length = response.headers.get("content-length");
    if (response.status === 200 && length !== null && Number(length) <= MAX_OBJECT) {
      return await response.bytes();
    }
    await response.body?.cancel();
    return null;
  }

  abort(): void {
    this.#controller.abort();
    this.#controller = new AbortController();
  }
}
