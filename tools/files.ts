/**
 * Files as the tools use them: read with a bound, written whole or not at all.
 * A temporary file has a fixed name beside its target, so that a program's
 * permissions can name it; its exclusive creation keeps two writers apart.
 *
 * @module
 */

/** Small files (keys, policies, proofs, tokens) are refused above this. */
export const MAX_SMALL_FILE = 4 << 20;

/** The name under which a file is written before it is renamed. */
export function temporaryPath(path: string): string {
  return `${path}.tmp`;
}

/**
 * What a program must be permitted in order to replace a file.
 *
 * @param path The file.
 */
export function pathsToReplace(path: string): string[] {
  return [path, temporaryPath(path)];
}

/**
 * Reads a small file.
 *
 * @param path The file.
 * @param flag The flag that named it, for the message.
 * @param limit The most bytes it may have, whole MiB.
 * @throws {Error} If it cannot be read or is larger than that.
 */
export async function readSmallFile(
  path: string,
  flag: string,
  limit = MAX_SMALL_FILE,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    if (size <= limit) return await readUpTo(file, limit);
  } catch (error) {
    throw cannot("read", path, flag, error);
  }
  throw new Error(`Cannot read ${flag} ${path}: it is over ${limit >> 20} MiB`);
}

async function readUpTo(
  file: Deno.FsFile,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of file.readable) {
    length += part.length;
    if (length > limit) throw new Error(`it is over ${limit >> 20} MiB`);
    parts.push(part);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Replaces a file: other readers see the old bytes or the new ones.
 *
 * @param path The file.
 * @param bytes Its new content.
 * @param mode Its permission bits.
 */
export function replaceFile(
  path: string,
  bytes: Uint8Array,
  mode = 0o644,
): void {
  const temporary = temporaryPath(path);
  try {
    writeNew(temporary, bytes, mode);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    // Left by a writer that died; two living writers of one file are the user's.
    Deno.removeSync(temporary);
    writeNew(temporary, bytes, mode);
  }
  Deno.renameSync(temporary, path);
}

/**
 * Creates a file that must not exist yet, and syncs it.
 *
 * @param path The file.
 * @param bytes Its content.
 * @param mode Its permission bits.
 * @throws {Deno.errors.AlreadyExists} If it exists.
 */
export function writeNew(path: string, bytes: Uint8Array, mode: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
    file.syncSync();
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
}

/** The error of a file that a flag named, in one sentence. */
export function cannot(
  act: string,
  path: string,
  flag: string,
  error: unknown,
): Error {
  return new Error(`Cannot ${act} ${flag} ${path}: ${reason(error)}`, {
    cause: error,
  });
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.AlreadyExists) {
    return "it exists already, and nothing is overwritten";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system does not permit it";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "this program was started without permission for it";
  }
  return error instanceof Error ? error.message : String(error);
}
