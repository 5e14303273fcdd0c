/**
 * Writes a report of any length: line by line into a file beside its place, digested
 * on the way for its signature, synced, then renamed. A run that is killed leaves the
 * report that was there before.
 *
 * @module
 */

import { type Hash, utf8 } from "@indelible/core";
import { createHash } from "node:crypto";
import { cannot, temporaryPath } from "../files.ts";
import { writeAll } from "./evidence.ts";

/** How much is written at a time, in characters. */
const PIECE = 1 << 16;

/**
 * Writes a report.
 *
 * @param path Where it goes.
 * @param lines Its lines, each with its end.
 * @returns The SHA-256 of it.
 */
export function writeReport(path: string, lines: Iterable<string>): Hash {
  const temporary = temporaryPath(path);
  const hash = createHash("sha256");
  try {
    // What a killed run left goes; a link that someone put there is not followed.
    if (isThere(temporary)) Deno.removeSync(temporary);
    using file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o644 });
    let piece = "";
    const flush = () => {
      const bytes = utf8(piece);
      hash.update(bytes);
      writeAll(file, bytes);
      piece = "";
    };
    for (const line of lines) {
      piece += line;
      if (piece.length >= PIECE) flush();
    }
    flush();
    file.syncSync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw cannot("write", path, "--report", error);
  }
  return new Uint8Array(hash.digest());
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
