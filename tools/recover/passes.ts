/**
 * How far passes over the registry are, and what is left of the budget.
 *
 * @module
 */

import type { Bucket, BucketStore } from "./budget.ts";
import type { RecoverDatabase } from "./database.ts";

/** A pass over a scope. */
export interface Pass {
  /** What was looked at before is looked at again; in milliseconds since 1970. */
  readonly since: number;
  /** Whether it goes on with one that was not finished. */
  readonly resumed: boolean;
}

/** The tables. */
export class Passes implements BucketStore {
  readonly #database: RecoverDatabase;

  /** @param database Where they are. */
  constructor(database: RecoverDatabase) {
    this.#database = database;
  }

  /**
   * Begins a pass over a scope, or goes on with the one that was not finished.
   *
   * @param scope What it is over, as text.
   * @param now What time it is, in milliseconds since 1970.
   * @param maxAge How long ago things may have been looked at, in milliseconds; by
   * default not before this pass.
   * @returns Since when things must have been looked at, and whether it goes on.
   */
  beginPass(scope: string, now: number, maxAge?: number): Pass {
    // What was looked at in the future, by a wrong clock, would otherwise never be due.
    this.#database.run("UPDATE page SET at = 0 WHERE at > ?", now);
    this.#database.run("UPDATE listed SET served_at = 0 WHERE served_at > ?", now);
    const row = this.#database.get("SELECT since FROM pass WHERE scope = ? AND done = 0", scope);
    const begun = row?.["since"] as number | undefined;
    if (begun !== undefined && begun <= now) {
      return { since: Math.max(begun, now - (maxAge ?? now)), resumed: true };
    }
    const since = now - (maxAge ?? 0);
    this.#database.run("INSERT OR REPLACE INTO pass VALUES (?, ?, 0)", scope, since);
    return { since, resumed: false };
  }

  /** Ends a pass. */
  endPass(scope: string): void {
    this.#database.run("UPDATE pass SET done = 1 WHERE scope = ?", scope);
  }

  /** The budget as it was left. */
  loadBucket(): Bucket | null {
    const row = this.#database.get("SELECT * FROM budget");
    return row && { tokens: row["tokens"] as number, at: row["at"] as number };
  }

  /** Keeps the budget. */
  saveBucket({ tokens, at }: Bucket): void {
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM budget");
      this.#database.run("INSERT INTO budget VALUES (?, ?)", tokens, at);
    });
  }
}
