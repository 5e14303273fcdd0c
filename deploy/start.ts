/**
 * `deno task start`: a log and a witness of it in one command, to try things
 * out. The first start makes the keys; every start serves the log that is in the
 * data folder. Keys and log belong together for ever: when one is there without
 * the other, nothing is made anew. A first start that came to no end goes on with
 * the keys that it made.
 *
 * A witness on the log's own machine shows how cosigned receipts work. It
 * protects nobody: whoever has this machine has both keys.
 *
 * @module
 */

import {
  formatVkey,
  KeyType,
  parsePolicy,
  parseSkey,
  type SignerKey,
  signerKey,
  utf8,
} from "@indelible/core";
import type { Command } from "@indelible/core/command";
import { LOG_COMMAND, type LogFlags, runLog, SERVE_FLAGS } from "@indelible/log";
import { behindHighWater, createWitness, FileWatch, HighWater } from "@indelible/witness";
import { basename, join } from "node:path";
import { writeNew } from "../tools/files.ts";
import { type KeyPaths, writeKeyPair } from "../tools/key_files.ts";
import { runMain } from "../tools/main.ts";
import { SqliteStore } from "../witness/store_sqlite.ts";
import { runAlone } from "./running.ts";

type StartFlags =
  & Pick<
    LogFlags,
    | "host"
    | "port"
    | "batchInterval"
    | "maxPending"
    | "freeSpaceFloor"
    | "bodyTimeout"
    | "logFormat"
  >
  & { readonly data: string; readonly witnessPort: number };

const WITNESS_HOST = "127.0.0.1";
/** Milliseconds that closing the witness may take. */
const PATIENCE = 200;

/** The program. */
export const command: Command<StartFlags> = {
  name: "start",
  brief: "Starts a log and a witness to try out: keys are made on the first start.",
  description:
    "Starts a log, and a local witness that cosigns it, to try out. Keys are made on the " +
    "first start;\neverything is under --data. For a log that others rely on, see docs/operations.md.",
  parameters: {
    flags: {
      data: {
        kind: "parsed",
        parse: String,
        placeholder: "DIR",
        brief: "Folder of keys and log",
        default: "data",
      },
      ...SERVE_FLAGS,
      witnessPort: {
        ...SERVE_FLAGS.port,
        brief: "Port of the local witness; 0 picks a free one",
        default: "0",
      },
    },
  },
  async permissions(flags) {
    const { read = [], write = [], net = [], ...rest } = await LOG_COMMAND.permissions(
      logFlags(flags),
    );
    // The witness listens and is asked on a port of this machine that is picked when it starts.
    const witness = flags.witnessPort === 0 ? WITNESS_HOST : `${WITNESS_HOST}:${flags.witnessPort}`;
    return {
      ...rest,
      read: [...read, flags.data],
      write: [...write, flags.data],
      net: net === true ? net : [...net, witness],
    };
  },
  async run(flags) {
    const log = logFlags(flags);
    // Whoever runs on the folder already can say more than that a port is taken; on a
    // new folder, a port that is taken must leave nothing behind.
    const isNew = !await exists(flags.data);
    using before = isNew ? null : runAlone(flags.data);
    await using port = listenForWitness(flags);
    using after = isNew ? runAlone(flags.data) : null;
    const running = before ?? after!;
    await makeKeysOnFirstStart(flags, log);
    const vkey = (await Deno.readTextFile(log.publicKey[0]!)).trim();
    await using witness = await startWitness(flags, vkey, port);
    const policy = parsePolicy(utf8(policyText(vkey, witness.vkey, port.url)));
    const ended = runLog(log, {
      policy,
      onListen(url) {
        // From here on the log may have entries: without it, its keys are no new ones.
        endFirstStart(flags);
        running.listensOn(url);
        console.log(greeting(flags, url, vkey));
      },
    });
    return await Promise.race([ended, witness.lost]);
  },
};

function logFlags({ data, witnessPort: _, ...serve }: StartFlags): LogFlags {
  return {
    ...serve,
    storageDir: join(data, "log"),
    privateKey: [join(data, "private.key")],
    publicKey: [join(data, "public.key")],
    witnessTimeout: 5000,
    witnessFailOpen: false,
  };
}

const witnessFiles = ({ data }: StartFlags) => ({
  privateKeyPath: join(data, "witness-private.key"),
  publicKeyPath: join(data, "witness-public.key"),
  database: join(data, "witness.sqlite"),
  policy: join(data, "policy"),
});

/**
 * Keys on their way into place. The folder is there from before the first of them
 * until the log first listens, and says that no log can have been lost yet.
 */
const firstStart = ({ data }: StartFlags) => join(data, "first-start");

function endFirstStart(flags: StartFlags): void {
  try {
    Deno.removeSync(firstStart(flags), { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  syncFolder(flags.data);
}

async function makeKeysOnFirstStart(
  flags: StartFlags,
  { storageDir, privateKey, publicKey }: LogFlags,
): Promise<void> {
  const keys = { privateKeyPath: privateKey[0]!, publicKeyPath: publicKey[0]! };
  const witness = witnessFiles(flags);
  const hasKeys = await exists(keys.privateKeyPath) || await exists(keys.publicKeyPath);
  const hasLog = await exists(join(storageDir, "ledger.sqlite")) ||
    await exists(join(storageDir, "checkpoint"));
  if (hasKeys && hasLog) {
    if (await exists(witness.privateKeyPath) && await exists(witness.database)) return;
    throw new Error(
      `There is a log in ${storageDir} but not its witness's ${witness.privateKeyPath} and ` +
        `${witness.database}: restore them, or run the log alone with \`deno task log\``,
    );
  }
  if (hasLog) {
    throw new Error(
      `There is a log in ${storageDir} but no key ${keys.privateKeyPath}: restore the key, ` +
        "a new one would not be this log's",
    );
  }
  const begun = firstStart(flags);
  const paths = [
    witness.privateKeyPath,
    witness.publicKeyPath,
    witness.policy,
    keys.publicKeyPath,
    keys.privateKeyPath,
  ];
  const inPlace = await firstOf(paths, exists);
  if (inPlace === undefined) await writeNewKeys(begun, keys, witness);
  // None is in place before all are written: what is in the folder is whole now.
  for (const path of paths) {
    const waiting = join(begun, basename(path));
    if (!await exists(path) && await exists(waiting)) await Deno.rename(waiting, path);
  }
  syncFolder(flags.data);
  const lost = await firstOf(paths, async (path) => !await exists(path));
  if (lost === undefined && await exists(begun)) return;
  throw new Error(
    `There is a key ${inPlace} but no log in ${storageDir}: restore the log, ` +
      `or remove the folder ${flags.data} if it never had an entry`,
  );
}

/** Writes the keys of a log and its witness, and their policy, into a new folder. */
async function writeNewKeys(folder: string, logPaths: KeyPaths, witnessPaths: KeyPaths) {
  if (await exists(folder)) await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(folder, { recursive: true });
  const within = ({ privateKeyPath, publicKeyPath }: KeyPaths): KeyPaths => ({
    privateKeyPath: join(folder, basename(privateKeyPath)),
    publicKeyPath: join(folder, basename(publicKeyPath)),
  });
  const id = crypto.getRandomValues(new Uint8Array(4)).toHex();
  const witnessKey = newKey(`indelible.local/${id}/witness`, KeyType.ed25519Cosignature);
  const logKey = newKey(`indelible.local/${id}`, KeyType.ed25519);
  writeKeyPair(witnessKey, within(witnessPaths));
  writeKeyPair(logKey, within(logPaths));
  const policy = policyText(formatVkey(logKey), formatVkey(witnessKey));
  writeNew(join(folder, "policy"), utf8(policy), 0o644);
  syncFolder(folder);
}

function syncFolder(path: string): void {
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}

/** The first path that a test holds for. */
async function firstOf(
  paths: readonly string[],
  test: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const path of paths) if (await test(path)) return path;
  return undefined;
}

function newKey(name: string, type: KeyType): SignerKey {
  return signerKey(name, type, crypto.getRandomValues(new Uint8Array(32)));
}

/** Whom users of this log trust; the log itself also needs to know where the witness is. */
function policyText(logVkey: string, witnessVkey: string, url?: string): string {
  const witness = ["witness", "local", witnessVkey, ...(url === undefined ? [] : [url])];
  return `log ${logVkey}\n${witness.join(" ")}\nquorum local\n`;
}

/** The witness's address, taken before there is a witness. */
interface WitnessPort extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Lets requests in. */
  open(handler: (request: Request) => Response | Promise<Response>): void;
}

function listenForWitness({ witnessPort: port }: StartFlags): WitnessPort {
  let handle = (_request: Request): Response | Promise<Response> =>
    new Response(null, { status: 503 });
  let server: Deno.HttpServer<Deno.NetAddr>;
  let closing: Promise<void> | undefined;
  try {
    server = Deno.serve(
      { hostname: WITNESS_HOST, port, onListen: () => {} },
      (request) => handle(request),
    );
  } catch (error) {
    throw new Error(
      `Cannot listen on --witness-port=${port} of ${WITNESS_HOST}: ${(error as Error).message}`,
    );
  }
  return {
    url: `http://${WITNESS_HOST}:${server.addr.port}`,
    open(handler) {
      handle = handler;
    },
    [Symbol.asyncDispose]() {
      // A request that hangs must not hold up the end.
      return closing ??= Promise.race([server.shutdown(), delay(PATIENCE)]);
    },
  };
}

async function startWitness(flags: StartFlags, logVkey: string, port: WitnessPort) {
  const { privateKeyPath, database } = witnessFiles(flags);
  const key = parseSkey((await Deno.readTextFile(privateKeyPath)).trim());
  const origin = logVkey.split("+")[0]!;
  const keys = [key];
  const logs = [{ origin, vkeys: [logVkey] }];
  const highWater = HighWater.open(`${database}.high-water`);
  const store = new SqliteStore(database);
  const found = behindHighWater(await store.list(), highWater);
  if (found.length > 0) {
    throw new Error(
      `${database} is older than what the local witness has cosigned: ${found.join("; ")}. ` +
        `Restore the newest ${flags.data}`,
    );
  }
  const lost = Promise.withResolvers<string>();
  const { fetch } = await createWitness({
    store,
    keys,
    logs,
    onCommitted: (origin, size) => highWater.raise(origin, size),
    onLost: ({ message }) => lost.resolve(message),
  });
  const watch = new FileWatch([database, `${database}.high-water`]);
  watch.gone.then(lost.resolve);
  port.open((request) => fetch(request));
  return {
    vkey: formatVkey(key),
    /** Without the witness nothing is published, so it ends with the log. */
    lost: lost.promise.then((why): never => {
      throw new Error(
        `The local witness is lost: ${why}. Restore the newest ${flags.data}, or remove that ` +
          "folder to start over, if nobody relies on this log",
      );
    }),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await port[Symbol.asyncDispose]();
      await store.close();
      highWater[Symbol.dispose]();
    },
  };
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function greeting(flags: StartFlags, url: string, vkey: string): string {
  const [origin] = vkey.split("+");
  const body = JSON.stringify({
    filename: "hello-1.0.tar.gz",
    checksum: `sha256:${"5".repeat(64)}`,
  });
  return [
    `origin  ${origin}`,
    `vkey    ${vkey}`,
    `url     ${url}`,
    `policy  ${witnessFiles(flags).policy}  (the log and its local witness)`,
    `stop    Ctrl-C, or kill ${Deno.pid}`,
    "",
    "Log a file, from another terminal:",
    `  curl ${url}/add -H 'Content-Type: application/json' -d '${body}'`,
    "",
  ].join("\n");
}

if (import.meta.main) await runMain(command);
