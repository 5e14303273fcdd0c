/**
 * `deno task proxy`: the tools' proxy, with a log of this project for what was
 * seen first (`--tofu`).
 *
 * @module
 */

import { runMain } from "../tools/main.ts";
import { proxyCommand } from "../tools/proxy/proxy_command.ts";
import { firstSeen } from "./first_seen_lazily.ts";

const proxy = proxyCommand(firstSeen.open);

/** The program. */
export const command: typeof proxy = {
  ...proxy,
  permissions: async (flags) => firstSeen.permissions(flags, await proxy.permissions(flags)),
};

if (import.meta.main) await runMain(command);
