/**
 * A package by its name and version, `requests==2.32.0`: which files that is. The index
 * (pip's) only says what they are called; the log says which bytes they are.
 *
 * @module
 */

import { excerpt, formatChecksum, normalizeProject } from "@indelible/core";
import { type Permissions, UsageError } from "@indelible/core/command";
import { hostOf } from "../http_client.ts";
import { isOfRelease } from "../lock/release.ts";
import { LookupQueue } from "../lookup_queue.ts";
import { letIn, type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { INDEX_VARIABLE } from "../pip_index.ts";
import { indexOfVariable } from "../proxy/settings.ts";
import { fetchPage } from "../proxy/upstream.ts";
import { retrying } from "../retry.ts";
import type { ListedFile } from "../simple/listing.ts";
import { type LogFlags, type OpenLog, permissionsForLog, together } from "./log_settings.ts";

/** A package by name and version. */
export interface Release {
  /** The project's name, normalised. */
  readonly project: string;
  /** The version, as it was named. */
  readonly version: string;
}

/** A file of a release, proven by the log. */
export interface ReleaseFile {
  /** Its name. */
  readonly filename: string;
  /** Its identity, `sha256:<hex>`. */
  readonly id: string;
}

/** Flags of what takes packages. */
export type ReleaseFlags = LogFlags & {
  /** The index, when it is not pip's. */
  readonly index?: PackageIndex;
  /** Which files of the package, if not all. */
  readonly file?: readonly string[];
};

/** The flag that names the index, as a command takes it. */
export const INDEX_FLAG = {
  kind: "parsed",
  parse: parseIndexUrl,
  optional: true,
  placeholder: "URL",
  brief: "Package index that knows the files of a version (default: pip's)",
} as const;

/** Those flags but the log's, as a command takes them. */
export const RELEASE_FLAGS = {
  index: INDEX_FLAG,
  file: {
    kind: "parsed",
    parse: String,
    optional: true,
    variadic: ",",
    placeholder: "NAME",
    brief: "Files of the package (default: all that the log has)",
  },
} as const;

/** How long to wait for an index that cannot now, in milliseconds. */
const PATIENCE = 30_000;
const RELEASE = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)$/;

/** Reads `requests==2.32.0`; `null` for what is a path. A file of such a name is `./requests==2.32.0`. */
export function parseRelease(text: string): Release | null {
  const [, project, version] = RELEASE.exec(text) ?? [];
  if (project === undefined || version === undefined) return null;
  return { project: normalizeProject(project), version };
}

/** Whether the index must be asked for what is named. */
export function needsIndex({ file }: ReleaseFlags, names: readonly string[]): boolean {
  return file === undefined && names.some((name) => parseRelease(name) !== null);
}

/**
 * The index.
 *
 * @throws {UsageError} If it is not known.
 */
export function indexOf(flag: PackageIndex | undefined): PackageIndex {
  const known = flag ? letIn(flag, indexOfVariable()) : indexOfVariable();
  if (known) return known;
  throw new UsageError("the package index is not known: name it with --index=URL");
}

/** What asking the index takes. */
export function permissionsForIndex(flag: PackageIndex | undefined): Permissions {
  return { net: [hostOf(indexOf(flag).url)], env: [INDEX_VARIABLE] };
}

/** What finding the files of packages takes: nothing for paths. */
export async function permissionsForReleases(
  flags: ReleaseFlags,
  names: readonly string[],
): Promise<Permissions> {
  if (!names.some((name) => parseRelease(name))) {
    if (flags.file) throw new UsageError("--file goes with a package, such as requests==2.32.0");
    return {};
  }
  return together(
    await permissionsForLog(flags),
    needsIndex(flags, names) ? permissionsForIndex(flags.index) : {},
  );
}

/**
 * The files that an index lists of a release.
 *
 * @throws {Error} If it does not answer.
 */
export async function listedFiles(
  index: PackageIndex,
  { project, version }: Pick<Release, "project"> & { readonly version: string | null },
  signal: AbortSignal,
): Promise<ListedFile[]> {
  const page = await retrying(() => fetchPage(index, project), { patience: PATIENCE, signal });
  if (page.kind !== "page") return [];
  return page.listing.files.filter(({ filename }) => isOfRelease(filename, project, version));
}

/**
 * The files of a release that the log vouches for.
 *
 * @param flags Which of them.
 * @param release The release.
 * @param log The log.
 * @param warn Told of files that the log does not have.
 * @throws {Error} If there are none, or one that was named is not there.
 */
export async function releaseFiles(
  flags: ReleaseFlags,
  release: Release,
  log: OpenLog,
  warn: (sentence: string) => void,
): Promise<ReleaseFile[]> {
  const { project, version } = release;
  const what = `${project} ${version}`;
  const names = flags.file
    ? flags.file.filter((name) => isOfRelease(name, project, version))
    : (await listedFiles(indexOf(flags.index), release, log.signal)).map(({ filename }) =>
      filename
    );
  if (names.length === 0) {
    throw new Error(
      flags.file
        ? `Cannot find ${what}: none of the named files is of it`
        : `Cannot find ${what}: the index lists no file of it`,
    );
  }
  const lookups = new LookupQueue(log.url, log.trusted, { signal: log.signal });
  const { found, missing } = await lookups.ask([...new Set(names)]);
  for (const name of missing) {
    const sentence = `the log does not vouch for ${excerpt(name, 255)}`;
    if (flags.file) throw new Error(`Cannot use --file: ${sentence}`);
    warn(`${sentence}, which is left out`);
  }
  if (found.size === 0) throw new Error(`Cannot find ${what}: the log vouches for no file of it`);
  return [...found].map(([filename, { entry }]) => ({
    filename,
    id: formatChecksum(entry.digest),
  }));
}
