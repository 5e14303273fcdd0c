/**
 * The files of the log's page (`log/page/`, bundled into `log/page/dist/`), read once at
 * start and served from memory. The page verifies in the browser all that it shows, so
 * nothing here has to be believed; what is held here is that a browser runs no script
 * but the page's own, and sends nothing anywhere else.
 *
 * `index.html` is a template: the server fills in the head as text, so that the page says
 * something before its script runs, or without it.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import { Resource } from "./resource.ts";
import { gzip, wantsGzip } from "./zip.ts";

/** What a browser is told about every page. */
const PAGE_HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
};

const NAME = /^[a-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*\.([a-z]+)$/;
/** A name with a hash of what is in it: the name never means anything else. */
const HASHED = /[.-][0-9a-fA-F]{8,64}\.[a-z]+$/;
const MAX_NAME = 100;
const MAX_FILES = 64;
const MAX_BYTES = 4 * 1024 * 1024;
const TEMPLATE = "index.html";
const PLACEHOLDER = /\{\{([a-zA-Z]+)\}\}/g;

/** What the template is filled with, by the placeholders' names. */
export type PageHead = Readonly<Record<string, string>>;

/** The files of the page. */
export class PageFiles {
  static #built: Promise<PageFiles> | null = null;
  readonly #files: ReadonlyMap<string, Variants>;
  readonly #template: string | null;

  private constructor(files: ReadonlyMap<string, Variants>, template: string | null) {
    this.#files = files;
    this.#template = template;
  }

  /**
   * Reads files.
   *
   * @param folder Where they are. When there is none, there is no page.
   */
  static async load(folder: URL): Promise<PageFiles> {
    const files = new Map<string, Variants>();
    let template: string | null = null;
    for (const name of await namesIn(folder)) {
      const type = TYPES[NAME.exec(name)?.[1] ?? ""];
      if (type === undefined || name.length > MAX_NAME) continue;
      const bytes = await Deno.readFile(new URL(name, folder));
      if (bytes.length > MAX_BYTES) continue;
      if (name === TEMPLATE) template = new TextDecoder().decode(bytes);
      else files.set(name, await variantsOf(name, type, bytes));
    }
    return new PageFiles(files, template);
  }

  /** The files that were built, read when they are first asked for. */
  static built(): Promise<PageFiles> {
    return PageFiles.#built ??= PageFiles.load(new URL("./page/dist/", import.meta.url));
  }

  /** Whether there is a page to be filled in. */
  get hasPage(): boolean {
    return this.#template !== null;
  }

  /** `GET /page/<name>`; `null` when there is no such file. */
  answer(request: Request, name: string): Response | null {
    const file = this.#files.get(name);
    return file ? (wantsGzip(request) ? file.zipped : file.plain).answer(request) : null;
  }

  /** The page with its head filled in: text, wherever it stands. */
  fill(head: PageHead): Resource {
    const html = (this.#template ?? "").replace(
      PLACEHOLDER,
      (_, name: string) => escapeHtml(Object.hasOwn(head, name) ? head[name]! : ""),
    );
    const bytes = utf8(html);
    const type = TYPES["html"]!;
    return new Resource({
      bytes,
      type,
      caching: "no-store",
      etag: etagOf(bytes),
      headers: PAGE_HEADERS,
    });
  }
}

/** Escapes a text for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

interface Variants {
  readonly plain: Resource;
  readonly zipped: Resource;
}

async function variantsOf(
  name: string,
  type: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Variants> {
  const etag = etagOf(bytes);
  const caching = HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache";
  const headers = name.endsWith(".html") ? PAGE_HEADERS : {};
  const plain = new Resource({ bytes, type, caching, etag, headers });
  const zipped = new Resource({
    bytes: await gzip(bytes),
    type,
    caching,
    etag: etag.replace(/"$/, '-gzip"'),
    encoding: "gzip",
    headers,
  });
  return { plain, zipped };
}

function etagOf(bytes: Uint8Array): string {
  return `"${encodeHex(sha256(bytes).subarray(0, 16))}"`;
}

async function namesIn(folder: URL): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && names.length < MAX_FILES) names.push(name);
    }
  } catch (error) {
    // A tree in which the page was not built yet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
