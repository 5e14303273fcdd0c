/**
 * The monitor over time: killed at any point, offline for a week, following several logs of
 * which one is sick, and comparing what the registry serves.
 */

import { formatVkey } from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { makeLog, writeLog } from "../tools/_testing.ts";
import { corpusEntries } from "./built_log.ts";
import {
  evidenceOf,
  monitor,
  published,
  releases,
  secondsAgo,
  serve,
  serveLarge,
  stateOf,
} from "./monitor_fixture.ts";
import { runProgram, startProgram } from "./programs.ts";
import { Registry } from "./registry.ts";
import { entryOf, newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

Deno.test("monitor killed at many points (C11): nothing is missed, nothing told twice", () =>
  inFolder(async (folder) => {
    // Second digests all over a log that takes several commits.
    const entries = [...corpusEntries(500_000, 7)];
    const planted = [70_000, 200_000, 330_000, 499_999];
    for (const at of planted) entries[at] = published("planted-1.0.tar.gz", `${at}`.slice(0, 2));
    await serveLarge(folder, entries);
    const flags = ["--log=data", "--policy=policy", "--state=state", "--alerts-file=alerts"];
    let size = 0;
    let kills = 0;
    for (let wait = 150;; wait += 25) {
      const running = await startProgram("monitor", flags, { cwd: folder, ready: () => true });
      const ended = await Promise.race([
        running.ended,
        new Promise<null>((resolve) => setTimeout(resolve, wait, null)),
      ]);
      await running.kill();
      const now = await stateOf(folder).then(({ state }) => state.statements.size, () => 0);
      ok(now >= size, `it went back from ${size} to ${now}`);
      size = now;
      if (ended !== null) break;
      kills++;
    }
    ok(kills > 0);
    equal(size, entries.length);
    const told = (await Deno.readTextFile(join(folder, "alerts"))).trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    deepEqual(
      [...new Set(told.map(({ id }) => id))].length,
      planted.length - 1,
      "a second digest for each later one",
    );
    const { state } = await stateOf(folder);
    // As a monitor that nobody stopped.
    const once = flags.slice(0, 2).concat("--state=state2", "--alerts-file=-");
    const { stdout } = await runProgram("monitor", once, { cwd: folder });
    const whole = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).id);
    deepEqual(whole, [...new Set(told.map(({ id }) => id))]);
    const other = JSON.parse(
      await Deno.readTextFile(await statePath(join(folder, "state2"))),
    );
    deepEqual(other.edge, state.edge);
    deepEqual(other.head, state.head);
  }));

Deno.test("monitor offline for a week: it says so, catches up without a gap, and tells all", () =>
  inFolder(async (folder) => {
    const entries = releases(30_000);
    await serveLarge(folder, entries.slice(0, 777));
    equal((await monitor(folder)).code, 0);
    const { path, state } = await stateOf(folder);
    const week = { ...state, passedAt: state.passedAt - 7 * 24 * 3_600_000 };
    await Deno.writeTextFile(path, JSON.stringify(week));
    entries[20_000] = published("lib-1.5.tar.gz", "ef");
    await serveLarge(folder, entries);
    const ran = await monitor(folder);
    equal(ran.code, 1);
    deepEqual(ran.kinds, ["monitor-lags", "second-digest", "resolved"], ran.stderr);
    deepEqual([ran.alerts[1]!.facts["first"], ran.alerts[1]!.facts["later"]], [5, 20_000]);
    equal((await stateOf(folder)).state.statements.size, entries.length);
    const twice = await monitor(folder);
    deepEqual(twice.kinds, []);
    equal(twice.code, 0);

    // What is derived from the log is derived again when it is damaged.
    const statements = join(path, "../statements");
    const bytes = await Deno.readFile(statements);
    await Deno.writeFile(statements, bytes.with(5_000, bytes[5_000]! ^ 1));
    const again = await monitor(folder);
    equal(again.code, 0, again.stderr);
    match(again.stderr, /statements damaged/);
    deepEqual(again.kinds, []);
    equal((await stateOf(folder)).state.statements.size, entries.length);
  }));

Deno.test("monitor follows several logs, of which one is sick, and tells how it is", () =>
  inFolder(async (folder) => {
    const [well, sick] = [join(folder, "well"), join(folder, "sick")];
    for (const at of [well, sick]) await Deno.mkdir(at);
    await serve(well, releases(5));
    const other = formatVkey(newKey("log.test/real"));
    await Deno.writeTextFile(join(sick, "policy"), `log ${other}\nquorum none\n`);
    await Deno.writeTextFile(
      join(folder, "logs"),
      "# two\nwell/data well/policy\nhttp://127.0.0.1:9/ sick/policy\n",
    );
    const running = await startProgram("monitor", [
      "--logs=logs",
      "--state=state",
      "--follow",
      "--interval=50ms",
      "--unreachable-after=100ms",
      "--guard=lib",
      "--listen=127.0.0.1:0",
      "--alerts-file=alerts",
    ], { cwd: folder, ready: (output) => /status is served at/.test(output()) });
    try {
      const [, url] = /status is served at "(http:\S+)"/.exec(running.output())!;
      const alerts = async () =>
        (await Deno.readTextFile(join(folder, "alerts")).catch(() => "")).split("\n")
          .filter((line) => line !== "").map((line) => JSON.parse(line));
      await until(async () => (await alerts()).length === 5);
      deepEqual(new Set((await alerts()).map(({ kind }) => kind)), new Set(["unauthorised"]));

      const authorize = await runProgram(
        "monitor",
        ["authorize", "--state=state", await fileOf(folder, "lib-2.0.tar.gz")],
        { cwd: folder },
      );
      equal(authorize.code, 0, authorize.stderr);
      const digest = new Uint8Array(
        await crypto.subtle.digest("SHA-256", new TextEncoder().encode("lib-2.0.tar.gz")),
      ).toHex();
      await replace(well, [
        ...releases(5),
        entryOf({ filename: "lib-2.0.tar.gz", checksum: `sha256:${digest}` }),
        entryOf({ filename: "lib-2.1.tar.gz", checksum: `sha256:${digest}` }),
      ]);
      const size = async () =>
        /verified_size\{origin="log\.test\/tools"\} 7$/m.test(await text(`${url}/metrics`));
      await until(size);
      deepEqual((await alerts()).slice(5).map(({ facts }) => facts.file), ["lib-2.1.tar.gz"]);
      const metrics = await text(`${url}/metrics`);
      match(metrics, /^indelible_monitor_ok\{origin="log\.test\/tools"\} 1$/m);
      match(metrics, /^indelible_monitor_verified_size\{origin="log\.test\/real"\} 0$/m);
      match(metrics, /^indelible_monitor_alerts_total 6$/m);
      const health = await fetch(`${url}/healthz`);
      equal(health.status, 200);
      equal(await health.text(), "ok\n");
      for (
        const [path, method, status] of [["/", "GET", 404], ["/healthz", "POST", 405]] as const
      ) {
        const response = await fetch(url + path, { method });
        await response.body?.cancel();
        equal(response.status, status);
      }
    } finally {
      await running.stop();
    }
    equal(await running.ended, 0, running.output());
  }));

Deno.test("monitor --check-artifacts tells of files that are swapped, hidden or gone, once", () =>
  inFolder(async (folder) => {
    await using registry = new Registry();
    for (const version of ["1.0", "1.1", "1.2", "1.3"]) registry.publishWheel("alpha", version);
    const name = (version: string) => `alpha-${version}-py3-none-any.whl`;
    const logged = [...registry.files.values()].map(({ filename, sha256 }) =>
      entryOf({ filename, checksum: `sha256:${sha256}` })
    );
    await serve(folder, [...releases(3), ...logged]);
    const flags = [
      "--check-artifacts",
      `--index=${registry.simple}`,
      "--project=alpha",
      "--recheck-after=1ms",
    ];
    const before = await monitor(folder, ...flags);
    equal(before.code, 0, before.stderr);
    deepEqual(new Set(before.kinds), new Set(["watched"]));
    ok(registry.requests.length > 0);
    ok(!registry.requests.some((request) => request.includes("/lib")), "only what is watched");

    registry.file(name("1.0")).bytes = new TextEncoder().encode("evil");
    registry.file(name("1.1")).sha256 = "ab".repeat(32);
    registry.file(name("1.2")).listed = false;
    const after = await monitor(folder, ...flags);
    equal(after.code, 1, after.stderr);
    deepEqual(
      new Map(after.alerts.map(({ kind, facts }) => [facts["file"], kind])),
      new Map([
        [name("1.0"), "artifact-differs"],
        [name("1.1"), "artifact-differs"],
        [name("1.2"), "artifact-missing"],
      ]),
    );
    equal(after.alerts.length, 3);
    for (const alert of after.alerts) {
      const verdict = await evidenceOf(folder, alert);
      equal(verdict.kind, "verified", JSON.stringify(verdict));
    }
    deepEqual((await monitor(folder, ...flags)).kinds, []);

    // The budget counts over runs.
    const asked = registry.requests.length;
    await monitor(folder, ...flags.slice(0, 3), "--recheck-after=1h");
    equal(registry.requests.length, asked, "what was looked at lately is left alone");
  }));

async function statePath(state: string): Promise<string> {
  for await (const { name } of Deno.readDir(join(state, "logs"))) {
    return join(state, "logs", name, "state.json");
  }
  throw new Error("there is no state");
}

async function fileOf(folder: string, name: string): Promise<string> {
  await Deno.writeTextFile(join(folder, name), name);
  return name;
}

/** Replaces a log while it is read: new objects first, the checkpoint last and at once. */
async function replace(folder: string, entries: readonly Uint8Array[]): Promise<void> {
  const { objects, ...log } = makeLog(entries, secondsAgo());
  const checkpoint = objects.get("checkpoint")!;
  objects.delete("checkpoint");
  writeLog(join(folder, "data"), { ...log, objects });
  const path = join(folder, "data/checkpoint");
  await Deno.writeFile(`${path}.new`, checkpoint);
  await Deno.rename(`${path}.new`, path);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it does not come true");
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}
