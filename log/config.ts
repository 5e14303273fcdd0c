/**
 * The log's command line, and what it may touch for its flags.
 *
 * @module
 */

import { type Command, parseDuration, type Permissions, UsageError } from "@indelible/core/command";
import { fileURLToPath } from "node:url";
import { isLoopback } from "./access.ts";
import type { LogFormat } from "./logger.ts";

/** The flags of `deno task log`. */
export type LogFlags = {
  readonly storageDir: string;
  readonly privateKey: readonly string[];
  readonly publicKey: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly publishers?: string | undefined;
  readonly policy?: string | undefined;
  readonly witnessUrl?: string | undefined;
  readonly witnessPublicKey?: string | undefined;
  readonly witnessTimeout: number;
  readonly witnessFailOpen: boolean;
  readonly batchInterval: number;
  readonly maxPending: number;
  readonly freeSpaceFloor: number;
  readonly bodyTimeout: number;
  readonly logFormat: LogFormat;
  readonly evidence?: string | undefined;
};

/** The flags that `log` and `start` share. */
export const SERVE_FLAGS = {
  host: {
    kind: "parsed",
    parse: String,
    brief: "Address to listen on; without --publishers only a loopback one",
    default: "127.0.0.1",
  },
  port: {
    kind: "parsed",
    parse: parsePort,
    brief: "Port to listen on; 0 picks a free one",
    default: "8080",
  },
  batchInterval: {
    kind: "parsed",
    parse: parseWait,
    brief: "Time between checkpoints while busy; a lone add is answered at once",
    default: "1s",
  },
  maxPending: {
    kind: "parsed",
    parse: (text: string) => parseCount(text, "--max-pending"),
    brief: "How many adds may wait before more are answered 503",
    default: "16384",
  },
  freeSpaceFloor: {
    kind: "parsed",
    parse: (text: string) => parseCount(text, "--free-space-floor"),
    brief: "Refuse new entries when the disk has fewer MiB free",
    default: "64",
  },
  bodyTimeout: {
    kind: "parsed",
    parse: parseWait,
    brief: "In how long a request's body must have come; of a bulk one, each 8 MiB of it",
    default: "30s",
  },
  logFormat: {
    kind: "enum",
    values: ["text", "json"],
    brief: "How log lines are written to standard error",
    default: "text",
  },
} as const;

const path = (brief: string) =>
  ({ kind: "parsed", parse: String, placeholder: "F", brief }) as const;

/** `deno task log`, but for what it does: that is `main.ts`. */
export const LOG_COMMAND: Omit<Command<LogFlags>, "run"> = {
  name: "log",
  brief: "Runs a log: takes entries, publishes checkpoints, serves tiles and proofs.",
  description: "Runs a log: takes entries, publishes checkpoints, serves tiles and proofs.\n\n" +
    "Example: deno task log --storage-dir=data --private-key=private.key --public-key=public.key",
  parameters: {
    flags: {
      storageDir: {
        kind: "parsed",
        parse: String,
        placeholder: "DIR",
        brief: "Folder of the log: tiles, checkpoint and ledger; made if missing",
      },
      privateKey: {
        ...path("The log's private key; repeat for further signatures, the first is Ed25519"),
        variadic: true,
      },
      publicKey: {
        ...path("The log's public key, compared with the private one; repeat for former keys"),
        variadic: true,
      },
      ...SERVE_FLAGS,
      publishers: {
        ...path("Who may write: a file of names and token digests (see publisher-add)"),
        optional: true,
      },
      policy: { ...path("The witnesses and their quorum: a C2SP policy file"), optional: true },
      witnessUrl: {
        kind: "parsed",
        parse: String,
        placeholder: "URL",
        brief: "One witness instead of --policy: its URL",
        optional: true,
      },
      witnessPublicKey: {
        ...path("One witness instead of --policy: its public key"),
        optional: true,
      },
      witnessTimeout: {
        kind: "parsed",
        parse: parseWait,
        brief: "How long each witness has to answer",
        default: "5s",
      },
      evidence: {
        kind: "parsed",
        parse: String,
        placeholder: "DIR",
        brief: "A monitor's folder of evidence, which the log's page shows",
        optional: true,
      },
      witnessFailOpen: {
        kind: "boolean",
        brief: "Publish even without the quorum; the page says so",
        default: false,
      },
    },
  },
  permissions: logPermissions,
};

/** Deno asks for read access to a worker's module and all that it imports. */
const WORKER_SOURCES = ["./", "../core/"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url))
);

/** What a log may touch: its folder, its files, its address, its witnesses. */
export async function logPermissions(flags: LogFlags): Promise<Permissions> {
  checkFlags(flags);
  const files = [
    ...flags.privateKey,
    ...flags.publicKey,
    ...[flags.publishers, flags.policy, flags.witnessPublicKey, flags.evidence].filter((file) =>
      file !== undefined
    ),
  ];
  const urls = flags.witnessUrl === undefined ? [] : [flags.witnessUrl];
  if (flags.policy !== undefined) urls.push(...await witnessUrls(flags.policy));
  return {
    read: [flags.storageDir, ...files, ...WORKER_SOURCES],
    write: [flags.storageDir],
    net: [`${bracketed(flags.host)}:${flags.port}`, ...urls.map(hostOf)],
    sys: ["statfs"],
  };
}

/**
 * Checks what flags together must fulfil.
 *
 * @throws {UsageError} If they do not.
 */
export function checkFlags(
  { host, publishers, policy, witnessUrl, witnessPublicKey }: Pick<
    LogFlags,
    "host" | "publishers" | "policy" | "witnessUrl" | "witnessPublicKey"
  >,
): void {
  if (publishers === undefined && !isLoopback(host)) {
    throw new UsageError(
      `--host=${host} is not a loopback address: give --publishers, so that only they can write`,
    );
  }
  if ((witnessUrl === undefined) !== (witnessPublicKey === undefined)) {
    throw new UsageError("--witness-url and --witness-public-key go together");
  }
  if (policy !== undefined && witnessUrl !== undefined) {
    throw new UsageError("--policy and --witness-url exclude each other");
  }
}

/** The URLs of witnesses in a policy file; the log itself parses it properly. */
async function witnessUrls(policy: string): Promise<string[]> {
  let text: string;
  try {
    text = new TextDecoder("latin1").decode(await Deno.readFile(policy));
  } catch (error) {
    throw cannotRead("--policy", policy, error);
  }
  return text.split("\n").flatMap((line) => {
    const [keyword, , , url] = line.trim().split(/[ \t]+/);
    return keyword === "witness" && url !== undefined ? [url] : [];
  });
}

/** Why a file that a flag names cannot be read, in one sentence. */
export function cannotRead(flag: string, file: string, error: unknown): Error {
  const missing = error instanceof Deno.errors.NotFound;
  const why = missing ? "there is no such file" : (error as Error).message;
  return new Error(`Cannot read ${flag} ${file}: ${why}`);
}

function hostOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new UsageError(`The witness URL "${url}" is not a URL`);
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new UsageError(`The witness URL "${url}" must start with https:// or http://`);
  }
  const port = parsed.port || (parsed.protocol === "https:" ? "443" : "80");
  return `${parsed.hostname}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** A duration for a timer: one beyond 31 bits would ring at once. */
function parseWait(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < 2 ** 31) return milliseconds;
  throw new SyntaxError("must be at most 24d");
}

function parsePort(text: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Infinity;
  if (port > 65535) throw new SyntaxError(`--port must be 0 to 65535: received "${text}"`);
  return port;
}

function parseCount(text: string, flag: string): number {
  if (/^(?:0|[1-9][0-9]{0,8})$/.test(text)) return Number(text);
  throw new SyntaxError(`${flag} must be a whole number: received "${text}"`);
}
