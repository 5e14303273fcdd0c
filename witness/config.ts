/**
 * The command line of `witness`, and what it may touch for its flags.
 *
 * @module
 */

import { type Command, type Permissions, UsageError } from "@indelible/core/command";
import {
  DATABASE_FLAGS,
  type DatabaseFlags,
  databasePermissions,
  fileFlag,
  joinPermissions,
} from "./database_flags.ts";
import { DEFAULT_FAILURES } from "./http.ts";
import type { LogFormat } from "./logger.ts";
import { hostOf, parseHttpUrl, parseLogList } from "./logs.ts";
import { readFile } from "./process.ts";

/** Flags of `witness`. */
export type WitnessFlags = DatabaseFlags & {
  /** The witness's private keys: Ed25519, ML-DSA-44, or one of each. */
  readonly privateKey: readonly string[];
  /** Their public keys, compared with them. */
  readonly publicKey?: readonly string[] | undefined;
  /** The address to listen on. */
  readonly host: string;
  /** The port to listen on. */
  readonly port: number;
  /** Where others reach the witness. */
  readonly url?: string | undefined;
  /** A file of logs to witness. */
  readonly logList?: string | undefined;
  /** Where the largest sizes are kept outside the database. */
  readonly highWaterPath?: string | undefined;
  /** Whether a store that went back is used nevertheless. */
  readonly acceptRollback: boolean;
  /** Failed requests that an address may make a minute. */
  readonly maxFailures: number;
  /** How log lines are written. */
  readonly logFormat: LogFormat;
};

/** The high-water file of a witness; `null` where none is kept. */
export function highWaterPath(
  { highWaterPath, databasePath }: WitnessFlags,
): string | null {
  return highWaterPath ??
    (databasePath === undefined ? null : `${databasePath}.high-water`);
}

function parseNumber(text: string, most: number): number {
  if (/^(0|[1-9][0-9]*)$/.test(text) && Number(text) <= most) {
    return Number(text);
  }
  throw new Error(`it must be a number from 0 to ${most}, not "${text}"`);
}

/** Hosts of the listed logs, which are asked at start what they publish. */
async function logHosts(logList: string | undefined): Promise<string[]> {
  if (logList === undefined) return [];
  const logs = parseLogList(await readFile(logList, "--log-list"));
  return logs.flatMap(({ url }) => url === undefined ? [] : [hostOf(url)]);
}

/** `witness`, but for what it does: that is `main.ts`. */
export const WITNESS_COMMAND: Omit<Command<WitnessFlags>, "run"> = {
  name: "witness",
  brief: "Run a witness: cosign checkpoints of logs that only grow",
  description: [
    "Runs a C2SP tlog-witness. At its start it prints its policy line for those who trust it:",
    "witness NAME VKEY URL. Logs are added with witness-add-key or listed in --log-list, which is",
    "read again on SIGHUP.",
    "",
    "Example:",
    "  deno task witness --database-path=witness.db \\",
    "    --private-key=witness-private.key --public-key=witness-public.key",
  ].join("\n"),
  parameters: {
    flags: {
      ...DATABASE_FLAGS,
      privateKey: {
        ...fileFlag("The private key; twice for an Ed25519 and an ML-DSA-44 key"),
        variadic: true,
      },
      publicKey: {
        ...fileFlag("The public key, compared with the private one"),
        variadic: true,
        optional: true,
      },
      host: {
        kind: "parsed",
        parse: String,
        default: "127.0.0.1",
        brief: "Address to listen on",
      },
      port: {
        kind: "parsed",
        parse: (text: string) => parseNumber(text, 65_535),
        default: "8081",
        brief: "Port to listen on; 0 picks a free one",
      },
      url: {
        kind: "parsed",
        parse: parseHttpUrl,
        brief: "Where others reach the witness, for its policy line",
        optional: true,
      },
      logList: {
        ...fileFlag("Logs to witness: <origin> <vkey> [<url>] a line"),
        optional: true,
      },
      highWaterPath: {
        ...fileFlag(
          "Where the largest sizes are kept; by default beside the database",
        ),
        optional: true,
      },
      acceptRollback: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Go on with a database that is older than what was cosigned",
      },
      maxFailures: {
        kind: "parsed",
        parse: (text: string) => parseNumber(text, 1_000_000),
        default: `${DEFAULT_FAILURES}`,
        brief: "Failed requests that an address may make a minute; 0 for any",
      },
      logFormat: {
        kind: "enum",
        values: ["text", "json"],
        default: "text",
        brief: "How log lines are written to standard error",
      },
    },
  },
  async permissions(flags): Promise<Permissions> {
    if (flags.privateKey.length === 0) {
      throw new UsageError("--private-key must name the witness's key");
    }
    const { logList, privateKey, publicKey = [], host, port } = flags;
    const mark = highWaterPath(flags);
    const marks = mark === null ? [] : [mark];
    return joinPermissions(await databasePermissions(flags), {
      read: [
        ...privateKey,
        ...publicKey,
        ...(logList === undefined ? [] : [logList]),
        ...marks,
      ],
      write: marks,
      net: [`${host}:${port}`, ...await logHosts(logList)],
    });
  },
};
