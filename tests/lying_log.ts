/**
 * A log that lies: it stands before a real one and changes what it answers. The page
 * itself is served as it is, for what is tested is what an honest page makes of a
 * dishonest log.
 */

import { utf8 } from "@indelible/core";

/** Changes an answer: gets the path and the true bytes, or `null` where there is nothing. */
export type Lie = (
  path: string,
  truth: Uint8Array<ArrayBuffer> | null,
) => Uint8Array<ArrayBuffer> | null | Promise<Uint8Array<ArrayBuffer> | null>;

/** A log that lies when it is told to. */
export class LyingLog implements AsyncDisposable {
  /** The log that it stands before; another one makes a fork. */
  behind: string;
  /** The lie it tells now; `null` for the truth. */
  lie: Lie | null = null;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Where the page comes from, whatever stands behind. */
  readonly #page: string;
  readonly #listeners = new Set<ReadableStreamDefaultController<Uint8Array>>();

  /** @param behind The URL of a real log, without a slash at the end. */
  constructor(behind: string) {
    this.behind = this.#page = behind;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /** Its URL, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Tells the pages that are open that there is a new checkpoint. */
  announce(): void {
    for (const listener of this.#listeners) {
      listener.enqueue(utf8("event: checkpoint\ndata: 0\n\n"));
    }
  }

  #events(): Response {
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#listeners.add(own = controller);
        controller.enqueue(utf8(": here\n\n"));
      },
      cancel: () => void this.#listeners.delete(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const isPage = pathname === "/" || pathname.startsWith("/page/");
    if (pathname === "/events") return this.#events();
    const from = isPage ? this.#page : this.behind;
    const response = await fetch(from + pathname + search);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const headers = new Headers(response.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    headers.delete("etag");
    headers.set("cache-control", "no-store");
    if (isPage || !this.lie) return new Response(bytes, { status: response.status, headers });
    const told = await this.lie(pathname + search, response.ok ? bytes : null);
    return told ? new Response(told, { headers }) : new Response(null, { status: 404 });
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.#server.shutdown();
  }
}
