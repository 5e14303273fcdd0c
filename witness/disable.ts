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
  openDatabase,
} from "./database_flags.ts";
import { runMain } from "./process.ts";

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
    "Stops cosigning a log, also one of the --log-list; a running witness obeys at the next request.",
    "What was cosigned is remembered.",
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
    const store = await openDatabase(database);
    try {
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
