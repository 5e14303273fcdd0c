/**
 * Finds out which hosts `witness` may connect to: those of the logs that its
 * database has a URL of. A process that may use that database and nothing else
 * is asked for them before the witness starts.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { DatabaseFlags } from "../witness/database_flags.ts";
import { command } from "../witness/log_hosts.ts";
import { permissionFlags } from "./permission_flags.ts";

const MODULE = new URL("../witness/log_hosts.ts", import.meta.url);
const CONFIG = new URL("../deno.json", import.meta.url);

/**
 * The hosts of the logs in a witness's database.
 *
 * @param flags Which database.
 * @throws {Error} If it cannot be used, as the witness itself would say.
 */
export async function prepareWitness(
  { databasePath, databaseUrlFile }: DatabaseFlags,
): Promise<string[]> {
  const permissions = await command.permissions({ databasePath, databaseUrlFile });
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--frozen",
      `--config=${fileURLToPath(CONFIG)}`,
      ...permissionFlags(permissions, Deno.cwd()),
      fileURLToPath(MODULE),
      ...(databasePath === undefined ? [] : [`--database-path=${databasePath}`]),
      ...(databaseUrlFile === undefined ? [] : [`--database-url-file=${databaseUrlFile}`]),
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(text(stderr).replace(`${command.name}: `, ""));
  return text(stdout).split("\n").filter((host) => host !== "");
}
