/**
 * `witness`: reads keys and logs, opens the store, makes sure that it did not go
 * back, serves.
 *
 * @module
 */

import { formatVkey, parseSkey, parseVkey, type SignerKey } from "@indelible/core";
import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { highWaterPath, WITNESS_COMMAND, type WitnessFlags } from "./config.ts";
import { asWitnessKey } from "./cosigner.ts";
import { openDatabase } from "./database_flags.ts";
import { FileWatch } from "./file_watch.ts";
import { HighWater } from "./high_water.ts";
import { createWitness, type WitnessHandler } from "./http.ts";
import { type Logger, makeLogger } from "./logger.ts";
import { parseLogList, type TrustedLog } from "./logs.ts";
import { parseFile, readFile, runMain } from "./process.ts";
import { policyLines } from "./policy_lines.ts";
import { RollbackGuard } from "./rollback_guard.ts";

/** How long requests under way may take when the witness is stopped. */
const SHUTDOWN_TIMEOUT = 4_500;

/** The command line of `witness`. */
export const command: Command<WitnessFlags> = {
  ...WITNESS_COMMAND,
  run: runWitness,
};

async function runWitness(flags: WitnessFlags): Promise<number> {
  const keys = await readKeys(flags);
  const logs = await readLogList(flags);
  const logger = makeLogger(flags.logFormat, (line) => console.error(line));
  const mark = highWaterPath(flags);
  // Locks the database too: it is opened first, so a second witness ends here.
  using highWater = mark === null ? null : HighWater.open(mark);
  const store = await openDatabase(flags);
  try {
    const lost = Promise.withResolvers<string>();
    const guard = await RollbackGuard.start({
      store,
      keys,
      logs,
      highWater,
      logger,
      accepted: flags.acceptRollback,
      accepting: "--accept-rollback",
      onRollback: lost.resolve,
    });
    const handler = await createWitness({
      store,
      keys,
      logs,
      logger,
      maxFailures: flags.maxFailures,
      heldBack: (origin) => guard.heldBack(origin),
      onLost: ({ message }) => lost.resolve(message),
      ...(highWater && {
        onCommitted: (origin, size) => highWater.raise(origin, size),
      }),
    });
    const files = [flags.databasePath, mark].filter((path) => typeof path === "string");
    using watch = new FileWatch(files);
    watch.gone.then(lost.resolve);
    return await serve(flags, handler, lost.promise, logger);
  } finally {
    await store.close();
  }
}

/** Serves until SIGTERM or SIGINT, or until `lost` says why the store cannot be used any more. */
async function serve(
  flags: WitnessFlags,
  { witness, fetch }: WitnessHandler,
  lost: Promise<string>,
  logger: Logger,
): Promise<number> {
  const { host, port } = flags;
  const server = Deno.serve({
    hostname: host,
    port,
    onListen({ port }) {
      const name = host.includes(":") ? `[${host}]` : host;
      const url = flags.url ?? `http://${name}:${port}`;
      for (const line of policyLines(witness.cosigner.keys, url)) {
        console.log(line);
      }
      logger("info", "serving", { name: witness.cosigner.name, url });
    },
  }, (request, { remoteAddr }) => fetch(request, { address: remoteAddr.hostname }));
  const asked = Promise.withResolvers<string>();
  // `deno task` and the process group may both send it: the second changes nothing.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => asked.resolve(signal));
  }
  Deno.addSignalListener("SIGHUP", async () => {
    try {
      witness.configure(await readLogList(flags));
      logger("info", "log list read", { logs: witness.configured.length });
    } catch (error) {
      logger("error", "log list not read, the last one stays", {
        error: (error as Error).message,
      });
    }
  });
  const [level, why, exitCode] = await Promise.race([
    asked.promise.then((signal) => ["info", signal, 0] as const),
    lost.then((why) => ["error", why, EXIT_FAILURE] as const),
  ]);
  logger(level, "stopping", { why });
  await Promise.race([
    server.shutdown(),
    new Promise((resolve) => setTimeout(resolve, SHUTDOWN_TIMEOUT)),
  ]);
  return exitCode;
}

async function readKeys(
  { privateKey, publicKey = [] }: WitnessFlags,
): Promise<SignerKey[]> {
  const keys: SignerKey[] = [];
  for (const path of privateKey) {
    keys.push(asWitnessKey(await parseFile(path, "--private-key", parseSkey)));
  }
  const vkeys = keys.map(formatVkey);
  for (const path of publicKey) {
    const key = await parseFile(path, "--public-key", parseVkey);
    if (vkeys.includes(formatVkey(asWitnessKey(key)))) continue;
    throw new Error(
      `Cannot use --public-key ${path}: it is not that of the private key`,
    );
  }
  return keys;
}

async function readLogList(
  { logList }: WitnessFlags,
): Promise<TrustedLog[]> {
  if (logList === undefined) return [];
  const bytes = await readFile(logList, "--log-list");
  try {
    return parseLogList(bytes);
  } catch (error) {
    throw new Error(
      `Cannot use --log-list ${logList}: ${(error as Error).message}`,
    );
  }
}

if (import.meta.main) await runMain(command);
