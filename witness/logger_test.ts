import assert from "node:assert/strict";
import { makeLogger } from "./logger.ts";

const NOW = () => new Date(0);

Deno.test("logger writes text that a client cannot break out of", () => {
  const lines: string[] = [];
  const logger = makeLogger("text", (line) => lines.push(line), NOW);
  logger("warn", "refused", { origin: 'a"\nERROR forged', size: 7n, count: 2 });
  assert.deepEqual(lines, [
    '1970-01-01T00:00:00.000Z WARN refused origin="a\\u{22}\\u{a}ERROR forged" size=7 count=2',
  ]);
});

Deno.test("logger writes one JSON object a line", () => {
  const lines: string[] = [];
  makeLogger("json", (line) => lines.push(line), NOW)("info", "serving", { size: 7n, url: "u\n" });
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    { time: "1970-01-01T00:00:00.000Z", level: "info", event: "serving", size: "7", url: "u\n" },
  ]);
});
