/**
 * Which version of a project a file is of, by its name (PEP 427, PEP 625 and what
 * came before). The project is known: that decides where names with dashes end.
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { isVersion } from "./version.ts";

const SDIST_SUFFIX = /\.(?:tar\.(?:gz|bz2|xz|lzma|z)|tgz|tbz2?|txz|zip|tar)$/i;
/** What old installers put behind the version: `.win32-py2.4`, `-1.noarch`, `-py2.7`. */
const PLATFORM =
  /[-.](?:win|linux|macosx|cygwin|noarch|src|i[3-6]86|x86_64|amd64|py[0-9]|[0-9]+\.noarch|[0-9]+\.src).*$/i;
const BUILT_SUFFIX = /\.(?:egg|exe|msi|rpm|deb|dmg)$/i;

/**
 * The version of a project's file.
 *
 * @param filename The file's name.
 * @param project The project, in any spelling.
 * @returns The version as the name spells it; `null` if the file is not the project's.
 */
export function releaseIn(filename: string, project: string): string | null {
  const wanted = normalizeProject(project);
  if (/\.whl$/i.test(filename)) {
    const parts = filename.slice(0, -4).split("-");
    const [name, version] = parts;
    if (parts.length !== 5 && parts.length !== 6) return null;
    return normalizeProject(name!) === wanted ? version! : null;
  }
  const isBuilt = BUILT_SUFFIX.test(filename);
  const stem = filename.replace(isBuilt ? BUILT_SUFFIX : SDIST_SUFFIX, "");
  if (stem === filename) return null;
  for (let at = stem.indexOf("-"); at >= 0; at = stem.indexOf("-", at + 1)) {
    if (normalizeProject(stem.slice(0, at)) !== wanted) continue;
    const version = stem.slice(at + 1);
    return isBuilt ? version.replace(PLATFORM, "") : version;
  }
  return null;
}

/**
 * Whether a file is of a version of a project, by its name.
 *
 * @param filename The file's name.
 * @param project The project, in any spelling.
 * @param version The version; any when `null`.
 */
export function isOfRelease(filename: string, project: string, version: string | null): boolean {
  const found = releaseIn(filename, project);
  return found !== null && (version === null || isVersion(version, found));
}
