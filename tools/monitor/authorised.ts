/**
 * What the maintainer authorised: a file in the state folder, to which `monitor authorize`
 * appends what a release job has built, and which a running monitor reads again before
 * each pass. A line a statement:
 *
 * ```text
 * publish sha256:5141b5b522d5df08… pkgname-1.2.3-py3-none-any.whl
 * ```
 *
 * @module
 */

import { checkFile, type Event, EVENTS, excerpt, parseChecksum } from "@indelible/core";
import { join } from "node:path";
import { MAX_SMALL_FILE } from "../files.ts";

/** One statement that may be logged. */
export interface Authorisation {
  /** What may be said. */
  readonly event: Event;
  /** Of which file. */
  readonly file: string;
  /** With which digest, `sha256:` and hexadecimal. */
  readonly checksum: string;
}

/** All of them. */
export type Authorised = ReadonlySet<string>;

/** Whether a statement was authorised. */
export function isAuthorised(authorised: Authorised, statement: Authorisation): boolean {
  return authorised.has(formatAuthorisation(statement));
}

/** A statement as a line. */
export function formatAuthorisation({ event, file, checksum }: Authorisation): string {
  return `${event} ${checksum} ${file}`;
}

/**
 * Parses the file.
 *
 * @throws {SyntaxError} If a line is not a statement, naming the line.
 */
export function parseAuthorised(text: string): Set<string> {
  const lines = text.split("\n");
  // What is not ended was being written when its writer died.
  lines.pop();
  return new Set(lines.flatMap((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [event = "", checksum = "", file = "", ...extra] = line.split(" ");
    try {
      if (!(EVENTS as readonly string[]).includes(event) || extra.length > 0) {
        throw new SyntaxError(
          `must be an event, a checksum and a file name: received "${excerpt(line)}"`,
        );
      }
      parseChecksum(checksum);
      checkFile(file);
    } catch (error) {
      throw new SyntaxError(`line ${i + 1}: ${(error as Error).message}`);
    }
    return [line];
  }));
}

/** Where it is in a state folder. */
export function authorisedPath(state: string): string {
  return join(state, "authorised");
}

/** The file, read again whenever it has changed. */
export class AuthorisedFile {
  readonly #path: string;
  #version = "";
  #authorised: Authorised = new Set();

  /** @param state The state folder. */
  constructor(state: string) {
    this.#path = authorisedPath(state);
  }

  /**
   * What it says now.
   *
   * @throws {Error} If it cannot be read.
   */
  async read(): Promise<Authorised> {
    try {
      const { mtime, size, ino } = await Deno.stat(this.#path);
      const version = `${mtime?.getTime()} ${size} ${ino}`;
      if (version === this.#version) return this.#authorised;
      if (size > 64 * MAX_SMALL_FILE) throw new Error("it is over 256 MiB");
      this.#authorised = parseAuthorised(await Deno.readTextFile(this.#path));
      this.#version = version;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Set();
      throw new Error(`Cannot read ${this.#path}: ${(error as Error).message}`);
    }
    return this.#authorised;
  }
}

/**
 * Appends statements, those that are not there yet; on disk before it returns.
 *
 * @param state The state folder; made when missing.
 * @param statements The statements.
 * @returns How many are new.
 */
export async function authorise(
  state: string,
  statements: readonly Authorisation[],
): Promise<number> {
  await Deno.mkdir(state, { recursive: true, mode: 0o755 });
  using file = await Deno.open(authorisedPath(state), {
    read: true,
    append: true,
    create: true,
    mode: 0o644,
  });
  await file.lock(true);
  const text = await Deno.readTextFile(authorisedPath(state));
  const known = parseAuthorised(text);
  const fresh = [...new Set(statements.map(formatAuthorisation))].filter((line) =>
    !known.has(line)
  );
  if (fresh.length === 0) return 0;
  const lines = (text === "" || text.endsWith("\n") ? "" : "\n") + fresh.join("\n") + "\n";
  const bytes = new TextEncoder().encode(lines);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
  return fresh.length;
}
