/**
 * Keeps the bytes that a registry serves in place of what was logged, each file
 * under its digest: what an incident is investigated with. What is as logged is
 * written to a temporary file only, and dropped.
 *
 * @module
 */

import { join } from "node:path";
import type { Sink } from "./registry.ts";

/** A copy of a file that is being fetched. */
export interface Copy {
  /** Begins anew, and gives what adds a piece. */
  readonly sink: Sink;
  /** Keeps it under its digest. */
  keep(sha256: string): void;
  /** Drops it, unless it was kept. */
  end(): void;
}

/** Keeps files in a folder. */
export class Keeper {
  readonly #folder: string;
  #begun = 0;

  /** @param folder Where to; made when missing. */
  constructor(folder: string) {
    this.#folder = folder;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Begins a copy. */
  begin(): Copy {
    // One that a killed process left has the same name, and is written over.
    const temporary = join(this.#folder, `${++this.#begun}.partial`);
    const file = Deno.openSync(temporary, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
    let kept = false;
    return {
      sink: () => {
        file.truncateSync();
        file.seekSync(0, Deno.SeekMode.Start);
        return (piece) => writeAll(file, piece);
      },
      keep: (sha256) => {
        file.syncSync();
        Deno.renameSync(temporary, join(this.#folder, sha256));
        kept = true;
      },
      end: () => {
        file.close();
        if (!kept) Deno.removeSync(temporary);
      },
    };
  }
}

/** Writes all of the bytes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
