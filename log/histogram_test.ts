import { deepEqual, equal } from "node:assert/strict";
import { BOUNDS, Histogram } from "./histogram.ts";

Deno.test("Histogram counts each duration in its bucket and all above", () => {
  const histogram = new Histogram();
  deepEqual(histogram.latency, { count: 0, p50: null, p99: null });
  // At a bound, just above it, and beyond all.
  for (const milliseconds of [0, 1, 1.0001, 5, 29_999, 30_001]) histogram.observe(milliseconds);
  equal(histogram.count, 6);
  const lines = histogram.lines("x");
  const counts = lines.slice(0, -2).map((line) => Number(line.split(" ")[1]));
  deepEqual(counts, [2, 3, 4, ...Array(BOUNDS.length - 4).fill(4), 5, 6]);
  equal(lines[0], 'x_bucket{le="0.001"} 2');
  equal(lines.at(-3), 'x_bucket{le="+Inf"} 6');
  equal(lines.at(-1), "x_count 6");
  equal(histogram.lines("x", 'who="w"')[0], 'x_bucket{who="w",le="0.001"} 2');
  equal(histogram.lines("x", 'who="w"').at(-1), 'x_count{who="w"} 6');
});

Deno.test("Histogram tells quantiles by the bounds of its buckets", () => {
  const histogram = new Histogram();
  for (let i = 0; i < 98; i++) histogram.observe(2);
  histogram.observe(400);
  histogram.observe(40_000);
  deepEqual(histogram.latency, { count: 100, p50: 2.5, p99: 500 });
  histogram.observe(40_000);
  equal(histogram.latency.p99, null, "beyond the last bound");
});
