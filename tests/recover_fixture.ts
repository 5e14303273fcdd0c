/** A registry whose files are logged, and `recover` run against the two. */

import type { Finished } from "./peers/process.ts";
import { type ProgramOptions, runProgram } from "./programs.ts";
import { Registry } from "./registry.ts";
import { bulkAppend, type RunningLog, startLog } from "./running_log.ts";

/** A log and a registry under way. */
export interface Site extends AsyncDisposable {
  /** The folder of the log's keys, and where programs run. */
  readonly folder: string;
  /** The log. */
  readonly log: RunningLog;
  /** The registry. */
  readonly registry: Registry;
}

/**
 * Starts a log and a registry, publishes wheels and logs them.
 *
 * @param folder For keys and data.
 * @param published Versions by project.
 */
export async function serveLogged(
  folder: string,
  published: Readonly<Record<string, readonly string[]>>,
): Promise<Site> {
  const registry = new Registry();
  const log = await startLog({ folder, flags: ["--batch-interval=50ms"] });
  for (const [project, versions] of Object.entries(published)) {
    for (const version of versions) registry.publishWheel(project, version);
  }
  const files = [...registry.files.values()].map(({ filename, sha256 }) => ({
    filename,
    checksum: `sha256:${sha256}`,
  }));
  await bulkAppend(log.url, files);
  return {
    folder,
    log,
    registry,
    async [Symbol.asyncDispose]() {
      await log.stop();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** A line of a report. */
export interface Line {
  readonly type: "run" | "file" | "mirror" | "summary";
  readonly filename: string;
  readonly kind: string;
  readonly drift: boolean;
  readonly why: string;
  readonly logged: { readonly checksum: string } | null;
  readonly served: { readonly fetched: string } | null;
  readonly copies?: readonly string[];
  readonly path: string | null;
  readonly plan?: { readonly action: string; readonly path: string; readonly from: string };
  readonly restored?: boolean;
  readonly quarantined?: string | null;
  readonly error?: string;
  readonly clean?: boolean;
  readonly unchecked?: number;
}

/** What a run of `recover --json` did. */
export type RanRecover = Finished & { readonly lines: readonly Line[] };

/** The flags that a run against a site has in any case. */
export function siteFlags({ log, registry }: Site): string[] {
  return [
    `--index=${registry.simple}`,
    `--log=${log.url}`,
    "--public-key=public.key",
    "--state-dir=state",
    "--json",
  ];
}

/** Runs `recover` as its task does. */
export async function recover(site: Site, ...args: string[]): Promise<RanRecover> {
  const options: ProgramOptions = { cwd: site.folder };
  const ran = await runProgram("recover", [...siteFlags(site), ...args], options);
  const lines = ran.stdout.split("\n").filter((line) => line.startsWith("{"));
  return { ...ran, lines: lines.map((line) => JSON.parse(line)) };
}

/** The lines of one type. */
export function ofType({ lines }: RanRecover, type: Line["type"]): Line[] {
  return lines.filter((line) => line.type === type);
}
