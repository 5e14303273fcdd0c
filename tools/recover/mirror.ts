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
import type { Scope } from "./listed_files.ts";
import type { LoggedFiles } from "./logged_files.ts";

/** A file of a folder. */
export interface FolderFile {
  /** Its path in the folder. */
  readonly path: string;
  /** Its name. */
  readonly filename: string;
}

/** What became of a file of a mirror. */
export interface MirrorFinding {
  /** Its path in the mirror; `null` when it is missing. */
  readonly path: string | null;
  /** Its name. */
  readonly filename: string;
  /** Its project. */
  readonly project: string;
  /** What became of it. */
  readonly kind: "unchanged" | "replaced" | "missing" | "unlogged";
  /** The logged SHA-256 in hex; `null` when the log has none. */
  readonly logged: string | null;
  /** That of its bytes; `null` when it is missing or a link that leads out. */
  readonly found: string | null;
}

/** Every file below a folder, by path. */
export async function listFolder(root: string, below = ""): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(root, below))) {
    const path = join(below, name);
    if (isDirectory) files.push(...await listFolder(root, path));
    else if (!isSymlink || await leadsToFile(join(root, path))) {
      files.push({ path, filename: name });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
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
 * @param onProgress Told how many of the files are done.
 */
export async function checkMirror(
  root: string,
  log: LoggedFiles,
  scope: Scope,
  onProgress: (done: number, total: number) => void,
): Promise<MirrorFinding[]> {
  const findings: MirrorFinding[] = [];
  const projects = new Set<string>(scope);
  const present = new Set<string>();
  const files = await listFolder(root);
  for (const [i, { path, filename }] of files.entries()) {
    onProgress(i, files.length);
    const logged = log.file(filename);
    const project = logged?.project ?? projectOfFile(filename);
    if (project === null || (scope && !scope.includes(project))) continue;
    if (!logged) {
      // Private packages, of which the log knows nothing, are nobody's business here.
      if (!scope && !log.knowsProject(project)) continue;
      const found = await digestWithin(root, path);
      findings.push({ path, filename, project, kind: "unlogged", logged: null, found });
      continue;
    }
    projects.add(project);
    present.add(filename);
    const found = await digestWithin(root, path);
    const kind = found === logged.sha256 ? "unchanged" : "replaced";
    findings.push({ path, filename, project, kind, logged: logged.sha256, found });
  }
  for (const project of projects) {
    for (const { file, sha256, removed } of log.ofProject(project).values()) {
      if (removed || present.has(file)) continue;
      const missing = { path: null, filename: file, project, found: null };
      findings.push({ ...missing, kind: "missing", logged: sha256 });
    }
  }
  return findings;
}

/** The project that a file's name tells; `null` for what is no package file. */
function projectOfFile(file: string): string | null {
  const digest = new Uint8Array(32);
  return projectOf({ format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest });
}

/**
 * Looks for bytes by their digests: first under the names that they were logged
 * with, then, for what was not found, in every other file.
 *
 * @param wanted The SHA-256 in hex of what is looked for, and its name.
 * @param folders Where to look.
 * @param onProgress Told how many files of a folder are done.
 * @returns For each digest that was found, where.
 */
export async function findCopies(
  wanted: ReadonlyMap<string, string>,
  folders: readonly string[],
  onProgress: (done: number, total: number) => void,
): Promise<Map<string, string[]>> {
  const copies = new Map<string, string[]>();
  if (wanted.size === 0) return copies;
  const names = new Set(wanted.values());
  const others: { folder: string; path: string }[] = [];
  const look = async (folder: string, path: string): Promise<void> => {
    const digest = await digestWithin(folder, path);
    if (digest === null || !wanted.has(digest)) return;
    copies.set(digest, [...copies.get(digest) ?? [], join(folder, path)]);
  };
  for (const folder of folders) {
    for (const { path, filename } of await listFolder(folder)) {
      if (names.has(filename)) await look(folder, path);
      else others.push({ folder, path });
    }
  }
  for (const [i, { folder, path }] of others.entries()) {
    if (copies.size === wanted.size) break;
    onProgress(i, others.length);
    await look(folder, path);
  }
  return copies;
}
