/**
 * `sig suggest`: what a lock file installs and no trusted key has reviewed yet, largest
 * first, so that whoever has an afternoon knows where it is worth most.
 *
 * @module
 */

import { excerpt, formatChecksum } from "@indelible/core";
import { type Command, UsageError } from "@indelible/core/command";
import { basename } from "node:path";
import { readSmallFile } from "../files.ts";
import { formatOf, LOCK_FORMATS, type LockFormat, parseLockFile } from "../lock/formats.ts";
import { describeRelease, type LockFile } from "../lock/lock_file.ts";
import { MAX_LOCK_FILE } from "../lock/sidecar.ts";
import { interruptible } from "../main.ts";
import type { PackageIndex } from "../package_index.ts";
import { inParallel } from "../parallel.ts";
import { listedSha256 } from "../proxy/gate.ts";
import { type HomeOf, permissionsToRead, print, SIG_FLAGS, type SigFlags } from "./cli.ts";
import { readHome } from "./home.ts";
import { LOG_FLAGS, type LogFlags, openLog, permissionsForLog, together } from "./log_settings.ts";
import {
  INDEX_FLAG,
  indexOf,
  listedFiles,
  parseRelease,
  permissionsForIndex,
  type Release,
  releaseFiles,
} from "./release.ts";
import { THRESHOLD_FLAG } from "./threshold.ts";
import { judgeIdentity } from "./verify.ts";

/** Flags of `sig suggest`. */
export type SuggestFlags = SigFlags & LogFlags & {
  /** The index, when it is not pip's. */
  readonly index?: PackageIndex;
  /** Whether the index is asked for sizes. */
  readonly sizes: boolean;
  /** The lock file's format, when its name does not say it. */
  readonly format?: LockFormat;
  /** How many trusted keys make a file reviewed, if not as many as the settings say. */
  readonly threshold?: number;
};

/** A file that a lock file installs. */
interface Candidate {
  /** The project, normalised. */
  readonly project: string;
  /** Its version; `null` where the lock file says none. */
  readonly version: string | null;
  /** Its name; `null` where only its digest is known. */
  readonly filename: string | null;
  /** Its identity. */
  readonly id: string;
}

/** A file to be reviewed. */
interface Suggestion extends Candidate {
  /** Its size in bytes; `null` where nobody says it. */
  readonly size: number | null;
}

/** How many projects are asked for at once. */
const PARALLEL = 8;

/** The command line of `sig suggest`. */
export function suggestCommand(homeOf: HomeOf): Command<SuggestFlags, [string]> {
  return {
    name: "sig suggest",
    brief: "List what a lock file installs and no trusted key has reviewed yet",
    description: [
      "Lists the files of a requirements.txt, pylock.toml, uv.lock or poetry.lock of which not",
      "enough trusted keys have said anything, largest first. Sizes are the index's. The digests",
      "are those of the lock file, and the log's where a requirements.txt has none.",
      "",
      "Examples:",
      "  sig suggest pylock.toml",
      "  sig suggest requirements.txt --log=https://log.example --policy=log.policy --json",
    ].join("\n"),
    parameters: {
      positional: {
        kind: "tuple",
        parameters: [{ parse: String, placeholder: "FILE", brief: "Lock file" }],
      },
      flags: {
        ...SIG_FLAGS,
        ...LOG_FLAGS,
        index: INDEX_FLAG,
        sizes: { kind: "boolean", default: true, brief: "Ask the index how large the files are" },
        format: {
          kind: "enum",
          values: LOCK_FORMATS,
          optional: true,
          brief: "Format of FILE, if its name does not say it",
        },
        threshold: THRESHOLD_FLAG,
      },
    },
    async permissions(flags, file) {
      const { unlocked } = await readLock(flags, file);
      return together(
        permissionsToRead(flags, homeOf),
        { read: [file] },
        flags.sizes || unlocked.length > 0 ? permissionsForIndex(flags.index) : {},
        unlocked.length > 0 ? await permissionsForLog(flags) : {},
      );
    },
    async run(flags, file) {
      const now = new Date();
      const home = await readHome(homeOf(flags), now);
      return await interruptible(async (signal) => {
        const candidates = await candidatesOf(flags, file, signal);
        const open: Candidate[] = [];
        const bad: Candidate[] = [];
        for (const candidate of candidates) {
          const { threshold } = flags;
          const options = threshold === undefined ? {} : { threshold };
          const { judgement } = await judgeIdentity(home, candidate.id, now, options);
          if (judgement.kind === "bad") bad.push(candidate);
          else if (judgement.kind !== "ok") open.push(candidate);
        }
        for (const { filename, id } of bad) {
          console.error(`sig: warning: ${excerpt(filename ?? id, 255)} is marked bad!`);
        }
        const suggestions = (await withSizes(flags, open, signal)).sort(byNeed);
        const of = `${suggestions.length} of ${candidates.length} files`;
        print(flags, { files: candidates.length, suggestions, bad }, [
          ...suggestions.map(lineOf),
          suggestions.length === 0 && bad.length === 0
            ? "Everything has been reviewed."
            : `${of} not reviewed by enough trusted keys.`,
        ]);
        return 0;
      });
    },
  };
}

async function readLock(
  { format, sizes }: SuggestFlags,
  file: string,
): Promise<{ lock: LockFile; unlocked: Release[] }> {
  const known = format ?? formatOf(basename(file));
  if (!known) {
    throw new UsageError(
      `what format ${file} has is not said by its name: give --format=${LOCK_FORMATS.join("|")}`,
    );
  }
  const bytes = await readSmallFile(file, "FILE", MAX_LOCK_FILE);
  let lock: LockFile;
  try {
    lock = parseLockFile(known, bytes);
  } catch (error) {
    throw new Error(`Cannot read ${file} as ${known}: ${(error as Error).message}`);
  }
  // A release without digests: the log knows which files it has.
  const unlocked = lock.unprovable.flatMap(({ project, what }) => {
    if (known !== "requirements.txt" || project === null) return [];
    const release = parseRelease(what.replace(" ", "=="));
    return release?.project === project ? [release] : [];
  });
  if (unlocked.length > 0 && !sizes) {
    throw new UsageError(
      `${file} has packages without digests: leave out --no-sizes, the index is needed for them`,
    );
  }
  return { lock, unlocked };
}

async function candidatesOf(
  flags: SuggestFlags,
  file: string,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const { lock, unlocked } = await readLock(flags, file);
  for (const { project, what, why } of lock.unprovable) {
    if (unlocked.some((release) => release.project === project)) continue;
    console.error(`sig: warning: ${excerpt(what, 255)} ${why}`);
  }
  const candidates = lock.files.map(({ digest, ...rest }): Candidate => ({
    ...rest,
    id: formatChecksum(digest),
  }));
  if (unlocked.length > 0) {
    const log = await openLog(flags, signal);
    for (const release of unlocked) {
      const warn = (sentence: string) => console.error(`sig: warning: ${sentence}`);
      const found = await releaseFiles(flags, release, log, warn);
      candidates.push(...found.map((one) => ({ ...release, ...one })));
    }
  }
  return [...new Map(candidates.map((one) => [one.id, one])).values()];
}

/** The same with names and sizes, as far as the index lists these very bytes. */
async function withSizes(
  flags: SuggestFlags,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Suggestion[]> {
  if (!flags.sizes) return candidates.map((one) => ({ ...one, size: null }));
  const projects = [...new Set(candidates.map(({ project }) => project))];
  const lists = await inParallel(projects, PARALLEL, async (project) => {
    const files = await listedFiles(indexOf(flags.index), { project, version: null }, signal);
    return [project, new Map(files.map((file) => [`sha256:${listedSha256(file)}`, file]))] as const;
  });
  const listed = new Map(lists);
  return candidates.map((one): Suggestion => {
    const file = listed.get(one.project)!.get(one.id);
    const size = file?.members["size"];
    return {
      ...one,
      filename: one.filename ?? file?.filename ?? null,
      size: typeof size === "number" ? size : null,
    };
  });
}

/** The largest first; of unknown size last. */
function byNeed(a: Suggestion, b: Suggestion): number {
  return (b.size ?? -1) - (a.size ?? -1) || (a.id < b.id ? -1 : 1);
}

function lineOf({ project, version, filename, id, size }: Suggestion): string {
  const bytes = size === null ? "?" : String(size);
  const name = filename ?? describeRelease(project, version);
  return `${bytes.padStart(12)}  ${excerpt(name, 255)}  ${id}`;
}
