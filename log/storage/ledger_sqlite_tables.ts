/**
 * The ledger's methods as SQL over one open database. Runs in the ledger's
 * worker, synchronously, so calls take effect in the order they arrive.
 *
 * @module
 */

import { HeadMoved } from "./failure.ts";
import {
  type Batch,
  HASH_LENGTH,
  hashAt,
  type Head,
  type Loaded,
  MAX_REFUSALS,
  type Refusal,
} from "./ledger.ts";
import type { LedgerDatabase } from "./ledger_sqlite_database.ts";
import type { KnownColumns } from "./ledger_sqlite_worker.ts";

type HeadRow = [string, number, Uint8Array, number, Uint8Array | null];
type KnownRow = [number, number, Uint8Array, number, Uint8Array];
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
  readonly #lookup;
  readonly #insertIdentifier;
  readonly #insertEvent;
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
    // The keys come as one blob, cut up inside SQLite. Measured against a
    // question per key and against a JSON list: the fastest at every size.
    this.#lookup = database.prepare(`
      WITH RECURSIVE asked(position) AS (
        SELECT 0 WHERE ?2 > 0 UNION ALL SELECT position + 1 FROM asked WHERE position + 1 < ?2
      )
      SELECT position, first_index, digest, newest_index, newest_hash
      FROM asked CROSS JOIN identifier ON key = substr(?1, position * ${HASH_LENGTH} + 1, ${HASH_LENGTH})
    `);
    this.#insertIdentifier = database.prepare(
      "INSERT INTO identifier VALUES (?1, ?2, ?3, ?2, ?4)",
    );
    this.#insertEvent = database.prepare(`
      UPDATE identifier SET newest_index = max(newest_index, ?2),
        newest_hash = iif(newest_index < ?2, ?3, newest_hash)
      WHERE key = ?1
    `);
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

  /** See the contract. */
  lookup(keys: Uint8Array): KnownColumns {
    const rows = this.#database.run(() =>
      this.#lookup.all(keys, keys.length / HASH_LENGTH) as unknown as KnownRow[]
    );
    const known = {
      positions: new Float64Array(rows.length),
      firstIndices: new Float64Array(rows.length),
      digests: new Uint8Array(rows.length * HASH_LENGTH),
      newestIndices: new Float64Array(rows.length),
      newestHashes: new Uint8Array(rows.length * HASH_LENGTH),
    };
    rows.forEach(
      ([position, firstIndex, digest, newestIndex, newestHash], i) => {
        known.positions[i] = position;
        known.firstIndices[i] = firstIndex;
        known.digests.set(digest, i * HASH_LENGTH);
        known.newestIndices[i] = newestIndex;
        known.newestHashes.set(newestHash, i * HASH_LENGTH);
      },
    );
    return known;
  }

  /** See the contract; the batch's shape is checked already. */
  commit({ oldSize, next, identifiers, laterEvents, staged }: Batch): void {
    const { keys, digests, leafHashes, firstIndices } = identifiers;
    this.#database.transaction(() => {
      // The compare-and-swap comes first: on a lost race nothing else is tried.
      if (
        Number(
          this.#moveHead.run(next.size, next.checkpoint, oldSize).changes,
        ) !== 1
      ) {
        throw this.#headMoved(oldSize);
      }
      for (const i of inKeyOrder(keys)) {
        const firstIndex = firstIndices[i];
        if (firstIndex === undefined) {
          throw new RangeError("Cannot commit batch: no first index");
        }
        const key = hashAt(keys, i);
        try {
          this.#insertIdentifier.run(
            key,
            firstIndex,
            hashAt(digests, i),
            hashAt(leafHashes, i),
          );
        } catch (error) {
          if (!isUniqueness(error)) throw error;
          throw new Error(
            `Cannot commit batch: identifier ${key.toHex()} is not new`,
          );
        }
      }
      for (const { key, newestIndex, newestHash } of laterEvents) {
        if (
          Number(
            this.#insertEvent.run(key, newestIndex, newestHash).changes,
          ) !== 1
        ) {
          throw new Error(
            `Cannot commit batch: later event of unknown identifier ${key.toHex()}`,
          );
        }
      }
      for (const { path, bytes } of staged) {
        this.#stage.run(next.size, path, bytes);
      }
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

/** Positions of the keys in the order of the table: each page is visited once. */
function inKeyOrder(keys: Uint8Array): Uint32Array {
  const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  // The first four bytes of a hash are enough; a tie costs nothing.
  return Uint32Array.from({ length: keys.length / HASH_LENGTH }, (_, i) => i)
    .sort((a, b) => view.getUint32(a * HASH_LENGTH) - view.getUint32(b * HASH_LENGTH));
}

/** SQLITE_CONSTRAINT_PRIMARYKEY, 19 | 6 << 8. */
function isUniqueness(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 1555;
}
