/**
 * What the page is told as it happens: one place that hears of what is published, of
 * refusals and of new evidence, and passes it on to those who listen, to the search index
 * and to the record of growth. None of it is on an add's way.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";
import type { EvidenceFolder, EvidenceItem } from "./evidence_folder.ts";
import type { Growth } from "./growth.ts";
import { LiveEvents } from "./live_events.ts";
import type { Published } from "./publish.ts";
import type { Search } from "./search/search.ts";
import type { Refusal } from "./storage/ledger.ts";

/** The published checkpoint, and when it was published. */
export interface CurrentHead {
  /** The checkpoint. */
  readonly published: Published;
  /** In RFC 3339; `null` when it is not known. */
  readonly time: string | null;
}

/** What a feed passes things on to. */
export interface FeedParts {
  /** The search index. */
  readonly search: Search;
  /** The record of growth. */
  readonly growth: Growth;
  /** What monitors have found. */
  readonly evidence: EvidenceFolder;
  /** Told of what fails: the log goes on, whatever the page is not told. */
  readonly onFault: (error: unknown) => void;
}

/** A batch that adds so many keeps a machine busy. */
const BUSY_BATCH = 1000;
/** Milliseconds after such a batch in which the index stands back. */
const BUSY_FOR = 3000;
/** Of the refusals of one batch, listeners hear of so many; `/refusals` has all. */
const MAX_TOLD = 20;
/** Milliseconds between two looks at the folder of evidence, while somebody listens. */
const LOOK_EVERY = 2000;

/** Hears of what happens, and passes it on. */
export class LiveFeed {
  /** Those who listen. */
  readonly live: LiveEvents = new LiveEvents();
  /** The search index. */
  readonly search: Search;
  /** The record of growth. */
  readonly growth: Growth;
  /** What monitors have found. */
  readonly evidence: EvidenceFolder;
  readonly #onFault: (error: unknown) => void;
  #busyUntil = -Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The evidence that listeners know of. */
  #told: ReadonlySet<string> | null = null;

  /** @param parts See there. */
  constructor({ search, growth, evidence, onFault }: FeedParts) {
    this.#onFault = onFault;
    this.search = search;
    this.growth = growth;
    this.evidence = evidence;
    if (evidence.shown) this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
  }

  /** This was published before the start. */
  opened({ size }: Published): void {
    this.#aside(() => this.search.published(size, false));
  }

  /** This is published now. */
  published(published: Published): void {
    const { note, size } = published;
    this.#aside(() => this.growth.record(size));
    this.#aside(() => this.search.published(size, performance.now() < this.#busyUntil));
    this.#aside(() => this.live.tell("checkpoint", parseUtf8(note)));
  }

  /** A batch added so many entries. */
  batch(added: number): void {
    if (added >= BUSY_BATCH) this.#busyUntil = performance.now() + BUSY_FOR;
  }

  /** These were refused. */
  refused(refusals: readonly Refusal[]): void {
    const last = refusals.slice(-MAX_TOLD);
    this.#aside(() => last.forEach((refusal) => this.live.tell("refusal", refusal)));
  }

  /** The published checkpoint and its time. */
  headOf(published: Published | null): CurrentHead | null {
    if (!published) return null;
    const seconds = this.growth.publishedAt(published.size);
    const time = seconds === null ? null : new Date(seconds * 1000).toISOString();
    return { published, time: time && time.replace(".000Z", "Z") };
  }

  /** Ends all streams; whoever comes now is turned away. */
  endStreams(): void {
    clearInterval(this.#timer);
    this.live.close();
  }

  /** Writes what is not written yet; nothing is published any more. */
  async write(): Promise<void> {
    await this.growth.close();
  }

  /** Ends everything, written or not. */
  end(): void {
    this.endStreams();
    this.growth.abandon();
    this.search.close();
  }

  /** The sequencer tells what happens: no failure here may be one of its own. */
  #aside(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#onFault(error);
    }
  }

  async #look(): Promise<void> {
    if (this.live.listeners === 0) {
      this.#told = null;
      return;
    }
    let items: readonly EvidenceItem[];
    try {
      items = await this.evidence.list();
    } catch {
      return; // Whoever asks for the list is told.
    }
    const told = this.#told;
    this.#told = new Set(items.map(({ name }) => name));
    // Oldest first. Who has just come has read the list.
    if (!told) return;
    for (const item of items.toReversed()) {
      if (!told.has(item.name)) this.live.tell("evidence", item);
    }
  }
}
