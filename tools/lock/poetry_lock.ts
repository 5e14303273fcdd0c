/**
 * `poetry.lock`, lock-version 2.
 *
 * @module
 */

import { describeRelease, type LockFile, PackagePins, splitDigest } from "./lock_file.ts";
import { Table } from "./toml.ts";

/**
 * Reads a poetry.lock.
 *
 * @throws {SyntaxError} If it is not one that is understood.
 */
export function parsePoetryLock(bytes: Uint8Array): LockFile {
  const file = Table.parse(bytes);
  const version = file.table("metadata")?.text("lock-version") ?? "";
  if (!/^2\.[0-9]+$/.test(version)) {
    throw file.malformed("metadata.lock-version", 'of "2.x", as Poetry 1.3 and later write it');
  }
  const pins = new PackagePins();
  for (const entry of file.tables("package")) addPackage(entry, pins);
  return pins.lockFile;
}

function addPackage(entry: Table, pins: PackagePins): void {
  const name = entry.requiredText("name");
  const version = entry.requiredText("version");
  const what = describeRelease(name, version);
  const kind = entry.table("source")?.text("type");
  if (kind === "directory") return pins.addLocal(what);
  if (kind === "git") return pins.addUnprovable(name, what, "comes from version control");
  const files = entry.tables("files");
  for (const file of files) {
    const digest = splitDigest(file.requiredText("hash"));
    pins.addFile(name, version, file.requiredText("file"), [digest]);
  }
  if (files.length === 0) pins.addUnprovable(name, what, "lists no file");
}
