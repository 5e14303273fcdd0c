/**
 * Appends to a log's publishers file, whose grammar is core's `publishers.ts`.
 *
 * @module
 */

import { parseUtf8, utf8 } from "@indelible/core";
import { cannot, readSmallFile, temporaryPath, writeNew } from "./files.ts";

/** How long to wait for another writer of the file, in milliseconds. */
const WRITER_WAIT = 3000;

/**
 * Appends a line to the file, or makes the file; other readers see all of it or
 * nothing. The temporary file is created exclusively, which keeps two writers
 * apart: none overwrites what the other appended.
 *
 * @param path The publishers file.
 * @param name The publisher's name.
 * @param line Its line.
 * @throws {Error} If the name is in the file already, or it cannot be written.
 */
export async function appendPublisher(
  path: string,
  name: string,
  line: string,
): Promise<void> {
  const temporary = temporaryPath(path);
  await claim(temporary, path);
  try {
    const { content, mode } = await readExisting(path);
    const names = content.split("\n").map((line) => line.trim().split(/\s/)[0]);
    if (names.includes(name)) {
      throw new Error(
        `Cannot add --name ${name}: ${path} has a publisher of that name already`,
      );
    }
    const separator = content === "" || content.endsWith("\n") ? "" : "\n";
    fill(temporary, utf8(content + separator + line));
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // Not there: nothing to clean up.
    }
    throw error;
  }
}

/** Writes into the claimed file, durably. */
function fill(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, truncate: true });
  for (let at = 0; at < bytes.length;) {
    at += file.writeSync(bytes.subarray(at));
  }
  file.syncSync();
}

async function claim(temporary: string, path: string): Promise<void> {
  const deadline = performance.now() + WRITER_WAIT;
  for (;;) {
    try {
      return writeNew(temporary, new Uint8Array(0), 0o600);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        throw new Error(
          `Cannot write --publishers ${path}: there is no such folder`,
        );
      }
      if (!(error instanceof Deno.errors.AlreadyExists)) {
        throw cannot("write", path, "--publishers", error);
      }
      if (performance.now() > deadline) {
        throw new Error(
          `Cannot write --publishers ${path}: another program is writing it; if none is, remove ${temporary}`,
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function readExisting(
  path: string,
): Promise<{ content: string; mode: number }> {
  try {
    const content = parseUtf8(await readSmallFile(path, "--publishers"));
    const { mode } = Deno.statSync(path);
    return { content, mode: (mode ?? 0o644) & 0o777 };
  } catch (error) {
    const missing = (error as Error).cause instanceof Deno.errors.NotFound;
    if (missing) return { content: "", mode: 0o644 };
    throw error;
  }
}
