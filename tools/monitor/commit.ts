/**
 * The step that moves the state: what was read so far is judged, what there is to tell is
 * in the outbox, the statements are on the disk, and only then the state says so. A
 * process that dies before has it all to do again, and tells nothing twice.
 *
 * @module
 */

import {
  type Entry,
  equalBytes,
  formatChecksum,
  type JsonObject,
  type LogReader,
  parseEntry,
  TILE_WIDTH,
} from "@indelible/core";
import { type AlertKind, makeAlert } from "./alerts/alert.ts";
import type { Raise } from "./conditions.ts";
import {
  type EvidenceBase,
  ofEntry,
  ofSecondDigest,
  proofOf,
  type ProvenEntry,
} from "./evidence_of.ts";
import { type Finding, type Judge, judgeEntry } from "./findings.ts";
import { countOf, type Stretch } from "./read_tree.ts";
import type { EntriesScanned } from "./scan.ts";
import type { LastPublisher, StateFile } from "./state.ts";
import type { Statements, Suspicion } from "./statements.ts";

/** Two identifiers have one fingerprint: all is to be read again, with other keys. */
export class FingerprintCollision extends Error {
  /** Tells it from other errors. */
  override readonly name = "FingerprintCollision";
}

/** What a commit works with. */
export interface CommitParts {
  /** The state. */
  readonly file: StateFile;
  /** What the entries say. */
  readonly statements: Statements;
  /** Reads the tree. */
  readonly reader: LogReader;
  /** The signed note of that tree. */
  readonly note: Uint8Array;
  /** By what watched entries are judged. */
  readonly judge: Judge;
  /** What evidence has in common. */
  readonly base: EvidenceBase;
  /** Who is told. */
  readonly raise: Raise;
  /** Told of each watched publication: `--check-artifacts` looks at those. */
  readonly onWatched?: (leafIndexes: readonly number[]) => void;
}

/** Entries of a commit: as many as a process that dies may have to read again. */
const COMMIT_ENTRIES = 1 << 17;

/** Gathers stretches, and commits them when there are enough. */
export class Committer {
  readonly #parts: CommitParts;
  readonly #suspicions: Suspicion[] = [];
  readonly #watched: ProvenEntry[] = [];
  readonly #unreadable: EntriesScanned["unreadable"][number][] = [];
  #edge: Stretch["edge"];
  #pending = 0;
  /** Bundles that were read for this commit, and their entries. */
  readonly #bundles = new Map<number, Promise<Uint8Array[]>>();

  /** @param parts What it works with. */
  constructor(parts: CommitParts) {
    this.#parts = parts;
    this.#edge = parts.file.state.edge;
  }

  /** Takes the next entries. */
  async take(stretch: Stretch): Promise<void> {
    for (const suspicion of this.#parts.statements.append(stretch.records)) {
      this.#suspicions.push(suspicion);
    }
    this.#watched.push(...stretch.watched);
    this.#unreadable.push(...stretch.unreadable);
    this.#edge = stretch.edge;
    this.#pending += countOf(stretch);
    if (this.#pending >= COMMIT_ENTRIES) await this.commit();
  }

  /** Commits what was taken. */
  async commit(): Promise<void> {
    if (this.#pending === 0) return;
    const { file, statements } = this.#parts;
    for (const suspicion of this.#suspicions.splice(0)) await this.#confirm(suspicion);
    await this.#tellUnreadable(this.#unreadable.splice(0));
    // A project may be named like what every object has, such as "constructor".
    const publishers = Object.assign(
      Object.create(null) as Record<string, LastPublisher>,
      file.state.publishers,
    );
    for (const watched of this.#watched) await this.#judge(watched, publishers);
    this.#parts.onWatched?.(this.#watched.splice(0).map(({ leafIndex }) => leafIndex));
    statements.sync();
    // The commit point: whatever is up to here is told.
    await file.swap({ edge: this.#edge, statements: statements.mark, publishers });
    this.#pending = 0;
    this.#bundles.clear();
  }

  /** One alert for all of a commit: a log may hold millions that are of another form. */
  async #tellUnreadable(entries: EntriesScanned["unreadable"]): Promise<void> {
    const [first] = entries;
    if (!first) return;
    const { leafIndex, why } = first;
    const more = entries.length - 1;
    const others = more === 0 ? "" : `, nor ${more} more up to entry ${entries.at(-1)!.leafIndex}`;
    const summary =
      `entry ${leafIndex} is of no known form, so nobody can check it${others}: ${why}`;
    await this.#raise(
      "not-accepted",
      summary,
      { leafIndex },
      () => Promise.resolve({ facts: { entries: entries.length } }),
    );
  }

  /** Looks at two entries whose fingerprints say that one file has two digests. */
  async #confirm({ first, later }: Suspicion): Promise<void> {
    const { base, reader, note } = this.#parts;
    const [one, other] = await Promise.all([this.#entryAt(first), this.#entryAt(later)]);
    const [a, b] = [parseEntry(one.bytes), parseEntry(other.bytes)];
    if (a.ecosystem !== b.ecosystem || a.file !== b.file) {
      throw new FingerprintCollision(`entries ${first} and ${later} have one fingerprint`);
    }
    if (equalBytes(a.digest, b.digest)) return;
    const digests = [formatChecksum(a.digest), formatChecksum(b.digest)] as const;
    const summary = `entries ${first} and ${later} give ${a.file} two digests: ${
      digests.join(" and ")
    }`;
    await this.#raise("second-digest", summary, { first, later }, async () => ({
      facts: { ecosystem: a.ecosystem, file: a.file, digests: [...digests] },
      evidence: ofSecondDigest(base, summary, [
        await proofOf(one, reader, note),
        await proofOf(other, reader, note),
      ]),
    }));
  }

  async #judge(watched: ProvenEntry, publishers: Record<string, LastPublisher>): Promise<void> {
    const entry: Entry = parseEntry(watched.bytes);
    const judged = judgeEntry(entry, watched.leafIndex, this.#parts.judge, publishers);
    for (const finding of judged.findings) await this.#tell(finding, watched);
    if (judged.last) publishers[judged.last.project] = judged.last.publisher;
  }

  async #tell({ kind, summary, facts, before }: Finding, entry: ProvenEntry): Promise<void> {
    const { base, reader, note } = this.#parts;
    await this.#raise(kind, summary, { leafIndex: entry.leafIndex }, async () => ({
      facts,
      evidence: ofEntry(base, kind, summary, {
        entry: await proofOf(entry, reader, note),
        ...before !== undefined &&
          { before: await proofOf(await this.#entryAt(before), reader, note) },
      }),
    }));
  }

  async #raise(
    kind: AlertKind,
    summary: string,
    identity: JsonObject,
    more: () => Promise<Pick<Parameters<typeof makeAlert>[0], "facts" | "evidence">> = () =>
      Promise.resolve({}),
  ): Promise<void> {
    const { base: { origin, now }, raise } = this.#parts;
    await raise(makeAlert({ kind, origin, now: now(), summary, identity, ...await more() }));
  }

  async #entryAt(leafIndex: number): Promise<ProvenEntry> {
    const bundle = Math.floor(leafIndex / TILE_WIDTH);
    let entries = this.#bundles.get(bundle);
    if (!entries) {
      entries = this.#parts.reader.readEntries(BigInt(bundle));
      this.#bundles.set(bundle, entries);
    }
    return { leafIndex, bytes: (await entries)[leafIndex % TILE_WIDTH]! };
  }
}
