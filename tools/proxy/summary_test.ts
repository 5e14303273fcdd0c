import { deepEqual } from "node:assert/strict";
import type { Status } from "./judge_page.ts";
import { summaryLines } from "./summary.ts";

const NOW = Date.parse("2026-01-02T03:04:05Z");
const NONE: Status = {
  projects: 0,
  files: 0,
  passed: { log: 0, "first-seen": 0, exemption: 0, warning: 0 },
  refused: 0,
  leftOut: 0,
  warnings: [],
  met: [],
  vanished: [],
  checkpoint: null,
  trouble: null,
  registryTroubles: [],
};
const CHECKPOINT = {
  origin: "log.example",
  size: 28798,
  witnesses: ["a", "b"],
  witnessed: "2026-01-02T03:03:57Z",
};

Deno.test("the summary says what was shown, by whose word, and under which checkpoint", () => {
  const all = { ...NONE.passed, log: 3114 };
  const status = { ...NONE, projects: 5, files: 3114, passed: all, checkpoint: CHECKPOINT };
  deepEqual(summaryLines(status, NOW), [
    "5 projects asked, 3,114 files listed, all proven by the log " +
    "(log.example, size 28,798, 2 witnesses, checkpoint 8 s old)",
  ]);
});

Deno.test("the summary tells the refusals that were met, before the figures", () => {
  const status: Status = {
    ...NONE,
    projects: 1,
    files: 6,
    passed: { log: 1, "first-seen": 0, exemption: 1, warning: 1 },
    refused: 2,
    leftOut: 1,
    warnings: Array(7).fill("a-1.0.zip: it is unusual"),
    met: ["not-in-the-log/a-1.0.zip"],
    vanished: ["a-2.0.zip"],
  };
  deepEqual(summaryLines(status, NOW), [
    "refused: a-1.0.zip: the log has no entry for this file (deno task why a-1.0.zip)",
    "a-2.0.zip: no longer listed, though the log has it: withdrawn, or hidden",
    ...Array(5).fill("warning: a-1.0.zip: it is unusual"),
    "warning: 2 more files of such releases",
    "1 project asked, 6 files listed, 1 proven by the log, 1 not in the log, on the registry's word, " +
    "1 exempt, on the registry's word, 2 refused, 1 left out as too new",
  ]);
});

Deno.test("the summary tells what was in the way", () => {
  const status = { ...NONE, trouble: "Cannot reach a", registryTroubles: ["b answers 503"] };
  deepEqual(summaryLines(status, NOW).slice(0, -1), [
    "the registry: b answers 503",
    "the log: Cannot reach a",
  ]);
});

Deno.test("the summary does not claim what was not verified", () => {
  deepEqual(summaryLines(NONE, NOW), ["nothing was asked of the proxy: nothing was verified"]);
});
