/**
 * Trusted heads on disk: a file for each origin in a folder of the user, moved
 * only from the note that was compared with (fault C2), and beside it the
 * evidence against a log that showed two histories. Whoever removes the evidence
 * trusts that log again.
 *
 * @module
 */

import {
  encodeHex,
  equalBytes,
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  sha256,
  utf8,
} from "@indelible/core";
import { join } from "node:path";
import { readSmallFile, replaceFile, writeNew } from "./files.ts";
import { type HeadStore, SplitView } from "./trusted_head.ts";

/** Heads in a folder. */
export class HeadFiles implements HeadStore {
  readonly #folder: string;

  /** @param folder Where they are; made when missing. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The note kept for an origin. */
  async load(origin: string): Promise<Uint8Array | null> {
    const path = this.#path(origin, "checkpoint");
    const note = await readIfThere(path);
    if (note) requireNoteOf(origin, note, path);
    return note;
  }

  /** Keeps a note, if the one kept is still `before`; other processes wait meanwhile. */
  async swap(origin: string, before: Uint8Array | null, note: Uint8Array): Promise<boolean> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(origin, "checkpoint");
    using lock = await Deno.open(`${path}.lock`, { create: true, write: true, mode: 0o600 });
    await lock.lock(true);
    const kept = await this.load(origin);
    const same = kept === null || before === null ? kept === before : equalBytes(kept, before);
    if (same) replaceFile(path, note, 0o600);
    return same;
  }

  /** Keeps the first evidence against an origin: see {@linkcode HeadFiles.evidencePaths}. */
  async keepEvidence({ origin, held, shown, proof }: SplitView): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const { size: oldSize } = parseCheckpoint(parseNote(held).text);
    const [heldPath, shownPath] = this.evidencePaths(origin);
    writeUnlessThere(heldPath, held);
    // With this one the evidence is whole.
    writeUnlessThere(shownPath, formatAddCheckpoint({ oldSize, proof, checkpoint: shown }));
  }

  /** The evidence kept against an origin. */
  async evidence(origin: string): Promise<SplitView | null> {
    const [heldPath, shownPath] = this.evidencePaths(origin);
    const shown = await readIfThere(shownPath);
    if (!shown) return null;
    const { checkpoint, proof } = parseAddCheckpoint(shown);
    return new SplitView(await readSmallFile(heldPath, "evidence"), checkpoint, proof);
  }

  /**
   * Where the evidence against an origin is: the signed head that was accepted, and the
   * one that contradicts it, with its consistency proof as a witness would be sent it
   * (C2SP tlog-witness). Any witness refuses the one after the other.
   */
  evidencePaths(origin: string): [held: string, shown: string] {
    return [
      this.#path(origin, "split-view.checkpoint"),
      this.#path(origin, "split-view.add-checkpoint"),
    ];
  }

  #path(origin: string, ending: string): string {
    // An origin may hold any character.
    return join(this.#folder, `${encodeHex(sha256(utf8(origin)).subarray(0, 8))}.${ending}`);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readSmallFile(path, "trusted head");
  } catch (error) {
    if ((error as Error).cause instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function requireNoteOf(origin: string, note: Uint8Array, path: string): void {
  let why = "it is about another log";
  try {
    if (parseCheckpoint(parseNote(note).text).origin === origin) return;
  } catch (error) {
    why = (error as Error).message;
  }
  throw new Error(`Cannot use trusted head ${path}: ${why}; restore it from a back-up`);
}

function writeUnlessThere(path: string, bytes: Uint8Array): void {
  try {
    writeNew(path, bytes, 0o600);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
