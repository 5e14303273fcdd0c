/**
 * The monitor's drill, with real programs: a log takes real entries and the monitor
 * follows it. Then a release that nobody authorised, a file that the registry swapped, a
 * witness that falls silent, a second digest that the operator slipped past the door, and
 * a fork: each is told once by webhook and by mail, shown by the log and on its page, and
 * proven by a file that `verify-evidence` accepts without a network.
 */

import { formatVkey, KeyType, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { testKey } from "./growing_log.ts";
import { Audience, slipIn, until } from "./monitor_drill.ts";
import { openBrowser, Reader } from "./page_browser.ts";
import { freePort } from "./peers/process.ts";
import { programCommand, runProgram, startProgram } from "./programs.ts";
import { readPypiFiles } from "./pypi_files.ts";
import {
  add,
  bulkAppend,
  entryOf,
  type LoggedFile,
  madeUpFile,
  startLog,
  writeLogKeys,
} from "./running_log.ts";
import { Registry, sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";
import { KEY, startWitness, writeKeys } from "./witness_program.ts";

const ORIGIN = "log.test/drill";
const REAL_ENTRIES = 600;

const KINDS = ["artifact-differs", "fork", "second-digest", "unauthorised", "witness-silent"];

Deno.test({
  name: "the drill: what is wrong is told once each way, shown, and proven",
  // The browser's driver keeps timers of its own.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () => inFolder(drill),
});

async function drill(folder: string): Promise<void> {
  const at = (...names: string[]) => join(folder, ...names);
  for (const name of ["log", "one", "two", "monitor/evidence"]) {
    await Deno.mkdir(at(name), { recursive: true });
  }
  const vkey = formatVkey((await writeLogKeys(at("log"), ORIGIN))!);

  // Two witnesses. The monitor is content with either; the log is told whom to ask.
  const other = testKey("witness.example/two", KeyType.ed25519Cosignature);
  await writeKeys(at("one"), KEY);
  await writeKeys(at("two"), other);
  const witness = async (name: string, database: string) => {
    await Deno.writeTextFile(at(name, "logs"), `${ORIGIN} ${vkey}\n`);
    return await startWitness(at(name), `--database-path=${database}`, "--log-list=logs");
  };
  await using one = await witness("one", "witness.db");
  const two = await witness("two", "witness.db");
  const lines = (urlOfTwo: string) =>
    `log ${vkey}\nwitness one ${formatVkey(KEY)} ${one.url}\n` +
    `witness two ${formatVkey(other)} ${urlOfTwo}\n`;
  const write = (name: string, text: string) => Deno.writeTextFile(at(name), text);
  await write("both", lines(two.url) + "group g all one two\nquorum g\n");
  await write("policy", lines(two.url) + "group g any one two\nquorum g\n");
  await write("only-one", `log ${vkey}\nwitness one ${formatVkey(KEY)} ${one.url}\nquorum one\n`);

  const port = freePort();
  const start = (name: string, policy: string) =>
    startLog({
      folder: at(name),
      port,
      flags: [`--policy=${at(policy)}`, `--evidence=${at("monitor/evidence")}`],
    });
  let log = await start("log", "both");
  await using registry = new Registry();
  await using audience = await Audience.start();
  const flags = [
    `--log=${log.url}`,
    "--policy=policy",
    "--state=monitor",
    "--follow",
    "--interval=250ms",
    "--silent-after=1s",
    "--guard=drill",
    "--check-artifacts",
    `--index=${registry.simple}`,
    "--files-per-minute=10000",
    "--recheck-after=250ms",
    ...await audience.flags(folder),
  ];
  const startMonitor = () =>
    startProgram("monitor", flags, {
      cwd: folder,
      ready: (output) => output().includes("monitor is following"),
    });
  let monitor = await startMonitor();
  try {
    // Real entries, and a release as its project meant it: nothing to tell.
    const { files } = await readPypiFiles();
    await bulkAppend(log.url, files.slice(0, REAL_ENTRIES));
    const built = utf8("what was built");
    const release = registry.publish("drill", "drill-1.0.tar.gz", built);
    await Deno.writeFile(at(release.filename), built);
    const authorize = ["authorize", release.filename, "--state=monitor"];
    const authorised = await runProgram("monitor", authorize, { cwd: folder });
    assert.equal(authorised.code, 0, authorised.stderr);
    assert.equal((await add(log.url, logged(release.filename, built))).status, 200);
    await until(
      () => new RegExp(`size"?[:=] ?"?${REAL_ENTRIES + 1}\\b`).test(monitor.output()),
      () => monitor.output(),
    );
    assert.deepEqual([audience.byWebhook, audience.byMail], [[], []]);

    // Somebody has the publisher's token.
    const stolen = registry.publish("drill", "drill-1.1.tar.gz", utf8("what the thief built"));
    assert.equal((await add(log.url, logged(stolen.filename, stolen.bytes))).status, 200);
    await audience.hears("unauthorised");
    // Somebody else has the registry's storage.
    release.bytes = utf8("something else than was built");
    await audience.hears("artifact-differs");

    // The operator stops the log and edits its ledger; what was, the fork will need.
    await log.stop();
    await copyFolder(at("log"), at("forked"));
    const victim = files[3]!;
    const second = { ...madeUpFile(2), filename: victim.filename };
    await slipIn(log, entryOf(second));
    // A witness is gone, and the operator asks only the other from now on.
    await two.process.stop();
    log = await start("log", "only-one");
    await audience.hears("second-digest");
    await audience.hears("witness-silent");

    // The witness that was gone is the operator's now: it remembers nothing, and signs.
    await log.stop();
    await using owned = await witness("two", "owned.db");
    await write(
      "only-two",
      `log ${vkey}\nwitness two ${formatVkey(other)} ${owned.url}\nquorum two\n`,
    );
    log = await start("forked", "only-two");
    await bulkAppend(log.url, Array.from({ length: 40 }, (_, i) => madeUpFile(i, "forked")));
    await audience.hears("fork");

    // A monitor that starts again tells nobody again.
    await monitor.stop();
    monitor = await startMonitor();
    await until(
      () => /fork|two histories/.test(monitor.output()),
      () => monitor.output(),
    );
    for (const told of [audience.byWebhook, audience.byMail]) {
      assert.deepEqual(told.map(({ kind }) => kind).sort(), KINDS);
      assert.equal(new Set(told.map(({ id }) => id)).size, KINDS.length);
    }

    // Shown by the log, and proven offline by the very bytes that it serves.
    const listed: Listed[] = await json(`${log.url}/evidence`);
    assert.deepEqual(listed.map(({ kind }) => kind).sort(), KINDS);
    await seenOnPage(`${log.url}/`, listed);
    for (const { name, kind } of listed) {
      const served = await (await fetch(`${log.url}/evidence/${name}`)).bytes();
      await Deno.writeFile(at(name), served);
      const args = [name, "--policy=policy"];
      const command = await programCommand("verify-evidence", args, { cwd: folder });
      assert.ok(!command.some((word) => word.startsWith("--allow-net")), command.join(" "));
      const checked = await runProgram("verify-evidence", args, { cwd: folder });
      assert.equal(checked.code, 0, checked.stderr);
      const how = isProof(kind) ? "a proof" : "a report";
      assert.ok(checked.stdout.includes(`: verified, ${how} of ${kind}\n`), checked.stdout);
      if (kind === "second-digest") assert.ok(checked.stdout.includes(victim.filename));
      // And not when a byte of it is another.
      served[served.length >> 1]! ^= 1;
      await Deno.writeFile(at(name), served);
      assert.equal((await runProgram("verify-evidence", args, { cwd: folder })).code, 1);
    }
  } finally {
    await monitor.stop();
    await log.stop();
    await two.process.stop();
  }
}

/** Evidence as the log lists it. */
interface Listed {
  readonly name: string;
  readonly kind: string;
}

/** What a file is logged as. */
function logged(filename: string, bytes: Uint8Array): LoggedFile {
  return { filename, checksum: `sha256:${sha256Of(bytes)}` };
}

/** What signatures alone show; the rest is in part the monitor's word. */
function isProof(kind: string): boolean {
  return kind === "fork" || kind === "second-digest";
}

/** The page lists all of it as what it is, if there is a browser to look with. */
async function seenOnPage(url: string, listed: readonly Listed[]): Promise<void> {
  const browser = await openBrowser();
  if (browser === null) return;
  try {
    await using reader = await Reader.start(browser);
    await reader.page.goto(url);
    for (const { name, kind } of listed) {
      const item = `#evidence li.${isProof(kind) ? "verified" : "unverifiable"}`;
      await reader.page.locator(`${item} a[href="#/evidence/${name}"]`).waitFor();
    }
  } finally {
    await browser.close();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) await copyFolder(source, target);
    else await Deno.copyFile(source, target);
  }
}

async function json<T>(url: string): Promise<T> {
  return await (await fetch(url)).json();
}
