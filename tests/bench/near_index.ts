/**
 * An index on this machine that serves what another one serves, each page and file
 * fetched once and then kept in memory: a registry as near as can be.
 */

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** A page or file that is kept. */
interface Kept {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** An index and its files. */
export class NearIndex implements AsyncDisposable {
  readonly #far: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #kept = new Map<string, Promise<Kept>>();

  /** @param far The index that is copied, with a final slash. */
  constructor(far: string) {
    this.#far = far;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Its index, with a final slash. */
  get simple(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/simple/`;
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    // Never the list of all projects, nor anything else of the other index.
    if (!/^\/(?:simple\/[a-z0-9-]+\/|files\/[^/]+\/[^/]+)$/.test(path)) {
      return new Response(null, { status: 404 });
    }
    let kept = this.#kept.get(path);
    if (!kept) this.#kept.set(path, kept = this.#fetch(path));
    const { status, type, body } = await kept;
    return new Response(body, { status, headers: { "content-type": type } });
  }

  async #fetch(path: string): Promise<Kept> {
    const [, area, ...rest] = path.split("/");
    if (area === "files") {
      // A file's metadata is beside it (PEP 658).
      const beside = rest[1]!.endsWith(".metadata") ? ".metadata" : "";
      return await get(new URL(decodeURIComponent(rest[0]!) + beside));
    }
    const page = await get(new URL(rest.join("/"), this.#far), JSON_TYPE);
    if (page.status !== 200) return page;
    const listing = JSON.parse(new TextDecoder().decode(page.body));
    for (const file of listing.files) {
      const url = new URL(file.url, new URL(rest.join("/"), this.#far)).href;
      file.url = `/files/${encodeURIComponent(url)}/${encodeURIComponent(file.filename)}`;
    }
    return { ...page, body: new TextEncoder().encode(JSON.stringify(listing)) };
  }
}

async function get(url: URL, accept = "*/*"): Promise<Kept> {
  const response = await fetch(url, { headers: { accept } });
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  return { status: response.status, type, body: await response.bytes() };
}
