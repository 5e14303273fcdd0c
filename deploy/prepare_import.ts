/**
 * Asks pip for its index before `import` starts, in a process that may run pip
 * and nothing else, so that `import` itself may run nothing and reach that index
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
  if (!project || index || Deno.env.get(INDEX_VARIABLE)) return;
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
    throw new Error("Cannot find pip's index; name it with --index=URL");
  }
  Deno.env.set(INDEX_VARIABLE, new TextDecoder().decode(stdout).trim());
}
