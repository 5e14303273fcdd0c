/**
 * The store's contract on Deno KV, for hosts without a disk. A swap reads what
 * is there and writes only if its versionstamp still stands
 * (`atomic().check()`), so of two regions at once one wins.
 *
 * @module
 */

import { encodeHex, equalBytes, uint64 } from "@indelible/core";
import type { KnownHead } from "./judge.ts";
import {
  type Cosigned,
  type Evidence,
  type Kept,
  type KeptEvidence,
  logId,
  type LogRecord,
  type LogSettings,
  MAX_EVIDENCE,
  registered,
  SCHEMA_VERSION,
  type WitnessStore,
} from "./store.ts";

/** How a log is configured: under `["witness", "log", id]`. */
interface LogValue {
  readonly origin: string;
  readonly vkeys: readonly string[];
  /** Absent where a store of version 1 wrote it. */
  readonly url?: string | null;
  readonly disabled: boolean;
}

/** What was cosigned of it: under `["witness", "cosigned", id]`. */
interface CosignedValue extends Cosigned {
  readonly origin: string;
}

/** The number of pieces of evidence: under `["witness", "evidence-count", id, kind]`. */
type EvidenceCount = number;

const key = (...parts: Deno.KvKeyPart[]): Deno.KvKey => ["witness", ...parts];

/** A store in Deno KV. */
export class KvStore implements WitnessStore {
  readonly #kv: Deno.Kv;

  private constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Opens the store in a key-value database, which it closes with itself.
   *
   * @param kv The database; keys that start with `witness` are the store's.
   * @throws {Error} If another version of this program made what is there.
   */
  static async open(kv: Deno.Kv): Promise<KvStore> {
    const schema = key("schema");
    for (;;) {
      const held = await kv.get<number>(schema);
      if (held.value === SCHEMA_VERSION) return new KvStore(kv);
      // From version 1 on: its logs have no URL, which reads as none.
      if (held.value !== null && held.value !== 1) {
        throw new Error(
          `Cannot open KV store: its schema version is ${held.value}, this program knows ${SCHEMA_VERSION}`,
        );
      }
      await isWritten(kv.atomic().check(held).set(schema, SCHEMA_VERSION));
    }
  }

  async read(id: string): Promise<LogRecord | null> {
    const [log, cosigned] = await this.#kv.getMany<[LogValue, CosignedValue]>([
      key("log", id),
      key("cosigned", id),
    ]);
    return recordOf(log.value, cosigned.value);
  }

  async swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean> {
    const { size, root, time, note } = next;
    const at = key("cosigned", logId(origin));
    return await this.#untilWritten<CosignedValue, boolean>(at, (held) => {
      const same = held === null || expected === null
        ? held === expected
        : held.size === expected.size && equalBytes(held.root, expected.root) &&
          held.time <= time;
      if (!same) return { result: false };
      return { result: true, write: { origin, size, root, time, note } };
    });
  }

  register(
    origin: string,
    vkeys: readonly string[],
    url: string | null = null,
  ): Promise<boolean> {
    const at = key("log", logId(origin));
    return this.#untilWritten<LogValue, boolean>(at, (before) => {
      const next = registered(before && settingsOf(before), vkeys, url);
      return next ? { result: true, write: { origin, ...next } } : { result: false };
    });
  }

  async disable(origin: string, disabled: boolean): Promise<boolean> {
    const id = logId(origin);
    if (await this.read(id) === null) return false;
    return await this.#untilWritten<LogValue, boolean>(key("log", id), (before) => {
      const settings = settingsOf(before);
      if (settings.disabled === disabled) return { result: false };
      return { result: true, write: { origin, ...settings, disabled } };
    });
  }

  async list(): Promise<LogRecord[]> {
    const logs = new Map<string, LogValue>();
    const cosigned = new Map<string, CosignedValue>();
    for await (const { value } of this.#all<LogValue>("log")) {
      logs.set(value.origin, value);
    }
    for await (const { value } of this.#all<CosignedValue>("cosigned")) {
      cosigned.set(value.origin, value);
    }
    const origins = [...new Set([...logs.keys(), ...cosigned.keys()])].sort();
    return origins.map((origin) =>
      recordOf(logs.get(origin) ?? null, cosigned.get(origin) ?? null)!
    );
  }

  async keepEvidence(evidence: Evidence): Promise<Kept> {
    const { origin, kind, size, root } = evidence;
    const id = logId(origin);
    const at = key("evidence", id, uint64(size), encodeHex(root));
    const counter = key("evidence-count", id, kind);
    for (;;) {
      const [kept, alike] = await this.#kv.getMany<
        [KeptEvidence, EvidenceCount]
      >([at, counter]);
      const count = alike.value ?? 0;
      if (!kept.value && count >= MAX_EVIDENCE) return "full";
      const next = kept.value
        ? { ...kept.value, count: kept.value.count + 1n }
        : { ...evidence, count: 1n };
      const write = this.#kv.atomic().check(kept, alike)
        .set(at, next)
        .set(counter, kept.value ? count : count + 1);
      if (await isWritten(write)) return kept.value ? "repeated" : "kept";
    }
  }

  async evidence(limit: number): Promise<KeptEvidence[]> {
    const all: KeptEvidence[] = [];
    for await (const { value } of this.#all<KeptEvidence>("evidence")) {
      all.push(value);
    }
    return all.sort((a, b) => Number(b.time - a.time)).slice(0, limit);
  }

  async bindName(name: string | null): Promise<string | null> {
    return await this.#untilWritten<string, string | null>(
      key("name"),
      (before) =>
        before === null && name !== null ? { result: before, write: name } : { result: before },
    );
  }

  close(): Promise<void> {
    this.#kv.close();
    return Promise.resolve();
  }

  #all<T>(prefix: string): Deno.KvListIterator<T> {
    return this.#kv.list<T>({ prefix: key(prefix) });
  }

  /**
   * Decides from what is there, and writes if it still is; decides again when it
   * is not. Each further round means that another writer went ahead.
   */
  async #untilWritten<T, R>(
    at: Deno.KvKey,
    decide: (value: T | null) => { result: R; write?: T },
  ): Promise<R> {
    for (;;) {
      const entry = await this.#kv.get<T>(at);
      const { result, write } = decide(entry.value);
      if (write === undefined) return result;
      const atomic = this.#kv.atomic().check(entry).set(at, write);
      if (await isWritten(atomic)) return result;
    }
  }
}

/** Commits; `false` when another writer went ahead and nothing was written. */
async function isWritten(write: Deno.AtomicOperation): Promise<boolean> {
  try {
    return (await write.commit()).ok;
  } catch (error) {
    // The local database, when two processes write it at once (SQLITE_BUSY).
    if (!/database is locked/.test((error as Error).message)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 1));
    return false;
  }
}

/** How a log is configured; one that was cosigned and never registered has no keys here. */
function settingsOf(log: LogValue | null): LogSettings {
  return { vkeys: log?.vkeys ?? [], url: log?.url ?? null, disabled: log?.disabled ?? false };
}

function recordOf(
  log: LogValue | null,
  held: CosignedValue | null,
): LogRecord | null {
  if (!log && !held) return null;
  return {
    origin: (log ?? held)!.origin,
    ...settingsOf(log),
    cosigned: held &&
      { size: held.size, root: held.root, time: held.time, note: held.note },
  };
}
