/**
 * What a lock file pins, whatever its format: which bytes an installer may take,
 * each digest with the file that it is of, or the release where the format has no
 * file names. Whatever could be installed without one of these digests is listed
 * as not provable.
 *
 * @module
 */

import { checkFile, excerpt, type Hash, normalizeProject, parseHex } from "@indelible/core";

/** A digest that a lock file allows. */
export interface LockedFile {
  /** The project, normalised. */
  readonly project: string;
  /** Its version; `null` where the lock file says none. */
  readonly version: string | null;
  /** The file; `null` where the lock file has digests only. */
  readonly filename: string | null;
  /** Its SHA-256. */
  readonly digest: Hash;
}

/** Something that a lock file installs, and why no log can vouch for it. */
export interface Unprovable {
  /** The project, normalised; `null` where the lock file names none. */
  readonly project: string | null;
  /** What it is, for people: `idna 3.10`. */
  readonly what: string;
  /** Why, as the rest of a sentence about it. */
  readonly why: string;
}

/** A lock file, read. */
export interface LockFile {
  /** Every digest that it allows. */
  readonly files: readonly LockedFile[];
  /** What else it installs. */
  readonly unprovable: readonly Unprovable[];
  /** Folders of this machine that it installs: they are the user's own. */
  readonly local: readonly string[];
}

/** Collects what one package of a lock file pins. */
export class PackagePins {
  readonly #files: LockedFile[] = [];
  readonly #unprovable: Unprovable[] = [];
  readonly #local: string[] = [];

  /** What was collected. */
  get lockFile(): LockFile {
    return { files: this.#files, unprovable: this.#unprovable, local: this.#local };
  }

  /**
   * Adds a file with its digests, `algorithm` and value.
   *
   * Installers differ in which of several digests they check, so each must be one
   * that the log knows.
   */
  addFile(
    project: string,
    version: string | null,
    filename: string | null,
    digests: readonly (readonly [algorithm: string, value: string])[],
  ): void {
    const name = normalizeProject(project);
    const what = filename ?? describeRelease(name, version);
    const refuse = (why: string) => this.addUnprovable(name, what, why);
    if (filename !== null && !isFilename(filename)) {
      return this.addUnprovable(name, describeRelease(name, version), "has a file without a name");
    }
    if (digests.length === 0) refuse("has no digest, so any bytes would do");
    for (const [algorithm, value] of digests) {
      if (algorithm !== "sha256") {
        refuse(`is locked by ${excerpt(algorithm)}, and the log knows only sha256`);
      } else if (!/^[0-9a-fA-F]{64}$/.test(value)) {
        refuse(`has a sha256 that is not 64 hexadecimal digits: "${excerpt(value, 64)}"`);
      } else {
        const digest = parseHex(value.toLowerCase());
        this.#files.push({ project: name, version, filename, digest });
      }
    }
  }

  /** Adds what no log can vouch for. */
  addUnprovable(project: string | null, what: string, why: string): void {
    this.#unprovable.push({ project: project && normalizeProject(project), what, why });
  }

  /** Adds a folder of this machine. */
  addLocal(what: string): void {
    this.#local.push(what);
  }
}

/** A release for people. */
export function describeRelease(project: string, version: string | null): string {
  return version === null ? project : `${project} ${version}`;
}

function isFilename(name: string): boolean {
  try {
    checkFile(name);
    return true;
  } catch {
    return false;
  }
}

/** The file that a URL or a path leads to: its last part, without query and fragment. */
export function filenameOf(location: string): string {
  const path = location.replace(/[?#].*$/s, "");
  const last = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** `sha256:…` or `sha256=…` as its two parts; the value is empty when there is no separator. */
export function splitDigest(text: string): readonly [algorithm: string, value: string] {
  const at = text.search(/[:=]/);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
