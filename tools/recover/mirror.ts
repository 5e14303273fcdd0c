/**
 * A file-system mirror, held against the log: any layout, since files are known by
 * their names and judged by their bytes. Symbolic links to folders are not followed,
 * and one to a file counts only where it stays within the mirror.
 *
 * @module
 */

import { encodeHex, projectOf, PYPI_V1 } from "@indelible/core";
import { join } from "node:path";
import { digestFile } from "../digest.ts";
import type { DriftTable } from "./drift_table.ts";
import type { Scope } from "./listed_files.ts";
import type { LoggedFiles } from "./logged_files.ts";
import type { MirrorTable } from "./mirror_table.ts";

/** Told how many of how many are done. */
type OnProgress = (done: number, total: number) => void;

/** A file of a folder. */
export interface FolderFile {
  /** Its path in the folder. */
  readonly path: string;
  /** Its name. */
  readonly filename: string;
}

/** Every file below a folder, in no order. */
export async function* walkFolder(root: string, below = ""): AsyncGenerator<FolderFile> {
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(root, below))) {
    const path = join(below, name);
    if (isDirectory) yield* walkFolder(root, path);
    else if (!isSymlink || await leadsToFile(join(root, path))) yield { path, filename: name };
  }
}

/** Links that lead nowhere, or out of what may be read, count as files: they stand for one. */
async function leadsToFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => !isDirectory, () => true);
}

/** The SHA-256 of a file in hex; `null` when it is a link that leads out of the folder. */
export async function digestWithin(root: string, path: string): Promise<string | null> {
  const file = join(root, path);
  try {
    const real = await Deno.realPath(file);
    if (!real.startsWith(join(await Deno.realPath(root), "/"))) return null;
  } catch {
    return null;
  }
  return encodeHex(await digestFile(file));
}

/**
 * Holds a mirror against the log.
 *
 * @param root The mirror.
 * @param log What the log says.
 * @param scope Of which projects; by default of those that the mirror has files of.
 * @param table Takes what is found.
 * @param onProgress Told how many of the files are done.
 */
export async function checkMirror(
  root: string,
  log: LoggedFiles,
  scope: Scope,
  table: MirrorTable,
  onProgress: OnProgress,
): Promise<void> {
  const total = await countFiles(root);
  let done = 0;
  for await (const { path, filename } of walkFolder(root)) {
    onProgress(done++, total);
    const logged = log.file(filename);
    const project = logged?.project ?? projectOfFile(filename);
    if (project === null || (scope && !scope.includes(project))) continue;
    // Private packages, of which the log knows nothing, are nobody's business here.
    if (!logged && !scope && !log.knowsProject(project)) continue;
    const found = await digestWithin(root, path);
    const kind = !logged ? "unlogged" : found === logged.sha256 ? "unchanged" : "replaced";
    table.add({ path, filename, project, kind, logged: logged?.sha256 ?? null, found });
  }
  table.addMissing(scope);
}

async function countFiles(root: string): Promise<number> {
  let count = 0;
  for await (const _ of walkFolder(root)) count++;
  return count;
}

/** The project that a file's name tells; `null` for what is no package file. */
function projectOfFile(file: string): string | null {
  const digest = new Uint8Array(32);
  return projectOf({ format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest });
}

/**
 * Looks for bytes by their digests: first under the names that they were logged
 * with, then, if any were not found, in every other file.
 *
 * @param table What is looked for; takes what is found.
 * @param folders Where to look.
 * @param onProgress Told how many files are done.
 */
export async function findCopies(
  table: DriftTable,
  folders: readonly string[],
  onProgress: OnProgress,
): Promise<void> {
  for (const byName of [true, false]) {
    if (!table.lacks) return;
    let total = 0;
    if (!byName) { for (const folder of folders) total += await countFiles(folder); }
    let done = 0;
    for (const [i, folder] of folders.entries()) {
      for await (const { path, filename } of walkFolder(folder)) {
        if (!byName) onProgress(done++, total);
        if (table.wantsName(filename) !== byName) continue;
        const digest = await digestWithin(folder, path);
        if (digest === null || !table.wants(digest)) continue;
        table.addCopy(digest, i, join(folder, path));
        // Names say where to look; without them one copy of each will do.
        if (!byName && !table.lacks) return;
      }
    }
  }
}
