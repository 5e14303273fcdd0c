/**
 * The ledger's methods as SQL over one open database. Runs in the ledger's
 * worker, synchronously, so calls take effect in the order they arrive.
 *
 * @module
 */

import { HeadMoved } from "./failure.ts";
import { type Batch, type Head, type Loaded, MAX_REFUSALS, type Refusal } from "./ledger.ts";
import type { LedgerDatabase } from "./ledger_sqlite_database.ts";

type HeadRow = [string, number, Uint8Array, number, Uint8Array | null];
type RefusalRow = [
  string,
  string,
  string,
  string,
  number,
  string,
  string | null,
];

/** The ledger's tables. Statements are prepared once, for the database's life. */
export class LedgerTables {
  readonly #database: LedgerDatabase;
  readonly #head;
  readonly #moveHead;
  readonly #stage;

  /** @param database An open ledger database. */
  constructor(database: LedgerDatabase) {
    this.#database = database;
    this.#head = database.prepare(
      "SELECT origin, size, checkpoint, published_size, published FROM head",
    );
    this.#moveHead = database.prepare(
      "UPDATE head SET size = ?, checkpoint = ? WHERE size = ?",
    );
    this.#stage = database.prepare(
      "INSERT INTO staged (size, path, bytes) VALUES (?, ?, ?)",
    );
  }

  /** See the contract. */
  load(): Loaded {
    return this.#database.run(() => {
      const [origin, size, checkpoint, , published] = this.#readHead() ?? [];
      const staged = this.#database.prepare(
        "SELECT path, bytes FROM staged ORDER BY ordinal",
      ).all();
      return {
        origin: origin ?? null,
        head: size === undefined || checkpoint === undefined ? null : { size, checkpoint },
        published: published ?? null,
        staged: (staged as unknown as [string, Uint8Array][]).map((
          [path, bytes],
        ) => ({ path, bytes })),
      };
    });
  }

  /** See the contract. */
  initialize(origin: string, head: Head): void {
    if (head.size !== 0) {
      throw new RangeError("Cannot initialize ledger: head is not of size 0");
    }
    this.#database.transaction(() => {
      const [bound] = this.#readHead() ?? [];
      if (bound !== undefined) {
        throw new Error(`Cannot initialize ledger: it is bound to ${bound}`);
      }
      this.#database.prepare("INSERT INTO head VALUES (1, ?, 0, ?, 0, NULL)")
        .run(origin, head.checkpoint);
    });
  }

  /** See the contract; the batch's shape is checked already. */
  commit({ oldSize, next, staged }: Batch): void {
    this.#database.transaction(() => {
      // The compare-and-swap comes first: on a lost race nothing else is tried.
      const { changes } = this.#moveHead.run(next.size, next.checkpoint, oldSize);
      if (Number(changes) !== 1) throw this.#headMoved(oldSize);
      for (const { path, bytes } of staged) this.#stage.run(next.size, path, bytes);
    });
  }

  /** See the contract. */
  applied(size: number): void {
    this.#database.transaction(() => this.#dropStaged(size));
  }

  /** See the contract. */
  publish(checkpoint: Uint8Array, size: number): void {
    this.#database.transaction(() => {
      const [, most = -1, , least = 0] = this.#readHead() ?? [];
      if (!Number.isSafeInteger(size) || size < least || size > most) {
        throw new RangeError(
          `Cannot publish size ${size}: not within ${least} to ${most}`,
        );
      }
      this.#database.prepare(
        "UPDATE head SET published_size = ?, published = ?",
      )
        .run(size, checkpoint);
      this.#dropStaged(size);
    });
  }

  /** See the contract. */
  refuse(refusals: readonly Refusal[]): void {
    this.#database.transaction(() => {
      const replace = this.#database.prepare(`
        INSERT OR REPLACE INTO refusal
          (time, ecosystem, filename, checksum, existing_index, existing_checksum, publisher)
        VALUES (?, ?, ?, ?, ?, ?, ?)
      `);
      for (
        const { time, ecosystem, filename, checksum, existing, publisher } of refusals
      ) {
        replace.run(
          time,
          ecosystem,
          filename,
          checksum,
          existing.index,
          existing.checksum,
          publisher,
        );
      }
      this.#database.prepare(`
        DELETE FROM refusal WHERE ordinal IN (
          SELECT ordinal FROM refusal ORDER BY ordinal
          LIMIT max(0, (SELECT count(*) FROM refusal) - ?)
        )
      `).run(MAX_REFUSALS);
    });
  }

  /** See the contract. */
  refusals(limit: number): Refusal[] {
    const rows = this.#database.run(() =>
      this.#database.prepare(`
        SELECT time, ecosystem, filename, checksum, existing_index, existing_checksum, publisher
        FROM refusal ORDER BY ordinal DESC LIMIT ?
      `).all(limit) as unknown as RefusalRow[]
    );
    return rows.map((
      [time, ecosystem, filename, checksum, index, existing, publisher],
    ) => ({
      time,
      ecosystem,
      filename,
      checksum,
      existing: { index, checksum: existing },
      publisher,
    }));
  }

  #dropStaged(size: number): void {
    this.#database.prepare("DELETE FROM staged WHERE size <= ?").run(size);
  }

  #readHead(): HeadRow | undefined {
    return this.#head.get() as unknown as HeadRow | undefined;
  }

  #headMoved(oldSize: number): Error {
    const head = this.#readHead();
    return head === undefined
      ? new Error("Cannot commit batch: ledger is not initialized")
      : new HeadMoved(
        `Cannot commit batch on size ${oldSize}: head is at ${head[1]}`,
      );
  }
}
