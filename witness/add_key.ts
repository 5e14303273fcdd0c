/**
 * `witness-add-key`: adds a key to those that the witness trusts for a log. A
 * running witness takes it at the next request.
 *
 * @module
 */

import { formatVkey, parseVkey } from "@indelible/core";
import type { Command } from "@indelible/core/command";
import {
  DATABASE_FLAGS,
  type DatabaseFlags,
  databasePermissions,
  fileFlag,
  joinPermissions,
  openDatabase,
} from "./database_flags.ts";
import { checkLog, parseHttpUrl } from "./logs.ts";
import { parseFile, runMain } from "./process.ts";
import { logId } from "./store.ts";

/** Flags of `witness-add-key`. */
export type AddKeyFlags = DatabaseFlags & {
  /** The log's public key. */
  readonly publicKey: string;
  /** The log's origin, where it is not the key's name. */
  readonly origin?: string | undefined;
  /** Where the log is served. */
  readonly url?: string | undefined;
};

/** The command line of `witness-add-key`. */
export const command: Command<AddKeyFlags> = {
  name: "witness-add-key",
  brief: "Let a witness cosign a log: add a key that it trusts for the log",
  description: [
    "Adds a key to those that the witness trusts for a log. Called again with another key of the",
    "same log it adds that one too, as a rotation of keys needs. A log that was disabled is",
    "enabled again. With --url the witness asks the log, whenever it starts, what it publishes, and",
    "so notices a database that was restored from an old backup.",
    "",
    "Example:",
    "  deno task witness-add-key --database-path=witness.db --public-key=public.key \\",
    "    --url=https://log.example",
  ].join("\n"),
  parameters: {
    flags: {
      ...DATABASE_FLAGS,
      publicKey: fileFlag("The log's public key"),
      origin: {
        kind: "parsed",
        parse: String,
        brief: "The log's origin, if it is not the name of its key",
        optional: true,
      },
      url: {
        kind: "parsed",
        parse: parseHttpUrl,
        brief: "Where the log is served; in place of the last one given",
        optional: true,
      },
    },
  },
  async permissions(flags) {
    const database = await databasePermissions(flags);
    return joinPermissions(database, { read: [flags.publicKey] });
  },
  async run(flags) {
    const key = await parseFile(flags.publicKey, "--public-key", parseVkey);
    const origin = flags.origin ?? key.name;
    const store = await openDatabase(flags);
    try {
      const vkey = formatVkey(key);
      const record = await store.read(logId(origin));
      const vkeys = [...record?.vkeys ?? [], vkey];
      checkLog({ origin, vkeys }, await store.bindName(null));
      const changed = await store.register(origin, [vkey], flags.url);
      console.log(
        changed
          ? `The witness trusts the key ${key.name}+${key.keyId} for the log ${origin}`
          : `The key ${key.name}+${key.keyId} was trusted for the log ${origin} already`,
      );
      if (flags.url !== undefined) {
        console.log(`At its next start it asks ${flags.url} what that log publishes`);
      } else if (flags.databaseUrlFile !== undefined && !record?.url) {
        console.error(
          "witness-add-key: without --url the witness starts with this log only beside a " +
            "--high-water-path: nothing else would show that the database went back",
        );
      }
      return 0;
    } finally {
      await store.close();
    }
  },
};

if (import.meta.main) await runMain(command);
