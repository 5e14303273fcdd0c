import assert from "node:assert/strict";
import { markdown, quantile, ratios, round, Series } from "./figures.ts";

function seriesOf(...values: number[]): Series {
  const series = new Series();
  for (const value of values) series.push(value);
  return series;
}

Deno.test("Series.format() gives the median and the spread", () => {
  assert.equal(seriesOf(30, 10, 20).format("µs"), "20 µs (10–30)");
  assert.equal(seriesOf(4, 1, 2, 3).format(), "2.5 (1–4)");
  assert.equal(seriesOf(12_345.6).format(), "12,300");
});

Deno.test("ratios() divides round by round", () => {
  assert.deepEqual(ratios(seriesOf(2, 9), seriesOf(1, 3)).values, [2, 3]);
});

Deno.test("quantile() does not go beyond the last value", () => {
  assert.equal(quantile([3, 1, 2], 0.99), 3);
  assert.equal(quantile([5], 0.99), 5);
  assert.equal(round(quantile([], 0.99)), "–");
});

Deno.test("markdown() writes a row for each figure", () => {
  const table = markdown([{
    what: "cost",
    ours: "1",
    peer: "2",
    ratio: "0.5",
    goal: "≤ 1",
    met: true,
  }]);
  assert.equal(table.split("\n")[2], "| cost | 1 | 2 | 0.5 | ≤ 1 | met |");
});
