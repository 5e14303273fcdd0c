/**
 * `deno task run`: the tools' `run`, with a log of this project for what was seen
 * first (`--tofu`).
 *
 * @module
 */

import { runMain } from "../tools/main.ts";
import { runCommandLine } from "../tools/proxy/run_command.ts";
import { firstSeen } from "./first_seen_lazily.ts";

const run = runCommandLine(firstSeen.open);

/** The program. */
export const command: typeof run = {
  ...run,
  permissions: async (flags, ...words) =>
    firstSeen.permissions(flags, await run.permissions(flags, ...words)),
};

if (import.meta.main) await runMain(command);
