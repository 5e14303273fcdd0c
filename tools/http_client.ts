/**
 * HTTP as the tools speak it: bodies are counted after inflation and bounded,
 * silence has a deadline, redirects are refused unless the caller allows them, and
 * whatever could be better a moment later is an {@linkcode Unreachable} that a
 * caller may retry.
 *
 * @module
 */

import { concat } from "@indelible/core";

/** The other side could not be reached, went silent or was cut off. */
export class Unreachable extends Error {
  /** Tells it from other errors. */
  override readonly name = "Unreachable";
}

/** The answer is a redirect that the caller does not allow. */
export class RedirectRefused extends Error {
  /** Tells it from other errors. */
  override readonly name = "RedirectRefused";
}

/** A request. */
export interface HttpRequest {
  /** By default `GET`. */
  readonly method?: string;
  /** Header fields. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What to send. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The most bytes the answer may have, inflated. */
  readonly maxBytes: number;
  /** How long the other side may be silent, in milliseconds; 60 s by default. */
  readonly silence?: number;
  /** How long all of it may take, in milliseconds; any time by default. */
  readonly deadline?: number;
  /** Ends the request. */
  readonly signal?: AbortSignal;
  /**
   * Whether a redirect may be followed, of at most five; by default none. Another origin
   * is sent no credentials.
   */
  readonly mayFollow?: (from: URL, to: URL) => boolean | Promise<boolean>;
}

/** An answer, its body still to be read, and to be read to its end or cancelled. */
export interface HttpStream {
  /** Status code. */
  readonly status: number;
  /** Header fields. */
  readonly headers: Headers;
  /** The body, inflated, in pieces. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A whole answer. */
export interface HttpAnswer {
  /** Status code. */
  readonly status: number;
  /** Header fields. */
  readonly headers: Headers;
  /** The body, inflated. */
  readonly body: Uint8Array;
}

const DEFAULT_SILENCE = 60_000;
const MAX_REDIRECTS = 5;

/**
 * Sends a request and gives its answer piece by piece.
 *
 * @throws {Unreachable} If there is no answer.
 * @throws {RedirectRefused} If it is a redirect that may not be followed.
 */
export async function openRequest(
  url: URL,
  request: HttpRequest,
): Promise<HttpStream> {
  for (let hops = 0;; hops++) {
    const answer = await openOnce(url, request);
    if ("body" in answer) return answer;
    const { status, to } = answer;
    if (hops === MAX_REDIRECTS || !to || !await request.mayFollow?.(url, to)) {
      throw new RedirectRefused(
        `${describe(url)} answers with a redirect (${status}), which is refused`,
      );
    }
    if (to.origin !== url.origin) request = withoutCredentials(request);
    url = to;
  }
}

function withoutCredentials(request: HttpRequest): HttpRequest {
  const { authorization: _, ...headers } = request.headers ?? {};
  return { ...request, headers };
}

interface Redirect {
  readonly status: number;
  readonly to: URL | null;
}

async function openOnce(url: URL, request: HttpRequest): Promise<HttpStream | Redirect> {
  const watch = new Watch(request);
  let response: Response;
  try {
    response = await fetch(url, {
      redirect: "manual",
      signal: watch.signal,
      ...(request.method !== undefined && { method: request.method }),
      ...(request.headers !== undefined && { headers: request.headers }),
      ...(request.body !== undefined && { body: request.body }),
    });
  } catch (error) {
    watch.end();
    throw watch.explain(url, error);
  }
  const { status, headers } = response;
  if (status >= 300 && status < 400 && status !== 304) {
    watch.end();
    await response.body?.cancel();
    const location = headers.get("location") ?? "";
    return { status, to: URL.canParse(location, url) ? new URL(location, url) : null };
  }
  const body = readBody(url, response, request.maxBytes, watch);
  return { status, headers, body };
}

async function* readBody(
  url: URL,
  response: Response,
  maxBytes: number,
  watch: Watch,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const piece of response.body ?? []) {
      watch.heard();
      received += piece.length;
      if (received > maxBytes) {
        throw new RangeError(
          `${describe(url)} answers with over ${maxBytes} bytes`,
        );
      }
      yield piece;
    }
  } catch (error) {
    throw error instanceof RangeError ? error : watch.explain(url, error);
  } finally {
    watch.end();
  }
}

/**
 * Sends a request and reads the whole answer.
 *
 * @throws {Unreachable} If there is none, or it is cut off.
 */
export async function sendRequest(
  url: URL,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const { status, headers, body } = await openRequest(url, request);
  return { status, headers, body: concat(...await Array.fromAsync(body)) };
}

/** Aborts when the other side has been silent or busy for too long, or the caller says so. */
class Watch {
  readonly signal: AbortSignal;
  readonly #silence: number;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #deadline: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #why = "";

  constructor({ silence = DEFAULT_SILENCE, deadline, signal }: HttpRequest) {
    this.#silence = silence;
    this.#caller = signal;
    this.signal = signal
      ? AbortSignal.any([signal, this.#controller.signal])
      : this.#controller.signal;
    if (deadline !== undefined) {
      this.#deadline = setTimeout(
        () => this.#abort(`no whole answer in ${deadline / 1000} s`),
        deadline,
      );
    }
    this.heard();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#abort(`no answer for ${this.#silence / 1000} s`),
      this.#silence,
    );
  }

  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
  }

  explain(url: URL, error: unknown): Error {
    if (this.#caller?.aborted) return this.#caller.reason;
    if (error instanceof Deno.errors.NotCapable) return error;
    const why = this.#controller.signal.aborted ? this.#why : lastCause(error);
    return new Unreachable(`Cannot reach ${describe(url)}: ${why}`);
  }

  #abort(why: string): void {
    this.#why = why;
    this.#controller.abort();
  }
}

/** The innermost reason: `… tcp connect error: Connection refused (os error 111)`. */
function lastCause(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause !== undefined) {
    innermost = innermost.cause;
  }
  const message = innermost instanceof Error ? innermost.message : String(innermost);
  return message.split(": ").at(-1)!.replace(/ \(os error [0-9]+\)$/, "");
}

/** A URL for people: without user, password, query. */
export function describe(url: URL): string {
  return `${url.origin}${url.pathname === "/" ? "" : url.pathname}`;
}

/** `host:port` of a URL, as permissions name it. */
export function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

/** Whether a URL leads to this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/**
 * Parses the URL of a log: `http:` or `https:`, without user, query and fragment.
 *
 * @throws {SyntaxError} If it is anything else.
 */
export function parseLogUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username || url.password ||
    url.search || url.hash
  ) {
    throw new SyntaxError(
      "it must be an http or https URL without user, query and fragment, such as http://127.0.0.1:8080",
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
