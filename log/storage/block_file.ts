/**
 * A file that is read and written at offsets, for data that can be derived again:
 * never fsynced, and whoever reads it checks what it finds. It is opened when it is
 * first needed, and made by the first write.
 *
 * @module
 */

import { Damaged, refusedBySystem } from "./failure.ts";

/** The file; calls must not overlap. */
export class BlockFile {
  /** Where it is. */
  readonly path: string;
  /** Whether the disk cannot be written: nothing is tried then. */
  readonly readOnly: boolean;
  #reader: Deno.FsFile | null = null;
  #writer: Deno.FsFile | null = null;

  /**
   * @param path Where it is, or will be.
   * @param readOnly Whether the disk cannot be written.
   */
  constructor(path: string, readOnly: boolean) {
    this.path = path;
    this.readOnly = readOnly;
  }

  /**
   * Reads bytes.
   *
   * @param at The offset of the first.
   * @param into Where they go.
   * @returns How many there were before the end of the file.
   */
  async read(at: number, into: Uint8Array): Promise<number> {
    this.#reader ??= await this.#open({ read: true });
    if (this.#reader === null) return 0;
    await this.#reader.seek(at, Deno.SeekMode.Start);
    let count = 0;
    while (count < into.length) {
      const read = await this.#reader.read(into.subarray(count));
      if (read === null) break;
      count += read;
    }
    return count;
  }

  /**
   * Writes bytes, over what is there.
   *
   * @param at The offset of the first.
   * @param bytes The bytes.
   * @throws {NotStored} If the disk is full or the file not writable.
   */
  async write(at: number, bytes: Uint8Array): Promise<void> {
    await this.#change(async (file) => {
      await file.seek(at, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    });
  }

  /**
   * Cuts off what is beyond a length; a shorter file stays as it is.
   *
   * @throws {NotStored} If the file is not writable.
   */
  async cut(length: number): Promise<void> {
    this.#reader ??= await this.#open({ read: true });
    if (this.#reader === null || (await this.#reader.stat()).size <= length) return;
    await this.#change((file) => file.truncate(length));
  }

  /** Lets go of the file. */
  close(): void {
    this.#reader?.close();
    this.#writer?.close();
    this.#reader = this.#writer = null;
  }

  async #change(change: (file: Deno.FsFile) => Promise<void>): Promise<void> {
    try {
      // Its user's alone: what is in it is not published yet, and the seed is secret.
      this.#writer ??= await this.#open({ write: true, create: true, mode: 0o600 });
      await change(this.#writer!);
    } catch (error) {
      throw refusedBySystem(error, `Cannot write ${this.path}`) ?? error;
    }
  }

  /** Opens the file, or returns null when it is not there and not to be made. */
  async #open(options: Deno.OpenOptions): Promise<Deno.FsFile | null> {
    try {
      const info = await Deno.lstat(this.path);
      if (!info.isFile) throw new Damaged(this.path, "it is not a plain file");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (!options.create) return null;
    }
    return await Deno.open(this.path, options);
  }
}
