/**
 * Prints the hosts of the logs in a witness's database, a line each: where the
 * witness will ask at its start what they publish. The launcher runs this before
 * it, so that the witness itself may connect to those hosts and no others
 * (`deploy/prepare_witness.ts`).
 *
 * @module
 */

import type { Command } from "@indelible/core/command";
import {
  DATABASE_FLAGS,
  type DatabaseFlags,
  databasePermissions,
  openExisting,
} from "./database_flags.ts";
import { hostOf } from "./logs.ts";
import { runMain } from "./process.ts";

/** The command line, which nobody types. */
export const command: Command<DatabaseFlags> = {
  name: "witness-log-hosts",
  brief: "Print the hosts of the logs that a witness knows",
  parameters: { flags: DATABASE_FLAGS },
  permissions: (flags) => databasePermissions(flags),
  async run(flags) {
    const store = await openExisting(flags);
    if (!store) return 0; // The witness will make it: it knows no logs.
    try {
      const urls = (await store.list()).flatMap(({ url }) => url ?? []);
      for (const host of new Set(urls.map(hostOf))) console.log(host);
      return 0;
    } finally {
      await store.close();
    }
  },
};

if (import.meta.main) await runMain(command);
