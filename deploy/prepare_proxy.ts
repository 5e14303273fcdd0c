/**
 * Asks pip for its index before a proxy starts, as for `import`: the proxy itself
 * may then run nothing and reach that index and the log only. Where pip was led to
 * the proxy, its index is the one that it had before.
 *
 * @module
 */

import { resolve } from "node:path";
import { userFolder } from "../tools/defaults.ts";
import { INDEX_VARIABLE } from "../tools/pip_index.ts";
import { type Installed, readInstalled } from "../tools/proxy/installed.ts";
import type { InstallFlags } from "../tools/proxy/install_command.ts";
import type { WhyFlags } from "../tools/proxy/why_command.ts";
import { addCredentials, prepareIndex } from "./prepare_import.ts";

/** Sets `PIP_INDEX_URL` when a proxy needs it and it is not set. */
export async function prepareProxy({ upstream, proxy, stateDir }: WhyFlags): Promise<void> {
  if (proxy) return;
  if (!upstream) {
    await prepareIndex("--upstream");
    followInstalled(stateDir);
  }
  await addCredentials(upstream);
}

/** Sets `PIP_INDEX_URL` to the index that is to be noted: in a file, so without a password of netrc. */
export async function prepareInstall({ stateDir }: InstallFlags): Promise<void> {
  await prepareIndex("PIP_INDEX_URL");
  followInstalled(stateDir);
}

function followInstalled(stateDir: string | undefined): void {
  const installed = readInstalled(
    stateDir === undefined
      ? userFolder(".local/state/indelible", "--state-dir")
      : resolve(stateDir),
  );
  if (installed && isSame(installed, Deno.env.get(INDEX_VARIABLE)!)) {
    Deno.env.set(INDEX_VARIABLE, installed.upstream);
  }
}

function isSame({ simple }: Installed, index: string): boolean {
  return URL.canParse(index) && new URL(index).origin === new URL(simple).origin;
}
