import { type Entry, parseChecksum } from "@indelible/core";
import { deepEqual } from "node:assert/strict";
import { formatAuthorisation } from "./authorised.ts";
import { judgeEntry } from "./findings.ts";
import { parseWatchFile, RuleMatcher } from "./rules.ts";

const CHECKSUM = `sha256:${"ab".repeat(32)}`;
const FILE = "mine-1.0.tar.gz";
const matcher = new RuleMatcher(parseWatchFile("guard mine\n"));

for (
  const [event, allowed, kinds] of [
    ["publish", false, ["unauthorised"]],
    ["publish", true, []],
    ["yank", false, ["unauthorised"]],
    // Anybody may review; it names the digest that stands.
    ["review", false, []],
  ] as const
) {
  Deno.test(`judgeEntry() of a ${event} that is ${allowed ? "" : "not "}authorised`, () => {
    const digest = parseChecksum(CHECKSUM);
    const entry: Entry = {
      format: "artifact-transparency/v2",
      ecosystem: "pypi",
      event,
      file: FILE,
      digest,
    };
    const authorised = new Set(
      allowed ? [formatAuthorisation({ event, file: FILE, checksum: CHECKSUM })] : [],
    );
    const { findings } = judgeEntry(entry, 7, { matcher, named: new Set(), authorised }, {});
    deepEqual(findings.map(({ kind }) => kind), kinds);
  });
}
