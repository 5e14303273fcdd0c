/**
 * `deno task why`: the tools' `why`, with a log of this project for what was seen
 * first (`--tofu`).
 *
 * @module
 */

import { runMain } from "../tools/main.ts";
import { whyCommand } from "../tools/proxy/why_command.ts";
import { firstSeen } from "./first_seen_lazily.ts";

const why = whyCommand(firstSeen.open);

/** The program. */
export const command: typeof why = {
  ...why,
  permissions: async (flags, file) =>
    firstSeen.permissions(flags, await why.permissions(flags, file)),
};

if (import.meta.main) await runMain(command);
