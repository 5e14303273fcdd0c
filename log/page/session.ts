/**
 * The page's one view of the log: whom it trusts, the head that it judged last, and
 * who wants to know when that changes. Checkpoints are judged one after the other.
 *
 * A wrong head stays on show: a log that lies once and then serves the old history
 * again must not be able to make the reader forget it.
 *
 * @module
 */

import {
  checkPolicy,
  equalBytes,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  utf8,
} from "@indelible/core";
import { type HeadReport, judgeHead } from "./head_report.ts";
import type { LogClient } from "./log_client.ts";
import type { Memory } from "./remembered.ts";
import { type LogStatus, parseStatus } from "./status.ts";
import { decideTrust, type Trust } from "./trust.ts";
import { Unavailable, type Verdict, verdictOf } from "./verdict.ts";

/** What the page knows of the log. */
export type LogView =
  | { readonly kind: "checking" }
  /** No head could be judged. */
  | { readonly kind: "nothing"; readonly verdict: Verdict }
  | {
    readonly kind: "judged";
    readonly report: HeadReport;
    readonly trust: Trust;
    readonly status: LogStatus;
  };

/** Follows one log. */
export class Session {
  /** The log's read side. */
  readonly client: LogClient;
  /** What the browser keeps. */
  readonly memory: Memory;
  readonly #now: () => number;
  readonly #listeners = new Set<(view: LogView) => void>();
  #view: LogView = { kind: "checking" };
  #turn: Promise<void> = Promise.resolve();
  /** Checks that are asked for while one waits are that one. */
  #waiting = false;

  /**
   * @param client The log.
   * @param memory What the browser keeps.
   * @param now The time, in POSIX seconds.
   */
  constructor(client: LogClient, memory: Memory, now: () => number) {
    this.client = client;
    this.memory = memory;
    this.#now = now;
  }

  /** What is known now. */
  get view(): LogView {
    return this.#view;
  }

  /** Calls back now and whenever the view changes. */
  onChange(listener: (view: LogView) => void): void {
    this.#listeners.add(listener);
    listener(this.#view);
  }

  /** Whether a head was found wrong, and nothing else is looked at. */
  get isWrong(): boolean {
    return this.#view.kind === "judged" && this.#view.report.kind === "wrong";
  }

  /** Fetches the head and judges it. */
  check(): Promise<void> {
    if (this.#waiting) return this.#turn;
    this.#waiting = true;
    this.#turn = this.#turn.then(async () => {
      this.#waiting = false;
      if (!this.isWrong) this.#show(await this.#look());
    });
    return this.#turn;
  }

  /** Forgets a wrong head, which the reader has seen, and looks again. */
  async checkAgain(): Promise<void> {
    this.#show({ kind: "checking" });
    await this.check();
  }

  /** Trusts another policy from now on; the log's, or the reader's own. */
  async trust(policy: string, own: boolean): Promise<void> {
    const last = this.memory.read()?.note ?? null;
    // The last head stays if the new policy's log signed it: then, too, it may only have grown.
    const note = last && isSignedUnder(policy, last) ? last : null;
    this.memory.write({ policy, own, note, seen: this.#date() });
    await this.checkAgain();
  }

  /** Starts over, as on a first visit. */
  async forget(): Promise<void> {
    this.memory.forget();
    await this.checkAgain();
  }

  async #look(): Promise<LogView> {
    try {
      // Before the checkpoint is fetched: another tab may remember a newer one meanwhile.
      const remembered = this.memory.read();
      const status = parseStatus(await this.client.json("status").catch(() => null));
      const trust = await decideTrust(remembered, status, this.client);
      const note = await this.client.resource("checkpoint");
      if (!note) throw new Unavailable("The log has not published a checkpoint yet.");
      const previous = this.#previous(trust);
      const now = this.#now();
      const report = await judgeHead(note, { trust, client: this.client, now, previous });
      if (report.kind !== "wrong") this.#remember(report, trust);
      return { kind: "judged", report, trust, status };
    } catch (error) {
      return { kind: "nothing", verdict: verdictOf(error) };
    }
  }

  /** The last report, if it was made under the same policy and nothing was wrong or missing. */
  #previous({ text }: Trust): HeadReport | null {
    const view = this.#view;
    if (view.kind !== "judged" || view.trust.text !== text) return null;
    const history = view.report.checks.find(({ title }) => title === "History");
    return history?.verdict.kind === "verified" ? view.report : null;
  }

  #remember({ head, checks }: HeadReport, trust: Trust): void {
    // What could not be connected to the last head must not take its place.
    const history = checks.find(({ title }) => title === "History");
    if (!head || history?.verdict.kind !== "verified") return;
    const now = this.memory.read()?.note ?? null;
    if (now && (equalBytes(now, head.note) || sizeOf(now) > head.checkpoint.size)) return;
    const { text: policy, source } = trust;
    this.memory.write({ policy, own: source === "own", note: head.note, seen: this.#date() });
  }

  #show(view: LogView): void {
    this.#view = view;
    for (const listener of this.#listeners) listener(view);
  }

  #date(): string {
    return new Date(this.#now() * 1000).toISOString();
  }
}

function isSignedUnder(policy: string, note: Uint8Array): boolean {
  return checkPolicy({ ...parsePolicy(utf8(policy)), quorum: null }, note).kind === "accepted";
}

function sizeOf(note: Uint8Array): bigint {
  return parseCheckpoint(parseNote(note).text).size;
}
