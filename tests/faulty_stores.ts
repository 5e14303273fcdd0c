/**
 * Stores that fail once, at a call of the test's choice, in every way that the
 * contracts allow, and the three ways in which a process can die over a call.
 */

import { NotStored } from "../log/storage/failure.ts";
import type { StoredObject } from "../log/storage/objects.ts";
import type { Stores } from "./test_log.ts";

/** How a call ends that does not end well. */
export type Mode =
  /** Nothing was stored, and the store knows it: `NotStored`. */
  | "refused"
  /** Some objects were written, and the store had no room for the others. */
  | "refused half-way"
  /** Nothing was stored; the store does not know. */
  | "failed, not stored"
  /** It was stored; the store does not know. */
  | "failed, but stored"
  /** Some objects were written; the store does not know which. */
  | "failed half-way"
  /** The process dies before, in the middle of, or after it. */
  | "died before"
  | "died half-way"
  | "died after";

/** A call to a store. */
export interface Call {
  /** Counts all calls of a run, from 1. */
  readonly number: number;
  /** `ledger.commit`, `objects.write` and so on. */
  readonly name: string;
}

const READS = new Set(["ledger.load", "ledger.refusals", "objects.read"]);
const UNCOUNTED = new Set(["ledger.close", "objects.close", "objects.freeBytes"]);

/** The ways in which a call of that name can end badly. */
export function modesOf(name: string): Mode[] {
  if (READS.has(name)) return ["failed, not stored", "died before"];
  const modes: Mode[] = [
    "refused",
    "failed, not stored",
    "failed, but stored",
    "died before",
    "died after",
  ];
  if (name === "objects.write") modes.push("refused half-way", "failed half-way", "died half-way");
  return modes;
}

/** What stands between a log and its stores, for one life of the log. */
export class FaultyStores {
  /** The calls that were made. */
  readonly calls: Call[] = [];
  /** Resolves when the process has died; never, if it does not. */
  readonly died: Promise<"died">;
  readonly #fault: { readonly at: number; readonly mode: Mode } | null;
  readonly #die: () => void;
  #dead = false;
  /** After an unknown outcome a ledger refuses everything. */
  #ledgerLost = false;

  /** @param fault Which call fails, and how; none at all by default. */
  constructor(fault: { readonly at: number; readonly mode: Mode } | null = null) {
    this.#fault = fault;
    const { promise, resolve } = Promise.withResolvers<"died">();
    this.died = promise;
    this.#die = () => {
      this.#dead = true;
      resolve("died");
    };
  }

  /** The stores with the fault in them. */
  around({ ledger, objects }: Stores): Stores {
    return { ledger: this.#wrap("ledger", ledger), objects: this.#wrap("objects", objects) };
  }

  #wrap<T extends object>(store: "ledger" | "objects", inner: T): T {
    return new Proxy(inner, {
      get: (target, property) => {
        const method = Reflect.get(target, property);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) =>
          this.#call(`${store}.${String(property)}`, args, (...args) => method.apply(target, args));
      },
    });
  }

  async #call(
    name: string,
    args: unknown[],
    call: (...args: unknown[]) => Promise<unknown>,
  ): Promise<unknown> {
    if (this.#dead) return await never;
    if (UNCOUNTED.has(name)) return await call(...args);
    const number = this.calls.length + 1;
    this.calls.push({ number, name });
    if (this.#ledgerLost && name.startsWith("ledger.")) throw new Error("The ledger is lost");
    if (number !== this.#fault?.at) {
      const answer = await call(...args);
      // What was asked before a death may be done, but nobody hears of it.
      return this.#dead ? await never : answer;
    }
    const half = async () => {
      if (name !== "objects.write") return; // All others do nothing or all.
      const [objects, ...rest] = args as [StoredObject[], ...unknown[]];
      await call(objects.slice(0, Math.ceil(objects.length / 2)), ...rest);
    };
    switch (this.#fault.mode) {
      case "refused":
        throw new NotStored("full", `${name} was refused`);
      case "refused half-way":
        await half();
        throw new NotStored("full", `${name} was refused half-way`);
      case "failed, but stored":
        await call(...args);
        break;
      case "failed half-way":
        await half();
        break;
      case "failed, not stored":
        break;
      case "died before":
        return await this.#death();
      case "died half-way":
        await half();
        return await this.#death();
      case "died after":
        await call(...args);
        return await this.#death();
    }
    if (name.startsWith("ledger.")) this.#ledgerLost = true;
    throw new Error(`${name} failed`);
  }

  #death(): Promise<never> {
    this.#die();
    return never;
  }
}

const never = new Promise<never>(() => {});
