/**
 * What the acts of `sig` have in common: where the home is, what an act may touch for
 * it, and how answers are printed.
 *
 * @module
 */

import type { Permissions } from "@indelible/core/command";
import { hostOf } from "../http_client.ts";
import { parseAttestation } from "./attestation.ts";
import { GPG } from "./gpg.ts";
import { homePaths } from "./home.ts";
import { isKeybox } from "./keyring.ts";
import { parsePythonJson } from "./python_json.ts";
import { type Settings, settingsOf } from "./settings.ts";

/** Flags of every act. */
export type SigFlags = {
  /** The home's folder, if not the user's default. */
  readonly home?: string;
  /** Whether to print JSON. */
  readonly json: boolean;
};

/** Gives the home's folder; the environment is read where this is made. */
export type HomeOf = (flags: SigFlags) => string;

/** The flags of every act, as `@stricli/core` takes them. */
export const SIG_FLAGS = {
  home: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder of keys, settings and repositories (default: $SIG_DIR, else ~/.signet)",
  },
  json: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Print one JSON object",
  },
} as const;

/** The variables that say where the home is, where no flag does. */
export const HOME_VARIABLES = ["SIG_DIR", "HOME"] as const;

/** What reading a home takes: no `gpg`, unless it wrote the keyring in a way of its own. */
export function permissionsToRead(flags: SigFlags, homeOf: HomeOf): Permissions {
  const home = homeOf(flags);
  return {
    read: [home],
    run: hasKeybox(homePaths(home).keyring) ? [GPG] : [],
    env: flags.home === undefined ? HOME_VARIABLES : [],
  };
}

/** What changing a home takes. */
export function permissionsToWrite(flags: SigFlags, homeOf: HomeOf): Permissions {
  return { ...permissionsToRead(flags, homeOf), write: [homeOf(flags)], run: [GPG] };
}

/** The hosts of a home's remotes; its signature is checked when they are used. */
export function hostsOfRemotes(home: string): string[] {
  let settings: Settings;
  try {
    const bytes = Deno.readFileSync(homePaths(home).config);
    settings = settingsOf(parseAttestation(parsePythonJson(bytes)));
  } catch {
    return []; // The act itself says what is wrong.
  }
  return [...settings.remotes.values()].map(hostOf);
}

/** Prints one object, or lines for people. */
export function print(flags: SigFlags, json: object, lines: readonly string[]): void {
  if (flags.json) console.log(JSON.stringify(json));
  else for (const line of lines) console.log(line);
}

function hasKeybox(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const head = new Uint8Array(32);
    return isKeybox(head.subarray(0, file.readSync(head) ?? 0));
  } catch {
    return false;
  }
}
