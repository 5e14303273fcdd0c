/**
 * Alerts as lines: JSON, one an alert, into a file that is only appended to or onto
 * standard output; and in the program's own structured log.
 *
 * A process that dies in the middle of a line leaves a torn one: the next run ends it
 * and writes its alert whole. An alert among the last lines of the file is not written
 * again.
 *
 * @module
 */

import { excerpt, utf8 } from "@indelible/core";
import type { Logger } from "@logtape/logtape";
import type { Channel, Notice } from "./channel.ts";

/** How much of the file is read for alerts that stand there. */
const TAIL = 1 << 20;
/** The longest summary that is logged. */
const LONGEST = 2_000;

/** Tells alerts in a file of JSON lines. */
export class JsonLinesFile implements Channel {
  readonly name: string;
  readonly #path: string;
  /** Alerts that an earlier run wrote last, which it may not have recorded. */
  #before: Set<string> | null = null;

  /** @param path The file; made when missing. */
  constructor(path: string) {
    this.#path = path;
    this.name = `lines ${path}`;
  }

  /** Appends one. */
  deliver(notice: Notice): Promise<void> {
    // Opened each time: it may have been moved aside meanwhile, for a new one.
    using file = Deno.openSync(this.#path, { read: true, append: true, create: true, mode: 0o600 });
    const tail = readTail(file, this.#before === null ? TAIL : 1);
    this.#before ??= idsIn(tail);
    if (!this.#before.has(notice.id)) {
      const torn = tail !== "" && !tail.endsWith("\n");
      writeAll(file, (torn ? "\n" : "") + jsonLine(notice));
      file.syncSync();
    }
    return Promise.resolve();
  }
}

/** Tells alerts on standard output. */
export class JsonLinesOutput implements Channel {
  readonly name = "lines -";

  /** Prints one. */
  deliver(notice: Notice): Promise<void> {
    writeAll(Deno.stdout, jsonLine(notice));
    return Promise.resolve();
  }
}

/** Tells alerts in the program's log. */
export class LogLines implements Channel {
  readonly name = "log";
  readonly #logger: Logger;

  /** @param logger The program's log. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Logs one. */
  deliver({ kind, severity, summary, ...rest }: Notice): Promise<void> {
    const level = severity === "critical" ? "error" : severity === "warning" ? "warn" : "info";
    this.#logger[level]("{kind}: {summary}", {
      kind,
      severity,
      summary: excerpt(summary, LONGEST),
      ...rest,
    });
    return Promise.resolve();
  }
}

// What JSON may hold as it is, and a terminal obeys, hides or turns.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** An alert as a line of JSON, which can be shown on a terminal. */
export function jsonLine(notice: Notice): string {
  return JSON.stringify(notice).replace(UNPRINTABLE, escaped) + "\n";
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function readTail(file: Deno.FsFile, length: number): string {
  const { size } = file.statSync();
  const tail = new Uint8Array(Math.min(size, length));
  file.seekSync(size - tail.length, Deno.SeekMode.Start);
  for (let at = 0; at < tail.length;) {
    const read = file.readSync(tail.subarray(at));
    if (read === null) break;
    at += read;
  }
  return new TextDecoder().decode(tail);
}

function idsIn(tail: string): Set<string> {
  // Only whole lines count; a torn one ends with no newline and is the last.
  const lines = tail.slice(0, tail.lastIndexOf("\n") + 1).split("\n");
  return new Set(lines.flatMap((line) => /^\{"id":"([0-9a-f]{64})"/.exec(line)?.[1] ?? []));
}

function writeAll(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
