/**
 * `sig trust`: whose word counts.
 *
 * @module
 */

import { type Command, UsageError } from "@indelible/core/command";
import {
  type HomeOf,
  permissionsToRead,
  permissionsToWrite,
  print,
  SIG_FLAGS,
  type SigFlags,
} from "./cli.ts";
import { type Home, lockHome, readHome, refreshOwner, writeSettings } from "./home.ts";
import { parseKeyId } from "./key_id.ts";
import { describeKey } from "./keyring.ts";
import { withTrust } from "./settings.ts";

const KEY_ID = {
  parse: parseKeyId,
  placeholder: "KEYID",
  brief: "A known key: fingerprint, or its last 16 or 8 digits",
} as const;

/** The command line of `sig trust list`. */
export function trustListCommand(homeOf: HomeOf): Command<SigFlags> {
  return {
    name: "sig trust list",
    brief: "Show the trusted keys",
    parameters: { flags: SIG_FLAGS },
    permissions: (flags) => permissionsToRead(flags, homeOf),
    async run(flags) {
      const home = await readHome(homeOf(flags), new Date());
      const keys = [...home.settings.trusted];
      const users = await Promise.all(keys.map((key) => describe(home, key)));
      const json = keys.map((key, i) => ({ key, user: users[i] }));
      print(flags, { trusted: json }, users);
      return 0;
    },
  };
}

/** The command line of `sig trust add`. */
export function trustAddCommand(homeOf: HomeOf): Command<SigFlags, [string]> {
  return changeCommand(homeOf, true);
}

/** The command line of `sig trust remove`. */
export function trustRemoveCommand(homeOf: HomeOf): Command<SigFlags, [string]> {
  return changeCommand(homeOf, false);
}

function changeCommand(homeOf: HomeOf, isAdded: boolean): Command<SigFlags, [string]> {
  return {
    name: `sig trust ${isAdded ? "add" : "remove"}`,
    brief: isAdded ? "Trust a key that setup or fetch brought" : "Trust a key no more",
    parameters: {
      positional: { kind: "tuple", parameters: [KEY_ID] },
      flags: SIG_FLAGS,
    },
    permissions: (flags) => permissionsToWrite(flags, homeOf),
    async run(flags, keyId) {
      const folder = homeOf(flags);
      using _ = lockHome(folder);
      const home = await readHome(folder, new Date());
      const key = findKey(home, keyId, isAdded);
      const user = await describe(home, key);
      const isChanged = home.settings.trusted.has(key) !== isAdded;
      if (isChanged) {
        await writeSettings(await refreshOwner(home), withTrust(home.settings, key, isAdded));
      }
      const line = isChanged
        ? `${isAdded ? "Trusted" : "Removed"}: ${user}`
        : `${isAdded ? "Already" : "Not"} trusted. Skipping.`;
      print(flags, { key, user, changed: isChanged }, [line]);
      return 0;
    },
  };
}

/** A key to be trusted must be known; one that is trusted may be unknown by now. */
function findKey({ keyring, settings }: Home, keyId: string, isAdded: boolean): string {
  if (!isAdded && settings.trusted.has(keyId)) return keyId;
  try {
    return keyring.find(keyId);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function describe({ keyring }: Home, key: string): Promise<string> {
  const known = keyring.get(key);
  return known ? await describeKey(known) : `${key} (not in the keyring)`;
}
