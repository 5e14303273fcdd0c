/**
 * What the log says of files, kept as long as it may be relied on. A file that was
 * proven once stays proven: a log that keeps to its own checkpoints can neither
 * drop nor change an entry, and every newer checkpoint is proven to extend the
 * last. What gets old is the knowledge that the log still shows everyone the same:
 * so each page wants a checkpoint that was asked for lately, and what was missing
 * is asked for again.
 *
 * @module
 */

import { LookupQueue } from "../lookup_queue.ts";
import { Unreachable } from "../http_client.ts";
import { Unproven } from "../lookup.ts";
import { TryLater } from "../retry.ts";
import { type Head, NotAccepted, SplitView } from "../trusted_head.ts";
import type { Reason, Said } from "./gate.ts";
import type { Proven, ProvenFiles } from "./proven_files.ts";

/** A file of a page. */
export interface Asked {
  /** Its name. */
  readonly filename: string;
  /** The SHA-256 that the registry lists, in hex, if any. */
  readonly listed: string | null;
}

/** Says what is known of files. */
export interface Vouching {
  /**
   * Asks for the files of a page.
   *
   * @param project The project, normalised.
   * @param files All files that the registry lists.
   * @returns What is known of each, in order; never a rejection for a log that fails.
   */
  ask(project: string, files: readonly Asked[]): Promise<Answered>;
}

/** What is known of the files of a page. */
export interface Answered {
  /** For each file, in order. */
  readonly said: readonly Said[];
  /** The checkpoint that it is known under, if any. */
  readonly head: Head | null;
  /** What kept the log from answering, in a sentence; `null` if nothing did. */
  readonly trouble: string | null;
  /** Files of the project that were vouched for before and are not asked about any more. */
  readonly vanished: readonly string[];
}

/** What {@linkcode LogVouching} works with. */
export interface LogVouchingParts {
  /** Asks the log. */
  readonly lookups: LookupQueue;
  /** Where proven files are kept between runs. */
  readonly files: ProvenFiles;
  /** Evidence against the log from an earlier run, if any. */
  readonly evidence: SplitView | null;
  /** How long an answer is good without asking again, in milliseconds. */
  readonly freshFor: number;
  /** How long proven files are good while the log cannot be asked, in milliseconds. */
  readonly maxAge: number;
  /** The time, in milliseconds. */
  readonly now: () => number;
  /** Told of every failure to ask. */
  readonly onTrouble: (error: Error) => void;
}

/** How long a log that could not be reached is left alone, in milliseconds. */
const PAUSE = 5_000;
/** A clock that went back makes what was seen no younger. */
const CLOCK_SKEW = 300_000;
/** How long what is proven waits to be written, in milliseconds: an install asks much at once. */
const SAVE_AFTER = 1_000;
/** How many proven files are kept in memory. */
const MAX_KEPT = 500_000;

/** Asks a log by HTTP. */
export class LogVouching implements Vouching, AsyncDisposable {
  readonly #parts: LogVouchingParts;
  /** By project, least recently used first. */
  readonly #kept = new Map<string, Map<string, Proven>>();
  #keptCount = 0;
  /** What is proven and not kept yet, by project; `null` where nothing is new. */
  readonly #unsaved = new Map<string, ReadonlyMap<string, Proven> | null>();
  #saveTimer: ReturnType<typeof setTimeout> | null = null;
  #saving: Promise<void> = Promise.resolve();
  #head: Head | null = null;
  /** When the log last showed a checkpoint that was accepted. */
  #seenAt: number | null;
  /** Whether that was in this run. */
  #asked = false;
  /** Once a log has shown two histories nothing that it says counts. */
  #split: SplitView | null;
  #lastFailure: { readonly failure: Failure; readonly at: number } | null = null;

  /** @param parts What it works with. */
  constructor(parts: LogVouchingParts) {
    this.#parts = parts;
    this.#split = parts.evidence;
    this.#seenAt = parts.files.seenAt();
  }

  /** Asks for what is not known already, or not freshly enough. */
  async ask(project: string, files: readonly Asked[]): Promise<Answered> {
    const kept = await this.#keptOf(project);
    const names = [...new Set(files.map(({ filename }) => filename))];
    const unknown = names.filter((name) => !kept.has(name));
    let missing: ReadonlySet<string> = new Set();
    let failure = this.#split ? explain(this.#split) : this.#resting();
    if (!failure && (unknown.length > 0 || !this.#isFresh())) {
      try {
        missing = await this.#lookUp(project, kept, unknown);
      } catch (error) {
        failure = explain(error);
        if (error instanceof SplitView) this.#split = error;
        if (failure.reason === "log-unreachable") {
          this.#lastFailure = { failure, at: this.#parts.now() };
        }
        this.#parts.onTrouble(error as Error);
      }
    }
    return {
      said: files.map(({ filename }) => this.#said(kept.get(filename), filename, missing, failure)),
      head: this.#head,
      trouble: failure?.why ?? null,
      vanished: vanishedOf(kept, names),
    };
  }

  /** Waits until all that is proven is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#save();
    await this.#saving;
  }

  #said(
    proven: Proven | undefined,
    name: string,
    missing: ReadonlySet<string>,
    failure: Failure | null,
  ): Said {
    // While the log is merely away, what it proved is good for a while; a log that lies is not.
    const usable = !failure || (failure.reason === "log-unreachable" && this.#isYoung());
    if (proven && usable) {
      return { kind: "vouched", by: "log", ...proven };
    }
    if (failure) return { kind: "unknown", reason: failure.reason };
    return missing.has(name)
      ? { kind: "missing" }
      : { kind: "unknown", reason: "log-answer-unproven" };
  }

  /** How long ago the log was last seen, in milliseconds. */
  #age(): number {
    const age = this.#seenAt === null ? Infinity : this.#parts.now() - this.#seenAt;
    return age < -CLOCK_SKEW ? Infinity : age;
  }

  #isFresh(): boolean {
    return this.#asked && this.#age() <= this.#parts.freshFor;
  }

  #isYoung(): boolean {
    return this.#age() <= this.#parts.maxAge;
  }

  /** The failure to reach the log, while it is too early to try again. */
  #resting(): Failure | null {
    if (!this.#lastFailure) return null;
    const { failure, at } = this.#lastFailure;
    return Math.abs(this.#parts.now() - at) <= PAUSE ? failure : null;
  }

  async #lookUp(
    project: string,
    kept: Map<string, Proven>,
    names: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const { lookups, now } = this.#parts;
    const { head, found, missing } = await lookups.ask(names);
    this.#lastFailure = null;
    this.#head = head;
    this.#seenAt = now();
    this.#asked = true;
    for (const [name, { index, entry: { digest, publisher } }] of found) {
      kept.set(name, { index, digest, ...(publisher && { publisher }) });
    }
    this.#keptCount += found.size;
    this.#forget();
    // Somebody waits for the page, nobody for this: losing it costs only what works without
    // the log.
    if (found.size > 0 || !this.#unsaved.has(project)) {
      this.#unsaved.set(project, found.size > 0 ? kept : null);
    }
    this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_AFTER);
    return missing;
  }

  #save(): void {
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = null;
    const unsaved = [...this.#unsaved];
    this.#unsaved.clear();
    this.#saving = this.#saving.then(async () => {
      for (const [project, kept] of unsaved) {
        try {
          await this.#parts.files.save(project, kept, this.#seenAt!);
        } catch (error) {
          this.#parts.onTrouble(error as Error);
        }
      }
    });
  }

  async #keptOf(project: string): Promise<Map<string, Proven>> {
    let kept = this.#kept.get(project);
    if (!kept) {
      const loaded = await this.#parts.files.load(project);
      // Another page of the project may have been asked for meanwhile.
      kept = this.#kept.get(project) ?? loaded;
      if (kept === loaded) this.#keptCount += loaded.size;
    }
    this.#kept.delete(project);
    this.#kept.set(project, kept);
    return kept;
  }

  #forget(): void {
    for (const [project, kept] of this.#kept) {
      if (this.#keptCount <= MAX_KEPT || this.#kept.size === 1) return;
      this.#kept.delete(project);
      this.#keptCount -= kept.size;
    }
  }
}

function vanishedOf(kept: ReadonlyMap<string, Proven>, names: readonly string[]): string[] {
  const listed = new Set(names);
  return [...kept.keys()].filter((name) => !listed.has(name));
}

interface Failure {
  readonly reason: Reason;
  readonly why: string;
}

function explain(error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: reasonOf(error), why };
}

function reasonOf(error: unknown): Reason {
  if (error instanceof SplitView) return "log-shows-two-histories";
  if (error instanceof NotAccepted) return "log-checkpoint-refused";
  if (error instanceof Unproven) return "log-answer-unproven";
  if (error instanceof Unreachable || error instanceof TryLater) return "log-unreachable";
  // Another status, a redirect, too large a body: it answers, but not as a log does.
  return "log-answer-unproven";
}
