import assert from "node:assert/strict";
import { quantile, ratios, round, Series, told } from "./figures.ts";

Deno.test("told() gives the median and the spread", () => {
  assert.equal(told(new Series(30, 10, 20).measured("µs")), "20 µs (10–30)");
  assert.equal(told(new Series(4, 1, 2, 3).measured()), "2.5 (1–4)");
  assert.equal(told(new Series(12_345.6).measured("/s")), "12,300/s");
  assert.equal(told("as it is"), "as it is");
});

Deno.test("ratios() divides round by round", () => {
  assert.deepEqual(ratios(new Series(2, 9), new Series(1, 3)).values, [2, 3]);
});

Deno.test("quantile() does not go beyond the last value", () => {
  assert.equal(quantile([3, 1, 2], 0.99), 3);
  assert.equal(quantile([5], 0.99), 5);
  assert.equal(round(quantile([], 0.99)), "–");
});
