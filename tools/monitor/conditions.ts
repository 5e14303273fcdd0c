/**
 * What holds for a while: a log that cannot be reached, a witness that is silent. Each
 * occurrence is told once, and once more when it is over, also when the process is killed
 * in between: since when it holds is on disk before it is told.
 *
 * @module
 */

import type { EvidenceFile, JsonObject } from "@indelible/core";
import { type Alert, type AlertKind, makeAlert } from "./alerts/alert.ts";
import type { ConditionState, StateFile } from "./state.ts";

/** Takes an alert; it is on disk when this returns. */
export type Raise = (alert: Alert) => Promise<boolean>;

/** What there is to tell of a condition. */
export interface Told {
  /** One plain sentence. */
  readonly summary: string;
  /** More of it, for programs. */
  readonly facts?: JsonObject;
  /** Proof of it. */
  readonly evidence?: EvidenceFile | null;
}

/** A condition: what it is, and which of several at once. */
export interface Condition {
  /** What it is. */
  readonly kind: AlertKind;
  /** Which one, such as the witness's name. */
  readonly subject?: string;
  /** How long it must hold before it is told, in milliseconds; at once by default. */
  readonly after?: number;
}

/** The conditions of one log. */
export class Conditions {
  readonly #file: StateFile;
  readonly #raise: Raise;
  readonly #now: () => number;

  /**
   * @param file Where they are kept.
   * @param raise Who is told.
   * @param now Milliseconds since 1970.
   */
  constructor(file: StateFile, raise: Raise, now: () => number) {
    this.#file = file;
    this.#raise = raise;
    this.#now = now;
  }

  /** Those that were told and are not over. */
  get told(): string[] {
    return Object.entries(this.#all).filter(([, { alert }]) => alert !== null).map(([key]) => key);
  }

  /** Whether one of a kind holds. */
  holds(kind: AlertKind): boolean {
    return Object.keys(this.#all).some((key) => key === kind || key.startsWith(`${kind} `));
  }

  /**
   * It holds.
   *
   * @param condition Which.
   * @param tell What to tell; asked once for an occurrence.
   */
  async hold(
    { kind, subject, after = 0 }: Condition,
    tell: () => Promise<Told> | Told,
  ): Promise<void> {
    const key = keyOf(kind, subject);
    let state = this.#all[key];
    if (!state) await this.#set(key, state = { since: this.#now(), alert: null });
    if (state.alert !== null || this.#now() - state.since < after) return;
    const { summary, facts, evidence } = await tell();
    const alert = makeAlert({
      kind,
      origin: this.#file.state.origin,
      now: this.#now(),
      summary,
      identity: {
        since: new Date(state.since).toISOString(),
        ...subject !== undefined && { subject },
      },
      ...facts && { facts },
      ...evidence && { evidence },
    });
    await this.#raise(alert);
    await this.#set(key, { ...state, alert: alert.id });
  }

  /** It does not hold, or not any more. */
  async end(kind: AlertKind, subject?: string): Promise<void> {
    const key = keyOf(kind, subject);
    const state = this.#all[key];
    if (!state) return;
    if (state.alert !== null) {
      const since = new Date(state.since).toISOString();
      await this.#raise(makeAlert({
        kind: "resolved",
        origin: this.#file.state.origin,
        now: this.#now(),
        summary: `over: ${key}, since ${since}`,
        identity: { alert: state.alert },
        facts: { kind, since, ...subject !== undefined && { subject } },
      }));
    }
    await this.#set(key, null);
  }

  /** It holds or it does not. */
  async set(holds: boolean, condition: Condition, tell: () => Promise<Told> | Told): Promise<void> {
    if (holds) await this.hold(condition, tell);
    else await this.end(condition.kind, condition.subject);
  }

  get #all(): Readonly<Record<string, ConditionState>> {
    return this.#file.state.conditions;
  }

  async #set(key: string, state: ConditionState | null): Promise<void> {
    const { [key]: _, ...others } = this.#all;
    await this.#file.swap({ conditions: state ? { ...others, [key]: state } : others });
  }
}

function keyOf(kind: AlertKind, subject: string | undefined): string {
  return subject === undefined ? kind : `${kind} ${subject}`;
}
