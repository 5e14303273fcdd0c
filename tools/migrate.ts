/**
 * Migration, a way of `import`: takes over a whole log, so that each entry keeps its leaf
 * index and the tree its root hash. The story: the source's checkpoint is verified, its
 * entries are read and hashed again into the signed root (`migrate_source.ts`), they are
 * found fit for a log of ours (`migrate_entries.ts`), the target is found to hold nothing
 * or their beginning; only then they are written, and the two trees compared
 * (`migrate_target.ts`).
 *
 * Nothing is remembered between runs: how far it has come is what the target holds.
 *
 * @module
 */

import { parseEntry } from "@indelible/core";
import { EXIT_FAILURE, type Permissions, UsageError } from "@indelible/core/command";
import { type BulkLine, MAX_BULK_LINES } from "./bulk_request.ts";
import { describe, hostOf } from "./http_client.ts";
import { type LogSource, openSource, parseLogSource, permissionsForSource } from "./log_source.ts";
import { interruptible } from "./main.ts";
import { EntryRules } from "./migrate_entries.ts";
import { lineOf } from "./migrate_line.ts";
import { MigrationReport } from "./migrate_report.ts";
import { SourceLog } from "./migrate_source.ts";
import { TargetLog } from "./migrate_target.ts";
import { loadTrust, TRUST_FLAGS } from "./trust.ts";

/** The flags that say which log to take over. */
export type MigrationFlags = {
  /** The log. */
  readonly fromLog?: LogSource;
  /** The policy that its checkpoint must meet. */
  readonly fromPolicy?: string;
  /** The file of its vkey. */
  readonly fromPublicKey?: string;
};

/** Those flags, as a command takes them. */
export const MIGRATION_FLAGS = {
  fromLog: {
    kind: "parsed",
    parse: parseLogSource,
    optional: true,
    brief: "Log to take over whole: its URL, or the folder that it keeps",
  },
  fromPolicy: {
    ...TRUST_FLAGS.policy,
    brief: "Policy file for the log that is taken over: its key and the witnesses it needs",
  },
  fromPublicKey: {
    ...TRUST_FLAGS.publicKey,
    brief: "File with the public key of the log that is taken over",
  },
} as const;

/** Where a migration goes and how. */
export interface MigrationTarget {
  /** The log that is written to. */
  readonly log: URL;
  /** The token's header fields. */
  readonly headers: Readonly<Record<string, string>>;
  /** Entries in one request; by default as many as a log takes at once. */
  readonly chunk?: number;
  /** Whether to answer in JSON. */
  readonly json: boolean;
}

/** Bytes in a request, about. */
const CHUNK_BYTES = 16 << 20;

/**
 * Checks the flags against each other.
 *
 * @throws {UsageError} If they do not say whom to trust, or there is no log to take over.
 */
export function checkMigrationFlags({ fromLog, fromPolicy, fromPublicKey }: MigrationFlags): void {
  const trusts = fromPolicy !== undefined || fromPublicKey !== undefined;
  if (fromLog && !trusts) {
    throw new UsageError(
      "whom to trust is not said: give --from-public-key=F or --from-policy=F with --from-log",
    );
  }
  if (!fromLog && trusts) {
    throw new UsageError("--from-public-key and --from-policy go with --from-log");
  }
}

/** What a migration touches, besides the token's file. */
export function permissionsForMigration(flags: MigrationFlags, log: URL): Permissions {
  const { read = [], net = [] } = permissionsForSource(flags.fromLog!);
  const trust = [flags.fromPolicy, flags.fromPublicKey].filter((path) => path !== undefined);
  return { read: [...trust, ...read], net: [...net, hostOf(log)] };
}

/** Takes over a log; resolves to the exit code. */
export async function migrate(flags: MigrationFlags, target: MigrationTarget): Promise<number> {
  const { fromLog, fromPolicy, fromPublicKey } = flags;
  const policy = await loadTrust({
    ...(fromPolicy !== undefined && { policy: fromPolicy }),
    ...(fromPublicKey !== undefined && { publicKey: fromPublicKey }),
  }, "from-");
  const report = new MigrationReport(target.log, target.json);
  return await interruptible(async (signal) => {
    try {
      const fetchObject = await openSource(fromLog!, signal, "--from-log");
      await takeOver(await SourceLog.open(policy!, fetchObject), target, report, signal);
      return 0;
    } catch (error) {
      report.failed(error as Error);
      return EXIT_FAILURE;
    }
  });
}

async function takeOver(
  source: SourceLog,
  { log, headers, chunk = MAX_BULK_LINES }: MigrationTarget,
  report: MigrationReport,
  signal: AbortSignal,
): Promise<void> {
  const onWait = (error: Error, seconds: number) => report.waits(error, seconds);
  const target = new TargetLog({ log, headers, onWait, signal });
  const { origin } = source.verdict.checkpoint;
  let head = await target.head();
  if (head.origin === origin) {
    throw new Error(
      `${describe(log)} is ${origin} too: a log is taken over by one with an origin of its own`,
    );
  }
  if (head.size < source.size) {
    await target.checkAccess();
    await checkEntries(source, report);
    // Nothing has been written so far, and nothing is unless this holds.
    head = await target.headAlong(source);
    await copy(source, Number(head.size), { target, chunk, report, signal });
  }
  head = await target.headAlong(source);
  if (head.size < source.size) {
    throw new Error(
      `${describe(log)} publishes a tree of size ${head.size} only, expected ${source.size}`,
    );
  }
  report.done(source, head);
}

/** Reads all entries: they must give the signed root, and be what a log of ours takes. */
async function checkEntries(source: SourceLog, report: MigrationReport): Promise<void> {
  const rules = new EntryRules(source.size);
  for await (const bundle of source.readAll()) {
    rules.note(bundle);
    report.checked(bundle.first + bundle.entries.length, source.size);
  }
  for await (const bundle of source.readBundles(rules.bundlesToFollow())) rules.follow(bundle);
}

/** Writes the entries from a leaf index on, each request after the answer to the last one. */
async function copy(
  source: SourceLog,
  from: number,
  { target, chunk, report, signal }: {
    readonly target: TargetLog;
    readonly chunk: number;
    readonly report: MigrationReport;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let next = from;
  for await (const lines of linesFrom(source, from, chunk)) {
    signal.throwIfAborted();
    report.sending();
    const treeSize = await target.append(next, lines);
    next += lines.length;
    report.copied(lines.length, next, source.size);
    // A tree of another size: it may be what an earlier run has sent, or someone else's.
    if (treeSize !== next) await target.headAlong(source);
  }
}

async function* linesFrom(
  source: SourceLog,
  from: number,
  chunk: number,
): AsyncGenerator<BulkLine[]> {
  let lines: BulkLine[] = [];
  let bytes = 0;
  for await (const { first, entries } of source.readFrom(from)) {
    for (const entry of entries.slice(Math.max(0, from - first))) {
      lines.push(lineOf(parseEntry(entry)));
      bytes += 2 * entry.length + 128;
      if (lines.length < chunk && bytes < CHUNK_BYTES) continue;
      yield lines;
      [lines, bytes] = [[], 0];
    }
  }
  if (lines.length > 0) yield lines;
}
