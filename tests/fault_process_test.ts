/**
 * What happens to a log as a process: signals, a second one on its folder, keys
 * that do not fit, too few file descriptors. With the real program and the
 * permissions that its launcher gives it.
 */

import {
  encodeHex,
  formatSkey,
  formatVkey,
  KeyType,
  sha256,
  type SignerKey,
  signerKey,
  utf8,
} from "@indelible/core";
import { createWitness, MemoryStore } from "@indelible/witness";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkLog, readerOf } from "./check_log.ts";
import { type Answer, LogClient } from "./log_client.ts";
import { LogProcess } from "./log_process.ts";
import { requirePeer } from "./peers/peers.ts";
import { freePort } from "./peers/process.ts";
import { runProgram, startProgram } from "./programs.ts";
import { inFolder } from "./temporary.ts";
import { KEY, SKEY, VKEY } from "./test_log.ts";

/** The bound that a log promises for its end, in milliseconds. */
const TIME_TO_STOP = 5000;

/** Runs a test in a new folder with the test log's keys in it. */
function inLogFolder(test: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/private.key`, SKEY + "\n", { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/public.key`, VKEY + "\n");
    await test(folder);
  });
}

async function connect(client: LogClient, log: LogProcess): Promise<void> {
  const url = await log.url;
  if (url === null) throw new Error(`The log did not start: ${(await log.ended).output}`);
  client.send = (path, init) => fetch(url + path, init);
}

/** Sends SIGTERM and waits for the end, which must come in time and be a good one. */
async function terminate(log: LogProcess): Promise<void> {
  const asked = performance.now();
  log.kill("SIGTERM");
  // strace keeps a process that has ended until a delay of its own is over.
  while (!log.dead && !isZombie(log.pid)) await pause(5);
  const took = performance.now() - asked;
  const { code, output } = await log.ended;
  equal(code, 0, output);
  ok(took < TIME_TO_STOP, `it took ${Math.round(took)} ms to stop:\n${output}`);
}

/** Whether a process has called its end, even if it is not gone. */
function isZombie(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

Deno.test("a log that gets SIGTERM answers 1,000 waiting adds, ends in time and loses nothing", async () => {
  await inLogFolder(async (folder) => {
    const client = new LogClient(VKEY);
    {
      // The first add is answered at once; those behind it wait for the interval.
      await using log = await LogProcess.program(folder, ["--batch-interval=1h"]);
      await connect(client, log);
      equal(await client.add("first.tar.gz"), "logged");
      const adds = Array.from({ length: 1000 }, (_, i) => client.add(`waiting-${i}.tar.gz`));
      while (await pending(client) < 1000) await pause();
      const ended = terminate(log);
      const answers = await Promise.all(adds);
      await ended;
      for (const answer of answers) ok(answer === "logged" || answer === "unavailable", answer);
    }
    await using log = await LogProcess.program(folder);
    await connect(client, log);
    await checkLog(readerOf(`${folder}/data`), client.promises);
    await terminate(log);
  });
});

Deno.test("a log that gets SIGTERM does not wait for a witness that has gone silent", async () => {
  await inLogFolder(async (folder) => {
    const key = signerKey("slow.test", KeyType.ed25519Cosignature, sha256(utf8("slow")));
    const logs = [{ origin: VKEY.split("+")[0]!, vkeys: [VKEY] }];
    const { fetch } = await createWitness({ store: new MemoryStore(), keys: [key], logs });
    const silence = Promise.withResolvers<void>();
    let silent = false;
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        if (silent) await silence.promise;
        return await fetch(request);
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const policy = `log ${VKEY}\nwitness slow ${formatVkey(key)} ${url}\nquorum slow\n`;
    await Deno.writeTextFile(`${folder}/policy`, policy);
    const client = new LogClient(VKEY);
    await using log = await LogProcess.program(folder, ["--policy=policy", "--witness-timeout=1m"]);
    try {
      await connect(client, log);
      equal(await client.add("first.tar.gz"), "logged");
      silent = true;
      const adds = Array.from({ length: 20 }, (_, i) => client.add(`waiting-${i}.tar.gz`));
      while (await size(client) < 2) await pause();
      const ended = terminate(log);
      for (const answer of await Promise.all(adds)) equal(answer, "unavailable");
      await ended;
    } finally {
      silence.resolve();
      await server.shutdown();
    }
  });
});

Deno.test("a log that gets SIGTERM does not wait for a disk that hangs, and loses nothing", async () => {
  const strace = await requirePeer("strace");
  if (strace === null) return;
  await inLogFolder(async (folder) => {
    const client = new LogClient(VKEY);
    // A few batches later an fsync of the WAL takes far too long.
    const wal = `${folder}/data/ledger.sqlite-wal`;
    const hang = ["-P", wal, "-e", "inject=fsync,fdatasync:delay_exit=9s:when=12"];
    const under = [strace, "-D", "-f", "-qqq", "-o", "/dev/null", ...hang];
    {
      await using log = await LogProcess.program(folder, ["--batch-interval=10ms"], under);
      await connect(client, log);
      const adds = Array.from(
        { length: 20 },
        (_, i) => pause(40 * i).then(() => client.add(`${i}.tar.gz`)),
      );
      await pause(500);
      const ended = terminate(log);
      const answers = await Promise.all(adds);
      await ended;
      ok(answers.includes("unavailable"), answers.join());
      ok(!answers.slice(0, 10).includes("unknown"), answers.join());
    }
    await using log = await LogProcess.program(folder);
    await connect(client, log);
    await checkLog(readerOf(`${folder}/data`), client.promises);
    await terminate(log);
  });
});

Deno.test("a second log on a folder refuses to start, and the first goes on", async () => {
  await inLogFolder(async (folder) => {
    const client = new LogClient(VKEY);
    await using first = await LogProcess.program(folder);
    await connect(client, first);
    equal(await client.add("one.tar.gz"), "logged");
    const before = await filesOf(`${folder}/data`);
    await using second = await LogProcess.program(folder);
    equal(await second.url, null);
    const { code, output } = await second.ended;
    equal(code, 1);
    match(output, /data: another process is using this data folder/);
    deepEqual(await filesOf(`${folder}/data`), before);
    equal(await client.add("two.tar.gz"), "logged");
    // A dead one stands in nobody's way, at once.
    first.kill("SIGKILL");
    await first.ended;
    await using third = await LogProcess.program(folder);
    await connect(client, third);
    equal(await client.add("three.tar.gz"), "logged");
    equal((await checkLog(readerOf(`${folder}/data`), client.promises)).size, 3);
  });
});

Deno.test("a log refuses keys that do not fit, saying which, and touches nothing", async () => {
  const other = signerKey("crash.test/log", KeyType.ed25519, sha256(utf8("other")));
  const elsewhere = signerKey("other.test/log", KeyType.ed25519, sha256(utf8("log")));
  await inLogFolder(async (folder) => {
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
    const keys = async (key: SignerKey) => {
      await write("private.key", formatSkey(key) + "\n");
      await write("public.key", formatVkey(key) + "\n");
    };
    const cases: [string, () => Promise<void>, RegExp][] = [
      ["none", () => Deno.remove(`${folder}/private.key`), /private\.key/],
      ["a folder", () => Deno.mkdir(`${folder}/private.key`), /private\.key/],
      ["garbage", () => write("private.key", "PRIVATE+KEY+what"), /Cannot parse/],
      ["empty", () => write("private.key", ""), /Cannot parse/],
      ["cut", () => write("private.key", SKEY.slice(0, -4)), /Cannot parse/],
      ["no public one", () => Deno.remove(`${folder}/public.key`), /public\.key/],
      [
        "not a pair",
        () => write("public.key", formatVkey(other)),
        /is not that of the private key/,
      ],
      ["of another log", () => keys(elsewhere), /ledger|checkpoint/],
      ["another of the same name", () => keys(other), /ledger|checkpoint/],
    ];
    const client = new LogClient(VKEY);
    {
      await using log = await LogProcess.program(folder);
      await connect(client, log);
      equal(await client.add("one.tar.gz"), "logged");
      await terminate(log);
    }
    const before = await filesOf(`${folder}/data`);
    for (const [what, spoil, why] of cases) {
      await Deno.remove(`${folder}/private.key`, { recursive: true }).catch(() => {});
      await keys(KEY);
      if (what === "a folder") await Deno.remove(`${folder}/private.key`);
      await spoil();
      await using log = await LogProcess.program(folder);
      equal(await log.url, null, what);
      const { code, output } = await log.ended;
      equal(code, 1, what);
      match(output, why, what);
      ok(!output.includes("    at "), `${what}: one sentence, no stack: ${output}`);
      deepEqual(await filesOf(`${folder}/data`), before, what);
    }
    await keys(KEY);
    await using log = await LogProcess.program(folder);
    await connect(client, log);
    await checkLog(readerOf(`${folder}/data`), client.promises);
  });
});

Deno.test("start makes nothing anew when keys or log are gone, and says which", async () => {
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    const start = () => runProgram("start", ["--port=0"], { cwd: folder });
    const log = await startProgram("start", ["--port=0"], {
      cwd: folder,
      ready: (output) => /http/.test(output()),
    });
    await log.stop();
    // A log is its keys, its ledger and its objects; each is missed.
    const files = await filesOf(data);
    const ledger = Object.keys(files).filter((file) => file.endsWith("/ledger.sqlite"));
    equal(ledger.length, 1);
    for (const file of [`${data}/private.key`, ...ledger]) {
      await Deno.rename(file, `${folder}/lost`);
      const before = await filesOf(data);
      const { code, stderr } = await start();
      equal(code, 1, file);
      match(stderr, /restore|missing|Cannot read --private-key/, file);
      deepEqual(await filesOf(data), before, file);
      await Deno.rename(`${folder}/lost`, file);
    }
    deepEqual(await filesOf(data), files);
  });
});

/** How many files and connections the log may have open. */
const LIMIT = 100;

Deno.test("a log that runs out of file descriptors turns adds away and goes on when it has some", async () => {
  await inLogFolder(async (folder) => {
    const client = new LogClient(VKEY);
    const few = ["sh", "-c", `ulimit -n ${LIMIT}; exec "$@"`, "sh"];
    const port = freePort();
    const flags = ["--batch-interval=10ms", `--port=${port}`];
    await using log = await LogProcess.program(folder, flags, few);
    await connect(client, log);
    equal(await client.add("first.tar.gz"), "logged");
    const answers: Answer[] = [];
    // Connections that ask for nothing take all that are left, or all but a few.
    for (const left of [-50, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12]) {
      const open = [...Deno.readDirSync(`/proc/${log.pid}/fd`)].length;
      const idle = LIMIT - open - left;
      const held = (await Promise.allSettled(
        Array.from({ length: idle }, () => Deno.connect({ hostname: "127.0.0.1", port })),
      )).flatMap((connection) => connection.status === "fulfilled" ? [connection.value] : []);
      const adds = Array.from({ length: 4 }, (_, i) => client.add(`${left}-${i}.tar.gz`));
      await Promise.race([Promise.all(adds), pause(150)]);
      held.forEach((connection) => connection.close());
      answers.push(...await Promise.all(adds));
      // It may be a moment before it listens again, to others than those it knows.
      const connected = await connectWithin(port, 200);
      ok(connected || log.dead, `it accepts no connections after ${idle} of them`);
      while (!log.dead && await client.add(`${left}-after.tar.gz`) !== "logged") await pause(20);
      ok(!log.dead, `it died with ${idle} connections: ${log.dead && (await log.ended).output}`);
    }
    ok(answers.includes("unavailable") && answers.includes("logged"), answers.join());
    await checkLog(readerOf(`${folder}/data`), client.promises);
    await terminate(log);
  });
});

/** Whether a connection is accepted, within so many tries. */
async function connectWithin(port: number, tries: number): Promise<boolean> {
  for (; tries > 0; tries--) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await pause();
    }
  }
  return false;
}

async function pending(client: LogClient): Promise<number> {
  return (await (await client.send!("/status")).json()).pending;
}

async function size(client: LogClient): Promise<number> {
  return (await (await client.send!("/status")).json()).size;
}

function pause(milliseconds = 20): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Every file below a folder with its bytes, so that any change shows. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) Object.assign(files, await filesOf(path));
    else files[path] = encodeHex(sha256(await Deno.readFile(path)));
  }
  return files;
}
