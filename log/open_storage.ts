/**
 * Opens the data folder of a log: takes its lock, opens the stores in it. On a
 * disk that cannot be written the log still answers reads.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { BlockFile } from "./storage/block_file.ts";
import { Damaged, NotStored } from "./storage/failure.ts";
import { lockFolder } from "./storage/folder_lock.ts";
import type { Ledger } from "./storage/ledger.ts";
import { openSqliteLedger } from "./storage/ledger_sqlite.ts";
import type { Objects } from "./storage/objects.ts";
import { openFsObjects } from "./storage/objects_fs.ts";

/** Milliseconds that closing may take; what is not moved out of the WAL then is moved at the next start. */
const PATIENCE = 500;

/** The stores of a data folder. */
export interface Storage extends AsyncDisposable {
  /** The transactional store: `ledger.sqlite`. */
  readonly ledger: Ledger;
  /** The public store: `checkpoint` and `tile/`. */
  readonly objects: Objects;
  /** What a quick start needs: `identifiers`. It can be derived from the objects. */
  readonly identifierFile: BlockFile;
  /** The folder itself, its real path. */
  readonly path: string;
  /** Whether the disk cannot be written. */
  readonly readOnly: boolean;
}

/**
 * Opens a data folder, making it if it is missing.
 *
 * @throws {NotStored} If another process has it.
 * @throws {Damaged} If what is in it is not whole.
 */
export async function openStorage(folder: string): Promise<Storage> {
  let readOnly = false;
  await makeFolder(folder);
  const lock = lockFolder(folder);
  try {
    const path = `${lock.folder}/ledger.sqlite`;
    await refuseLostLedger(lock.folder, path);
    let ledger: Ledger;
    try {
      ledger = await openSqliteLedger(path);
    } catch (error) {
      if (!(error instanceof NotStored && error.reason === "read-only")) throw error;
      ledger = await openSqliteLedger(path, { readOnly: true });
      readOnly = true;
    }
    const objects = await openFsObjects(lock.folder).catch(async (error) => {
      await ledger.close();
      throw error;
    });
    const identifierFile = new BlockFile(`${lock.folder}/identifiers`, readOnly);
    return {
      ledger,
      objects,
      identifierFile,
      path: lock.folder,
      readOnly,
      async [Symbol.asyncDispose]() {
        const close = async () => {
          await objects.close();
          await ledger.close();
          identifierFile.close();
          lock.unlock();
        };
        // What is on the disk is whole at every moment; one that hangs must not hold up the end.
        let timer: ReturnType<typeof setTimeout> | undefined;
        const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
        await Promise.race([close(), patience]);
        clearTimeout(timer);
      },
    };
  } catch (error) {
    lock.unlock();
    throw error;
  }
}

/**
 * Makes the folder if it is missing, durably: its own name is an entry of its
 * parent. The launcher lets a log read its folder and not the parent; then what is
 * left is to fsync the new folder itself, with which ext4, XFS and Btrfs commit its
 * name too. Who wants it by the letter of POSIX makes the folder beforehand.
 */
async function makeFolder(folder: string): Promise<void> {
  if (await exists(folder)) return;
  await Deno.mkdir(folder, { recursive: true, mode: 0o755 });
  await syncFolder(folder);
  const parent = dirname(resolve(folder));
  const { state } = await Deno.permissions.query({ name: "read", path: parent });
  if (state !== "granted") return;
  try {
    await syncFolder(parent);
  } catch (error) {
    // Others may own the parent and let us pass through it only.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

/** A log whose ledger is gone does not begin again: it would give its indices twice. */
async function refuseLostLedger(folder: string, ledger: string): Promise<void> {
  if (await exists(ledger)) return;
  for (const name of ["checkpoint", "tile"]) {
    if (!await exists(`${folder}/${name}`)) continue;
    throw new Damaged(ledger, `it is missing, although ${name} is there`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
