/**
 * Asks pip for its index before `lock` starts, as for `import`, if the lock file
 * is one without file names; and before `installed` does.
 *
 * @module
 */

import type { InstalledFlags } from "../tools/installed/installed.ts";
import { type LockFlags, needsIndex } from "../tools/lock/lock_settings.ts";
import { prepareIndex } from "./prepare_import.ts";

/** Sets `PIP_INDEX_URL` when a lock needs it and it is not set. */
export async function prepareLock(flags: LockFlags, file: string): Promise<void> {
  if (!flags.index && needsIndex(flags, file)) await prepareIndex("--index");
}

/** Sets `PIP_INDEX_URL` when `installed` needs it and it is not set. */
export async function prepareInstalled({ index, offline }: InstalledFlags): Promise<void> {
  if (!index && !offline) await prepareIndex("--index");
}
