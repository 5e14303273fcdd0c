/**
 * What an import remembers between runs: how many lines of each source the log
 * has acknowledged. It only saves work. Lines that are sent again get their
 * first index, and a state that does not fit the log (another origin, or a
 * smaller tree than it acknowledged) is not used.
 *
 * @module
 */

import { type Json, type JsonObject, parseJson, utf8 } from "@indelible/core";
import { readSmallFile, replaceFile } from "./files.ts";
import { asObject, natural, text } from "./json_members.ts";

/** How far a source has come. */
export interface SourceProgress {
  /** Lines that are dealt with. */
  readonly lines: number;
  /** How many of them were not logged: conflicts, refusals, unusable lines. */
  readonly problems: number;
}

/** The log as it shows itself; its checkpoint's first two lines. */
export interface LogIdentity {
  /** Its origin. */
  readonly origin: string;
  /** Its tree size. */
  readonly size: number;
}

const VERSION = 1;

/** The state of imports into one log. */
export class ImportState {
  readonly #path: string | undefined;
  #log: LogIdentity;
  readonly #sources: Map<string, SourceProgress>;

  private constructor(
    path: string | undefined,
    log: LogIdentity,
    sources: Map<string, SourceProgress>,
  ) {
    this.#path = path;
    this.#log = log;
    this.#sources = sources;
  }

  /**
   * Reads the state, or starts an empty one.
   *
   * @param path The file; without one nothing is remembered.
   * @param log The log as it is now.
   * @param onMisfit Told why a state that is there is not used.
   */
  static async open(
    path: string | undefined,
    log: LogIdentity,
    onMisfit: (why: string) => void,
  ): Promise<ImportState> {
    const empty = new ImportState(path, log, new Map());
    if (path === undefined) return empty;
    let bytes: Uint8Array;
    try {
      bytes = await readSmallFile(path, "--state");
    } catch (error) {
      const missing = (error as Error).cause instanceof Deno.errors.NotFound;
      if (missing) return empty;
      throw error;
    }
    let saved: { log: LogIdentity; sources: Map<string, SourceProgress> };
    try {
      saved = parseState(parseJson(bytes));
    } catch (error) {
      throw new Error(
        `Cannot use --state ${path}: ${(error as Error).message}`,
      );
    }
    if (saved.log.origin !== log.origin) {
      onMisfit(`it is about the log ${saved.log.origin}, not ${log.origin}`);
      return empty;
    }
    if (saved.log.size > log.size) {
      onMisfit(
        `it knows a tree of ${saved.log.size}, the log has one of ${log.size}`,
      );
      return empty;
    }
    return new ImportState(path, saved.log, saved.sources);
  }

  /** How far a source has come. */
  get(key: string): SourceProgress {
    return this.#sources.get(key) ?? { lines: 0, problems: 0 };
  }

  /**
   * Remembers how far a source has come.
   *
   * @param key The source's digest.
   * @param progress How far.
   * @param treeSize The size of the log's tree that covers it.
   */
  set(key: string, progress: SourceProgress, treeSize: number): void {
    const { origin, size } = this.#log;
    this.#log = { origin, size: Math.max(size, treeSize) };
    this.#sources.set(key, progress);
    if (this.#path === undefined) return;
    const json = {
      version: VERSION,
      origin,
      treeSize: this.#log.size,
      sources: Object.fromEntries(this.#sources),
    };
    replaceFile(this.#path, utf8(JSON.stringify(json, null, 2) + "\n"));
  }
}

function parseState(
  json: Json,
): { log: LogIdentity; sources: Map<string, SourceProgress> } {
  const state: JsonObject = asObject(json, "it");
  if (natural(state, "version") !== VERSION) {
    throw new SyntaxError(`its version is not ${VERSION}`);
  }
  const sources = new Map<string, SourceProgress>();
  const saved = asObject(state["sources"] ?? null, "sources");
  for (const [key, value] of Object.entries(saved)) {
    const progress = asObject(value, "a source");
    sources.set(key, {
      lines: natural(progress, "lines"),
      problems: natural(progress, "problems"),
    });
  }
  const origin = text(state, "origin");
  return { log: { origin, size: natural(state, "treeSize") }, sources };
}
