/**
 * Alerts: what the monitor has to tell. The same fact has the same id for ever, so
 * that whoever raises it again (after a restart, a replay, a second run) tells nobody
 * twice. The outbox (`outbox.ts`) delivers them.
 *
 * @module
 */

import {
  encodeHex,
  type EvidenceFile,
  type Json,
  type JsonObject,
  sha256,
  utf8,
} from "@indelible/core";

/** How much an alert matters: of something forbidden, of something to look at, of a fact. */
export type Severity = "critical" | "warning" | "notice";

/** Every kind of alert, and how much it matters. */
export const ALERT_KINDS = {
  "fork": "critical",
  "second-digest": "critical",
  "root-mismatch": "critical",
  "unauthorised": "critical",
  "artifact-differs": "critical",
  "publisher-changed": "warning",
  "publisher-vanished": "warning",
  "artifact-missing": "warning",
  "log-stalled": "warning",
  "checkpoint-stale": "warning",
  "witness-silent": "warning",
  "monitor-lags": "warning",
  "log-unreachable": "warning",
  "not-accepted": "warning",
  "watched": "notice",
  "resolved": "notice",
} as const satisfies Record<string, Severity>;

/** What an alert is about. */
export type AlertKind = keyof typeof ALERT_KINDS;

/** Something to tell. */
export interface Alert {
  /** Lowercase hexadecimal, 64 digits; the same for the same fact, for ever. */
  readonly id: string;
  /** What it is about. */
  readonly kind: AlertKind;
  /** How much it matters. */
  readonly severity: Severity;
  /** The log that it is about. */
  readonly origin: string;
  /** When it was raised first, RFC 3339 in UTC. */
  readonly time: string;
  /** One plain sentence; it may hold hostile text from an entry. */
  readonly summary: string;
  /** The fact for programs. */
  readonly facts: JsonObject;
  /** Proof of it, where there is any. */
  readonly evidence?: EvidenceFile;
}

/** What an alert is made from. */
export interface AlertOf {
  /** What it is about. */
  readonly kind: AlertKind;
  /** The log that it is about. */
  readonly origin: string;
  /** When it is raised, milliseconds since 1970. */
  readonly now: number;
  /** One plain sentence. */
  readonly summary: string;
  /**
   * What makes this fact this one and no other, as little as possible: of a
   * second digest the two leaf indices; of a condition when it began.
   */
  readonly identity: JsonObject;
  /** The fact for programs; the identity is part of it. */
  readonly facts?: JsonObject;
  /** Proof of it, where there is any. */
  readonly evidence?: EvidenceFile;
}

/** Makes an alert. */
export function makeAlert(
  { kind, origin, now, summary, identity, facts, evidence }: AlertOf,
): Alert {
  return {
    id: alertId(kind, origin, identity),
    kind,
    severity: ALERT_KINDS[kind],
    origin,
    time: new Date(now).toISOString(),
    summary,
    facts: { ...identity, ...facts },
    ...(evidence && { evidence }),
  };
}

/** The id of a fact: SHA-256 of its kind, its log and what makes it this one. */
export function alertId(kind: AlertKind, origin: string, identity: JsonObject): string {
  return encodeHex(sha256(utf8(JSON.stringify(sorted([kind, origin, identity])))));
}

/** The same value with the members of every object in one order. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
