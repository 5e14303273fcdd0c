/**
 * The members of a zip file on disk (APPNOTE 6.3), by its central directory, which
 * is what installers go by; each read in pieces, so that a wheel may be larger
 * than the memory. With what wheels use and no more: stored or deflated, 64-bit
 * sizes, no encryption.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";

/** A member of a zip file. */
export interface ZipMember {
  /** Its path. */
  readonly name: string;
  /** Its size once inflated, as the directory says. */
  readonly size: number;
  /** How it is packed. */
  readonly method: number;
  /** Its size as it is packed. */
  readonly packedSize: number;
  /** Where its own header is. */
  readonly offset: number;
}

const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const IN_64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
/** The largest directory: some hundred bytes for each member. */
const MAX_DIRECTORY = 256 << 20;
const PIECE = 1 << 20;

/** A zip file, open. */
export class ZipFile implements Disposable {
  readonly #file: Deno.FsFile;
  /** Its members that are files, in the directory's order. */
  readonly members: readonly ZipMember[];

  private constructor(file: Deno.FsFile, members: readonly ZipMember[]) {
    this.#file = file;
    this.members = members;
  }

  /**
   * Opens a zip file and reads its directory.
   *
   * @throws {SyntaxError} If it is none.
   */
  static async open(path: string): Promise<ZipFile> {
    const file = await Deno.open(path);
    try {
      const { offset, size } = await findDirectory(file);
      if (size > MAX_DIRECTORY) throw malformed("its directory is too large");
      return new ZipFile(file, parseDirectory(await readAt(file, offset, size)));
    } catch (error) {
      file.close();
      throw error instanceof RangeError ? malformed(error.message) : error;
    }
  }

  /** Reads a member in pieces; one at a time. */
  async *read(member: ZipMember): AsyncGenerator<Uint8Array> {
    const header = view(await readAt(this.#file, member.offset, 30));
    if (header.getUint32(0, true) !== LOCAL_HEADER) throw malformed("a member is not where it is");
    const start = member.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const packed = this.#pieces(start, member.packedSize);
    if (member.method === STORED) return yield* packed;
    try {
      yield* ReadableStream.from(packed).pipeThrough(new DecompressionStream("deflate-raw"));
    } catch (error) {
      throw error instanceof TypeError ? malformed(`${member.name}: ${error.message}`) : error;
    }
  }

  async *#pieces(start: number, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < size; at += PIECE) {
      yield await readAt(this.#file, start + at, Math.min(PIECE, size - at));
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Where the directory is; the end of the file says it. */
async function findDirectory(file: Deno.FsFile): Promise<{ offset: number; size: number }> {
  const { size: length } = await file.stat();
  const tailSize = Math.min(length, END_SIZE + MAX_COMMENT);
  const tail = view(await readAt(file, length - tailSize, tailSize));
  for (let at = tailSize - END_SIZE; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    if (at + END_SIZE + tail.getUint16(at + 20, true) !== tailSize) continue;
    const [size, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    const entries = tail.getUint16(at + 10, true);
    if (size !== IN_64 && offset !== IN_64 && entries !== 0xffff) return { offset, size };
    if (at < 20 || tail.getUint32(at - 20, true) !== END_64_LOCATOR) return { offset, size };
    const end64 = view(await readAt(file, number64(tail, at - 12), 56));
    if (end64.getUint32(0, true) !== END_64) throw malformed("its 64-bit end is not where it is");
    return { size: number64(end64, 40), offset: number64(end64, 48) };
  }
  throw malformed("it has no end of directory");
}

function parseDirectory(bytes: Uint8Array): ZipMember[] {
  const directory = view(bytes);
  const members: ZipMember[] = [];
  for (let at = 0; at < bytes.length;) {
    if (directory.getUint32(at, true) !== DIRECTORY_ENTRY) throw malformed("its directory is not");
    const [flags, method] = [directory.getUint16(at + 8, true), directory.getUint16(at + 10, true)];
    const nameEnd = at + 46 + directory.getUint16(at + 28, true);
    const extraEnd = nameEnd + directory.getUint16(at + 30, true);
    const name = parseUtf8(bytes.subarray(at + 46, nameEnd));
    const fields = { size: at + 24, packedSize: at + 20, offset: at + 42 };
    const [size, packedSize, offset] = sizes(
      [fields.size, fields.packedSize, fields.offset].map((field) =>
        directory.getUint32(field, true)
      ),
      view(bytes.subarray(nameEnd, extraEnd)),
    ) as [number, number, number];
    at = extraEnd + directory.getUint16(at + 32, true);
    if (name.endsWith("/")) continue;
    if (flags & ENCRYPTED) throw malformed(`${name} is encrypted`);
    if (method !== STORED && method !== DEFLATED) throw malformed(`${name} is packed otherwise`);
    members.push({ name, size, method, packedSize, offset });
  }
  return members;
}

/** Sizes and offset, those that do not fit from the 64-bit extra field, in its order. */
function sizes(fields: number[], extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    if (id === 1) {
      let next = at + 4;
      return fields.map((field) => {
        if (field !== IN_64) return field;
        next += 8;
        return number64(extra, next - 8);
      });
    }
    at += 4 + length;
  }
  return fields;
}

function number64(bytes: DataView, at: number): number {
  return Number(bytes.getBigUint64(at, true));
}

async function readAt(
  file: Deno.FsFile,
  offset: number,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(offset) || offset < 0) throw malformed("an offset is beyond its end");
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const read = await file.read(bytes.subarray(at));
    if (read === null) throw malformed("it ends too early");
    at += read;
  }
  return bytes;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot read zip file: ${why}`);
}
