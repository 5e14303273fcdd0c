/**
 * How a verdict looks: a word, and a sign whose shape tells it apart without
 * colours: a disc with a tick, a dashed ring with a question mark, a filled octagon.
 *
 * @module
 */

import { element, svg } from "./dom.ts";
import type { Verdict, VerdictKind } from "./verdict.ts";

const WORDS: Readonly<Record<VerdictKind, string>> = {
  verified: "Verified",
  unverifiable: "Unverifiable",
  wrong: "Wrong",
};

/** The word for a verdict. */
export const verdictWord = (kind: VerdictKind): string => WORDS[kind];

/** Sign and word. */
export function verdictMark(kind: VerdictKind): HTMLElement {
  return element("span", { class: `mark ${kind}` }, verdictSign(kind), WORDS[kind]);
}

/** Sign, word and reason. */
export function verdictLine({ kind, why }: Verdict): HTMLElement {
  return element("p", { class: "verdict-line" }, verdictMark(kind), " ", why);
}

/** The sign alone; the word must stand beside it. */
export function verdictSign(kind: VerdictKind): SVGSVGElement {
  const sign = svg("svg", { class: "sign", viewBox: "0 0 20 20", "aria-hidden": "true" });
  switch (kind) {
    case "verified":
      sign.append(
        svg("circle", { class: "sign-shape", cx: 10, cy: 10, r: 9 }),
        svg("path", { class: "sign-stroke", d: "M5.5 10.5l3 3 6-7" }),
      );
      break;
    case "unverifiable":
      sign.append(
        svg("circle", { class: "sign-ring", cx: 10, cy: 10, r: 8, "stroke-dasharray": "3.3 2.98" }),
        svg("path", {
          class: "sign-query",
          d: "M7.6 8a2.4 2.4 0 1 1 3.6 2.1c-.8.45-1.2.9-1.2 1.7M10 14.1v.1",
        }),
      );
      break;
    case "wrong":
      sign.append(
        svg("path", { class: "sign-shape", d: "M6.2.8h7.6l5.4 5.4v7.6l-5.4 5.4H6.2L.8 13.8V6.2z" }),
        svg("path", { class: "sign-stroke", d: "M6.5 6.5l7 7M13.5 6.5l-7 7" }),
      );
  }
  return sign;
}
