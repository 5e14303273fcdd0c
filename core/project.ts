/**
 * The project a package file belongs to, derived from its name, for search and
 * alerts only. Nothing is decided by it: the identifier stays the exact file
 * name. The derivation is versioned because indices are built from it.
 *
 * @module
 */

import type { Entry } from "./entry.ts";

/** Changes whenever {@linkcode projectOf} could answer differently. */
export const PROJECT_DERIVATION = 1;

/** A project name as PEP 503 compares it: lowercase, runs of `-_.` as one `-`. */
export function normalizeProject(name: string): string {
  // ASCII only: lowercasing `İ` or the Kelvin sign would invent other letters.
  return name.replace(/[-_.]+/g, "-").replace(
    /[A-Z]/g,
    (letter) => letter.toLowerCase(),
  );
}

// Longest first, so that `.tar.gz` is not taken for `.gz`.
const SDIST_SUFFIX = /\.(?:tar\.(?:gz|bz2|xz|lzma|z)|tgz|tbz2?|txz|zip|tar|rpm|deb|dmg|exe|msi)$/i;

// A version as PEP 440 reads it, then what the old installers put after it
// (`.win32-py2.4`, `-1.noarch`).
const VERSION = new RegExp(
  "^v?(?:[0-9]+!)?[0-9]+(?:\\.[0-9]+)*" +
    "(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?" +
    "(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?" +
    "(?:[-_.]?dev[-_.]?[0-9]*)?" +
    "(?:\\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?" +
    "(?:[-.](?:win|linux|macosx|cygwin|noarch|src|i[3-6]86|x86_64|py[0-9]).*)?$",
  "i",
);

/**
 * The normalised project of an entry, or `null` when its file name does not
 * tell. An explicit package name wins; else PyPI names are read by the shapes of
 * PEP 427 (wheels), PEP 625 (sdists) and the installers that came before them.
 */
export function projectOf(entry: Entry): string | null {
  if (entry.package) return normalizeProject(entry.package.name);
  return entry.ecosystem === "pypi" ? projectOfPypiFile(entry.file) : null;
}

function projectOfPypiFile(file: string): string | null {
  if (/\.(?:whl|egg)$/i.test(file)) return nameBefore(file, file.indexOf("-"));
  const stem = file.replace(SDIST_SUFFIX, "");
  if (stem === file) return null;
  // Old sdists have dashes in names and in versions. The version starts at the
  // first dash with nothing but a version behind it; for what PEP 440 does not
  // know, at the first with a digit behind it, or at the last dash of all.
  const dashes = [...stem.matchAll(/-(?=v?[0-9])/gi)].map(({ index }) => index);
  const version = dashes.find((at) => VERSION.test(stem.slice(at + 1)));
  return nameBefore(file, version ?? dashes[0] ?? stem.lastIndexOf("-"));
}

function nameBefore(file: string, end: number): string | null {
  return end > 0 ? normalizeProject(file.slice(0, end)) : null;
}
