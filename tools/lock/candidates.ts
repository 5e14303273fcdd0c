/**
 * The names of the files that a digest without a name could be of. A log is asked
 * by file name, so the registry's list of the project supplies names, and nothing
 * else: the digests are compared with what the log has.
 *
 * @module
 */

import type { PackageIndex } from "../package_index.ts";
import { inParallel } from "../parallel.ts";
import { fetchPage } from "../proxy/upstream.ts";
import { retrying } from "../retry.ts";
import { describeRelease, type LockedFile } from "./lock_file.ts";
import { isOfRelease } from "./release.ts";

/** How long to wait for an index that cannot now, in milliseconds. */
const PATIENCE = 60_000;
/** How many projects are asked for at once. */
const PARALLEL = 8;

/**
 * Lists the files of the releases that digests are of.
 *
 * @param index The package index.
 * @param locked The digests, none of them with a file name.
 * @param signal Ends the asking.
 * @returns The names of all files of these releases.
 */
export async function candidateNames(
  index: PackageIndex,
  locked: readonly LockedFile[],
  signal: AbortSignal,
): Promise<string[]> {
  const releases = new Map(
    locked.map((one) => [describeRelease(one.project, one.version), one] as const),
  );
  const projects = [...new Set(locked.map(({ project }) => project))];
  const pages = await inParallel(projects, PARALLEL, async (project) => {
    const page = await retrying(() => fetchPage(index, project), { patience: PATIENCE, signal });
    const files = page.kind === "page" ? page.listing.files : [];
    return [project, files.map(({ filename }) => filename)] as const;
  });
  const listed = new Map(pages);
  return [...releases.values()].flatMap(({ project, version }) =>
    listed.get(project)!.filter((filename) => isOfRelease(filename, project, version))
  );
}
