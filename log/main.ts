/**
 * `deno task log`: reads keys and policy, opens the data folder, serves.
 *
 * @module
 */

import {
  formatVkey,
  KeyType,
  parsePolicy,
  parseVkey,
  type Policy,
  quorumHolds,
  utf8,
  withKeyType,
} from "@indelible/core";
import { type Command, EXIT_FAILURE, plainStreams, runCommand } from "@indelible/core/command";
import { cannotRead, checkFlags, LOG_COMMAND, type LogFlags } from "./config.ts";
import { openLog } from "./log.ts";
import { readLogKeys } from "./log_keys.ts";
import { startLogging } from "./logger.ts";
import { openStorage } from "./open_storage.ts";
import { Publishers } from "./publishers.ts";
import { logEvents, serveLog } from "./serve.ts";

/** The program. */
export const command: Command<LogFlags> = { ...LOG_COMMAND, run: (flags) => runLog(flags) };

/** What a program that runs a log can add to its flags. */
export interface RunOptions {
  /** A policy that is in no file. */
  readonly policy?: Policy;
  /** Told where the log listens; by default it is printed as a policy line. */
  readonly onListen?: (url: string, vkey: string) => void;
}

/** Runs a log until it is stopped; resolves to the exit code. */
export async function runLog(
  flags: LogFlags,
  { policy: givenPolicy, onListen = announce }: RunOptions = {},
): Promise<number> {
  checkFlags(flags);
  const keys = readLogKeys(
    await Promise.all(flags.privateKey.map((file) => readText(file, "--private-key"))),
    await Promise.all(flags.publicKey.map((file) => readText(file, "--public-key"))),
    forwardSeconds(),
  );
  const policy = givenPolicy ?? await readPolicy(flags, keys.vkey);
  if (policy && !flags.witnessFailOpen) checkReachable(policy);
  let publishers = flags.publishers === undefined ? null : await readPublishers(flags.publishers);

  await using storage = await openStorage(flags.storageDir);
  const logger = startLogging(flags.logFormat);
  if (storage.readOnly) logger.warn("the disk is read-only: reads are answered, writes refused");
  if (flags.witnessFailOpen) {
    logger.warn("--witness-fail-open: checkpoints are published even without the quorum");
  }
  const log = await openLog({
    ...storage,
    folder: storage.path,
    ...(flags.evidence !== undefined && { evidenceFolder: flags.evidence }),
    keys,
    ...(policy && { policy }),
    witnessTimeout: flags.witnessTimeout,
    witnessFailOpen: flags.witnessFailOpen,
    publishers: () => publishers,
    batchInterval: flags.batchInterval,
    maxPending: flags.maxPending,
    freeSpaceFloor: flags.freeSpaceFloor * 1024 * 1024,
    bodyTimeout: flags.bodyTimeout,
    events: logEvents(logger),
  });
  logger.info("log {origin} at size {size}", { origin: keys.origin, size: log.size() });
  return await serveLog(log, {
    host: flags.host,
    port: flags.port,
    logger,
    onListen: (url) => onListen(url, keys.vkey),
    async onHangUp() {
      if (flags.publishers === undefined) return;
      publishers = await readPublishers(flags.publishers);
      logger.info("{count} publishers", { count: publishers.count });
    },
  });
}

/** The log's policy line, for those who want to trust it. */
function announce(url: string, vkey: string): void {
  console.log(`log ${vkey} ${url}`);
}

async function readPolicy(flags: LogFlags, vkey: string): Promise<Policy | null> {
  if (flags.policy !== undefined) {
    const bytes = await readFile(flags.policy, "--policy");
    return named("--policy", flags.policy, () => parsePolicy(bytes));
  }
  if (flags.witnessUrl === undefined || flags.witnessPublicKey === undefined) return null;
  const text = await readText(flags.witnessPublicKey, "--witness-public-key");
  // bt-log's witness keys are written as type 0x01; they cosign as 0x04.
  const key = named("--witness-public-key", flags.witnessPublicKey, () => parseVkey(text.trim()));
  const cosigner = key.type === KeyType.ed25519
    ? withKeyType(key, KeyType.ed25519Cosignature)
    : key;
  const lines = [
    `log ${vkey}`,
    `witness witness ${formatVkey(cosigner)} ${flags.witnessUrl}`,
    "quorum witness",
  ];
  return parsePolicy(utf8(lines.join("\n") + "\n"));
}

/** A witness without a URL cannot be asked; a quorum that needs it would never be reached. */
function checkReachable(policy: Policy): void {
  const asked = policy.witnesses.filter(({ url }) => url !== null);
  if (quorumHolds(policy, new Set(asked.map(({ name }) => name)))) return;
  const silent = policy.witnesses.filter(({ url }) => url === null).map(({ name }) => name);
  throw new Error(
    `The quorum of --policy can never be reached: no URL is given for ${silent.join(", ")}`,
  );
}

async function readPublishers(file: string): Promise<Publishers> {
  const bytes = await readFile(file, "--publishers");
  return named("--publishers", file, () => Publishers.parse(bytes));
}

async function readFile(file: string, flag: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    throw cannotRead(flag, file, error);
  }
}

async function readText(file: string, flag: string): Promise<string> {
  return new TextDecoder().decode(await readFile(file, flag));
}

function named<T>(flag: string, file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`Cannot use ${flag} ${file}: ${(error as Error).message}`);
  }
}

/** POSIX seconds that never go back, whatever the clock does. */
export function forwardSeconds(): () => bigint {
  let last = 0n;
  return () => {
    const now = BigInt(Math.floor(Date.now() / 1000));
    if (now > last) last = now;
    return last;
  };
}

if (import.meta.main) {
  const code = await runCommand(command, Deno.args, plainStreams(Deno)).catch((error) => {
    console.error(`log: ${error instanceof Error ? error.message : error}`);
    return EXIT_FAILURE;
  });
  // Whatever still hangs, a disk or a connection, ends here.
  Deno.exit(code);
}
