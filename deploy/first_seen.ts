/**
 * The log of what a proxy saw first (`--tofu`): an ordinary log of this project in
 * a folder of the user, in the proxy's own process and without a port of its own,
 * so that nobody else can write to it.
 *
 * @module
 */

import { KeyType, signerKey } from "@indelible/core";
import type { Permissions } from "@indelible/core/command";
import { LOG_COMMAND, type LogFlags, openLog, openStorage, readLogKeys } from "@indelible/log";
import { dirname, join } from "node:path";
import { readBulkAnswer } from "../tools/bulk_answer.ts";
import { BulkBody } from "../tools/bulk_body.ts";
import { type BulkLine, type BulkResult, MAX_BULK_LINES } from "../tools/bulk_request.ts";
import { writeKeyPair } from "../tools/key_files.ts";
import { FirstSeenVouching } from "../tools/proxy/first_seen.ts";
import type { OpenVouching } from "../tools/proxy/open_proxy.ts";
import { type JudgingFlags, settingsOf } from "../tools/proxy/settings.ts";
import { TryLater } from "../tools/retry.ts";

/** The log is in this process; the name is one that it takes writes under. */
const HERE = new URL("http://localhost/");

/**
 * Opens the log, making it and its keys the first time.
 *
 * @param folder Its folder.
 * @param onTrouble Told of what fails inside.
 * @throws {Error} If another process has it, or a part of it is missing.
 */
export async function openFirstSeen(
  folder: string,
  onTrouble: (error: Error) => void,
): Promise<OpenVouching> {
  const { storageDir, privateKeyPath, publicKeyPath } = pathsIn(folder);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const hasKeys = await exists(privateKeyPath) && await exists(publicKeyPath);
  const hasLog = await exists(join(storageDir, "ledger.sqlite"));
  if (hasKeys !== hasLog) {
    throw new Error(
      `${folder} holds ${hasLog ? "a log without its keys" : "keys without their log"}: restore ` +
        "it, or remove the whole folder to forget what was seen first",
    );
  }
  await using opened = new AsyncDisposableStack();
  const storage = opened.use(await openStorage(storageDir));
  if (!hasKeys) {
    const origin = `first-seen.local/${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
    const seed = crypto.getRandomValues(new Uint8Array(32));
    writeKeyPair(signerKey(origin, KeyType.ed25519, seed), { privateKeyPath, publicKeyPath });
  }
  const text = async (path: string) => await Deno.readTextFile(path);
  const keys = readLogKeys(
    [await text(privateKeyPath)],
    [await text(publicKeyPath)],
    () => BigInt(Math.floor(Date.now() / 1000)),
  );
  const log = await openLog({
    ...storage,
    keys,
    batchInterval: 0,
    events: {
      fault: (error, where) =>
        onTrouble(new Error(`the log of what was seen first: ${where}: ${error}`)),
    },
  });
  opened.defer(() => log.stop());
  // Once an invariant broke it answers nothing more, and every request says so.
  log.finished.catch(onTrouble);
  const parts = opened.move();
  const vouching = new FirstSeenVouching((lines) => append(log.handler, lines), onTrouble);
  return {
    ask: (project, files) => vouching.ask(project, files),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function append(
  handler: (request: Request) => Promise<Response>,
  lines: readonly BulkLine[],
): Promise<BulkResult[]> {
  const results: BulkResult[] = [];
  for (let at = 0; at < lines.length; at += MAX_BULK_LINES) {
    const body = new BulkBody();
    for (const line of lines.slice(at, at + MAX_BULK_LINES)) body.add(line);
    const url = new URL("admin/bulk/append?proofs=false", HERE);
    const response = await handler(
      new Request(url, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson", host: HERE.host },
        body: body.written,
      }),
    );
    if (response.status !== 200) {
      throw new TryLater(`the log of what was seen first: ${await response.text()}`, null);
    }
    const { indices, refusals } = await readBulkAnswer(url, body, response.body!);
    indices.forEach((index, i) => results.push(refusals.get(i) ?? { kind: "logged", index }));
  }
  return results;
}

/**
 * Adds what that log takes to what a proxy may touch.
 *
 * @param flags The proxy's.
 * @param permissions What it may touch besides.
 */
export async function permissionsForFirstSeen(
  flags: JudgingFlags,
  permissions: Permissions,
): Promise<Permissions> {
  const { stateDir } = await settingsOf(flags);
  const { storageDir, privateKeyPath, publicKeyPath } = pathsIn(join(stateDir, "first-seen"));
  const { read = [], write = [], sys = [] } = await LOG_COMMAND.permissions({
    storageDir,
    privateKey: [privateKeyPath],
    publicKey: [publicKeyPath],
    host: "127.0.0.1",
    port: 0,
  } as Partial<LogFlags> as LogFlags);
  return {
    ...permissions,
    read: [...permissions.read ?? [], ...read, dirname(storageDir)],
    write: [...permissions.write ?? [], ...write],
    sys,
  };
}

function pathsIn(folder: string) {
  return {
    storageDir: join(folder, "log"),
    privateKeyPath: join(folder, "private.key"),
    publicKeyPath: join(folder, "public.key"),
  };
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
