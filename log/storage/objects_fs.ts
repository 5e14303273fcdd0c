/**
 * The {@linkcode Objects} contract on a file system: an object's path is its
 * file's path below one folder, so that any web server can serve the folder.
 *
 * Names appear only on durable bytes: each object is written and fsynced under
 * `.tmp/`, then linked (exclusive) or renamed, then its folder is fsynced.
 *
 * Symbolic links below the folder are never followed. Each parent folder is
 * checked once per process, each file on every read, and the file opened is
 * compared with the file checked. What remains: someone who can already write
 * in the tree could swap a checked folder for a link while we run. Deno has no
 * `openat`, so this cannot be closed here; the folder belongs to the log's user.
 *
 * @module
 */

import { equalBytes } from "@indelible/core";
import { statfs } from "node:fs/promises";
import { linkNew, removeQuietly, renameOver, syncFoldersAfter, writeNew } from "./durable.ts";
import { Damaged, NotStored, ObjectDiffers, refusedBySystem, refusedToOpen } from "./failure.ts";
import { checkObjectPath, type Objects, type StoredObject, type WriteOptions } from "./objects.ts";

/** Files in flight per call: enough to share the disk's flushes, few enough for any limit. */
const PARALLEL = 16;

class FsObjects implements Objects {
  /** Real path of the store's folder. */
  readonly #root: string;
  /** Folders below the root seen to be folders, not links, by this process. */
  readonly #checked = new Set<string>();
  /** Folders whose own name this process has fsynced: an earlier one may have died before. */
  readonly #durable = new Set<string>();
  readonly #underway = new Set<Promise<unknown>>();
  #temporaries = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async read(path: string): Promise<Uint8Array | null> {
    if (path !== "checkpoint") checkObjectPath(path);
    return await this.#track(this.#readFile(path));
  }

  async write(
    objects: readonly StoredObject[],
    options: WriteOptions = {},
  ): Promise<void> {
    for (const { path } of objects) checkObjectPath(path);
    await this.#track(this.#writeAll(objects, options.fresh ?? false));
  }

  async replace(path: "checkpoint", bytes: Uint8Array): Promise<void> {
    if (path !== "checkpoint") {
      throw new TypeError(`Cannot replace ${path}: it is immutable`);
    }
    const act = `Cannot replace ${this.#root}/checkpoint`;
    await this.#track(
      syncFoldersAfter([this.#root], () =>
        refused(act, async () => {
          await renameOver(
            await this.#writeTemporary(bytes),
            `${this.#root}/checkpoint`,
          );
        })),
    );
  }

  async freeBytes(): Promise<number | null> {
    try {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    } catch (error) {
      // Needs --allow-sys=statfs: without it the store cannot tell.
      if (error instanceof Deno.errors.NotCapable) return null;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underway);
  }

  async #writeAll(
    objects: readonly StoredObject[],
    fresh: boolean,
  ): Promise<void> {
    const folders = new Set(objects.flatMap(({ path }) => parents(path)));
    const unsynced = [...folders].filter((folder) => !this.#durable.has(folder));
    // Shortest first, so that a folder is made before what is in it.
    for (const folder of [...folders].sort((a, b) => a.length - b.length)) {
      await refused(
        `Cannot make folder ${folder}`,
        () => this.#makeFolder(folder),
      );
    }
    const touched = new Set([
      ...objects.map(({ path }) => parentOf(path)),
      ...unsynced.map(parentOf),
    ]);
    await syncFoldersAfter(
      [...touched].map((folder) => folder === "" ? this.#root : `${this.#root}/${folder}`),
      () => inParallel(objects, (object) => this.#writeOne(object, fresh)),
    );
    for (const folder of unsynced) this.#durable.add(folder);
  }

  async #writeOne(
    { path, bytes }: StoredObject,
    fresh: boolean,
  ): Promise<void> {
    const act = `Cannot write object ${path}`;
    const file = `${this.#root}/${path}`;
    const differs = (existing: Uint8Array | null) =>
      existing !== null && !equalBytes(existing, bytes);
    if (fresh && differs(await this.#readFile(path))) {
      throw new ObjectDiffers(path);
    }
    const temporary = await refused(act, () => this.#writeTemporary(bytes));
    if (fresh) return await refused(act, () => renameOver(temporary, file));
    if (await refused(act, () => linkNew(temporary, file))) return;
    if (differs(await this.#readFile(path))) throw new ObjectDiffers(path);
  }

  async #writeTemporary(bytes: Uint8Array): Promise<string> {
    await this.#makeFolder(".tmp");
    const temporary = `${this.#root}/.tmp/${++this.#temporaries}`;
    await writeNew(temporary, bytes);
    return temporary;
  }

  /** Makes sure that a folder exists and is one, its parents being checked already. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#checked.has(folder)) return;
    try {
      const mode = folder === ".tmp" ? 0o700 : 0o755;
      await Deno.mkdir(`${this.#root}/${folder}`, { mode });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    await this.#isFolder(folder);
  }

  /** Whether a folder is there; throws when something else has its name. */
  async #isFolder(folder: string): Promise<boolean> {
    if (this.#checked.has(folder)) return true;
    const info = await lstatOrNull(`${this.#root}/${folder}`);
    if (info === null) return false;
    if (!info.isDirectory) {
      throw new Damaged(`${this.#root}/${folder}`, "it is not a folder");
    }
    this.#checked.add(folder);
    return true;
  }

  async #readFile(path: string): Promise<Uint8Array | null> {
    for (const folder of parents(path)) {
      if (!await this.#isFolder(folder)) return null;
    }
    const name = `${this.#root}/${path}`;
    const expected = await lstatOrNull(name);
    if (expected === null) return null;
    if (!expected.isFile) throw new Damaged(name, "it is not a plain file");
    using file = await openOrNull(name);
    if (file === null) return null;
    const info = await file.stat();
    if (info.ino !== expected.ino || info.dev !== expected.dev) {
      // A replaced checkpoint is a new file: read again. A link planted between is found then.
      return await this.#readFile(path);
    }
    const bytes = new Uint8Array(info.size);
    for (let at = 0; at < bytes.length;) {
      const count = await file.read(bytes.subarray(at));
      if (count === null) {
        throw new Damaged(name, `it ends after ${at} of ${info.size} bytes`);
      }
      at += count;
    }
    return bytes;
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#underway.add(call);
    try {
      return await call;
    } finally {
      this.#underway.delete(call);
    }
  }
}

/**
 * Opens the objects below a folder and removes temporary files that a crash
 * left. Hold the data folder's lock first: another process's files would go.
 * A folder on a read-only file system opens too; writes are then refused.
 *
 * Needs read and write access to the folder, and `--allow-sys=statfs` for
 * {@linkcode Objects.freeBytes} to answer.
 *
 * @param folder The folder, which must exist.
 * @returns The store.
 */
export async function openFsObjects(folder: string): Promise<Objects> {
  const root = await Deno.realPath(folder);
  const temporaries = `${root}/.tmp`;
  const info = await lstatOrNull(temporaries);
  if (info !== null) {
    if (!info.isDirectory) throw new Damaged(temporaries, "it is not a folder");
    for await (const { name } of Deno.readDir(temporaries)) {
      await removeQuietly(`${temporaries}/${name}`);
    }
  }
  return new FsObjects(root);
}

/** `tile/0/x001/234` -> `tile`, `tile/0`, `tile/0/x001`. */
function parents(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join("/"));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** Runs an act that changes nothing when it fails, naming a certain refusal. */
async function refused<T>(act: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw refusedBySystem(error, act) ?? error;
  }
}

/** Does all, a few at a time, waits for all, and throws the worst that happened. */
async function inParallel<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) {
      if (failures.length > 0) return;
      await run(item).catch((error) => failures.push(error));
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(PARALLEL, items.length) }, lane),
  );
  if (failures.length > 0) {
    throw failures.find((error) => !(error instanceof NotStored)) ??
      failures[0];
  }
}

async function lstatOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function openOrNull(path: string): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw refusedToOpen(error, `Cannot read ${path}`) ?? error;
  }
}
