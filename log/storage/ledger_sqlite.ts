/**
 * The {@linkcode Ledger} contract on SQLite: the main thread's face. One call
 * is one message to a worker (`ledger_sqlite_worker.ts`) that owns the
 * database, so that a commit of many objects does not hold up requests.
 *
 * What is handed in is copied once, here; the copies move to the worker. So no
 * caller's buffer is detached, and none can change under the worker.
 *
 * @module
 */

import { renameOver, syncFoldersAfter } from "./durable.ts";
import { Damaged, HeadMoved, NotStored, refusedBySystem } from "./failure.ts";
import {
  type Batch,
  checkBatch,
  type Head,
  type Ledger,
  type Loaded,
  type Refusal,
} from "./ledger.ts";
import type { Answer, Call, Failure } from "./ledger_sqlite_worker.ts";

/** How to open a ledger. */
export interface SqliteLedgerOptions {
  /**
   * Reads only, for a disk that cannot be written: works on a copy in memory,
   * as large as the ledger, and refuses writes with {@linkcode NotStored}.
   */
  readonly readOnly?: boolean;
}

/** Ledgers open in this process, by real path: SQLite's lock is between processes. */
const open = new Set<string>();

class SqliteLedger implements Ledger {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;
  /** Why no more calls are taken. */
  #ended: Error | null = null;
  #closing: Promise<void> | null = null;

  constructor(path: string, readOnly: boolean) {
    this.#path = path;
    const files = [path, `${path}-wal`, `${path}.new`];
    this.#worker = new Worker(
      new URL("./ledger_sqlite_worker.ts", import.meta.url),
      {
        type: "module",
        name: "ledger",
        deno: { permissions: { read: files, write: readOnly ? false : files } },
      },
    );
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#settle(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(
        new Error(
          `Cannot use ledger: its worker died, outcome unknown: ${event.message}`,
        ),
      );
    };
    this.#worker.onmessageerror = () =>
      this.#end(
        new Error(
          "Cannot use ledger: its worker's answer was unreadable, outcome unknown",
        ),
      );
  }

  create(path: string): Promise<void> {
    return this.#ask({ method: "create", path });
  }

  open(readOnly: boolean): Promise<void> {
    return this.#ask({ method: "open", path: this.#path, readOnly });
  }

  load(): Promise<Loaded> {
    return this.#ask({ method: "load" });
  }

  initialize(origin: string, head: Head): Promise<void> {
    return this.#ask({
      method: "initialize",
      origin,
      head: copyHead(head, []),
    });
  }

  async commit(batch: Batch): Promise<void> {
    checkBatch(batch);
    const moved: ArrayBuffer[] = [];
    await this.#ask({
      method: "commit",
      batch: {
        oldSize: batch.oldSize,
        next: copyHead(batch.next, moved),
        staged: batch.staged.map(({ path, bytes }) => ({
          path,
          bytes: copy(bytes, moved),
        })),
      },
    }, moved);
  }

  applied(size: number): Promise<void> {
    return this.#ask({ method: "applied", size });
  }

  publish(checkpoint: Uint8Array, size: number): Promise<void> {
    return this.#ask({
      method: "publish",
      checkpoint: copy(checkpoint, []),
      size,
    });
  }

  refuse(refusals: readonly Refusal[]): Promise<void> {
    return this.#ask({ method: "refuse", refusals });
  }

  refusals(limit: number): Promise<Refusal[]> {
    return this.#ask({ method: "refusals", limit });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      // The worker answers in order, so this comes after the calls under way.
      if (this.#ended === null) await this.#ask({ method: "close" });
    } finally {
      this.#end(new Error("Cannot use ledger: it is closed"));
    }
  }

  #ask<T>(call: Call, moved: ArrayBuffer[] = []): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#closing !== null && call.method !== "close") {
      return Promise.reject(new Error("Cannot use ledger: it is closed"));
    }
    const id = ++this.#calls;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#worker.postMessage({ id, call }, moved);
    return answer.promise as Promise<T>;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("failure" in answer) waiting?.reject(toError(answer.failure));
    else waiting?.resolve(answer.value);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#worker.terminate();
    open.delete(this.#path);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Opens the ledger in a SQLite database, creating it if there is no such file.
 * A file that is there but is no ledger is never replaced.
 *
 * Needs read and write access to the file's folder, and read access to this
 * module's folder (for the worker; the worker itself gets the ledger's files).
 *
 * @param path The database file; `-wal` and `.new` beside it belong to it.
 * @param options See {@linkcode SqliteLedgerOptions}.
 * @returns The ledger.
 * @throws {NotStored} If another process has it (`busy`), or it cannot be
 * written (`read-only`: open it with `readOnly`).
 * @throws {Damaged} If the file is not a whole ledger.
 */
export async function openSqliteLedger(
  path: string,
  options: SqliteLedgerOptions = {},
): Promise<Ledger> {
  const { readOnly = false } = options;
  const [folder, name] = splitPath(path);
  const realPath = `${await Deno.realPath(folder)}/${name}`;
  const exists = await checkFile(realPath);
  if (!exists && readOnly) throw new Damaged(realPath, "it does not exist");
  if (open.has(realPath)) {
    throw new NotStored(
      "busy",
      `Cannot open ledger ${realPath}: this process has it open`,
    );
  }
  open.add(realPath);
  const ledger = new SqliteLedger(realPath, readOnly);
  try {
    if (!exists) await create(ledger, realPath);
    // SQLite does not say why it cannot open a file, the system does.
    if (readOnly) await ledger.open(true);
    else {
      await checkWritable(realPath);
      // SQLite makes the WAL here and fsyncs its folder, but ignores an error of that.
      await syncFoldersAfter(
        [splitPath(realPath)[0]],
        () => ledger.open(false),
      );
    }
    return ledger;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** Builds the database under another name, so that a crash leaves no half of one. */
async function create(ledger: SqliteLedger, path: string): Promise<void> {
  const unfinished = `${path}.new`;
  for (const suffix of ["", "-wal", "-journal"]) {
    await Deno.remove(unfinished + suffix).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  const [folder] = splitPath(path);
  await checkWritable(unfinished, { create: true });
  await syncFoldersAfter([folder], async () => {
    await ledger.create(unfinished);
    await renameOver(unfinished, path);
  });
}

/** Whether the file is there; throws when something else is. */
async function checkFile(path: string): Promise<boolean> {
  try {
    const info = await Deno.lstat(path);
    if (!info.isFile) throw new Damaged(path, "it is not a plain file");
    // SQLite takes an empty file for a new database: a lost ledger would start again.
    if (info.size === 0) throw new Damaged(path, "it is empty");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function checkWritable(
  path: string,
  options: { create?: boolean } = {},
): Promise<void> {
  try {
    // Beside what is public lie publishers and pending work: for the log's user alone.
    // SQLite gives the WAL the mode of its database.
    (await Deno.open(path, { read: true, write: true, mode: 0o600, ...options })).close();
  } catch (error) {
    throw refusedBySystem(error, `Cannot open ledger ${path}`) ?? error;
  }
}

function toError(failure: Failure): Error {
  switch (failure.kind) {
    case "NotStored":
      return new NotStored(failure.reason, failure.message);
    case "Damaged":
      return new Damaged(failure.object, failure.state);
    case "HeadMoved":
      return new HeadMoved(failure.message);
    case "RangeError":
      return new RangeError(failure.message);
    case "Error":
      return new Error(failure.message);
    default:
      return failure satisfies never;
  }
}

function splitPath(path: string): [folder: string, name: string] {
  const at = path.lastIndexOf("/");
  return at < 0 ? [".", path] : [path.slice(0, at) || "/", path.slice(at + 1)];
}

/** Copies bytes to a buffer of their own, which the message takes along. */
function copy(bytes: Uint8Array, moved: ArrayBuffer[]): Uint8Array {
  const copied = new Uint8Array(bytes);
  moved.push(copied.buffer);
  return copied;
}

function copyHead({ size, checkpoint }: Head, moved: ArrayBuffer[]): Head {
  return { size, checkpoint: copy(checkpoint, moved) };
}
