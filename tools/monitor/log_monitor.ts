/**
 * Follows one log. A pass opens the log's checkpoint under the policy, proves it
 * consistent with the last one that was accepted, reads what is new, and moves the head
 * when every leaf and the root were computed again. What goes wrong is told, and never
 * ends the following: the next pass begins where this one was.
 *
 * @module
 */

import {
  EMPTY_EDGE,
  encodeHex,
  equalBytes,
  type FetchResource,
  formatPolicy,
  LogMismatch,
  LogReader,
  type Policy,
  rootHash,
} from "@indelible/core";
import { join } from "node:path";
import { type LogObjects, type LogSource, openObjects } from "../log_source.ts";
import {
  type Accepted,
  type HeadStore,
  NotAccepted,
  OlderThanHead,
  SplitView,
  TreeNotServed,
  TrustedHead,
} from "../trusted_head.ts";
import { AuthorisedFile } from "./authorised.ts";
import { Committer, FingerprintCollision } from "./commit.ts";
import { Conditions, type Raise } from "./conditions.ts";
import type { EvidenceBase } from "./evidence_of.ts";
import { judgeHead, type Limits } from "./head_conditions.ts";
import { readTree } from "./read_tree.ts";
import { namedProjects, type Rule, RuleMatcher } from "./rules.ts";
import { type LogState, StateFile } from "./state.ts";
import { NO_STATEMENTS, Statements } from "./statements.ts";
import { checkpointIn, type Reachable, Troubles } from "./troubles.ts";

/** How to follow a log. */
export interface LogMonitorOptions {
  /** Its origin. */
  readonly origin: string;
  /** Where it is read. */
  readonly source: LogSource;
  /** Whom to trust. */
  readonly policy: Policy;
  /** What to look for. */
  readonly rules: readonly Rule[];
  /** What was authorised. */
  readonly authorised: AuthorisedFile;
  /** The folder of this log's state. */
  readonly folder: string;
  /** When to worry. */
  readonly limits: Limits;
  /** Who is told. */
  readonly raise: Raise;
  /** How many workers scan a log that is far ahead. */
  readonly workers: number;
  /** Told what happens, for the log lines. */
  readonly onEvent: (event: string, fields: Record<string, string | number>) => void;
  /** Told which publications are watched. */
  readonly onWatched?: (leafIndexes: readonly number[]) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** How often what is not under the root is asked for again, and how long to wait, in milliseconds. */
const WAITS = [300, 1_500];

/** Follows a log. */
export class LogMonitor implements Disposable {
  readonly #options: LogMonitorOptions;
  readonly #file: StateFile;
  /** What evidence of this log has in common. */
  readonly base: EvidenceBase;
  readonly #conditions: Conditions;
  readonly #troubles: Troubles;
  readonly #now: () => number;
  #statements: Statements;
  /** The checkpoint that the log showed last. */
  #shown: Uint8Array | null = null;
  /** What went wrong in the last pass; `null` if nothing did. */
  failure: string | null = null;
  /** When a pass last came through, milliseconds since 1970; 0 before the first. */
  passedAt: number;

  private constructor(options: LogMonitorOptions, file: StateFile, statements: Statements) {
    const { origin, policy, raise, now = Date.now } = options;
    this.#options = options;
    this.#file = file;
    this.#statements = statements;
    this.#now = now;
    this.base = { origin, policy: formatPolicy(policy), now };
    this.#conditions = new Conditions(file, raise, now);
    this.#troubles = new Troubles({
      file,
      conditions: this.#conditions,
      base: this.base,
      unreachableAfter: options.limits.unreachableAfter,
    });
    this.passedAt = file.state.passedAt;
  }

  /**
   * Opens the state of a log, or begins one.
   *
   * @throws {Error} If it is damaged, or in use.
   */
  static async open(options: LogMonitorOptions): Promise<LogMonitor> {
    const { origin, folder, onEvent, now = Date.now } = options;
    const file = await StateFile.open(folder, origin, now());
    try {
      const path = statementsPath(folder);
      let statements = Statements.open(path, file.state.statements);
      if (!statements) {
        onEvent("statements damaged", { origin, path, consequence: "the log is read again" });
        await file.swap({ edge: EMPTY_EDGE, statements: NO_STATEMENTS, head: null });
        statements = Statements.open(path, NO_STATEMENTS)!;
      }
      return new LogMonitor(options, file, statements);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  /** The log's origin. */
  get origin(): string {
    return this.#options.origin;
  }

  /** The state as it is on disk. */
  get state(): LogState {
    return this.#file.state;
  }

  /** The conditions that were told and are not over. */
  get conditions(): string[] {
    return this.#conditions.told;
  }

  /** The size of the newest accepted checkpoint. */
  get seenSize(): number {
    const { seen } = this.state;
    return seen ? Number(checkpointIn(seen).size) : 0;
  }

  /**
   * Makes a pass.
   *
   * @param signal Ends it; what is committed stays.
   * @returns Whether it came through.
   */
  async pass(signal: AbortSignal): Promise<boolean> {
    const { onEvent } = this.#options;
    const { origin } = this;
    const before = this.state.statements.size;
    try {
      await this.#tellLag();
      this.failure = await this.#attempts(signal);
      if (this.failure === null) await this.#conditions.end("monitor-lags");
    } catch (error) {
      signal.throwIfAborted();
      this.failure = (error as Error).message;
      if (error instanceof FingerprintCollision) await this.#beginAgain();
    }
    if (this.failure !== null) {
      onEvent("pass failed", { origin, why: this.failure });
      return false;
    }
    const after = this.state.statements.size;
    if (after > before) onEvent("verified", { origin, size: after, entries: after - before });
    return true;
  }

  /** Lets go of the state. */
  [Symbol.dispose](): void {
    this.#statements[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }

  /** Tells when the last pass was too long ago. While the log itself is in trouble, that is told. */
  async #tellLag(): Promise<void> {
    const { lagAfter } = this.#options.limits;
    const trouble = (["fork", "root-mismatch", "log-unreachable", "not-accepted"] as const)
      .some((kind) => this.#conditions.holds(kind));
    const last = this.passedAt;
    if (trouble || last === 0 || this.#now() - last <= lagAfter) return;
    await this.#conditions.hold({ kind: "monitor-lags" }, () => ({
      summary: `the monitor has not been through with the log since ${timeOf(last)}`,
      facts: { passedAt: timeOf(last), size: this.state.statements.size },
    }));
  }

  /** Tries until what is served is under the root, or stays wrong; gives what is wrong. */
  async #attempts(signal: AbortSignal): Promise<string | null> {
    for (let tries = 0;; tries++) {
      const opened = await this.#open(signal);
      if (typeof opened === "string") return opened;
      using objects = opened;
      try {
        const why = await this.#attempt(objects, signal);
        if (why === null) await this.#conditions.end("root-mismatch");
        return why;
      } catch (error) {
        if (!(error instanceof LogMismatch || error instanceof TreeNotServed)) throw error;
        signal.throwIfAborted();
        const wait = WAITS[tries];
        if (wait === undefined) {
          const note = error instanceof TreeNotServed ? this.#shown! : this.state.seen!;
          const { fetch } = objects;
          return await this.#troubles.mismatch(error, note, { fetch, signal });
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
        signal.throwIfAborted();
      }
    }
  }

  /** Opens the log, or says why that cannot be. */
  async #open(signal: AbortSignal): Promise<LogObjects & Disposable | string> {
    try {
      return await openObjects(this.#options.source, signal);
    } catch (error) {
      signal.throwIfAborted();
      return await this.#troubles.unreachable(error as Error);
    }
  }

  async #attempt(objects: LogObjects, signal: AbortSignal): Promise<string | null> {
    let note: Uint8Array | null;
    try {
      note = await objects.fetch("checkpoint");
    } catch (error) {
      signal.throwIfAborted();
      return await this.#troubles.unreachable(error as Error);
    }
    await this.#conditions.end("log-unreachable");
    this.#shown = note;
    const why = await this.#accept(note, { fetch: remembering(objects.fetch), signal });
    if (why !== null) return why;
    await this.#read(objects);
    return null;
  }

  /** Accepts a checkpoint as the newest, or says why not. */
  async #accept(note: Uint8Array | null, from: Reachable): Promise<string | null> {
    const { policy, limits } = this.#options;
    if (!note) return await this.#troubles.notAccepted("the log has no checkpoint", null);
    const now = () => Math.floor(this.#now() / 1000);
    const trusted = new TrustedHead(policy, this.#heads, from.fetch, { now });
    let verdict: Accepted;
    try {
      ({ verdict } = await trusted.accept(note));
    } catch (error) {
      if (error instanceof SplitView) return await this.#troubles.fork(error, from);
      if (error instanceof OlderThanHead) return await this.#troubles.older(error, note, from);
      if (!(error instanceof NotAccepted) || error instanceof TreeNotServed) throw error;
      return await this.#troubles.notAccepted(error.message, note);
    }
    await this.#conditions.end("fork");
    await this.#conditions.end("not-accepted");
    await judgeHead(verdict, note, {
      file: this.#file,
      conditions: this.#conditions,
      policy,
      limits,
      base: this.base,
      now: this.#now,
    });
    return null;
  }

  /** The accepted head is in the state, and moves with it. */
  get #heads(): HeadStore {
    return {
      load: () => Promise.resolve(this.state.seen),
      swap: async (_, before, note) => {
        const { seen } = this.state;
        if (seen !== before && !(seen && before && equalBytes(seen, before))) return false;
        const grown = !before || checkpointIn(note).size > checkpointIn(before).size;
        await this.#file.swap({ seen: note, ...grown && { grownAt: this.#now() } });
        return true;
      },
      // It is told by an alert; and what the log shows next is judged anew.
      keepEvidence: () => Promise.resolve(),
      evidence: () => Promise.resolve(null),
    };
  }

  /** Reads what is new, and moves the head. */
  async #read({ fetch, readNow }: LogObjects): Promise<void> {
    const { rules, workers, raise, authorised, onWatched } = this.#options;
    const note = this.state.seen!;
    const head = checkpointIn(note);
    const reader = new LogReader(head, fetch);
    if (!this.#statements.isAt(this.state.statements)) await this.#reopen();
    const committer = new Committer({
      file: this.#file,
      statements: this.#statements,
      reader,
      note,
      judge: {
        matcher: new RuleMatcher(rules),
        named: namedProjects(rules),
        authorised: await authorised.read(),
      },
      base: this.base,
      raise,
      ...onWatched && { onWatched },
    });
    const stretches = readTree({
      edge: this.state.edge,
      reader,
      objects: { fetch, ...readNow && { readNow } },
      scan: { seed: this.#statements.seed, rules },
      workers,
    });
    for await (const stretch of stretches) await committer.take(stretch);
    await committer.commit();
    const root = rootHash(this.state.edge);
    if (!equalBytes(root, head.root)) {
      // Each bundle was held against the tiles, and those against the root.
      await this.#beginAgain();
      throw new Error(
        `the state was damaged: its entries give the root ${
          encodeHex(root)
        } at size ${head.size}; ` +
          "the log is read again",
      );
    }
    this.passedAt = this.#now();
    const { head: kept, passedAt } = this.state;
    // Where nothing is new, the time alone is not worth a write each pass.
    const isNew = !kept || !equalBytes(kept, note);
    if (!isNew && this.passedAt - passedAt < this.#options.limits.lagAfter / 10) return;
    await this.#file.swap({ head: note, passedAt: this.passedAt });
  }

  /** What was appended and not committed is forgotten. */
  async #reopen(): Promise<void> {
    this.#statements[Symbol.dispose]();
    const path = statementsPath(this.#options.folder);
    const statements = Statements.open(path, this.state.statements);
    if (statements) this.#statements = statements;
    else await this.#beginAgain();
  }

  async #beginAgain(): Promise<void> {
    await this.#file.swap({ edge: EMPTY_EDGE, statements: NO_STATEMENTS, head: null });
    this.#statements[Symbol.dispose]();
    this.#statements = Statements.open(statementsPath(this.#options.folder), NO_STATEMENTS)!;
  }
}

/** What convicts a log was fetched to find it out: it is not asked for again. */
function remembering(fetch: FetchResource): FetchResource {
  const known = new Map<string, Uint8Array>();
  return async (path) => {
    const bytes = known.get(path) ?? await fetch(path);
    if (bytes) known.set(path, bytes);
    return bytes;
  };
}

function statementsPath(folder: string): string {
  return join(folder, "statements");
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
