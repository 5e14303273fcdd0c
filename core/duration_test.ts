import assert from "node:assert/strict";
import { parseDuration } from "./duration.ts";

Deno.test("parseDuration() reads whole numbers with a unit", () => {
  const durations: [string, number][] = [
    ["1ms", 1],
    ["250ms", 250],
    ["90s", 90_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["999999999d", 999_999_999 * 86_400_000],
  ];
  for (const [text, want] of durations) assert.equal(parseDuration(text), want);
});

Deno.test("parseDuration() refuses every other spelling", () => {
  const bad = ["", "0s", "1", "s", "01s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1w"];
  for (const text of [...bad, "1e3s", "0x1s", "1000000000s", "1s1s", "\u0661s"]) {
    assert.throws(() => parseDuration(text), SyntaxError, text);
  }
});
