/**
 * The note of an installation: where clients were led, which index pip had before,
 * and what was made for it. The index may hold a password, so the note is the
 * user's alone.
 *
 * @module
 */

import { parseJson } from "@indelible/core";
import { join } from "node:path";
import { asObject, text } from "../json_members.ts";

/** An installation. */
export interface Installed {
  /** The proxy's index. */
  readonly simple: string;
  /** The index that pip had before. */
  readonly upstream: string;
  /** Files and folders that were made, each before what is in it. */
  readonly made: readonly string[];
}

/** Where the note is. */
export function installedPath(stateDir: string): string {
  return join(stateDir, "installed.json");
}

/** Reads the note; `null` when nothing is installed, as far as this user knows. */
export function readInstalled(stateDir: string): Installed | null {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(installedPath(stateDir));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const note = asObject(parseJson(bytes), "installed.json");
  const { made } = note;
  return {
    simple: text(note, "simple"),
    upstream: text(note, "upstream"),
    made: Array.isArray(made) ? made.map(String) : [],
  };
}
