/**
 * What the log's own history says against a file: that somebody else publishes
 * the project of late, that its releases had provenance and stopped having it,
 * that it woke up after years. Pure: from the project's entries, in the log's
 * order, so that it is the same on every machine, also a new one.
 *
 * The log has no clock: times are the registry's word (`upload-time`), and since
 * the log's order is certain, no file is taken to be older than one before it.
 * What happened long ago and went on since is settled, and no warning.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";

/** A file of a project that the log vouches for. */
export interface Publication {
  /** The file. */
  readonly filename: string;
  /** The release it is of. */
  readonly version: string;
  /** The leaf index of its entry. */
  readonly index: bigint;
  /** The publisher that the entry names, if it names one. */
  readonly publisher: Publisher | null;
  /** When it was uploaded, by the registry's word, in milliseconds; `null` when it does not say. */
  readonly uploaded: number | null;
}

/** What is unusual about a file. */
export interface Warning {
  /** Which of the signs it is. */
  readonly kind: "publisher-changed" | "provenance-disappeared" | "first-release-in-years";
  /** The same with names and numbers. */
  readonly text: string;
}

const DAY = 86_400_000;
/** How long a change is told, in milliseconds. */
const SETTLED = 90 * DAY;
/** How many releases in a row make a habit. */
const HABIT = 3;
/** A silence that is told, in milliseconds. */
const SILENCE = 2 * 365 * DAY;

/**
 * The warnings about files.
 *
 * @param publications The project's files, in any order.
 * @param now The time, in milliseconds.
 * @returns By file; files without any are not in it.
 */
export function warningsOf(
  publications: readonly Publication[],
  now: number,
): Map<string, Warning[]> {
  const warnings = new Map<string, Warning[]>();
  const history = new History(now);
  const inOrder = publications.toSorted((a, b) => (a.index < b.index ? -1 : 1));
  for (const publication of inOrder) {
    const found = history.next(publication);
    if (found.length > 0) warnings.set(publication.filename, found);
  }
  return warnings;
}

/** A change: when it was seen first, as far as that is known. */
interface Change {
  readonly at: number | null;
  readonly text: string;
}

/** What is known of a project up to some entry. */
class History {
  readonly #now: number;
  /** The latest time of any entry so far. */
  #time: number | null = null;
  #version: string | null = null;
  /** Publishers, and since when those that were not there from the start. */
  readonly #publishers = new Map<string, Change | null>();
  #newest: string | null = null;
  /** Releases in a row that had provenance. */
  #habit = new Set<string>();
  #disappeared: Change | null = null;
  #woke: Change | null = null;

  constructor(now: number) {
    this.#now = now;
  }

  /** Takes the next entry; what is unusual about it. */
  next({ version, publisher, uploaded }: Publication): Warning[] {
    const before = this.#time;
    const isRelease = version !== this.#version;
    if (uploaded !== null && (before === null || uploaded > before)) this.#time = uploaded;
    this.#version = version;
    if (isRelease) this.#noteSilence(before, uploaded);
    const warnings: Warning[] = [];
    const warn = (kind: Warning["kind"], change: Change | null) => {
      if (change && this.#isRecent(change)) warnings.push({ kind, text: change.text });
    };
    const at = uploaded === null ? null : this.#time;
    if (publisher) warn("publisher-changed", this.#changeOf(publisher, version, at));
    else warn("provenance-disappeared", this.#disappearance(version, at));
    warn("first-release-in-years", this.#woke);
    return warnings;
  }

  #noteSilence(before: number | null, uploaded: number | null): void {
    if (before === null || uploaded === null || uploaded - before < SILENCE) return;
    const years = Math.floor((uploaded - before) / (365 * DAY));
    const last = new Date(before).toISOString().slice(0, 10);
    const text = `the first release in ${years} years: the one before was uploaded on ${last}`;
    this.#woke = { at: uploaded, text };
  }

  #changeOf(publisher: Publisher, version: string, at: number | null): Change | null {
    const name = nameOf(publisher);
    if (!this.#publishers.has(name)) {
      const before = this.#newest;
      const text = `its publisher is ${name}, before it was ${before}`;
      this.#publishers.set(name, before === null ? null : { at, text });
    }
    this.#newest = name;
    if (this.#disappeared && !this.#isRecent(this.#disappeared)) this.#habit.clear();
    this.#disappeared = null;
    this.#habit.add(version);
    return this.#publishers.get(name) ?? null;
  }

  #disappearance(version: string, at: number | null): Change | null {
    const releases = this.#habit.size - (this.#habit.has(version) ? 1 : 0);
    if (!this.#disappeared && releases < HABIT) {
      this.#habit.clear();
      return null;
    }
    this.#disappeared ??= {
      at,
      text: `its entry names no publisher, after ${releases} releases in a row that did`,
    };
    return this.#disappeared;
  }

  /** What is not known to be long ago is recent. */
  #isRecent({ at }: Change): boolean {
    return at === null || this.#now - at < SETTLED;
  }
}

/** A publisher without the branch or tag, which is another one for each release. */
function nameOf({ issuer, subject }: Publisher): string {
  return `${subject.replace(/@(?:refs\/.+|[0-9a-f]{40})$/, "")}, by ${issuer}`;
}
