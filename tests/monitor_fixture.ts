/** The monitor run as its task does, against a log in a folder, and what it told. */

import {
  checkEvidence,
  type EvidenceVerdict,
  formatVkey,
  parseEvidence,
  utf8,
} from "@indelible/core";
import { join } from "node:path";
import { LOG_KEY, makeLog, POLICY, type TestLog, writeLog } from "../tools/_testing.ts";
import type { Notice } from "../tools/monitor/alerts/channel.ts";
import { buildLog } from "./built_log.ts";
import type { Finished } from "./peers/process.ts";
import { runProgram } from "./programs.ts";

/** What a run of the monitor did. */
export type RanMonitor = Finished & {
  /** What it told, in order. */
  readonly alerts: readonly Notice[];
  /** Their kinds. */
  readonly kinds: readonly string[];
};

/** When the test logs are cosigned: now, or a while ago, POSIX seconds. */
export function secondsAgo(seconds = 0): bigint {
  return BigInt(Math.floor(Date.now() / 1000) - seconds);
}

/** Puts a log in place of the one that is there, as its operator might. */
export async function serve(
  folder: string,
  log: readonly Uint8Array[] | TestLog,
  cosignedAt = secondsAgo(),
): Promise<void> {
  const made = "objects" in log ? log : makeLog(log, cosignedAt);
  await Deno.remove(join(folder, "data"), { recursive: true }).catch(() => {});
  writeLog(join(folder, "data"), made);
  await Deno.writeTextFile(join(folder, "policy"), POLICY);
}

/** The same for a large log, which no witness knows. */
export async function serveLarge(folder: string, entries: Iterable<Uint8Array>): Promise<void> {
  await Deno.remove(join(folder, "data"), { recursive: true }).catch(() => {});
  buildLog(join(folder, "data"), entries, LOG_KEY);
  await Deno.writeTextFile(join(folder, "policy"), `log ${formatVkey(LOG_KEY)}\nquorum none\n`);
}

/** Runs `monitor --once` against the log in a folder, or another. */
export async function monitor(folder: string, ...args: string[]): Promise<RanMonitor> {
  const flags = ["--policy=policy", "--state=state", "--alerts-file=-"];
  if (!args.some((arg) => arg.startsWith("--log="))) flags.push("--log=data");
  const ran = await runProgram("monitor", [...flags, ...args], { cwd: folder });
  const lines = ran.stdout.split("\n").filter((line) => line.startsWith("{"));
  const alerts = lines.map((line): Notice => JSON.parse(line));
  return { ...ran, alerts, kinds: alerts.map(({ kind }) => kind) };
}

/** Checks the evidence of an alert, by the keys that the file names. */
export async function evidenceOf(folder: string, alert: Notice): Promise<EvidenceVerdict> {
  const path = join(folder, "state", "evidence", alert.evidenceFile!);
  return await checkEvidence(parseEvidence(await Deno.readFile(path)), null);
}

/** The state of the one log that a monitor follows. */
export async function stateOf(folder: string): Promise<{ path: string; state: MonitorState }> {
  const logs = join(folder, "state", "logs");
  for await (const { name } of Deno.readDir(logs)) {
    const path = join(logs, name, "state.json");
    return { path, state: JSON.parse(await Deno.readTextFile(path)) };
  }
  throw new Error("the monitor has no state");
}

/** What a test looks at there. */
export interface MonitorState {
  readonly statements: { readonly size: number };
  readonly head: string | null;
  readonly edge: readonly string[];
  passedAt: number;
}

/** The entry of a publication by name and digest, and by whom. */
export function published(file: string, digest: string, publisher?: string): Uint8Array {
  const line = publisher === undefined ? "" : `\npublisher https://issuer.test ${publisher}`;
  return utf8(`pypi-transparency/v1\nsha256:${digest.repeat(64 / digest.length)}\n${file}${line}`);
}

/** So many publications of one project, each another file. */
export function releases(count: number, project = "lib"): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => published(`${project}-1.${i}.tar.gz`, "ab"));
}
