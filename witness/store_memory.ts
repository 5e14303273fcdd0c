/**
 * The store's contract in memory: for tests, and the plainest reading of it.
 *
 * @module
 */

import { encodeHex, equalBytes } from "@indelible/core";
import type { KnownHead } from "./judge.ts";
import {
  type Cosigned,
  type Evidence,
  type Kept,
  type KeptEvidence,
  logId,
  type LogRecord,
  MAX_EVIDENCE,
  registered,
  type WitnessStore,
} from "./store.ts";

/** A store that forgets everything with its process. */
export class MemoryStore implements WitnessStore {
  /** Logs by ID. */
  readonly #logs = new Map<string, LogRecord>();
  readonly #evidence = new Map<string, KeptEvidence>();
  #name: string | null = null;

  read(id: string): Promise<LogRecord | null> {
    return Promise.resolve(this.#logs.get(id) ?? null);
  }

  swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean> {
    const record = this.#record(origin);
    const held = record.cosigned;
    const same = held === null || expected === null
      ? held === expected
      : held.size === expected.size && equalBytes(held.root, expected.root) &&
        held.time <= next.time;
    if (same) this.#logs.set(logId(origin), { ...record, cosigned: next });
    return Promise.resolve(same);
  }

  register(
    origin: string,
    vkeys: readonly string[],
    url: string | null = null,
  ): Promise<boolean> {
    const id = logId(origin);
    const before = this.#logs.get(id) ?? null;
    const next = registered(before, vkeys, url);
    if (next) this.#logs.set(id, { ...this.#record(origin), ...next });
    return Promise.resolve(next !== null);
  }

  disable(origin: string, disabled: boolean): Promise<boolean> {
    const id = logId(origin);
    const record = this.#logs.get(id);
    const changed = record !== undefined && record.disabled !== disabled;
    if (changed) this.#logs.set(id, { ...record, disabled });
    return Promise.resolve(changed);
  }

  list(): Promise<LogRecord[]> {
    const records = [...this.#logs.values()];
    return Promise.resolve(
      records.sort((a, b) => a.origin < b.origin ? -1 : 1),
    );
  }

  keepEvidence(evidence: Evidence): Promise<Kept> {
    const { origin, kind, size, root } = evidence;
    const key = `${logId(origin)} ${size} ${encodeHex(root)}`;
    const before = this.#evidence.get(key);
    if (before) {
      this.#evidence.set(key, { ...before, count: before.count + 1n });
      return Promise.resolve("repeated");
    }
    const alike = [...this.#evidence.values()].filter((kept) =>
      kept.origin === origin && kept.kind === kind
    );
    if (alike.length >= MAX_EVIDENCE) return Promise.resolve("full");
    this.#evidence.set(key, { ...evidence, count: 1n });
    return Promise.resolve("kept");
  }

  evidence(limit: number): Promise<KeptEvidence[]> {
    return Promise.resolve(
      [...this.#evidence.values()].reverse().slice(0, limit),
    );
  }

  bindName(name: string | null): Promise<string | null> {
    const before = this.#name;
    this.#name = before ?? name;
    return Promise.resolve(before);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #record(origin: string): LogRecord {
    return this.#logs.get(logId(origin)) ??
      { origin, vkeys: [], url: null, disabled: false, cosigned: null };
  }
}
