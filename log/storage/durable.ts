/**
 * The few file-system steps that durability is made of, each written out:
 * temporary file, write, fsync, then link or rename, then fsync of the folder.
 *
 * The order is what makes a torn file impossible under a final name: a name is
 * given only to bytes that are on the disk. A folder is opened before it is
 * changed and that handle is synced afterwards, because Linux reports a failed
 * write-back to the handles that were open when it failed.
 *
 * The one known sad path: a failed fsync. The kernel may drop the bytes and
 * still show them from its cache, so no later fsync of the same file can be
 * believed; the caller stops, and recovery writes the bytes again to a new file.
 *
 * @module
 */

import { refusedToOpen } from "./failure.ts";

/**
 * Writes a new file and waits until its bytes are on the disk. When it rejects
 * no file is left behind.
 *
 * @param path The file to create; it must not exist.
 * @param bytes The file's content.
 */
export async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await Deno.open(path, {
    write: true,
    createNew: true,
    mode: 0o644,
  });
  try {
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes.subarray(at));
    }
    await file.sync();
  } catch (error) {
    await removeQuietly(path);
    throw error;
  } finally {
    file.close();
  }
}

/**
 * Gives a durable file its final name, unless the name is taken: the exclusive
 * step, since `rename` would replace and `createNew` would show half a file.
 *
 * @param temporary The file as {@linkcode writeNew} left it; its name goes away.
 * @param path The final name.
 * @returns False when the name was taken.
 */
export async function linkNew(
  temporary: string,
  path: string,
): Promise<boolean> {
  try {
    await Deno.link(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  } finally {
    await removeQuietly(temporary);
  }
}

/**
 * Gives a durable file its final name, replacing what has it.
 *
 * @param temporary The file as {@linkcode writeNew} left it; its name goes away.
 * @param path The final name. A symbolic link there is replaced, not followed.
 */
export async function renameOver(
  temporary: string,
  path: string,
): Promise<void> {
  try {
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeQuietly(temporary);
    throw error;
  }
}

/**
 * Changes folders, then waits until their entries are on the disk.
 *
 * @param folders The folders that `change` adds names to.
 * @param change What to do while they are held open.
 * @returns What `change` returned.
 * @throws {NotStored} If a folder cannot be opened because too many files are:
 * nothing was changed.
 */
export async function syncFoldersAfter<T>(
  folders: Iterable<string>,
  change: () => Promise<T>,
): Promise<T> {
  const held: Deno.FsFile[] = [];
  try {
    for (const folder of folders) held.push(await openFolder(folder));
    const result = await change();
    // allSettled, so that no handle is closed under a sync that still runs.
    const synced = await Promise.allSettled(
      held.map((folder) => folder.sync()),
    );
    for (const sync of synced) {
      if (sync.status === "rejected") throw sync.reason;
    }
    return result;
  } finally {
    for (const folder of held) folder.close();
  }
}

async function openFolder(folder: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(folder, { read: true });
  } catch (error) {
    throw refusedToOpen(error, `Cannot open folder ${folder}`) ?? error;
  }
}

/**
 * Removes a temporary file. A failure is not reported: the file has no meaning,
 * and the next start removes it.
 *
 * @param path The file.
 */
export async function removeQuietly(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // See above.
  }
}
