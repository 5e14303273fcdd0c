import { deepEqual } from "node:assert/strict";
import type { ListedFile } from "../simple/listing.ts";
import type { Reason } from "./gate.ts";
import type { PageReport } from "./judge_page.ts";
import { ProxyReporter } from "./reporter.ts";

function page(reason: Reason, count: number, detail?: string): PageReport {
  const judged = Array.from({ length: count }, (_, i) => {
    const filename = `p-${i}.zip`;
    const url = new URL(`https://files.example/${filename}`);
    const file: ListedFile = { filename, url, hashes: new Map(), members: {} };
    const passage = { kind: "refuse", reason, logged: null, ...(detail && { detail }) } as const;
    return { file, passage };
  });
  return { project: "p", judged, trouble: null, vanished: [] };
}

Deno.test("what is no alarm and holds for hundreds of files is told for three of them, once", () => {
  const lines: string[] = [];
  const reporter = new ProxyReporter(false, (line) => lines.push(line));
  for (let i = 0; i < 2; i++) reporter.page(page("provenance-missing", 400));
  const missing = "it has not the provenance that the policy requires";
  deepEqual(lines, [
    `proxy: refused: p-0.zip: ${missing}`,
    `proxy: refused: p-1.zip: ${missing}`,
    `proxy: refused: p-2.zip: ${missing}`,
    "proxy: note: 397 more files of p have not the provenance that the policy requires",
  ]);
});

Deno.test("an alarm is told for each file, with names", () => {
  const lines: string[] = [];
  const reporter = new ProxyReporter(false, (line) => lines.push(line));
  reporter.page(page("provenance-not-verified", 5, "the certificate names nobody"));
  deepEqual(lines.length, 5);
  deepEqual(
    lines[4],
    "proxy: refused: p-4.zip: its provenance does not verify (the certificate names nobody)",
  );
});
