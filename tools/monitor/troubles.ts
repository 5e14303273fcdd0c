/**
 * What keeps a pass from coming through: a log out of reach, a checkpoint that is not
 * accepted, a fork, a tree that is not the one that was signed. Each is told once for as
 * long as it lasts, with the evidence there is.
 *
 * @module
 */

import {
  checkConsistency,
  type Checkpoint,
  encodeHex,
  type FetchResource,
  LogReader,
  parseCheckpoint,
  parseNote,
  parseUtf8,
  TILE_WIDTH,
} from "@indelible/core";
import { type OlderThanHead, SplitView } from "../trusted_head.ts";
import { findRootMismatch } from "./alerts/root_mismatch.ts";
import type { Conditions } from "./conditions.ts";
import { type EvidenceBase, headOf, ofCheckpoint, ofFork } from "./evidence_of.ts";
import { BundleMismatch } from "./read_tree.ts";
import type { StateFile } from "./state.ts";

/** What troubles are told with. */
export interface TroubleParts {
  /** The state. */
  readonly file: StateFile;
  /** What holds. */
  readonly conditions: Conditions;
  /** What evidence has in common. */
  readonly base: EvidenceBase;
  /** How long a log may be out of reach, or show an old checkpoint, in milliseconds. */
  readonly unreachableAfter: number;
}

/** The log, as far as it can still be read. */
export interface Reachable {
  /** Reads an object. */
  readonly fetch: FetchResource;
  /** Ends the pass. */
  readonly signal: AbortSignal;
}

/**
 * Tells of them; each method gives what is wrong in one sentence. What a log will not serve
 * is missing in the evidence: no alert waits for it, else a log could hold it up for ever.
 */
export class Troubles {
  readonly #parts: TroubleParts;

  /** @param parts What they are told with. */
  constructor(parts: TroubleParts) {
    this.#parts = parts;
  }

  /** The log cannot be read. */
  async unreachable({ message }: Error): Promise<string> {
    const { conditions, unreachableAfter: after } = this.#parts;
    await conditions.hold({ kind: "log-unreachable", after }, () => ({
      summary: `the log cannot be read: ${message}`,
      facts: { why: message },
    }));
    return message;
  }

  /** The log showed two histories. */
  async fork({ message, held, shown }: SplitView, from: Reachable): Promise<string> {
    const { conditions, base } = this.#parts;
    await conditions.hold({ kind: "fork" }, async () => ({
      summary: message,
      facts: { held: factsOf(held), shown: factsOf(shown) },
      evidence: await ifServed(from, () => ofFork(base, message, [held, shown], from.fetch)),
    }));
    return message;
  }

  /** An older checkpoint is a cache's, a rollback, or of another history. */
  async older(error: OlderThanHead, note: Uint8Array, from: Reachable): Promise<string> {
    const { file, unreachableAfter } = this.#parts;
    const held = file.state.seen!;
    const seen = checkpointIn(held);
    const older = checkpointIn(note);
    // Without the tiles of the newer tree there is no more to say.
    const proof = await ifServed(
      from,
      () => new LogReader(seen, from.fetch).proveConsistency(older.size),
    );
    if (proof && !checkConsistency(older.size, seen.size, older.root, seen.root, proof)) {
      return await this.fork(new SplitView(note, held, proof), from);
    }
    return await this.notAccepted(error.message, note, unreachableAfter);
  }

  /** The policy does not accept the checkpoint, or there is none. */
  async notAccepted(why: string, note: Uint8Array | null, after = 0): Promise<string> {
    const { conditions, base } = this.#parts;
    await conditions.hold({ kind: "not-accepted", after }, () => ({
      summary: why,
      evidence: note && isCheckpoint(note) ? ofCheckpoint(base, "not-accepted", why, note) : null,
    }));
    return why;
  }

  /** What is served is not under the signed root. */
  async mismatch(error: Error, note: Uint8Array, from: Reachable): Promise<string> {
    const { file, conditions, base } = this.#parts;
    const { message } = error;
    await conditions.hold({ kind: "root-mismatch" }, async () => {
      const summary = `the log does not serve what it signed: ${message}`;
      const verified = file.state.statements.size;
      const first = error instanceof BundleMismatch ? error.bundle * TILE_WIDTH : verified;
      const search = {
        note: parseUtf8(note),
        head: checkpointIn(note),
        fetch: from.fetch,
        from: BigInt(first),
      };
      return {
        summary,
        facts: { verified, why: message },
        evidence: await ifServed(from, () => findRootMismatch(headOf(base, summary), search)),
      };
    });
    return message;
  }
}

/** What is made of what the log serves; `null` if it does not serve it. */
async function ifServed<T>(
  { signal }: Reachable,
  make: () => Promise<T | null>,
): Promise<T | null> {
  try {
    return await make();
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** What a signed note says that was accepted before. */
export function checkpointIn(note: Uint8Array): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}

function isCheckpoint(note: Uint8Array): boolean {
  try {
    checkpointIn(note);
    return true;
  } catch {
    return false;
  }
}

function factsOf(note: Uint8Array): { size: string; root: string } {
  const { size, root } = checkpointIn(note);
  return { size: `${size}`, root: encodeHex(root) };
}
