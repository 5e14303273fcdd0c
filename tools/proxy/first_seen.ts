/**
 * Trust on first use, across all projects and users behind one proxy: the digest
 * that the registry listed when a file was first asked for is the one for ever. It
 * is kept in a log of our own, which takes one digest a file and no second.
 *
 * @module
 */

import { parseChecksum } from "@indelible/core";
import type { BulkLine, BulkResult } from "../bulk_request.ts";
import { isLoggable } from "../lookup.ts";
import type { Said } from "./gate.ts";
import type { Answered, Asked, Vouching } from "./vouching.ts";

/** Appends to our own log; what is there already keeps its entry. */
export type AppendFirstSeen = (lines: readonly BulkLine[]) => Promise<readonly BulkResult[]>;

/** Vouches by what was seen first. */
export class FirstSeenVouching implements Vouching {
  readonly #append: AppendFirstSeen;
  readonly #onTrouble: (error: Error) => void;

  /**
   * @param append Appends to our own log, durably.
   * @param onTrouble Told when that fails.
   */
  constructor(append: AppendFirstSeen, onTrouble: (error: Error) => void) {
    this.#append = append;
    this.#onTrouble = onTrouble;
  }

  /** Notes what is new and says what was noted before. */
  async ask(_project: string, files: readonly Asked[]): Promise<Answered> {
    const lines = files.flatMap(({ filename, listed }): BulkLine[] =>
      listed !== null && isLoggable(filename) ? [{ filename, checksum: `sha256:${listed}` }] : []
    );
    let results: readonly BulkResult[];
    try {
      results = lines.length > 0 ? await this.#append(lines) : [];
    } catch (error) {
      this.#onTrouble(error as Error);
      const said = files.map((): Said => ({ kind: "unknown", reason: "log-unreachable" }));
      return { said, head: null, trouble: (error as Error).message, vanished: [] };
    }
    // Listed twice under two digests, the second is the one that differs.
    const byLine = new Map(lines.map((line, i) => [keyOf(line), saidOf(line, results[i]!)]));
    const said = files.map(({ filename, listed }): Said =>
      listed === null
        ? { kind: "unknown", reason: "registry-lists-no-sha256" }
        : byLine.get(keyOf({ filename, checksum: `sha256:${listed}` })) ?? { kind: "missing" }
    );
    return { said, head: null, trouble: null, vanished: [] };
  }
}

function keyOf({ filename, checksum }: BulkLine): string {
  return `${checksum} ${filename}`;
}

function saidOf({ checksum }: BulkLine, result: BulkResult): Said {
  switch (result.kind) {
    case "logged":
      return vouched(checksum, result.index);
    case "conflict":
      return vouched(result.existing.checksum, result.existing.index);
    case "refused":
      return { kind: "missing" };
    default:
      return result satisfies never;
  }
}

function vouched(checksum: string, index: number): Said {
  return {
    kind: "vouched",
    by: "first-seen",
    digest: parseChecksum(checksum),
    index: BigInt(index),
  };
}
