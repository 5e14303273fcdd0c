/**
 * `recover`: compares what a registry serves now with the log, and restores a
 * mirror. The story of a run: accept the log's checkpoint, take its new entries,
 * ask the registry (`sweep.ts`), take the entries that came meanwhile, judge every
 * file, hold the mirror against the log, plan, perhaps apply, and report.
 *
 * @module
 */

import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { digestFile } from "../digest.ts";
import { readSmallFile, replaceFile } from "../files.ts";
import { readVkeyFile } from "../key_files.ts";
import { Interrupted, interruptible, runMain } from "../main.ts";
import { checkFlags, permissionsFor, placesOf, RECOVER_FLAGS, type RecoverFlags } from "./flags.ts";
import { printReport } from "./print.ts";
import { reportLines, summarize } from "./report.ts";
import { writeReport } from "./report_file.ts";
import { checkReport, notePath, readReportKey, requireNoteKey, signReport } from "./report_note.ts";
import { openRun } from "./run.ts";

/** The command line of `recover`. */
export const command: Command<RecoverFlags> = {
  name: "recover",
  brief: "Compare a registry, and restore a mirror, by what the log says",
  description: [
    "Reads the registry's lists and its files anew, on a budget, and holds each against the log:",
    "replaced, missing, unlogged, yanked without an entry. It may be stopped at any time and goes",
    "on where it was. For each file that is wrong it says which digest is right and where a good",
    "copy is; --apply restores the mirror from such copies and moves aside what was wrong.",
    "Ends with 0 when all that was looked at is as logged, else with 1.",
    "",
    "Examples:",
    "  deno task recover --index=https://registry.example/simple/ --log=https://log.example \\",
    "    --policy=log.policy --file-host=https://files.example --project=numpy --project=pip",
    "  deno task recover --index=URL --log=URL --policy=F --max-age=30d --for=50m \\",
    "    --report=drift.jsonl --private-key=reports.key",
    "  deno task recover --mirror=/srv/mirror --source=/backup --log=URL --policy=F --apply",
    "  deno task recover --check-report=drift.jsonl --public-key=reports.pub",
  ].join("\n"),
  parameters: { flags: RECOVER_FLAGS },
  permissions: permissionsFor,
  async run(flags) {
    checkFlags(flags);
    if (flags.checkReport !== undefined) return await check(flags.checkReport, flags.publicKey!);
    return await interruptible((signal) => recover(flags, signal));
  },
};

async function recover(flags: RecoverFlags, signal: AbortSignal): Promise<number> {
  const { report: reportPath, privateKey } = flags;
  // What is wrong with it is said before a registry is asked for hours.
  const key = privateKey === undefined ? null : await readReportKey(privateKey);
  using run = await openRun(flags, await placesOf(flags), signal);
  let interrupted = false;
  try {
    await run.askRegistry();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    interrupted = true;
  }
  const report = await run.report(interrupted);
  if (reportPath !== undefined) {
    const digest = writeReport(reportPath, reportLines(report));
    if (key) replaceFile(notePath(reportPath), signReport(digest, key));
  }
  if (flags.json) { for (const line of reportLines(report)) console.log(line.trimEnd()); }
  else {
    for (const line of printReport(report)) console.log(line);
    if (reportPath !== undefined) console.log(reportLine(reportPath, key !== null));
    if (interrupted) console.error("recover: interrupted; run it again to go on");
  }
  const { drift, mirrorDrift } = summarize(report);
  return interrupted || drift + mirrorDrift > 0 ? EXIT_FAILURE : 0;
}

function reportLine(path: string, signed: boolean): string {
  return signed
    ? `report    ${path}, signed in ${notePath(path)}`
    : `report    ${path}, NOT signed: anyone can change it; name a key with --private-key=F`;
}

/** Checks a report's signature. */
async function check(path: string, publicKey: string): Promise<number> {
  const key = await readVkeyFile(publicKey);
  requireNoteKey(key, `--public-key ${publicKey}`);
  const note = await readSmallFile(notePath(path), "note");
  const why = checkReport(await digestFile(path), note, key);
  if (why === null) console.log(`${path}: signed by ${key.name}, unchanged`);
  else console.error(`recover: ${path} is NOT verified: ${why}`);
  return why === null ? 0 : EXIT_FAILURE;
}

if (import.meta.main) await runMain(command);
