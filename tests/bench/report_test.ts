import assert from "node:assert/strict";
import { chart } from "./chart.ts";
import { type Figure, Series } from "./figures.ts";
import { markdown, report, type Section } from "./report.ts";

const COST: Figure = {
  what: "cost <of> an add (peer: A & B)",
  ours: new Series(2, 1, 3).measured("µs"),
  peer: new Series(4).measured("µs"),
  ratio: "0.5",
  goal: "≤ 1",
  met: true,
};
const RATE: Figure = { what: "↳ adds a second", ours: "7", goal: "≥ 8", met: false };

const SECTION: Section = { name: "add", title: "Adding", figures: [COST, RATE], others: 0.123 };

Deno.test("markdown() writes a row for each figure", () => {
  const [, , first, second] = markdown([COST, RATE]).split("\n");
  assert.equal(first, "| cost <of> an add (peer: A & B) | 2 µs (1–3) | 4 µs | 0.5 | ≤ 1 | met |");
  assert.equal(second, "| ↳ adds a second | 7 |  |  | ≥ 8 | **missed** |");
});

Deno.test("report() puts all goals first and a chart beside the page", () => {
  const broken: Section = { ...SECTION, name: "b", title: "B", figures: [], failure: "no disk" };
  const [page, ...charts] = report("a machine", [SECTION, broken]);
  assert.deepEqual(charts.map(({ path }) => path), ["benchmarks/add.svg"]);
  assert.equal(page!.path, "benchmarks.md");
  const headings = page!.text.match(/^## .*$/gm);
  assert.deepEqual(headings, ["## Goals", "## Adding", "## B"]);
  assert.match(page!.text, /^1 of 2 are met/m);
  assert.match(page!.text, /^\| Adding \| cost .* ↳ adds a second \| 7 \| +\| ≥ 8 \| \*\*missed/m);
  assert.match(page!.text, /^!\[Adding, .*\]\(benchmarks\/add\.svg\)$/m);
  assert.match(page!.text, /took 12 %/);
  assert.match(page!.text, /It failed: no disk/);
});

Deno.test("chart() draws what was measured on both sides, to scale, and says it in words", () => {
  const drawing = chart("Adding", [COST, RATE])!;
  const widths = [...drawing.matchAll(/<rect class="(?:ours|peer)".* width="([0-9.]+)"/g)]
    .map(([, width]) => Number(width));
  assert.equal(widths.length, 2);
  assert.equal(widths[0]! / widths[1]!, 2 / 4);
  assert.equal(drawing.match(/class="whisker"/g)?.length, 1, "one round has no spread");
  assert.match(drawing, /<desc id="words">cost &#60;of&#62; an add \(peer: A &#38; B\): Indel/);
  assert.doesNotMatch(drawing, /NaN|undefined|Infinity/);
  assert.equal(chart("Adding", [RATE]), null);
});

Deno.test("chart() cuts off a round that is far from all others", () => {
  const outlier = { ...COST, peer: new Series(4, 4, 4000).measured("µs") };
  const drawing = chart("Adding", [outlier])!;
  const width = Number(/<rect class="ours".* width="([0-9.]+)"/.exec(drawing)![1]);
  assert(width > 50, `the bar of the median is ${width} wide`);
  const furthest = [...drawing.matchAll(/H([0-9.]+)M/g)].map(([, x]) => Number(x));
  assert(Math.max(...furthest) <= 760);
});
