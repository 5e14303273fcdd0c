/**
 * `import`: back-fills a log from a package index (PEP 691) or from JSON lines, or
 * takes over another log whole (`migrate.ts`).
 *
 * @module
 */

import { type Command, type Permissions, UsageError } from "@indelible/core/command";
import { MAX_BULK_LINES } from "./bulk_request.ts";
import { type Defaults, loadDefaults, permissionsForDefaults } from "./defaults.ts";
import { pathsToReplace } from "./files.ts";
import { describe, hostOf, parseLogUrl } from "./http_client.ts";
import { type ImportSource, openJsonLines, sourceOf } from "./import_line.ts";
import { Reporter } from "./import_report.ts";
import { importSource, type ImportTarget } from "./import_run.ts";
import { ImportState } from "./import_state.ts";
import { readIdentity } from "./log_identity.ts";
import { Interrupted, interruptible, runMain } from "./main.ts";
import {
  checkMigrationFlags,
  migrate,
  MIGRATION_FLAGS,
  type MigrationFlags,
  permissionsForMigration,
} from "./migrate.ts";
import { checkProject, listFiles, type PackageIndex, parseIndexUrl } from "./package_index.ts";
import { discoverIndex, INDEX_VARIABLE, PIP_PROGRAMS } from "./pip_index.ts";
import { PUBLISHER_FLAGS, type PublisherFlags, publisherOf } from "./publisher_flags.ts";
import { retrying } from "./retry.ts";
import { authorization, TOKEN_FILE_FLAG } from "./token.ts";

/** Flags of `import`. */
export type ImportFlags = PublisherFlags & MigrationFlags & {
  /** Projects to import from the index. */
  readonly project?: readonly string[];
  /** JSON lines to import. */
  readonly from?: string;
  /** The index, when it is not pip's. */
  readonly index?: PackageIndex;
  /** The log. */
  readonly log?: URL;
  /** The file with the token. */
  readonly tokenFile?: string;
  /** Where to remember what was acknowledged. */
  readonly state?: string;
  /** Lines in one request, when it is not the default. */
  readonly chunk?: number;
  /** Whether to answer in JSON lines. */
  readonly json: boolean;
};

const DEFAULT_LOG = "http://127.0.0.1:8080";
/** How long to wait for an index that cannot now, in milliseconds. */
const INDEX_PATIENCE = 2 * 60_000;

function parseChunk(text: string): number {
  const lines = /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : Infinity;
  if (lines <= MAX_BULK_LINES) return lines;
  throw new SyntaxError(`it must be a whole number from 1 to ${MAX_BULK_LINES}`);
}

function checkFlags(flags: ImportFlags): void {
  const { project, from, fromLog, index, state } = flags;
  const given = [project, from, fromLog].filter((source) => source !== undefined).length;
  if (given !== 1) {
    const problem = given === 0 ? "is not said: give one" : "is said more than once: give only one";
    throw new UsageError(
      `what to import ${problem} of --project=NAME, --from=FILE and --from-log=URL`,
    );
  }
  if (index && project === undefined) throw new UsageError("--index goes with --project");
  if (fromLog && state !== undefined) {
    throw new UsageError("--state has no place with --from-log: --log itself says how far it is");
  }
  if (fromLog && publisherOf(flags)) {
    throw new UsageError("--publisher-issuer has no place with --from-log: its entries say it");
  }
  checkMigrationFlags(flags);
}

/** Whether no default is needed. */
function isComplete({ log, tokenFile }: ImportFlags): boolean {
  return log !== undefined && tokenFile !== undefined;
}

async function settingsOf(
  flags: ImportFlags,
): Promise<{ log: URL; tokenFile: string | undefined }> {
  const defaults: Defaults = isComplete(flags) ? {} : await loadDefaults();
  return {
    log: flags.log ?? parseLogUrl(defaults.log ?? DEFAULT_LOG),
    tokenFile: flags.tokenFile ?? defaults.tokenFile,
  };
}

/** The command line of `import`. */
export const command: Command<ImportFlags> = {
  name: "import",
  brief: "Log what a package index has published already",
  description: [
    "Logs the files of projects in the package index that pip is set up with (or --index),",
    "or the lines of a JSON lines file with filename and checksum. It may be stopped and",
    "run again at any time: what is logged keeps its first index. Files whose name is",
    "logged with another digest are reported one by one, and the exit code is then 1.",
    "",
    "With --from-log it takes over a whole log of the same format, each entry at its leaf",
    "index: its entries must give the root hash of its verified checkpoint before any is",
    "written, and --log must be empty or hold their beginning. It may be run again likewise.",
    "",
    "Examples:",
    "  deno task import --project=numpy --project=pip",
    "  deno task import --from=files.jsonl --log=https://log.example \\",
    "    --token-file=token --state=import.state",
    "  deno task import --from-log=https://old.example --from-public-key=old.key \\",
    "    --log=https://log.example --token-file=token",
  ].join("\n"),
  parameters: {
    flags: {
      ...PUBLISHER_FLAGS,
      ...MIGRATION_FLAGS,
      project: {
        kind: "parsed",
        parse: checkProject,
        optional: true,
        variadic: ",",
        brief: "Project to import; may be given more than once",
      },
      from: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "JSON lines file to import in place of an index",
      },
      index: {
        kind: "parsed",
        parse: parseIndexUrl,
        optional: true,
        brief: "URL of the package index (default: pip's)",
      },
      log: {
        kind: "parsed",
        parse: parseLogUrl,
        optional: true,
        brief: `URL of the log (default: ${DEFAULT_LOG})`,
      },
      tokenFile: TOKEN_FILE_FLAG,
      state: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "File that remembers what the log acknowledged, for a quick resume",
      },
      chunk: {
        kind: "parsed",
        parse: parseChunk,
        optional: true,
        brief: `Lines in one request, acknowledged as a whole (default: ${MAX_BULK_LINES})`,
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print problems and the summary as JSON lines",
      },
    },
  },
  async permissions(flags): Promise<Permissions> {
    checkFlags(flags);
    const { log, tokenFile } = await settingsOf(flags);
    const state = flags.state === undefined ? [] : pathsToReplace(flags.state);
    const files = [flags.from, tokenFile].filter((path) => path !== undefined);
    const defaults = isComplete(flags) ? {} : permissionsForDefaults();
    const read = [...files, ...state, ...defaults.read ?? []];
    const env = [...defaults.env ?? []];
    if (flags.fromLog) {
      const migration = permissionsForMigration(flags, log);
      return { ...migration, read: [...read, ...migration.read ?? []], env };
    }
    const common = { read, write: state, env: [...env, INDEX_VARIABLE] };
    if (flags.from !== undefined) return { ...common, net: [hostOf(log)] };
    const index = flags.index ?? indexOfVariable();
    // The launcher has asked pip already; without it, the answer may be any host.
    if (!index) return { ...common, net: true, run: PIP_PROGRAMS };
    return { ...common, net: [hostOf(log), hostOf(index.url)] };
  },
  async run(flags) {
    checkFlags(flags);
    const publisher = publisherOf(flags);
    const { log, tokenFile } = await settingsOf(flags);
    const headers = await authorization(tokenFile, log);
    if (flags.fromLog) return await migrate(flags, { ...flags, log, headers });
    // What is wrong with it is said before a log is asked anything.
    const given = flags.from === undefined ? null : await openJsonLines(flags.from);
    const reporter = new Reporter(flags.json);
    return await interruptible(async (signal) => {
      const identity = await readIdentity(log, signal);
      const state = await ImportState.open(
        flags.state,
        identity,
        (why) => reporter.note(`starting anew, --state does not fit: ${why}`),
      );
      const target: ImportTarget = {
        log,
        headers,
        state,
        signal,
        chunkLines: flags.chunk ?? MAX_BULK_LINES,
        sizeBefore: identity.size,
        ...(publisher && { publisher }),
        onProblem(source, line, error) {
          state.tell(source.key, { line, error });
          reporter.problem(source, line, error);
        },
        onProgress: (source, lines) => reporter.progress(source, lines),
        onWait: (error, seconds) => reporter.note(`${error.message}; again in ${seconds} s`),
      };
      try {
        for await (const source of given ? [given] : sourcesOf(flags, reporter, signal)) {
          reporter.earlier(source, state.get(source.key), state.toldBefore(source.key));
          reporter.counted(await importSource(source, target));
        }
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        reporter.interrupted();
      }
      return reporter.end(log);
    });
  },
};

function indexOfVariable(): PackageIndex | null {
  const url = Deno.env.get(INDEX_VARIABLE);
  return url ? parseIndexUrl(url) : null;
}

async function* sourcesOf(
  { project, index }: ImportFlags,
  reporter: Reporter,
  signal: AbortSignal,
): AsyncGenerator<ImportSource> {
  const chosen = index ?? indexOfVariable() ??
    parseIndexUrl(await discoverIndex());
  reporter.note(`from the index ${describe(chosen.url)}`);
  for (const name of project ?? []) {
    try {
      const lines = await retrying(() => listFiles(chosen, name, signal), {
        patience: INDEX_PATIENCE,
        onWait: (error, seconds) => reporter.note(`${error.message}; again in ${seconds} s`),
        signal,
      });
      yield sourceOf(name, lines);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      reporter.failed(name, (error as Error).message);
    }
  }
}

if (import.meta.main) await runMain(command);
