/**
 * `proxy install` as a program.
 *
 * @module
 */

import { runMain } from "../main.ts";
import { installCommand } from "./install_command.ts";

/** The program. */
export const command: typeof installCommand = installCommand;

if (import.meta.main) await runMain(command);
