/**
 * A report: the answer in large, and each check behind it.
 *
 * @module
 */

import { element } from "./dom.ts";
import type { Check } from "./head_report.ts";
import type { VerdictKind } from "./verdict.ts";
import { verdictMark, verdictSign } from "./verdict_mark.ts";

/** The answer in large. */
export function banner(kind: VerdictKind, word: string, why: string): HTMLElement {
  return element(
    "div",
    { class: `banner ${kind}` },
    verdictSign(kind),
    element("div", {}, element("h2", {}, word), element("p", {}, why)),
  );
}

/** What was checked, and what came of it. */
export function checkList(checks: readonly Check[]): HTMLElement {
  return element(
    "ul",
    { class: "checks", label: "What was checked" },
    ...checks.map(({ title, verdict }) =>
      element(
        "li",
        {},
        element("span", { class: "check-title" }, title),
        element("span", { class: "check-mark" }, verdictMark(verdict.kind)),
        element("span", { class: "check-why" }, verdict.why),
      )
    ),
  );
}
