/**
 * The log that a migration writes to. It may hold nothing or the first entries of the
 * source, and whatever it answers is held against the source: each entry's leaf index,
 * and the root hash of its tree before, between and after the requests.
 *
 * @module
 */

import {
  checkConsistency,
  type Checkpoint,
  encodeHex,
  equalBytes,
  type Hash,
  LogMismatch,
  LogReader,
} from "@indelible/core";
import { type BulkLine, type BulkResult, requestBulk } from "./bulk_request.ts";
import { describe } from "./http_client.ts";
import { readUnverified } from "./log_identity.ts";
import { openSource } from "./log_source.ts";
import { retrying } from "./retry.ts";

/** The tree that the target is to grow into. */
export interface Aim {
  /** Its size. */
  readonly size: number;
  /** The root hash of its first entries. */
  rootAt(size: number): Promise<Hash>;
}

/** How to reach the target. */
export interface TargetAccess {
  /** Its URL. */
  readonly log: URL;
  /** The token's header fields. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told before each wait for it. */
  readonly onWait: (error: Error, seconds: number) => void;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** How long to wait for a log that is not there, in milliseconds. */
const PATIENCE = 10 * 60_000;

/** Writes a migration, and compares. */
export class TargetLog {
  readonly #access: TargetAccess;

  /** @param access How to reach it. */
  constructor(access: TargetAccess) {
    this.#access = access;
  }

  /** Its published tree; fails at once when it is not there. */
  head(): Promise<Checkpoint> {
    return readUnverified(this.#access.log, this.#access.signal);
  }

  /**
   * Its published tree, once that is known to be the aim's as far as both reach: a
   * prefix of it, or an extension.
   *
   * @throws {Error} If it holds other entries.
   */
  async headAlong(aim: Aim): Promise<Checkpoint> {
    const { log, onWait, signal } = this.#access;
    const head = await retrying(() => this.head(), { patience: PATIENCE, onWait, signal });
    const size = Number(head.size);
    const expected = await aim.rootAt(Math.min(size, aim.size));
    if (size <= aim.size && equalBytes(head.root, expected)) return head;
    if (size > aim.size && await this.#extends(head, aim.size, expected)) return head;
    throw new Error(
      size <= aim.size
        ? `${describe(log)} holds other entries: its tree of size ${size} has the root hash ` +
          `${encodeHex(head.root)}, the same number of the source's entries give ${
            encodeHex(expected)
          }`
        : `${describe(log)} holds other entries: its tree of size ${size} is no continuation ` +
          `of the source's of size ${aim.size}`,
    );
  }

  async #extends(head: Checkpoint, size: number, root: Hash): Promise<boolean> {
    const { log, signal } = this.#access;
    const reader = new LogReader(head, await openSource({ kind: "url", url: log }, signal));
    let proof: Hash[];
    try {
      proof = await reader.proveConsistency(BigInt(size));
    } catch (error) {
      if (!(error instanceof LogMismatch)) throw error;
      throw new Error(`${describe(log)} does not serve the tree it signed: ${error.message}`);
    }
    return checkConsistency(BigInt(size), head.size, root, head.root, proof);
  }

  /**
   * Asks it to append nothing: who may not write is told before a long reading.
   *
   * @throws {Error} If it refuses.
   */
  async checkAccess(): Promise<void> {
    await this.append(0, []);
  }

  /**
   * Appends entries; each must get the leaf index that it has in the source. Sent again
   * after an answer that was cut off, they get their first indices.
   *
   * @param first The leaf index of the first of them.
   * @param lines The entries.
   * @returns The size of the tree that covers them: more than them if others write too.
   * @throws {Error} If one of them gets another index or none.
   */
  async append(first: number, lines: readonly BulkLine[]): Promise<number> {
    const { log, headers, onWait, signal } = this.#access;
    const { results, treeSize } = await retrying(
      () => requestBulk(log, lines, { headers, signal }),
      { patience: PATIENCE, onWait, signal },
    );
    results.forEach((result, i) => {
      const found = misplaced(result, first + i);
      if (found === null) return;
      const name = `entry ${first + i} (${lines[i]!.filename})`;
      throw new Error(`${name} ${found}: its leaf index cannot be kept in ${describe(log)}`);
    });
    return treeSize;
  }
}

/** What became of an entry in place of being logged at its index; `null` if it was. */
function misplaced(result: BulkResult, leafIndex: number): string | null {
  switch (result.kind) {
    case "logged":
      return result.index === leafIndex
        ? null
        : `got leaf index ${result.index}, since someone else writes too`;
    case "conflict":
      return `is refused, since someone else logged ${result.existing.checksum} ` +
        `as entry ${result.existing.index}`;
    case "refused":
      return `is refused (${result.why})`;
  }
}
