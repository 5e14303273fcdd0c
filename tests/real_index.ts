/**
 * The real index with somebody in between: pages are the registry's own, but for
 * files that the test swaps, changes or hides; all other files stay where they are.
 */

import { ok } from "node:assert/strict";
import { JSON_TYPE } from "../tools/simple/listing.ts";

/** The real index, changed on the way. */
export class RealIndex implements AsyncDisposable {
  /** The index of pip here, with a final slash. */
  readonly real: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #served = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #changed = new Map<string, Record<string, unknown>>();
  readonly #hidden = new Set<string>();

  private constructor(real: string) {
    this.real = real;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
  }

  /** Asks pip where its index is, and stands before it. */
  static async open(pip: string): Promise<RealIndex> {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", new URL("../tools/pip_index.ts", import.meta.url).pathname],
      env: { PATH: `${pip.slice(0, pip.lastIndexOf("/"))}:${Deno.env.get("PATH")}` },
    }).output();
    const url = new TextDecoder().decode(stdout).trim();
    ok(url !== "", "pip must know an index");
    return new RealIndex(url.endsWith("/") ? url : `${url}/`);
  }

  /** Its root, without a slash at the end. */
  get root(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Its index, as the proxy is given it. */
  get simple(): string {
    return `${this.root}/simple/`;
  }

  /** Serves other bytes for a file. */
  serve(filename: string, bytes: Uint8Array<ArrayBuffer>): void {
    this.#served.set(filename, bytes);
  }

  /** Lists other members of a file. */
  change(filename: string, members: Record<string, unknown>): void {
    this.#changed.set(filename, members);
  }

  /** Lists a file no more. */
  hide(filename: string): void {
    this.#hidden.add(filename);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(path: string): Promise<Response> {
    const [, area, name = ""] = path.split("/");
    const bytes = this.#served.get(name);
    if (area === "files" && bytes) return new Response(bytes);
    if (area !== "simple") return new Response(null, { status: 404 });
    const url = new URL(`${name}/`, this.real);
    const page = await fetch(url, { headers: { accept: JSON_TYPE } });
    if (!page.ok) return new Response(await page.bytes(), { status: page.status });
    const listing = await page.json();
    listing.files = listing.files
      .filter(({ filename }: { filename: string }) => !this.#hidden.has(filename))
      .map((file: { filename: string; url: string }) => ({
        ...file,
        url: this.#served.has(file.filename)
          ? `${this.root}/files/${file.filename}`
          : new URL(file.url, url).href,
        ...this.#changed.get(file.filename),
      }));
    return Response.json(listing, { headers: { "content-type": JSON_TYPE } });
  }
}
