/**
 * Asks pip for its index before `import` or a proxy starts, in a process that may run pip
 * and nothing else, so that they themselves may run nothing and reach that index
 * only. The answer travels as `PIP_INDEX_URL`: it may hold a password, which has
 * no place among arguments.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { ImportFlags } from "../tools/import.ts";
import { INDEX_VARIABLE, PIP_PROGRAMS } from "../tools/pip_index.ts";

const MODULE = new URL("../tools/pip_index.ts", import.meta.url);

/** Sets `PIP_INDEX_URL` when an import needs it and it is not set. */
export async function prepareImport(
  { project, index }: ImportFlags,
): Promise<void> {
  if (project && !index) await prepareIndex("--index");
}

/**
 * Sets `PIP_INDEX_URL` to pip's index when it is not set.
 *
 * @param flag The flag that names an index, for the message.
 */
export async function prepareIndex(flag: string): Promise<void> {
  if (Deno.env.get(INDEX_VARIABLE)) return;
  const { success, stdout } = await new Deno.Command("deno", {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--allow-run=${PIP_PROGRAMS.join(",")}`,
      fileURLToPath(MODULE),
    ],
    stderr: "inherit",
  }).output();
  if (!success) {
    throw new Error(`Cannot find pip's index; name it with ${flag}=URL`);
  }
  Deno.env.set(INDEX_VARIABLE, new TextDecoder().decode(stdout).trim());
}
