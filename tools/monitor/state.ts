/**
 * How far the monitor is with one log, in one small file that is replaced whole. It moves
 * by compare-and-swap: whoever finds another file than the one it wrote stops.
 *
 * There are two heads. `seen` is the newest checkpoint that was accepted: every later one
 * must be consistent with it. `head` is the newest of which every leaf and the root were
 * computed again. Between them is what is being read: `size` entries so far, whose right
 * edge is part of the tree that `seen` signs, so that a pass that is ended anywhere, and a
 * week in which nobody ran it, lose little.
 *
 * @module
 */

import {
  encodeBase64,
  equalBytes,
  type Json,
  type JsonObject,
  parseBase64,
  parseJson,
  type RightEdge,
  utf8,
} from "@indelible/core";
import { join } from "node:path";
import { readSmallFile, replaceFile } from "../files.ts";
import { asObject, natural, text } from "../json_members.ts";
import { NO_STATEMENTS, type StatementsMark } from "./statements.ts";

/** Who released the last entry of a project. */
export interface LastPublisher {
  /** The entry. */
  readonly leafIndex: number;
  /** Who, as the entry says it; `null` if it does not. */
  readonly publisher: string | null;
}

/** What is known of a witness of the policy. */
export interface WitnessState {
  /** Its newest cosignature, POSIX seconds; 0 when none was ever seen. */
  readonly cosignedAt: number;
  /** Since when the log shows heads without its cosignature, milliseconds since 1970. */
  readonly missingSince: number | null;
}

/** Something that holds for a while. */
export interface ConditionState {
  /** Since when, milliseconds since 1970. */
  readonly since: number;
  /** The id of its alert, once it was raised. */
  readonly alert: string | null;
}

/** The state of one log. */
export interface LogState {
  /** The log's origin. */
  readonly origin: string;
  /** The newest accepted signed note. */
  readonly seen: Uint8Array | null;
  /** The newest one of which all was computed again. */
  readonly head: Uint8Array | null;
  /** Entries that were read, and the right edge of their tree. */
  readonly edge: RightEdge;
  /** What they say; its size is that of the edge. */
  readonly statements: StatementsMark;
  /** By project. */
  readonly publishers: Readonly<Record<string, LastPublisher>>;
  /** By name. */
  readonly witnesses: Readonly<Record<string, WitnessState>>;
  /** By kind and subject. */
  readonly conditions: Readonly<Record<string, ConditionState>>;
  /** When the log was seen to have grown, milliseconds since 1970. */
  readonly grownAt: number;
  /** When a pass last came through, likewise; 0 before the first. */
  readonly passedAt: number;
}

/** The state before anything is known. */
export function newState(origin: string, now: number): LogState {
  return {
    origin,
    seen: null,
    head: null,
    edge: { size: 0n, hashes: [] },
    statements: NO_STATEMENTS,
    publishers: {},
    witnesses: {},
    conditions: {},
    grownAt: now,
    passedAt: 0,
  };
}

const VERSION = 1;

/** The state as the bytes of its file. */
export function formatState(state: LogState): Uint8Array<ArrayBuffer> {
  const { seen, head, edge, ...rest } = state;
  const json = {
    version: VERSION,
    ...rest,
    seen: seen && encodeBase64(seen),
    head: head && encodeBase64(head),
    edge: edge.hashes.map((hash) => encodeBase64(hash)),
  };
  return utf8(JSON.stringify(json, null, 2) + "\n");
}

/**
 * Parses the bytes of a state file.
 *
 * @throws {SyntaxError} If they are not one.
 */
export function parseState(bytes: Uint8Array): LogState {
  const json = asObject(parseJson(bytes), "it");
  if (json["version"] !== VERSION) throw new SyntaxError(`"version" must be ${VERSION}`);
  const statements = member(json, "statements");
  const size = natural(statements, "size");
  const hashes = json["edge"];
  if (!Array.isArray(hashes)) throw new SyntaxError('"edge" must be a list');
  if (hashes.length !== size.toString(2).replaceAll("0", "").length) {
    throw new SyntaxError('"edge" must have a hash for each perfect subtree');
  }
  return {
    origin: text(json, "origin"),
    seen: note(json, "seen"),
    head: note(json, "head"),
    edge: { size: BigInt(size), hashes: hashes.map((hash) => parseBase64(String(hash))) },
    statements: { size, sum: text(statements, "sum") },
    publishers: records(json, "publishers", (last) => ({
      leafIndex: natural(last, "leafIndex"),
      publisher: last["publisher"] === null ? null : text(last, "publisher"),
    })),
    witnesses: records(json, "witnesses", (witness) => ({
      cosignedAt: natural(witness, "cosignedAt"),
      missingSince: witness["missingSince"] === null ? null : natural(witness, "missingSince"),
    })),
    conditions: records(json, "conditions", (condition) => ({
      since: natural(condition, "since"),
      alert: condition["alert"] === null ? null : text(condition, "alert"),
    })),
    grownAt: natural(json, "grownAt"),
    passedAt: natural(json, "passedAt"),
  };
}

function member(json: JsonObject, name: string): JsonObject {
  return asObject(json[name] as Json ?? null, `"${name}"`);
}

function note(json: JsonObject, name: string): Uint8Array | null {
  return json[name] === null ? null : parseBase64(text(json, name));
}

function records<T>(json: JsonObject, name: string, parse: (json: JsonObject) => T) {
  return Object.fromEntries(
    Object.entries(member(json, name)).map((
      [key, value],
    ) => [key, parse(asObject(value, `"${name}"`))]),
  );
}

/** The state file of a log; one process at a time has it. */
export class StateFile implements Disposable {
  readonly #path: string;
  readonly #lock: Deno.FsFile;
  #bytes: Uint8Array | null;
  #state: LogState;

  private constructor(path: string, lock: Deno.FsFile, bytes: Uint8Array | null, state: LogState) {
    this.#path = path;
    this.#lock = lock;
    this.#bytes = bytes;
    this.#state = state;
  }

  /**
   * Opens the state of a log.
   *
   * @param folder The folder of this log alone; made when missing.
   * @param origin The log's origin.
   * @param now Milliseconds since 1970.
   * @throws {Error} If it is damaged, about another log, or in use.
   */
  static async open(folder: string, origin: string, now: number): Promise<StateFile> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, "state.json");
    const lock = await Deno.open(join(folder, "lock"), { create: true, write: true, mode: 0o600 });
    try {
      if (!await lock.tryLock(true)) {
        throw new Error(`Cannot use the state ${folder}: another monitor is using it`);
      }
      const bytes = await readIfThere(path);
      if (!bytes) return new StateFile(path, lock, null, newState(origin, now));
      let state: LogState;
      try {
        state = parseState(bytes);
      } catch (error) {
        throw new Error(
          `Cannot use the state ${path}: ${
            (error as Error).message
          }; restore it from a back-up, or remove ${folder} to read the log from its beginning`,
        );
      }
      if (state.origin !== origin) {
        throw new Error(`Cannot use the state ${path}: it is about ${state.origin}, not ${origin}`);
      }
      return new StateFile(path, lock, bytes, state);
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** The state as it is on disk. */
  get state(): LogState {
    return this.#state;
  }

  /**
   * Changes the state, on disk before it returns.
   *
   * @param change What is different.
   * @throws {Error} If the file is not as it was left.
   */
  async swap(change: Partial<LogState>): Promise<void> {
    const kept = await readIfThere(this.#path);
    const same = kept && this.#bytes ? equalBytes(kept, this.#bytes) : kept === this.#bytes;
    if (!same) {
      throw new Error(`Cannot move the state ${this.#path}: somebody else has changed it`);
    }
    const state = { ...this.#state, ...change };
    const bytes = formatState(state);
    replaceFile(this.#path, bytes, 0o600);
    this.#bytes = bytes;
    this.#state = state;
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    this.#lock.close();
  }
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readSmallFile(path, "state");
  } catch (error) {
    if ((error as Error).cause instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
