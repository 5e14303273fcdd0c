/**
 * An exclusive lock on a data folder, so that two logs never share one. It is
 * an advisory lock of the operating system on the folder itself: it leaves no
 * file, needs nothing to be writable, and dies with its process however that
 * ends, so there is nothing stale to clean up.
 *
 * @module
 */

import { NotStored } from "./failure.ts";

/** A held lock. */
export interface FolderLock extends Disposable {
  /** The folder's real path. */
  readonly folder: string;
  /** Gives the lock up; a second call does nothing. */
  unlock(): void;
}

/**
 * Locks a folder for this process.
 *
 * @param folder The folder, which must exist.
 * @returns The lock; keep it until the last write.
 * @throws {NotStored} If another holder has it (reason `busy`).
 */
export function lockFolder(folder: string): FolderLock {
  const realFolder = Deno.realPathSync(folder);
  const handle = Deno.openSync(realFolder, { read: true });
  let held = false;
  try {
    held = handle.tryLockSync(true);
  } finally {
    if (!held) handle.close();
  }
  if (!held) {
    throw new NotStored(
      "busy",
      `Cannot lock ${realFolder}: another process is using this data folder`,
    );
  }
  const unlock = () => {
    if (!held) return;
    held = false;
    handle.close();
  };
  return { folder: realFolder, unlock, [Symbol.dispose]: unlock };
}
