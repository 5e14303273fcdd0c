/**
 * Asks pip for its index before `lock` starts, as for `import`, if the lock file
 * is one without file names; and before `installed` and `sig` do. Passwords are looked for
 * then, and before `recover` starts.
 *
 * @module
 */

import type { InstalledFlags } from "../tools/installed/installed.ts";
import { type LockFlags, needsIndex } from "../tools/lock/lock_settings.ts";
import type { RecoverFlags } from "../tools/recover/flags.ts";
import { needsIndex as namesPackages, type ReleaseFlags } from "../tools/sig/release.ts";
import { addCredentials, prepareIndex } from "./prepare_import.ts";

/** Sets `PIP_INDEX_URL` when a lock needs it and it is not set. */
export async function prepareLock(flags: LockFlags, file: string): Promise<void> {
  if (needsIndex(flags, file)) await prepare(flags);
}

/** Sets `PIP_INDEX_URL` when `installed` needs it and it is not set. */
export async function prepareInstalled(flags: InstalledFlags): Promise<void> {
  if (!flags.offline) await prepare(flags);
}

/** Sets `PIP_INDEX_URL` when an act of `sig` asks for a package's files and it is not set. */
export async function prepareSig(
  flags: ReleaseFlags & { readonly sizes?: boolean },
  ...names: readonly string[]
): Promise<void> {
  // Only `sig suggest` has sizes to ask for.
  if (flags.sizes ?? namesPackages(flags, names)) await prepare(flags);
}

/** Looks for the password of the registry that `recover` asks. */
export async function prepareRecover({ index }: RecoverFlags): Promise<void> {
  if (index) await addCredentials(index);
}

async function prepare({ index }: Pick<LockFlags, "index">): Promise<void> {
  if (!index) await prepareIndex("--index");
  await addCredentials(index);
}
