/**
 * What the log's page needs over HTTP beside what every client reads: the page itself,
 * search, growth, what happens, evidence. All of it is public and about what is published.
 *
 * @module
 */

import { encodeBase64, EntryError, parseUtf8, utf8 } from "@indelible/core";
import type { Identifiers } from "./identifiers.ts";
import { eventText } from "./live_events.ts";
import type { CurrentHead, LiveFeed } from "./live_feed.ts";
import type { PageFiles } from "./page_files.ts";
import type { Published } from "./publish.ts";
import { Resource } from "./resource.ts";
import { ANY_ORIGIN, failure, json, unavailable } from "./respond.ts";
import { fileTerm, type SearchTerm } from "./search/postings.ts";
import { SearchUnavailable } from "./search/search.ts";
import { parseSearch, type SearchQuery } from "./search/search_query.ts";

/** What these answers are made of. */
export interface PageParts {
  /** The log's origin. */
  readonly origin: string;
  /** Its verifier key. */
  readonly vkey: string;
  /** Whether it publishes without its witnesses' quorum. */
  readonly witnessFailOpen: boolean;
  /** The published checkpoint; `null` before the first. */
  readonly head: () => CurrentHead | null;
  /** The page's files. */
  readonly files: PageFiles;
  /** Which file has which leaf index. */
  readonly identifiers: Pick<Identifiers, "find">;
  /** The search index, the growth, those who listen, the evidence. */
  readonly feed: Pick<LiveFeed, "search" | "growth" | "live" | "evidence">;
}

const MAX_SEARCHES_WAITING = 64;
const FAIL_OPEN = "WARNING: this log publishes without its witnesses' quorum.";

/** Answers what the page asks. */
export class PageHandler {
  readonly #parts: PageParts;
  /** The page served last, with what it was filled with. */
  #page: { readonly published: Published | null; readonly resource: Resource } | null = null;
  #searchesWaiting = 0;

  /** @param parts What it works with. */
  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  /** `GET /`. */
  page(request: Request): Response {
    const { files } = this.#parts;
    if (!files.hasPage) return this.#plainPage();
    const published = this.#parts.head()?.published ?? null;
    if (this.#page?.published !== published) {
      this.#page = { published, resource: files.fill(this.#head()) };
    }
    return this.#page!.resource.answer(request);
  }

  /** `GET /page/<name>`. */
  file(request: Request, name: string): Response {
    return this.#parts.files.answer(request, name) ??
      failure(404, "there is no such file of the page", {}, ANY_ORIGIN);
  }

  /** `GET /growth`. */
  growth(): Response {
    return json({ points: this.#parts.feed.growth.points }, 200, ANY_ORIGIN);
  }

  /** `GET /events`. */
  events(request: Request): Response {
    const head = this.#parts.head();
    return this.#parts.feed.live.answer(request, head && checkpointEvent(head.published));
  }

  /** `GET /evidence`. */
  async evidence(): Promise<Response> {
    return json(await this.#parts.feed.evidence.list(), 200, ANY_ORIGIN);
  }

  /** `GET /evidence/<name>`. */
  async evidenceFile(request: Request, name: string): Promise<Response> {
    const bytes = await this.#parts.feed.evidence.read(name);
    if (!bytes) return failure(404, "there is no such evidence", {}, ANY_ORIGIN);
    return new Resource({
      bytes,
      type: "application/json",
      caching: "no-store",
      etag: `"${encodeBase64(utf8(name))}-${bytes.length}"`,
    }).answer(request);
  }

  /** `GET /search`: leaf indices, newest first. Whoever asks reads the entries and proves them. */
  async search(query: string): Promise<Response> {
    let asked: SearchQuery;
    try {
      asked = parseSearch(query);
    } catch (error) {
      if (!(error instanceof EntryError)) throw error;
      return failure(400, error.message, { field: error.field }, ANY_ORIGIN);
    }
    const size = this.#parts.head()?.published.size ?? 0;
    if (this.#searchesWaiting >= MAX_SEARCHES_WAITING) {
      return unavailable("too many searches are waiting", undefined, ANY_ORIGIN);
    }
    this.#searchesWaiting++;
    try {
      return json({ size, ...await this.#search(asked, size) }, 200, ANY_ORIGIN);
    } catch (error) {
      if (!(error instanceof SearchUnavailable)) throw error;
      return unavailable(error.message, undefined, ANY_ORIGIN);
    } finally {
      this.#searchesWaiting--;
    }
  }

  async #search(
    { by, before, limit }: SearchQuery,
    size: number,
  ): Promise<{ indexedTo: number; indices: readonly number[]; more: boolean }> {
    const { identifiers, feed: { search } } = this.#parts;
    const below = Math.min(before, size);
    const found = await search.find({ term: termOf(by), before: below, limit: limit + 1 });
    const indices = [...found.indices];
    if (by.kind === "filename") {
      // The index has its later events; that it was published is known for certain, and first.
      const [publication] = await identifiers.find([by], size);
      if (publication !== undefined && publication < below) indices.push(publication);
    }
    const { indexedTo } = found;
    return { indexedTo, indices: indices.slice(0, limit), more: indices.length > limit };
  }

  #head(): Record<string, string> {
    const { origin, vkey, witnessFailOpen, head } = this.#parts;
    const { published, time } = head() ?? { published: null, time: null };
    return {
      origin,
      vkey,
      size: String(published?.size ?? 0),
      root: published ? encodeBase64(published.root) : "",
      time: time ?? "",
      checkpoint: published ? parseUtf8(published.note) : "no checkpoint is published yet",
      warning: witnessFailOpen ? FAIL_OPEN : "",
    };
  }

  #plainPage(): Response {
    const { origin, vkey, size, warning } = this.#head();
    const lines = [
      `${origin}: a binary-transparency log`,
      "",
      `published entries: ${size}`,
      `verifier key:      ${vkey}`,
      ...(warning === "" ? [] : ["", warning]),
    ];
    const headers = { ...ANY_ORIGIN, "Content-Type": "text/plain; charset=utf-8" };
    const body = lines.join("\n") + "\n";
    return new Response(body, { headers: { ...headers, "Cache-Control": "no-store" } });
  }
}

/** The event of a published checkpoint. */
export function checkpointEvent({ note }: Published): Uint8Array<ArrayBuffer> {
  return eventText("checkpoint", parseUtf8(note));
}

function termOf(by: SearchQuery["by"]): SearchTerm {
  switch (by.kind) {
    case "project":
      return { kind: "project", text: by.project };
    case "digest":
      return { kind: "digest", text: by.digest };
    case "filename":
      return { kind: "file", text: fileTerm(by) };
  }
}
