/**
 * `witness-list`: the logs in a witness's database.
 *
 * @module
 */

import { encodeBase64, parseVkey } from "@indelible/core";
import type { Command } from "@indelible/core/command";
import {
  DATABASE_FLAGS,
  type DatabaseFlags,
  databasePermissions,
  openOrFail,
} from "./database_flags.ts";
import { runMain } from "./process.ts";
import { logId, type LogRecord } from "./store.ts";

/** Flags of `witness-list`. */
export type ListFlags = DatabaseFlags & {
  /** Whether to print JSON. */
  readonly json: boolean;
};

/** The command line of `witness-list`. */
export const command: Command<ListFlags> = {
  name: "witness-list",
  brief: "List the logs that a witness knows",
  description: [
    "Lists the logs in a witness's database: whether they are cosigned, what was cosigned last,",
    "their URLs and keys. A database that is not there is not made.",
    "",
    "Example:",
    "  deno task witness-list --database-path=witness.db",
  ].join("\n"),
  parameters: {
    flags: {
      ...DATABASE_FLAGS,
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one JSON object a log",
      },
    },
  },
  permissions: (flags) => databasePermissions(flags),
  async run(flags) {
    const store = await openOrFail(flags);
    try {
      const records = await store.list();
      for (const record of records) {
        console.log(flags.json ? JSON.stringify(asJson(record)) : asText(record));
      }
      if (records.length === 0 && !flags.json) console.log("no logs");
      return 0;
    } finally {
      await store.close();
    }
  },
};

function asText({ origin, vkeys, url, disabled, cosigned }: LogRecord): string {
  const state = disabled ? "disabled" : vkeys.length > 0 ? "enabled" : "no key";
  const head = cosigned ? `size ${cosigned.size} at ${timeOf(cosigned.time)}` : "never cosigned";
  const keys = vkeys.map((vkey) => {
    const { name, keyId } = parseVkey(vkey);
    return `\n  key  ${name}+${keyId}`;
  });
  const served = url === null ? "" : `\n  url  ${url}`;
  return `${origin}  ${state}, ${head}${served}${keys.join("")}`;
}

function asJson({ origin, vkeys, url, disabled, cosigned }: LogRecord): unknown {
  return {
    origin,
    id: logId(origin),
    url,
    disabled,
    vkeys,
    cosigned: cosigned && {
      size: `${cosigned.size}`,
      root: encodeBase64(cosigned.root),
      time: timeOf(cosigned.time),
    },
  };
}

function timeOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1_000).toISOString();
}

if (import.meta.main) await runMain(command);
