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

/** A line that was not logged. */
export interface ToldProblem {
  /** Its number, from 1. */
  readonly line: number;
  /** Why not. */
  readonly error: string;
}

/** The log as it shows itself; its checkpoint's first two lines. */
export interface LogIdentity {
  /** Its origin. */
  readonly origin: string;
  /** Its tree size. */
  readonly size: number;
}

const VERSION = 1;
/** How many problems are kept, to be told again; all are counted. */
const MAX_TOLD = 1_000;

/** What is known of a source: how far it is, and the problems that were told. */
interface SavedSource extends SourceProgress {
  readonly told: readonly ToldProblem[];
}

/** The state of imports into one log. */
export class ImportState {
  readonly #path: string | undefined;
  #log: LogIdentity;
  readonly #sources: Map<string, SavedSource>;
  /** How many problems are kept, of all sources. */
  #told: number;

  private constructor(
    path: string | undefined,
    log: LogIdentity,
    sources: Map<string, SavedSource>,
  ) {
    this.#path = path;
    this.#log = log;
    this.#sources = sources;
    this.#told = [...sources.values()].reduce((sum, { told }) => sum + told.length, 0);
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
    let saved: { log: LogIdentity; sources: Map<string, SavedSource> };
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
    return this.#source(key);
  }

  /** The problems of a source that were told in earlier runs, as far as they were kept. */
  toldBefore(key: string): readonly ToldProblem[] {
    return this.#source(key).told;
  }

  /**
   * Remembers a problem, so that a later run can tell it again. It is saved with
   * the progress.
   *
   * @param key The source's digest.
   * @param problem The problem.
   */
  tell(key: string, problem: ToldProblem): void {
    if (this.#told >= MAX_TOLD) return;
    this.#told++;
    const source = this.#source(key);
    this.#sources.set(key, { ...source, told: [...source.told, problem] });
  }

  #source(key: string): SavedSource {
    return this.#sources.get(key) ?? { lines: 0, problems: 0, told: [] };
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
    this.#sources.set(key, { ...this.#source(key), ...progress });
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
): { log: LogIdentity; sources: Map<string, SavedSource> } {
  const state: JsonObject = asObject(json, "it");
  if (natural(state, "version") !== VERSION) {
    throw new SyntaxError(`its version is not ${VERSION}`);
  }
  const sources = new Map<string, SavedSource>();
  const saved = asObject(state["sources"] ?? null, "sources");
  for (const [key, value] of Object.entries(saved)) {
    const progress = asObject(value, "a source");
    sources.set(key, {
      lines: natural(progress, "lines"),
      problems: natural(progress, "problems"),
      told: parseTold(progress["told"] ?? []),
    });
  }
  const origin = text(state, "origin");
  return { log: { origin, size: natural(state, "treeSize") }, sources };
}

function parseTold(told: Json): ToldProblem[] {
  if (!Array.isArray(told)) throw new SyntaxError("told must be a list");
  return told.map((one: Json) => {
    const problem = asObject(one, "a problem");
    return { line: natural(problem, "line"), error: text(problem, "error") };
  });
}
