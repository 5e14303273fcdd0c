/**
 * The high-water file: the largest size ever cosigned of each log, kept outside
 * the database so that a database restored from an old backup is noticed (it
 * must not cosign below what was cosigned already).
 *
 * A size is written after the commit and before the signature is released. So
 * whatever left the process is in the file, and the file is ahead of the
 * database only when the database went back; written before the commit, it
 * would be ahead after any crash in between. There is no fsync: what a power
 * cut takes from the file only makes it smaller, and smaller is no alarm.
 *
 * Each log has one line of fixed length, written over in place: the file grows
 * with the logs, not with the requests. Its lock, which dies with the process,
 * keeps a second witness off the database.
 *
 * @module
 */

import { parseDecimal, utf8 } from "@indelible/core";
import { logId, type LogRecord } from "./store.ts";

const SIZE_DIGITS = 19;
const LINE = /^([0-9a-f]{64}) ([0-9]{19})$/;
const LINE_LENGTH = 64 + 1 + SIZE_DIGITS + 1;

/** An open high-water file. */
export class HighWater implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** By log ID: the largest size, and which line of the file has it. */
  readonly #marks = new Map<string, { size: bigint; line: number }>();

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens and locks the file, making it if it is not there.
   *
   * @param path The file.
   * @throws {Error} If another witness has it, or it is no such file.
   */
  static open(path: string): HighWater {
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    try {
      if (!file.tryLockSync(true)) {
        throw new Error(
          `Cannot lock ${path}: another witness is using this database`,
        );
      }
      const marks = new HighWater(path, file);
      marks.#load();
      return marks;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #load(): void {
    const text = Deno.readTextFileSync(this.#path);
    for (let line = 0; (line + 1) * LINE_LENGTH <= text.length; line++) {
      const start = line * LINE_LENGTH;
      const match = LINE.exec(text.slice(start, start + LINE_LENGTH - 1));
      if (!match || text[start + LINE_LENGTH - 1] !== "\n") {
        throw new Error(
          `Cannot use ${this.#path}: line ${line + 1} is damaged; ` +
            "remove the file to go on without what it remembers",
        );
      }
      const digits = match[2]!.replace(/^0+(?=.)/, "");
      const size = parseDecimal(digits, "high-water size");
      this.#marks.set(match[1]!, { size, line });
    }
  }

  /**
   * Remembers that a size was cosigned.
   *
   * @param origin The log.
   * @param size The size; a smaller one than is remembered changes nothing.
   */
  raise(origin: string, size: bigint): void {
    const id = logId(origin);
    const mark = this.#marks.get(id);
    if (mark && mark.size >= size) return;
    this.#write(id, size, mark?.line ?? this.#marks.size);
  }

  /** The size remembered of a log; 0 for none. */
  sizeOf(origin: string): bigint {
    return this.#marks.get(logId(origin))?.size ?? 0n;
  }

  /** The IDs of the logs of which more than size 0 is remembered. */
  get ids(): string[] {
    return [...this.#marks].filter(([, { size }]) => size > 0n).map(([id]) => id);
  }

  /**
   * Takes what the database says in place of what is remembered: the operator
   * has accepted that it went back.
   *
   * @param records What the database says.
   */
  reset(records: readonly LogRecord[]): void {
    const sizes = new Map(
      records.map(({ origin, cosigned }) => [
        logId(origin),
        cosigned?.size ?? 0n,
      ]),
    );
    for (const [id, { line }] of this.#marks) {
      this.#write(id, sizes.get(id) ?? 0n, line);
    }
  }

  #write(id: string, size: bigint, line: number): void {
    const text = `${id} ${`${size}`.padStart(SIZE_DIGITS, "0")}\n`;
    this.#file.seekSync(line * LINE_LENGTH, Deno.SeekMode.Start);
    const written = this.#file.writeSync(utf8(text));
    if (written < LINE_LENGTH) {
      throw new Error(`Cannot write ${this.#path}: only part was written`);
    }
    this.#marks.set(id, { size, line });
  }

  /** Closes the file and gives up its lock. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}
