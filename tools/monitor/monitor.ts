/**
 * `monitor`: follows logs, checks all that they say, and tells.
 *
 * @module
 */

import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { Interrupted, interruptible, runMain } from "../main.ts";
import {
  checkMonitorFlags,
  loadRules,
  MONITOR_FLAGS,
  type MonitorFlags,
  monitorPermissions,
} from "./flags.ts";
import { startLogging } from "./logging.ts";
import { followedLogs, namedLogs } from "./logs.ts";
import { runMonitor } from "./run.ts";

/** The command line of `monitor`. */
export const command: Command<MonitorFlags> = {
  name: "monitor",
  brief: "Follow logs, check all that they say, and tell what is wrong",
  description: [
    "Proves each checkpoint consistent with the last, computes every leaf and the root again,",
    "checks that each file has one digest over the whole history, and tells of what rules watch.",
    "Alerts go to the log lines and wherever flags say, each once; what is proven is kept in",
    "DIR/evidence. With --once it ends with 1 if a log could not be verified, or if it told of",
    "something critical.",
    "",
    "Examples:",
    "  deno task monitor --log=https://log.example --policy=log.policy --state=state --once",
    "  deno task monitor --log=https://log.example --policy=log.policy --state=state --follow \\",
    "    --guard=my-project --webhook=https://hooks.example/x --webhook-secret-file=hook.secret",
    "  deno task monitor authorize dist/* --state=state",
  ].join("\n"),
  parameters: { flags: MONITOR_FLAGS },
  permissions: monitorPermissions,
  async run(flags) {
    checkMonitorFlags(flags);
    const rules = await loadRules(flags);
    const logs = await followedLogs(await namedLogs(flags));
    const logger = startLogging(flags.logFormat);
    try {
      const well = await interruptible((signal) =>
        runMonitor({ flags, rules, logs, logger, signal })
      );
      return well ? 0 : EXIT_FAILURE;
    } catch (error) {
      if (error instanceof Interrupted && flags.follow) return 0;
      throw error;
    }
  },
};

if (import.meta.main) await runMain(command);
