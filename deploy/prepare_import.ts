/**
 * Asks pip for its index before `import` or a proxy starts, and netrc and keyring for its
 * password, each in a process that may do that and nothing else, so that they themselves
 * may run nothing and reach that index only. The answer travels as `PIP_INDEX_URL`: it may hold a password, which has
 * no place among arguments.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { ImportFlags } from "../tools/import.ts";
import { KEYRING, NETRC_VARIABLES } from "../tools/index_credentials.ts";
import type { PackageIndex } from "../tools/package_index.ts";
import { INDEX_VARIABLE, PIP_PROGRAMS } from "../tools/pip_index.ts";

/** Sets `PIP_INDEX_URL` when an import needs it and it is not set. */
export async function prepareImport(
  { project, index }: ImportFlags,
): Promise<void> {
  if (!project || index) return;
  await prepareIndex("--index");
  await addCredentials();
}

/**
 * Sets `PIP_INDEX_URL` to pip's index when it is not set.
 *
 * @param flag The flag that names an index, for the message.
 */
export async function prepareIndex(flag: string): Promise<void> {
  if (Deno.env.get(INDEX_VARIABLE)) return;
  const found = await ask("../tools/pip_index.ts", [`--allow-run=${PIP_PROGRAMS.join(",")}`]);
  if (found === null) throw new Error(`Cannot find pip's index; name it with ${flag}=URL`);
  Deno.env.set(INDEX_VARIABLE, found);
}

/**
 * Adds user and password to an index that is named without them, where pip would find some.
 *
 * @param index The index that a flag names; by default that of `PIP_INDEX_URL`.
 */
export async function addCredentials(index?: PackageIndex): Promise<void> {
  if (index) {
    if (index.headers["authorization"] && index.userOnly === undefined) return;
    const url = new URL(index.url);
    url.username = encodeURIComponent(index.userOnly ?? "");
    Deno.env.set(INDEX_VARIABLE, url.href);
  }
  // Where a netrc file is only NETRC says, which the launcher does not read.
  const found = await ask("../tools/index_credentials.ts", [
    "--allow-read",
    `--allow-env=${[INDEX_VARIABLE, ...NETRC_VARIABLES].join(",")}`,
    `--allow-run=${KEYRING}`,
  ]);
  if (found === null) throw new Error("Cannot look up user and password of the package index");
  Deno.env.set(INDEX_VARIABLE, found);
}

/** What a module prints, run by itself; `null` if it fails. */
async function ask(module: string, permissions: readonly string[]): Promise<string | null> {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const { success, stdout } = await new Deno.Command("deno", {
    args: ["run", "--quiet", "--no-prompt", ...permissions, path],
    stderr: "inherit",
  }).output();
  return success ? new TextDecoder().decode(stdout).trim() : null;
}
