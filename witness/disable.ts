/**
 * `witness-disable`: stops cosigning a log, or starts again. What was cosigned
 * of it is remembered, so it cannot come back with another history.
 *
 * @module
 */

import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import {
  DATABASE_FLAGS,
  type DatabaseFlags,
  databasePermissions,
  openOrFail,
} from "./database_flags.ts";
import { runMain } from "./process.ts";
import { logId } from "./store.ts";

/** Flags of `witness-disable`. */
export type DisableFlags = DatabaseFlags & {
  /** The log's origin. */
  readonly origin: string;
  /** Whether to start again. */
  readonly enable: boolean;
};

/** The command line of `witness-disable`. */
export const command: Command<DisableFlags> = {
  name: "witness-disable",
  brief: "Stop cosigning a log, or start again with --enable",
  description: [
    "Stops cosigning a log that the database knows; a running witness obeys at the next request.",
    "What was cosigned is remembered. A log of the --log-list is known once it was cosigned; before",
    "that, remove its line.",
    "",
    "Example:",
    "  deno task witness-disable --database-path=witness.db --origin=log.example/main",
  ].join("\n"),
  parameters: {
    flags: {
      ...DATABASE_FLAGS,
      origin: { kind: "parsed", parse: String, brief: "The log's origin" },
      enable: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Cosign it again",
      },
    },
  },
  permissions: (flags) => databasePermissions(flags),
  async run({ origin, enable, ...database }) {
    const store = await openOrFail(database);
    try {
      if (await store.read(logId(origin)) === null) {
        throw new Error(
          `There is no log ${origin} in the database; witness-list shows those that are`,
        );
      }
      if (await store.disable(origin, !enable)) {
        console.log(`The log ${origin} is ${enable ? "enabled" : "disabled"}`);
        return 0;
      }
      console.error(
        `The log ${origin} was not ${enable ? "disabled" : "enabled"}`,
      );
      return EXIT_FAILURE;
    } finally {
      await store.close();
    }
  },
};

if (import.meta.main) await runMain(command);
