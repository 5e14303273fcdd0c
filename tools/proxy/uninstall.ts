/**
 * `proxy uninstall` as a program.
 *
 * @module
 */

import { runMain } from "../main.ts";
import { uninstallCommand } from "./install_command.ts";

/** The program. */
export const command: typeof uninstallCommand = uninstallCommand;

if (import.meta.main) await runMain(command);
