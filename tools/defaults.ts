/**
 * Defaults of a user: `~/.config/indelible/config.json`, or the file that
 * `INDELIBLE_CONFIG` names. Flags win over it, and a program reads it only when
 * a flag that it could stand for is missing.
 *
 * ```json
 * { "log": "https://log.example", "policy": "log.policy", "tokenFile": "token" }
 * ```
 *
 * Its paths are relative to its folder.
 *
 * @module
 */

import { type Json, parseJson } from "@indelible/core";
import type { Permissions } from "@indelible/core/command";
import { dirname, resolve } from "node:path";
import { readSmallFile } from "./files.ts";

/** What may have a default. */
export interface Defaults {
  /** URL of the log. */
  readonly log?: string;
  /** The policy file. */
  readonly policy?: string;
  /** The file that holds the publisher's token. */
  readonly tokenFile?: string;
}

const VARIABLES = ["HOME", "INDELIBLE_CONFIG"] as const;

function configPath(): string | null {
  const named = Deno.env.get("INDELIBLE_CONFIG");
  if (named) return named;
  const home = Deno.env.get("HOME");
  return home ? resolve(home, ".config/indelible/config.json") : null;
}

/**
 * Reads the defaults; none when there is no such file.
 *
 * @throws {Error} If the file is there but is not what it should be.
 */
export async function loadDefaults(): Promise<Defaults> {
  const path = configPath();
  if (path === null) return {};
  let bytes: Uint8Array;
  try {
    bytes = await readSmallFile(path, "configuration");
  } catch (error) {
    const missing = (error as Error).cause instanceof Deno.errors.NotFound;
    if (missing && !Deno.env.get("INDELIBLE_CONFIG")) return {};
    throw error;
  }
  try {
    return parseDefaults(parseJson(bytes), dirname(resolve(path)));
  } catch (error) {
    throw new Error(
      `Cannot use configuration ${path}: ${(error as Error).message}`,
    );
  }
}

function parseDefaults(json: Json, folder: string): Defaults {
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw new SyntaxError("it must be a JSON object");
  }
  const text = (name: keyof Defaults): string | undefined => {
    const value = json[name];
    if (value === undefined || typeof value === "string") return value;
    throw new SyntaxError(`"${name}" must be a string`);
  };
  const path = (name: keyof Defaults) => {
    const value = text(name);
    return value === undefined ? {} : { [name]: resolve(folder, value) };
  };
  const log = text("log");
  return {
    ...(log !== undefined && { log }),
    ...path("policy"),
    ...path("tokenFile"),
  };
}

/**
 * A folder of the user, below the home folder.
 *
 * @param path The folder, relative to it.
 * @param flag The flag that names another, for the message.
 * @throws {Error} If there is no home folder.
 */
export function userFolder(path: string, flag: string): string {
  const home = Deno.env.get("HOME");
  if (home) return resolve(home, path);
  throw new Error(`Cannot find the home folder: HOME is not set; name a folder with ${flag}`);
}

/** What reading the defaults takes. */
export function permissionsForDefaults(): Permissions {
  const path = configPath();
  return { read: path === null ? [] : [path], env: VARIABLES };
}
