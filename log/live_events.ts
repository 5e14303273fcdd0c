/**
 * `GET /events`: what happens to the log, as it happens, as server-sent events (HTML,
 * "Server-sent events"). Listeners are bounded in number, and one that does not read is
 * dropped: whoever is dropped connects again and is told where the log stands now.
 *
 * @module
 */

import { utf8 } from "@indelible/core";
import { ANY_ORIGIN, unavailable } from "./respond.ts";

/** What an event is about. */
export type EventKind = "checkpoint" | "refusal" | "evidence";

/** Most listeners at once. */
export const MAX_LISTENERS = 256;
/** A listener that has so many bytes to read is too slow. */
const MAX_UNREAD = 64 * 1024;
/** Milliseconds between two signs of life. */
const HEARTBEAT = 15_000;
/** Milliseconds after which a client whose stream ended connects again. */
const RECONNECT = 3000;

/** What a test sets. */
export interface LiveEventsOptions {
  /** Most listeners at once. */
  readonly maxListeners?: number;
  /** Milliseconds between two signs of life. */
  readonly heartbeat?: number;
}

type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

/** Those who listen, and what they are told. */
export class LiveEvents {
  readonly #listeners = new Set<Controller>();
  readonly #maxListeners: number;
  readonly #heartbeat: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** @param options See there. */
  constructor({ maxListeners = MAX_LISTENERS, heartbeat = HEARTBEAT }: LiveEventsOptions = {}) {
    this.#maxListeners = maxListeners;
    this.#heartbeat = heartbeat;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * Answers a listener.
   *
   * @param first What to tell it at once.
   */
  answer({ method }: Request, first: Uint8Array<ArrayBuffer> | null): Response {
    const headers = {
      ...ANY_ORIGIN,
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "X-Accel-Buffering": "no", // A proxy that holds events back makes them old news.
    };
    if (method === "HEAD") return new Response(null, { headers });
    if (this.#closed || this.listeners >= this.#maxListeners) {
      const why = this.#closed ? "the log is stopping" : "too many are listening";
      return unavailable(why, undefined, ANY_ORIGIN);
    }
    let own: Controller;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        own = controller;
        this.#listeners.add(controller);
        controller.enqueue(utf8(`retry: ${RECONNECT}\n\n`));
        if (first) controller.enqueue(first);
      },
      cancel: () => this.#drop(own),
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD }));
    this.#timer ??= setInterval(() => this.#send(HEARTBEAT_LINE), this.#heartbeat);
    return new Response(body, { headers });
  }

  /** Tells everybody. */
  tell(kind: EventKind, data: unknown): void {
    if (this.#listeners.size > 0) this.#send(eventText(kind, data));
  }

  /** Ends all streams; whoever comes now is turned away. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) this.#end(listener);
  }

  #send(text: Uint8Array<ArrayBuffer>): void {
    for (const listener of this.#listeners) {
      // What was read is no longer counted: this one has not read for a long time.
      if ((listener.desiredSize ?? 0) < text.length) this.#end(listener);
      else listener.enqueue(text);
    }
  }

  #end(listener: Controller): void {
    this.#drop(listener);
    try {
      listener.close();
    } catch {
      // It has left already.
    }
  }

  #drop(listener: Controller): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const HEARTBEAT_LINE = utf8(":\n\n");

/** An event as text: its data is JSON, which has no line breaks. */
export function eventText(kind: EventKind, data: unknown): Uint8Array<ArrayBuffer> {
  return utf8(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
}
