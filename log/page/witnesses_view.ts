/**
 * The witnesses on the overview: who cosigned the head, and when, by the cosignatures
 * themselves; beside it, marked as such, what the log says of those that did not.
 *
 * @module
 */

import type { Cosigned, PolicyWitness } from "@indelible/core";
import { byId, type Child, element, fill } from "./dom.ts";
import { formatAge, formatCount, formatMoment } from "./format.ts";
import type { Session } from "./session.ts";
import type { LogStatus } from "./status.ts";
import type { VerdictKind } from "./verdict.ts";
import { verdictMark } from "./verdict_mark.ts";

/** Shows the witnesses, and keeps their ages up to date. */
export function showWitnesses(session: Session, now: () => number): void {
  const show = () => {
    const { view } = session;
    if (view.kind !== "judged") return;
    const { policy, head } = view.report;
    fill(byId("witnesses"), ...list(policy.witnesses, head?.cosigned ?? [], view.status, now()));
  };
  session.onChange(show);
  setInterval(show, 10_000);
}

function list(
  witnesses: readonly PolicyWitness[],
  cosigned: readonly Cosigned[],
  status: LogStatus,
  now: number,
): Child[] {
  if (witnesses.length === 0) {
    return [element("p", { class: "quiet" }, "The policy names no witness.")];
  }
  return [element(
    "ul",
    { class: "rows" },
    ...witnesses.map((witness) => row(witness, cosigned, status, now)),
  )];
}

function row(
  witness: PolicyWitness,
  cosigned: readonly Cosigned[],
  status: LogStatus,
  now: number,
): HTMLElement {
  const held = cosigned.find((one) => one.witness.name === witness.name);
  const kind: VerdictKind = held ? "verified" : "unverifiable";
  return element(
    "li",
    {},
    element("span", { class: "row-name", dir: "ltr" }, witness.key.name),
    verdictMark(kind),
    element("span", { class: "row-note" }, ...(held ? age(held, now) : claims(witness, status))),
  );
}

function age({ time }: Cosigned, now: number): Child[] {
  const seconds = Number(time);
  const moment = formatMoment(seconds);
  return [
    "cosigned ",
    element("time", { datetime: isoDate(seconds) }, `${formatAge(now - seconds)} ago`),
    element("span", { class: "visually-hidden" }, `, at ${moment}`),
  ];
}

function isoDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

function claims({ name }: PolicyWitness, { witnesses }: LogStatus): Child[] {
  const claim = witnesses.find((witness) => witness.name === name);
  const parts = ["no cosignature on this head"];
  if (claim?.cosignedSize) {
    const when = claim.cosignedAt ? ` at ${claim.cosignedAt}` : "";
    parts.push(`the log says it cosigned ${formatCount(claim.cosignedSize)} entries${when}`);
  }
  if (claim?.lastError) parts.push(`and that it ${claim.lastError}`);
  return [parts.join("; ")];
}
