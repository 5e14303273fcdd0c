/**
 * `uv.lock`, version 1 in any revision.
 *
 * @module
 */

import {
  describeRelease,
  filenameOf,
  type LockFile,
  PackagePins,
  splitDigest,
} from "./lock_file.ts";
import { Table } from "./toml.ts";

/** Sources that are folders of this machine. */
const FOLDERS = ["virtual", "editable", "directory"];

/**
 * Reads a uv.lock.
 *
 * @throws {SyntaxError} If it is not one that is understood.
 */
export function parseUvLock(bytes: Uint8Array): LockFile {
  const file = Table.parse(bytes);
  if (file.number("version") !== 1) throw file.malformed("version", "1");
  const pins = new PackagePins();
  for (const entry of file.tables("package")) addPackage(entry, pins);
  return pins.lockFile;
}

function addPackage(entry: Table, pins: PackagePins): void {
  const name = entry.requiredText("name");
  const version = entry.text("version");
  const what = describeRelease(name, version);
  const source = entry.table("source");
  if (!source) throw entry.malformed("source", "a table");
  if (source.names.some((kind) => FOLDERS.includes(kind))) return pins.addLocal(what);
  if (source.names.includes("git")) {
    return pins.addUnprovable(name, what, "comes from version control");
  }
  const sdist = entry.table("sdist");
  const files = [...entry.tables("wheels"), ...(sdist ? [sdist] : [])];
  for (const file of files) {
    const location = file.text("url") ?? file.text("path") ?? file.text("filename") ??
      // Of a direct URL or an archive of this machine the source itself says where it is.
      source.text("url") ?? source.text("path") ?? "";
    const hash = file.text("hash");
    pins.addFile(name, version, filenameOf(location), hash === null ? [] : [splitDigest(hash)]);
  }
  if (files.length === 0) pins.addUnprovable(name, what, "lists no file");
}
