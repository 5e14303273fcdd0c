/**
 * Makes a home: the owner's key, an empty repository, and settings that trust the
 * owner alone. Settings are written last: without them there is no home, and the next
 * run starts over.
 *
 * @module
 */

import { dirname } from "node:path";
import { replaceFile } from "../files.ts";
import { attestationJson } from "./attestation.ts";
import { exportKey } from "./gpg.ts";
import { homePaths, lockHome, signAsOwner, writeKeyring } from "./home.ts";
import { Keyring } from "./keyring.ts";
import { formatPythonJson } from "./python_json.ts";
import { EMPTY_REPOSITORY, formatRepository } from "./repository.ts";
import { newSettings } from "./settings.ts";

/**
 * Makes a home for a secret key of the user.
 *
 * @param folder Where; made if it is not there.
 * @param owner Full fingerprint.
 * @throws {Error} If it is set up already.
 */
export async function makeHome(folder: string, owner: string): Promise<void> {
  const paths = homePaths(folder);
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  using _ = lockHome(folder);
  if (isThere(paths.config)) {
    throw new Error(`Existing config detected at: ${paths.config}`);
  }
  const armored = await exportKey(owner);
  const keyring = await Keyring.parse(armored);
  const repository = await signAsOwner(EMPTY_REPOSITORY, { owner, keyring });
  const settings = await signAsOwner(newSettings(owner).data, { owner, keyring });
  for (const path of [dirname(paths.key), dirname(paths.remote("any"))]) {
    Deno.mkdirSync(path, { recursive: true });
  }
  replaceFile(paths.key, armored);
  replaceFile(paths.repository, formatRepository(repository));
  writeKeyring(folder, keyring);
  replaceFile(paths.config, formatPythonJson(attestationJson(settings)), 0o600);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
