/**
 * The search index of a log with a folder, as the log's thread sees it: a worker, started
 * when it is first needed. One that dies is started again when it is next needed, later
 * each time; meanwhile a search is answered 503, and nothing else is.
 *
 * @module
 */

import { type IndexAnswer, type IndexQuestion, type Search, SearchUnavailable } from "./search.ts";
import type { SearchMessage, SearchReply } from "./search_worker.ts";
import { BASE_LEAVES, SEARCH_FOLDER } from "./segment_folder.ts";

/** What it is made of. */
export interface WorkerSearchParts {
  /** The data folder, its real path. */
  readonly folder: string;
  /** The log's origin. */
  readonly origin: string;
  /** Told of what fails; the log goes on. */
  readonly onFault: (error: unknown) => void;
}

/** Milliseconds that the worker has to answer. */
const DEADLINE = 5000;
/** Milliseconds until a worker that died is started again: doubled each time. */
const FIRST_PAUSE = 1000;
const MAX_PAUSE = 60_000;

interface Waiting {
  readonly resolve: (answer: IndexAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Asks the worker. */
export class WorkerSearch implements Search {
  readonly #parts: WorkerSearchParts;
  #worker: Worker | null = null;
  #indexedTo = 0;
  /** Whether there was a reason to start the worker. */
  #needed = false;
  #latest = { size: 0, busy: false };
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #deaths = 0;
  #pausedUntil = -Infinity;
  #closed = false;
  /** The fault told last: one that goes on is told once. */
  #told = "";

  /** @param parts What it is made of. */
  constructor(parts: WorkerSearchParts) {
    this.#parts = parts;
  }

  /** See {@linkcode Search.indexedTo}. */
  get indexedTo(): number | null {
    return this.#needed ? this.#indexedTo : null;
  }

  /** See {@linkcode Search.published}. */
  published(size: number, busy: boolean): void {
    this.#latest = { size, busy };
    // What is less than a segment is indexed in a moment, once somebody asks.
    if (this.#worker || size >= BASE_LEAVES) {
      this.#running()?.postMessage({ kind: "published", size, busy } satisfies SearchMessage);
    }
  }

  /** See {@linkcode Search.find}. */
  find(question: IndexQuestion): Promise<IndexAnswer> {
    const worker = this.#running();
    if (!worker) return Promise.reject(new SearchUnavailable("the search index is not running"));
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new SearchUnavailable("the search index did not answer in time"));
      }, DEADLINE);
      this.#waiting.set(id, { resolve, reject, timer });
      worker.postMessage({ kind: "find", id, question } satisfies SearchMessage);
    });
  }

  /** See {@linkcode Search.close}. */
  close(): void {
    this.#closed = true;
    this.#end("the log is stopping");
  }

  #running(): Worker | null {
    if (this.#worker || this.#closed || performance.now() < this.#pausedUntil) return this.#worker;
    this.#needed = true;
    const { folder, origin } = this.#parts;
    const index = `${folder}/${SEARCH_FOLDER}`;
    const worker = new Worker(new URL("./search_worker.ts", import.meta.url), {
      type: "module",
      name: "search",
      deno: { permissions: { read: [`${folder}/tile`, index], write: [index] } },
    });
    worker.onmessage = ({ data }: MessageEvent<SearchReply>) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#die(new Error(`The search index's worker died: ${event.message}`));
    };
    worker.postMessage({ kind: "open", folder, origin } satisfies SearchMessage);
    worker.postMessage({ kind: "published", ...this.#latest } satisfies SearchMessage);
    return this.#worker = worker;
  }

  #hear(reply: SearchReply): void {
    switch (reply.kind) {
      case "progress":
        this.#indexedTo = reply.indexedTo;
        this.#deaths = 0;
        this.#told = "";
        return;
      case "found":
        this.#indexedTo = reply.answer.indexedTo;
        return this.#settle(reply.id, ({ resolve }) => resolve(reply.answer));
      case "failed":
        this.#tell(reply.why);
        return this.#settle(
          reply.id,
          ({ reject }) => reject(new SearchUnavailable("the search index cannot be read now")),
        );
      case "fault":
        return this.#tell(reply.why);
    }
  }

  #settle(id: number, act: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    act(waiting);
  }

  #tell(why: string): void {
    if (why === this.#told) return;
    this.#told = why;
    this.#parts.onFault(new Error(why));
  }

  #die(error: Error): void {
    this.#pausedUntil = performance.now() + Math.min(FIRST_PAUSE * 2 ** this.#deaths++, MAX_PAUSE);
    this.#indexedTo = 0;
    this.#end("the search index is not running");
    this.#parts.onFault(error);
  }

  #end(why: string): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id, ({ reject }) => reject(new SearchUnavailable(why)));
    }
  }
}
