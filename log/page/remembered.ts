/**
 * What this browser keeps from one visit to the next: whom it trusts for this log,
 * and the last head that it verified. This is what makes a second history visible:
 * a log that shows another one later cannot connect it to the head that is kept here.
 *
 * The first visit trusts the policy that the log itself states ("trust on first
 * use"), unless the reader brings one of their own.
 *
 * @module
 */

import { encodeBase64, parseBase64, parseJsonText } from "@indelible/core";
import { objectOf, textOf } from "./status.ts";

/** What is kept. */
export interface Remembered {
  /** The policy in force. */
  readonly policy: string;
  /** Whether the reader brought it, rather than the log. */
  readonly own: boolean;
  /** The last verified checkpoint, signed; `null` before the first. */
  readonly note: Uint8Array | null;
  /** When this browser verified it, RFC 3339. */
  readonly seen: string;
}

/** The part of `localStorage` that is used. */
export type KeyValueStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const KEY = "indelible/1";

/** Keeps it in a store; without one, only until the page is left. */
export class Memory {
  readonly #store: KeyValueStore | null;
  #held: Remembered | null = null;

  /** @param store `localStorage`, or `null` where the browser has none to give. */
  constructor(store: KeyValueStore | null) {
    this.#store = store;
  }

  /** Whether it lasts until the next visit. */
  get lasts(): boolean {
    return this.#store !== null;
  }

  /** What is kept, or `null`. Another tab may have written it. */
  read(): Remembered | null {
    const text = this.#store?.getItem(KEY);
    return text ? parseRemembered(text) : this.#held;
  }

  /** Keeps it. */
  write(remembered: Remembered): void {
    this.#held = remembered;
    const { policy, own, note, seen } = remembered;
    const encoded = note && encodeBase64(note);
    try {
      this.#store?.setItem(KEY, JSON.stringify({ policy, own, note: encoded, seen }));
    } catch {
      // Full, or forbidden since: then it is kept until the page is left.
    }
  }

  /** Forgets it. */
  forget(): void {
    this.#held = null;
    this.#store?.removeItem(KEY);
  }
}

/** `localStorage`, unless the browser forbids it. */
export function browserStore(): KeyValueStore | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

function parseRemembered(text: string): Remembered | null {
  try {
    const { policy, own, note, seen } = objectOf(parseJsonText(text));
    if (typeof policy !== "string") return null;
    const encoded = textOf(note);
    return {
      policy,
      own: own === true,
      note: encoded === null ? null : parseBase64(encoded),
      seen: textOf(seen) ?? "",
    };
  } catch {
    return null; // Not ours to read: as on a first visit.
  }
}
