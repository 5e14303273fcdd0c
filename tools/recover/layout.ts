/**
 * Where a file belongs in a mirror, by where its other files are: one folder for
 * all, a folder for each project, or folders named by a digest of the file, as the
 * usual mirroring programs and index servers lay them out. Pure.
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";

/** How a mirror is laid out. */
export type Layout =
  /** All files in one folder. */
  | { readonly kind: "folder"; readonly folder: string }
  /** A folder for each project. */
  | { readonly kind: "project"; readonly prefix: string }
  /** `ab/cd/<60 digits>/`: BLAKE2b-256 of the file. */
  | { readonly kind: "blake2b"; readonly prefix: string }
  /** `abc/<13 digits>/`: the beginning of its SHA-256. */
  | { readonly kind: "sha256"; readonly prefix: string };

const BLAKE2B = /^(.*\/)?[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{60}\/[^/]+$/;
const SHA256 = /^(.*\/)?[0-9a-f]{3}\/[0-9a-f]{13}\/[^/]+$/;

/**
 * The layout that one file of a mirror shows.
 *
 * @param path Its path in the mirror.
 * @param project Its project.
 */
export function layoutOf(path: string, project: string): Layout {
  const blake2b = BLAKE2B.exec(path);
  if (blake2b) return { kind: "blake2b", prefix: blake2b[1] ?? "" };
  const sha256 = SHA256.exec(path);
  if (sha256) return { kind: "sha256", prefix: sha256[1] ?? "" };
  const folders = path.split("/").slice(0, -1);
  const last = folders.at(-1);
  if (last !== undefined && normalizeProject(last) === project) {
    return { kind: "project", prefix: withSlash(folders.slice(0, -1)) };
  }
  return { kind: "folder", folder: withSlash(folders) };
}

/** What decides where a file belongs. */
export interface Placed {
  /** Its name. */
  readonly filename: string;
  /** Its project. */
  readonly project: string;
  /** Its SHA-256 in hex. */
  readonly sha256: string;
  /** Its BLAKE2b-256 in hex, where the layout asks for it. */
  readonly blake2b: string | null;
}

/** The path of a file in a mirror; `null` when its BLAKE2b-256 is needed and not known. */
export function placeIn(
  layout: Layout,
  { filename, project, sha256, blake2b }: Placed,
): string | null {
  switch (layout.kind) {
    case "folder":
      return layout.folder + filename;
    case "project":
      return `${layout.prefix}${project}/${filename}`;
    case "sha256":
      return `${layout.prefix}${sha256.slice(0, 3)}/${sha256.slice(3, 16)}/${filename}`;
    case "blake2b": {
      if (blake2b === null) return null;
      const [a, b, rest] = [blake2b.slice(0, 2), blake2b.slice(2, 4), blake2b.slice(4)];
      return `${layout.prefix}${a}/${b}/${rest}/${filename}`;
    }
  }
}

function withSlash(folders: readonly string[]): string {
  return folders.map((folder) => `${folder}/`).join("");
}
