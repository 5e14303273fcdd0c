/**
 * `pylock.toml` (PEP 751).
 *
 * @module
 */

import { describeRelease, filenameOf, type LockFile, PackagePins } from "./lock_file.ts";
import { Table } from "./toml.ts";

/**
 * Reads a pylock.toml.
 *
 * @throws {SyntaxError} If it is not one that is understood.
 */
export function parsePylock(bytes: Uint8Array): LockFile {
  const file = Table.parse(bytes);
  const version = file.requiredText("lock-version");
  if (!/^1\.[0-9]+$/.test(version)) throw file.malformed("lock-version", 'of "1.x"');
  const pins = new PackagePins();
  for (const entry of file.tables("packages")) addPackage(entry, pins);
  return pins.lockFile;
}

/** The names of the files of each package, in the file's order. */
export function filesByPackage(bytes: Uint8Array): string[][] {
  return Table.parse(bytes).tables("packages").map((entry) => filesOf(entry).map(nameOf));
}

function filesOf(entry: Table): Table[] {
  const others = [entry.table("sdist"), entry.table("archive")];
  return [...entry.tables("wheels"), ...others.filter((table) => table !== null)];
}

function nameOf(file: Table): string {
  const location = file.text("url") ?? file.text("path");
  return file.text("name") ?? (location === null ? "" : filenameOf(location));
}

function addPackage(entry: Table, pins: PackagePins): void {
  const name = entry.requiredText("name");
  const version = entry.text("version");
  const what = describeRelease(name, version);
  const fromVcs = entry.table("vcs") !== null;
  const isFolder = entry.table("directory") !== null;
  const files = filesOf(entry);
  if (fromVcs) pins.addUnprovable(name, what, "comes from version control");
  if (isFolder) pins.addLocal(what);
  for (const file of files) {
    pins.addFile(name, version, nameOf(file), file.table("hashes")?.texts() ?? []);
  }
  if (files.length === 0 && !fromVcs && !isFolder) {
    pins.addUnprovable(name, what, "lists no file");
  }
}
