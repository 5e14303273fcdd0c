/**
 * Bar charts as SVG: a pair of bars for each figure, ours above the peer's, each pair on
 * a scale of its own from 0. A bar ends at the median; a whisker shows the smallest and
 * the largest round, with an arrow where that lies far outside. Pure: figures in, text out. The drawing has its own background, so
 * that it can be read on light pages and on dark ones, and says in words what it shows.
 *
 * @module
 */

import { type Figure, type Measure, medianOf, told } from "./figures.ts";

const WIDTH = 760;
const MARGIN = 16;
const TITLE_HEIGHT = 44;
const LABEL_HEIGHT = 20;
const BAR_HEIGHT = 14;
const BAR_GAP = 4;
const PAIR_GAP = 16;
/** Where bars begin, after the names, and the length of the longest. */
const BARS_X = 92;
const BARS_LENGTH = 420;
/** A round that took longer than so many times the longer bar is cut off. */
const CUT = 2.5;
/** Letters of a label that fit in a line. */
const LABEL_LETTERS = 105;

const STYLE = `
    .page { fill: #ffffff; stroke: #d1d9e0 }
    text { fill: #1f2328; font: 12px system-ui, "DejaVu Sans", sans-serif }
    .title { font-size: 15px; font-weight: 600 }
    .name { fill: #59636e; text-anchor: end }
    .ours { fill: #0969da }
    .peer { fill: #9aa4af }
    .whisker { stroke: #1f2328; stroke-width: 1.5; fill: none }
    @media (prefers-color-scheme: dark) {
      .page { fill: #151b23; stroke: #3d444d }
      text { fill: #f0f6fc }
      .name { fill: #9198a1 }
      .ours { fill: #4493f8 }
      .peer { fill: #656c76 }
      .whisker { stroke: #f0f6fc }
    }
  `;

/** A figure of which both sides were measured. */
interface Pair {
  readonly what: string;
  readonly ours: Measure;
  readonly peer: Measure;
}

/** What a chart can show of figures. */
function pairsOf(figures: readonly Figure[]): Pair[] {
  return figures.flatMap(({ what, ours, peer }) =>
    isBar(ours) && isBar(peer) ? [{ what, ours, peer }] : []
  );
}

function isBar(value: Figure["peer"]): value is Measure {
  return typeof value === "object" && Number.isFinite(value.most) && value.least >= 0;
}

/** In words what a chart shows. */
function chartInWords(figures: readonly Figure[]): string {
  return pairsOf(figures).map(({ what, ours, peer }) =>
    `${what}: Indelible ${medianOf(ours)}, peer ${medianOf(peer)}`
  ).join("; ");
}

/** Draws figures; `null` when there is nothing to compare. */
export function chart(title: string, figures: readonly Figure[]): string | null {
  const pairs = pairsOf(figures);
  if (pairs.length === 0) return null;
  const parts: string[] = [];
  let y = TITLE_HEIGHT;
  for (const { what, ours, peer } of pairs) {
    for (const line of wrapped(`${what}${better(ours.unit)}`)) {
      parts.push(`<text x="${MARGIN}" y="${y + 13}">${escaped(line)}</text>`);
      y += LABEL_HEIGHT;
    }
    const end = Math.max(ours.median, peer.median) * CUT;
    const scale = BARS_LENGTH / (Math.min(end, Math.max(ours.most, peer.most)) || 1);
    for (
      const [name, side, value] of [["Indelible", "ours", ours], ["peer", "peer", peer]] as const
    ) {
      parts.push(...bar(name, side, value, scale, y));
      y += BAR_HEIGHT + BAR_GAP;
    }
    y += PAIR_GAP;
  }
  const height = y;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title words">
  <title id="title">${escaped(title)}</title>
  <desc id="words">${escaped(chartInWords(figures))}</desc>
  <style>${STYLE}</style>
  <rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
  <text class="title" x="${MARGIN}" y="28">${escaped(title)}</text>
${parts.map((part) => `  ${part}\n`).join("")}</svg>
`;
}

function bar(name: string, side: string, value: Measure, scale: number, y: number): string[] {
  const middle = y + BAR_HEIGHT / 2;
  const least = tidy(BARS_X + value.least * scale);
  const most = tidy(BARS_X + Math.min(value.most * scale, BARS_LENGTH));
  const cut = value.most * scale > BARS_LENGTH + 1;
  const end = cut ? `M${most - 4} ${middle - 4}l4 4l-4 4` : `M${most} ${middle - 3}v6`;
  const whisker = `M${least} ${middle}H${most}M${least} ${middle - 3}v6${end}`;
  const width = tidy(value.median * scale);
  return [
    `<text class="name" x="${BARS_X - 8}" y="${y + 11}">${name}</text>`,
    `<rect class="${side}" x="${BARS_X}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    ...(value.rounds > 1 ? [`<path class="whisker" d="${whisker}"/>`] : []),
    `<text x="${tidy(most + 8)}" y="${y + 11}">${escaped(told(value))}</text>`,
  ];
}

/** Which way is better: of rates more, of costs less. */
function better(unit: string): string {
  if (unit === "") return "";
  return unit.endsWith("/s") ? ", more is better" : ", less is better";
}

function wrapped(label: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of label.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LABEL_LETTERS) {
      lines.push(line);
      line = word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
