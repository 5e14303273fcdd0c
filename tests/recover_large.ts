/**
 * The part of `recover` that grows with a registry, over a state of many files, for
 * `recover_large_test.ts`, which runs it with less memory than the files would take:
 * what is still to be fetched, the judgement, a mirror's plan, and the report.
 */

import type { Head } from "../tools/trusted_head.ts";
import { EMPTY_ROOT } from "@indelible/core";
import { createHash } from "node:crypto";
import { judged } from "../tools/recover/drift_table.ts";
import type { Listed } from "../tools/recover/findings.ts";
import { planStep } from "../tools/recover/plan.ts";
import { printReport } from "../tools/recover/print.ts";
import { type Report, reportLines, summarize } from "../tools/recover/report.ts";
import { writeReport } from "../tools/recover/report_file.ts";
import { RecoverState } from "../tools/recover/state.ts";

/** How many projects there are, and how many files each has. */
const [PROJECTS, FILES] = [100, 500];

const [folder] = Deno.args;
using state = await RecoverState.open(folder!, { origin: "log.test", registry: "registry.test" });
const projects = Array.from({ length: PROJECTS }, (_, i) => `project-${i}`);

let leaf = 0;
for (const project of projects) {
  const listed = new Map<string, Listed>();
  state.logged.transaction(() => {
    for (let i = 0; i < FILES; i++, leaf++) {
      const file = `${project.replace("-", "_")}-1.${i}-py3-none-any.whl`;
      const hash = createHash("sha256").update(file).digest();
      const entry = {
        format: "pypi-transparency/v1",
        ecosystem: "pypi",
        event: "publish",
      } as const;
      state.logged.take(leaf, { ...entry, file, digest: new Uint8Array(hash) }, project);
      // One in two is not as logged; one in four is gone.
      const sha256 = i % 2 === 0 ? hash.toString("hex") : "ab".repeat(32);
      const url = `https://files.registry.test/packages/${project}/${file}`;
      if (i % 4 !== 0) listed.set(file, { url, sha256, yanked: false, reason: null, times: 1 });
    }
  });
  state.listed.setPage(project, { at: 1, treeSize: PROJECTS * FILES }, listed);
}

let due = 0;
for (const file of state.listed.dueFiles(null, 2)) {
  // Each answer is synced, which is not what this is about.
  if (++due % 50 === 0) {
    state.listed.setServed(file, { kind: "bytes", sha256: file.logged!, size: 1, at: 2 });
  }
}

const tally = state.drift.judge(state.listed.facts(null));
for (const { filename, right } of state.drift.drifted()) {
  if (right) state.drift.addCopy(right.sha256, 0, `/backup/${filename}`);
  state.mirror.add({
    path: `web/${filename}`,
    filename,
    project: filename.split("-")[0]!.replace("_", "-"),
    kind: "replaced",
    logged: right!.sha256,
    found: "cd".repeat(32),
  });
}
state.mirror.addMissing(null);
for (const { id, finding } of state.mirror.drifted()) {
  const step = await planStep(finding, {
    copyOf: (sha256) => state.drift.copiesOf(sha256)[0] ?? null,
    servedAt: (file) => state.listed.servedRight(file),
    layoutOf: (project) => state.mirror.layoutOf(project),
    replacedOnly: false,
  });
  state.mirror.setStep(id, step!);
}

const head = {
  note: new Uint8Array(),
  verdict: {
    checkpoint: { origin: "log.test", size: BigInt(leaf), root: EMPTY_ROOT },
    cosigned: [],
  },
} as unknown as Head;
const report: Report = {
  head,
  registry: "registry.test",
  projects: null,
  metadataOnly: false,
  since: 0,
  made: 0,
  tally,
  findings: () => judged(state.listed.facts(null)),
  table: state.drift,
  unchecked: tally.unfetched,
  unplaced: state.logged.unplaced,
  mirror: { folder: "/mirror", table: state.mirror, applied: false },
};
writeReport(`${folder}/drift.jsonl`, reportLines(report));
let printed = 0;
for (const _ of printReport(report)) printed++;
console.log(JSON.stringify({ due, printed, steps: state.mirror.steps, ...summarize(report) }));
