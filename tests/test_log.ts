/**
 * A log inside the test: the real one, in memory or in a folder, on stores that
 * the test may wrap, and without workers. Stopping it and opening it again is a
 * restart.
 */

import {
  type FetchResource,
  formatSkey,
  formatVkey,
  KeyType,
  sha256,
  type SignerKey,
  signerKey,
  utf8,
} from "@indelible/core";
import { ok } from "node:assert/strict";
import { type Log, type LogOptions, openLog } from "../log/log.ts";
import type { Hasher } from "../log/integrate.ts";
import { type LogKeys, readLogKeys } from "../log/log_keys.ts";
import { SecondOpinion } from "../log/second_opinion.ts";
import type { Opinion } from "../log/second_opinion_face.ts";
import type { BlockFile } from "../log/storage/block_file.ts";
import type { Ledger } from "../log/storage/ledger.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import type { Objects } from "../log/storage/objects.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { openStorage } from "../log/open_storage.ts";
import { checkLog, type Contents, readerOf } from "./check_log.ts";
import { LogClient } from "./log_client.ts";
import { plainRows } from "./plain_rows.ts";

/** The key of every test log. */
export const KEY: SignerKey = signerKey("crash.test/log", KeyType.ed25519, sha256(utf8("log")));
/** Its private key as text. */
export const SKEY: string = formatSkey(KEY);
/** Its public key as text. */
export const VKEY: string = formatVkey(KEY);

/** The log's keys, with a clock for the signatures that carry a time. */
export function testKeys(now: () => bigint = () => 1n): LogKeys {
  return readLogKeys([SKEY], [VKEY], now);
}

/** Hashes here and now, by the plain functions of core. */
export const plainHasher: Hasher & { close(): void } = {
  growRows: (tree, entries) => Promise.resolve(plainRows(tree, entries)),
  close() {},
};

/** A second opinion in this thread; it gets copies, as the worker does. */
export function plainOpinion(...[edge]: ConstructorParameters<typeof SecondOpinion>): Opinion {
  const opinion = new SecondOpinion(structuredClone(edge));
  return {
    rootOf: (oldSize, size, objects) =>
      new Promise((resolve) => resolve(opinion.rootOf(oldSize, size, structuredClone(objects)))),
    close() {},
  };
}

/** The stores of one log. */
export interface Stores {
  /** The transactional store. */
  readonly ledger: Ledger;
  /** The public store. */
  readonly objects: Objects;
  /** What a quick start needs. */
  readonly identifierFile?: BlockFile;
  /** Whether the disk cannot be written. */
  readonly readOnly?: boolean;
}

/** What a test wants to be different. */
export type TestOptions = Partial<Omit<LogOptions, keyof Stores>> & {
  /** Puts something between the log and its stores. */
  readonly wrap?: (stores: Stores) => Stores;
};

/** A log and the one client that remembers what it promised. */
export class TestLog implements AsyncDisposable {
  /** The client. */
  readonly client: LogClient = new LogClient(VKEY);
  readonly #openStores: () => Promise<Stores & Partial<AsyncDisposable>>;
  readonly #read: FetchResource;
  #running: { log: Log; stores: Stores & Partial<AsyncDisposable> } | null = null;

  private constructor(openStores: () => Promise<Stores>, read: FetchResource) {
    this.#openStores = openStores;
    this.#read = read;
  }

  /** A log in memory; it outlives its restarts. Not open yet. */
  static inMemory(): TestLog {
    const stores = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
    return new TestLog(() => Promise.resolve(stores), (path) => stores.objects.read(path));
  }

  /** A log in a folder. Not open yet. */
  static inFolder(folder: string): TestLog {
    return new TestLog(() => openStorage(folder), readerOf(folder));
  }

  /** The log, which must be open. */
  get log(): Log {
    ok(this.#running, "the log is not open");
    return this.#running.log;
  }

  /**
   * Opens the log, with other parts where the test says so. A batch is closed
   * as soon as one waits, and there is no floor of free space.
   */
  async open({ wrap = (stores) => stores, ...options }: TestOptions = {}): Promise<void> {
    const stores = await this.#openStores();
    try {
      const log = await openLog({
        keys: testKeys(),
        ...wrap(stores),
        readOnly: stores.readOnly ?? false,
        batchInterval: 0,
        freeSpaceFloor: 0,
        hasher: plainHasher,
        startOpinion: plainOpinion,
        ...options,
      });
      this.#running = { log, stores };
      this.client.send = (path, init) => {
        const headers = { ...init?.headers as Record<string, string>, host: "localhost" };
        return log.handler(new Request(`http://localhost${path}`, { ...init, headers }));
      };
    } catch (error) {
      await stores[Symbol.asyncDispose]?.();
      throw error;
    }
  }

  /** Lets go of a log in memory as it is, as a crash does. */
  abandon(): void {
    this.#running = null;
    this.client.send = null;
  }

  /** Stops the log and closes its stores; returns why, if it had stopped by itself. */
  async stop(): Promise<Error | null> {
    ok(this.#running, "the log is not open");
    const { log, stores } = this.#running;
    this.abandon();
    try {
      await log.stop();
      return null;
    } catch (error) {
      return error as Error;
    } finally {
      await stores[Symbol.asyncDispose]?.();
    }
  }

  /** Stops it, if it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) await this.stop();
  }

  /** Checks everything that is published and promised, see {@linkcode checkLog}. */
  check(): Promise<Contents> {
    return checkLog(this.#read, this.client.promises);
  }
}

/** A store with some of its methods replaced. */
export function withMethods<T extends object>(inner: T, methods: Partial<T>): T {
  return new Proxy(inner, {
    get(target, property) {
      const method = Reflect.get(methods, property) ?? Reflect.get(target, property);
      return typeof method === "function" ? method.bind(target) : method;
    },
  });
}
