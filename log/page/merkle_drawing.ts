/**
 * A Merkle path, drawn: the entry at the foot, the root at the top, and at each step
 * the sibling that the proof gives. The same is below it as a table, for those who
 * read rather than look.
 *
 * @module
 */

import { encodeHex, type Hash } from "@indelible/core";
import { element, svg } from "./dom.ts";
import { formatCount } from "./format.ts";
import type { MerklePath, PathStep } from "./merkle_path.ts";

const WIDTH = 400;
const STEP = 62;
const NODE = { width: 116, height: 30 };
const CENTRE = WIDTH / 2;
const ASIDE = 136;

/** Draws a path, with its table. */
export function merkleDrawing(path: MerklePath): HTMLElement {
  const steps = path.steps.length;
  const lead = steps === 1 ? "One step leads" : `${steps} steps lead`;
  const summary = `${lead} from entry ${formatCount(path.index)}` +
    `${path.holds ? "" : ", but not"} to the root hash.`;
  return element(
    "figure",
    { class: "path" },
    element("div", { class: "path-drawing" }, drawing(path, summary)),
    element("figcaption", {}, summary),
    element("details", {}, element("summary", {}, "The same as a table"), table(path)),
  );
}

function drawing({ index, leaf, steps, root, holds }: MerklePath, summary: string): SVGSVGElement {
  const height = (steps.length + (holds ? 1 : 2)) * STEP + 24;
  const drawn = svg("svg", {
    class: "merkle",
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: "img",
    "aria-label": summary,
  });
  const y = (level: number) => height - 30 - level * STEP;
  steps.forEach((step, i) => {
    const x = CENTRE + (step.side === "left" ? -ASIDE : ASIDE);
    drawn.append(
      svg("path", { class: "edge on-path", d: `M${CENTRE} ${y(i)}V${y(i + 1)}` }),
      svg("path", { class: "edge", d: edgeFrom(x, y(i), y(i + 1)) }),
    );
  });
  steps.forEach((step, i) => {
    const x = CENTRE + (step.side === "left" ? -ASIDE : ASIDE);
    drawn.append(node(x, y(i), step.sibling, "sibling", spanText(step)));
    const isTop = i === steps.length - 1;
    const kind = !isTop ? "on-path" : holds ? "root" : "not-root";
    drawn.append(node(CENTRE, y(i + 1), step.parent, kind, isTop && holds ? "root" : ""));
  });
  const alone = steps.length === 0 && holds;
  drawn.append(node(CENTRE, y(0), leaf, alone ? "root" : "leaf", `entry ${formatCount(index)}`));
  if (!holds) {
    const top = y(steps.length + 1);
    drawn.append(
      svg("text", { class: "not-equal", x: CENTRE, y: top + STEP / 2 + 6 }, "≠"),
      node(CENTRE, top, root, "root", "root of the checkpoint"),
    );
  }
  return drawn;
}

/** From a sibling up, and over to the parent. */
function edgeFrom(x: number, from: number, to: number): string {
  const turn = to + 24;
  const inward = x < CENTRE ? 1 : -1;
  return `M${x} ${from}V${turn + 10}Q${x} ${turn} ${x + inward * 10} ${turn}H${CENTRE}`;
}

function node(x: number, y: number, hash: Hash, kind: string, label: string): SVGGElement {
  const { width, height } = NODE;
  const hex = encodeHex(hash);
  return svg(
    "g",
    { class: `node ${kind}` },
    svg("title", {}, hex),
    svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 6 }),
    svg("text", { class: "hash", x, y: label ? y - 1 : y + 4.5 }, `${hex.slice(0, 10)}…`),
    label !== "" && svg("text", { class: "label", x, y: y + 11 }, label),
  );
}

function spanText({ span }: PathStep): string {
  const last = span.end - 1n;
  return span.start === last
    ? `entry ${formatCount(span.start)}`
    : `${formatCount(span.start)} – ${formatCount(last)}`;
}

function table({ leaf, steps, root, holds }: MerklePath): HTMLElement {
  const header = (text: string) => element("th", { scope: "col" }, text);
  const hash = (value: Hash) => element("td", { class: "hash-cell" }, encodeHex(value));
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element("tr", {}, ...["Step", "Joined with", "Side", "Of", "Gives"].map(header)),
      ),
      element(
        "tbody",
        {},
        element("tr", {}, element("td", {}, "0"), td("–"), td("–"), td("the entry"), hash(leaf)),
        ...steps.map((step, i) =>
          element(
            "tr",
            {},
            td(String(i + 1)),
            hash(step.sibling),
            td(step.side),
            td(spanText(step)),
            hash(step.parent),
          )
        ),
        !holds &&
          element("tr", {}, td("≠"), td("–"), td("–"), td("the checkpoint’s root"), hash(root)),
      ),
    ),
  );
}

const td = (text: string) => element("td", {}, text);
