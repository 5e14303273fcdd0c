/**
 * What `fsck` checks of entries: each can be read, no identifier has two
 * digests, and a later event names the digest that was published.
 *
 * @module
 */

import { encodeHex, type Entry, equalBytes, identifierOf, parseEntry, utf8 } from "@indelible/core";
import { Fingerprinter, IdentifierTable } from "./identifier_table.ts";

/** Counts of a log's entries. */
export interface EntryCounts {
  /** Different identifiers. */
  readonly files: number;
  /** Publications of an identifier that was published before, same digest. */
  readonly repeats: number;
  /** Yanks, reviews and so on. */
  readonly events: number;
}

/** Checks the entries of a log, in order. */
export class EntryCheck {
  readonly #readEntry: (leafIndex: number) => Promise<Uint8Array>;
  readonly #onProblem: (problem: string) => void;
  readonly #table = new IdentifierTable();
  readonly #fingerprinter = new Fingerprinter();
  #repeats = 0;
  #events = 0;

  /**
   * Starts with no entries.
   *
   * @param readEntry Reads an earlier entry again.
   * @param onProblem Told what is wrong.
   */
  constructor(
    readEntry: (leafIndex: number) => Promise<Uint8Array>,
    onProblem: (problem: string) => void,
  ) {
    this.#readEntry = readEntry;
    this.#onProblem = onProblem;
  }

  /** What was found so far. */
  get counts(): EntryCounts {
    return {
      files: this.#table.size,
      repeats: this.#repeats,
      events: this.#events,
    };
  }

  /**
   * Checks the next entries.
   *
   * @param first The leaf index of the first of them.
   * @param encoded Their bytes.
   */
  async next(first: number, encoded: readonly Uint8Array[]): Promise<void> {
    const parsed: { leafIndex: number; entry: Entry }[] = [];
    encoded.forEach((bytes, i) => {
      try {
        parsed.push({ leafIndex: first + i, entry: parseEntry(bytes) });
      } catch (error) {
        this.#onProblem(
          `entry ${first + i} is of no known form: ${(error as Error).message}`,
        );
      }
    });
    const fingerprints = this.#fingerprinter.of(
      parsed.map(({ entry }) => ({
        identifier: utf8(`${entry.ecosystem}\n${entry.file}`),
        digest: entry.digest,
      })),
    );
    for (const [i, { leafIndex, entry }] of parsed.entries()) {
      const fingerprint = fingerprints[i]!;
      const first = await this.#firstOf(entry, fingerprint);
      if (entry.event !== "publish") this.#events++;
      if (first === null) {
        if (entry.event === "publish") {
          this.#table.add(fingerprint, leafIndex);
        } else {
          this.#onProblem(
            `entry ${leafIndex} (${entry.event}) is about ${entry.file}, which no earlier entry published`,
          );
        }
      } else if (first.digest !== null) {
        this.#onProblem(
          `entry ${first.leafIndex} and entry ${leafIndex} give ${entry.file} two digests: ${first.digest} and ${
            encodeHex(entry.digest)
          }`,
        );
      } else if (entry.event === "publish") {
        this.#repeats++;
      }
    }
  }

  /** The first entry of an identifier; its digest where it is another than this entry's. */
  async #firstOf(
    entry: Entry,
    { key, tag }: ReturnType<Fingerprinter["of"]>[number],
  ): Promise<{ leafIndex: number; digest: string | null } | null> {
    for (const slot of this.#table.candidates(key)) {
      const leafIndex = this.#table.leafIndex(slot);
      if (this.#table.hasTag(slot, tag)) return { leafIndex, digest: null };
      // Two digests, or two identifiers with one fingerprint: the entry tells.
      const first = parseEntry(await this.#readEntry(leafIndex));
      const [a, b] = [identifierOf(first), identifierOf(entry)];
      if (a.ecosystem !== b.ecosystem || a.file !== b.file) continue;
      const same = equalBytes(first.digest, entry.digest);
      return { leafIndex, digest: same ? null : encodeHex(first.digest) };
    }
    return null;
  }
}
