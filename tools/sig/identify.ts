/**
 * What an attestation is about: the SHA-256 of a file, `sha256:<hex>`, or of a folder,
 * `sha256-folder:<hex>`. A folder stands for the names and bytes of all files in it,
 * and for nothing else (no times, owners or modes), so that two unpackings of one
 * archive are one folder. It is the digest of this text, one line a file, sorted by the
 * bytes of the path:
 *
 * ```text
 * signet-folder/v1
 * file <sha256 of the bytes> lib/main.py
 * link <sha256 of the target> lib/latest
 * ```
 *
 * Folders and files have different names for it: a file that holds such a text must
 * not pass as the folder. Empty folders have no line. Nothing is left out: what is
 * attested should be an export, without `.git`.
 *
 * @module
 */

import { encodeHex, excerpt, sha256, utf8 } from "@indelible/core";
import { join } from "node:path";
import { digestFile } from "../digest.ts";

/** What a path names, and its identity. */
export interface Identity {
  /** What it is. */
  readonly kind: "file" | "folder";
  /** `sha256:<hex>` or `sha256-folder:<hex>`. */
  readonly id: string;
}

const FIRST_LINE = "signet-folder/v1\n";
// Line breaks would make two files out of one; other controls have no place in a name either.
const CONTROL = /\p{Cc}/u;

/**
 * Identifies a file or folder; a link stands for what it leads to.
 *
 * @throws {Error} If it cannot be read, or holds what cannot be told.
 */
export async function identify(path: string): Promise<Identity> {
  if (!await isFolder(path)) {
    return { kind: "file", id: `sha256:${encodeHex(await digestFile(path))}` };
  }
  const lines = (await folderLines(path, "")).sort(byPath);
  const text = FIRST_LINE + lines.map(({ line }) => line).join("");
  return { kind: "folder", id: `sha256-folder:${encodeHex(sha256(utf8(text)))}` };
}

interface Line {
  readonly path: Uint8Array;
  readonly line: string;
}

async function folderLines(root: string, folder: string): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const { name, ...type } of Deno.readDir(join(root, folder))) {
    const path = folder + name;
    if (CONTROL.test(name) || !name.isWellFormed()) {
      throw new Error(`Cannot identify folder: the name "${excerpt(path, 200)}" is not plain text`);
    }
    if (type.isDirectory) lines.push(...await folderLines(root, `${path}/`));
    else lines.push({ path: utf8(path), line: await lineOf(root, path, type) });
  }
  return lines;
}

async function lineOf(
  root: string,
  path: string,
  { isFile, isSymlink }: { readonly isFile: boolean; readonly isSymlink: boolean },
): Promise<string> {
  if (isSymlink) {
    const target = await Deno.readLink(join(root, path));
    return `link ${encodeHex(sha256(utf8(target)))} ${path}\n`;
  }
  if (isFile) return `file ${encodeHex(await digestFile(join(root, path)))} ${path}\n`;
  throw new Error(`Cannot identify folder: "${excerpt(path, 200)}" is neither a file nor a folder`);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`Cannot identify ${excerpt(path, 200)}: there is no such file or folder`);
    }
    throw error;
  }
}

function byPath(a: Line, b: Line): number {
  for (let i = 0; i < a.path.length && i < b.path.length; i++) {
    if (a.path[i] !== b.path[i]) return a.path[i]! - b.path[i]!;
  }
  return a.path.length - b.path.length;
}
