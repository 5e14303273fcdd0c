/**
 * Which format a lock file has: its name says it, as it does to installers.
 *
 * @module
 */

import type { LockFile } from "./lock_file.ts";
import { parsePoetryLock } from "./poetry_lock.ts";
import { parsePylock } from "./pylock.ts";
import { parseRequirements } from "./requirements.ts";
import { parseUvLock } from "./uv_lock.ts";

/** The formats, each with its parser. */
const FORMATS = {
  "requirements.txt": parseRequirements,
  "pylock.toml": parsePylock,
  "uv.lock": parseUvLock,
  "poetry.lock": parsePoetryLock,
} as const;

/** A format. */
export type LockFormat = keyof typeof FORMATS;

/** The formats, for flags. */
export const LOCK_FORMATS: readonly LockFormat[] = Object.keys(FORMATS) as LockFormat[];

/**
 * The format that a file's name says; `null` if it says none.
 *
 * @param name The file's base name.
 */
export function formatOf(name: string): LockFormat | null {
  if (/^pylock(?:\.[^.]+)?\.toml$/.test(name)) return "pylock.toml";
  if (name === "uv.lock" || name === "poetry.lock") return name;
  return name.endsWith(".txt") ? "requirements.txt" : null;
}

/**
 * Reads a lock file.
 *
 * @param format Its format.
 * @param bytes The file.
 * @throws {SyntaxError} If it is not one that is understood.
 */
export function parseLockFile(format: LockFormat, bytes: Uint8Array): LockFile {
  return FORMATS[format](bytes);
}
