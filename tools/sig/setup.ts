/**
 * `sig setup`: makes the home.
 *
 * @module
 */

import type { Command } from "@indelible/core/command";
import { resolve } from "node:path";
import { type HomeOf, permissionsToWrite, print, SIG_FLAGS, type SigFlags } from "./cli.ts";
import { findSecretKey } from "./gpg.ts";
import { parseKeyId } from "./key_id.ts";
import { makeHome } from "./new_home.ts";

/** The command line of `sig setup`. */
export function setupCommand(homeOf: HomeOf): Command<SigFlags, [string]> {
  return {
    name: "sig setup",
    brief: "Make the folder of keys, settings and repositories, for a key of yours",
    parameters: {
      positional: {
        kind: "tuple",
        parameters: [{
          parse: parseKeyId,
          placeholder: "KEYID",
          brief: "A secret key of your gpg: fingerprint, or its last 16 or 8 digits",
        }],
      },
      flags: SIG_FLAGS,
    },
    permissions: (flags) => permissionsToWrite(flags, homeOf),
    async run(flags, keyId) {
      const folder = resolve(homeOf(flags));
      const key = await findSecretKey(keyId);
      await makeHome(folder, key);
      print(flags, { home: folder, key }, [
        `Initialized config directory at: ${folder}/`,
        `With public key fingerprint: ${key}`,
        "Welcome to Signet! :)",
      ]);
      return 0;
    },
  };
}
