/**
 * The monitor as a program, against logs that behave and logs that do not: what it tells,
 * once, with which evidence, and that its head moves only over what it has verified.
 */

import { formatEntry, formatVkey, KeyType } from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { makeLog, publication } from "../tools/_testing.ts";
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
import { testKey } from "./growing_log.ts";
import { runProgram } from "./programs.ts";
import { inFolder } from "./temporary.ts";

Deno.test("monitor tells of each entry that a rule watches, and of a second digest, once", () =>
  inFolder(async (folder) => {
    const yank = publication("lib-1.0.tar.gz", "any", {
      format: "artifact-transparency/v2",
      event: "yank",
      digest: new Uint8Array(32).fill(0xab),
    });
    const before = [
      published("lib-1.0.tar.gz", "ab", "alice"),
      ...releases(600, "other"),
      published("lib-1.1.tar.gz", "cd", "alice"),
      formatEntry(yank),
    ];
    await serve(folder, before);
    const build = join(folder, "manifest");
    await Deno.writeTextFile(build, `${"ab".repeat(32)}  lib-1.0.tar.gz\n`);
    const authorize = (...args: string[]) =>
      runProgram("monitor", ["authorize", "--state=state", ...args], { cwd: folder });
    equal((await authorize("--manifest=manifest")).code, 0);
    equal((await authorize("--manifest=manifest", "--event=yank")).code, 0);

    const flags = ["--guard=lib", "--filename-regex=^other-1[.]5[0-9]{2}[.]"];
    const first = await monitor(folder, ...flags);
    equal(first.code, 1, first.stderr);
    deepEqual(
      first.alerts.filter(({ kind }) => kind !== "watched").map((
        { kind, facts },
      ) => [kind, facts["leafIndex"]]),
      [
        ["unauthorised", 601],
      ],
    );
    equal(first.kinds.filter((kind) => kind === "watched").length, 100);
    const unauthorised = first.alerts.find(({ kind }) => kind === "unauthorised")!;
    match(unauthorised.summary, /^entry 601 publishes lib-1\.1\.tar\.gz with sha256:cdcd.*nobody/);
    equal((await evidenceOf(folder, unauthorised)).kind, "verified");

    const nothing = await monitor(folder, ...flags);
    equal(nothing.code, 0, nothing.stderr);
    deepEqual(nothing.kinds, []);

    await serve(folder, [
      ...before,
      published("lib-1.0.tar.gz", "ab", "alice"),
      published("other-1.7.tar.gz", "ef"),
      published("lib-1.2.tar.gz", "12", "mallory"),
      published("lib-1.3.tar.gz", "34"),
    ]);
    await Deno.writeTextFile(
      build,
      ["12", "34"].map((digest, i) => `${digest.repeat(32)}  lib-1.${i + 2}.tar.gz\n`).join(""),
    );
    equal((await authorize("--manifest=manifest")).code, 0);
    const second = await monitor(folder, ...flags);
    equal(second.code, 1, second.stderr);
    deepEqual(second.kinds, ["second-digest", "publisher-changed", "publisher-vanished"]);
    deepEqual(
      second.alerts[0]!.facts["digests"],
      ["ab", "ef"].map((two) => `sha256:${two.repeat(32)}`),
    );
    for (const alert of second.alerts) {
      const verdict = await evidenceOf(folder, alert);
      equal(verdict.kind, "verified", JSON.stringify(verdict));
      equal(
        verdict.kind === "verified" && verdict.strength,
        alert.kind === "second-digest" ? "proof" : "report",
      );
    }
    deepEqual((await monitor(folder, ...flags)).kinds, []);
  }));

Deno.test("monitor proves a fork, whichever of the two it is shown first, and goes on after it", () =>
  inFolder(async (folder) => {
    const honest = releases(700);
    const forked = honest.with(5, published("evil-1.tar.gz", "66"));
    await serve(folder, honest.slice(0, 600));
    equal((await monitor(folder)).code, 0);
    const { state: before } = await stateOf(folder);

    for (const size of [600, 700, 300]) {
      await serve(folder, forked.slice(0, size));
      // An older one can be held against the newer tree only while that is served.
      if (size < 600) await serveUnder(folder, honest.slice(0, 600));
      const ran = await monitor(folder);
      equal(ran.code, 1, `${size}`);
      deepEqual(ran.kinds, ["fork"], `${size}: ${ran.stderr}`);
      match(ran.alerts[0]!.summary, /^log\.test\/tools shows two histories: /);
      const verdict = await evidenceOf(folder, ran.alerts[0]!);
      ok(verdict.kind === "verified" && verdict.strength === "proof", JSON.stringify(verdict));
      // As long as it lasts it is one occurrence, also when the fork grows.
      await serve(folder, forked.slice(0, size + 1));
      if (size < 600) await serveUnder(folder, honest.slice(0, 600));
      deepEqual((await monitor(folder)).kinds, []);
      deepEqual((await stateOf(folder)).state.head, before.head);

      await serve(folder, honest.slice(0, 600));
      deepEqual((await monitor(folder)).kinds, ["resolved"]);
    }
    await serve(folder, honest);
    const after = await monitor(folder);
    equal(after.code, 0, after.stderr);
    equal((await stateOf(folder)).state.statements.size, 700);
  }));

Deno.test("monitor proves a fork also when the log serves no tile a second time", () =>
  inFolder(async (folder) => {
    const honest = releases(700);
    await serve(folder, honest.slice(0, 600));
    equal((await monitor(folder)).code, 0);
    const forked = makeLog(honest.with(5, published("evil-1.tar.gz", "66")), secondsAgo());
    const served = new Set<string>();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        const path = new URL(request.url).pathname.slice(1);
        const bytes = forked.objects.get(path) as Uint8Array<ArrayBuffer> | undefined;
        if (path !== "checkpoint" && served.has(path)) return new Response(null, { status: 500 });
        served.add(path);
        return bytes ? new Response(bytes) : new Response(null, { status: 404 });
      },
    );
    const ran = await monitor(folder, `--log=http://127.0.0.1:${server.addr.port}`);
    deepEqual(ran.kinds, ["fork"], ran.stderr);
    const verdict = await evidenceOf(folder, ran.alerts[0]!);
    ok(verdict.kind === "verified" && verdict.strength === "proof", JSON.stringify(verdict));
  }));

Deno.test("monitor takes a project's name for nothing else", () =>
  inFolder(async (folder) => {
    await serve(folder, releases(2, "constructor"));
    const ran = await monitor(folder, "--project=constructor");
    deepEqual(ran.kinds, ["watched", "watched"], ran.stderr);
  }));

Deno.test("monitor: a log whose files cannot be checked does not end the others' pass", () =>
  inFolder(async (folder) => {
    await serve(folder, releases(3));
    equal((await monitor(folder)).code, 0);
    // What was verified decays: nobody reads it but the check of artifacts.
    await Deno.writeTextFile(join(folder, "data/tile/entries/000.p/3"), "decayed");
    const flags = ["--check-artifacts", "--index=http://127.0.0.1:1/simple/"];
    const ran = await monitor(folder, ...flags);
    equal(ran.code, 1);
    match(ran.stderr, /artifacts not checked: .*log\.test\/tools/);
  }));

Deno.test("monitor: an older checkpoint moves nothing back, and is told when it stays (C2)", () =>
  inFolder(async (folder) => {
    const entries = releases(600);
    await serve(folder, entries);
    equal((await monitor(folder)).code, 0);
    const { state: before } = await stateOf(folder);
    await serve(folder, entries.slice(0, 500));
    // A cache may be a little behind.
    const behind = await monitor(folder);
    equal(behind.code, 1);
    match(behind.stderr, /shows a checkpoint of size 500, older than one of size 600/);
    deepEqual(behind.kinds, []);
    const rollback = await monitor(folder, "--unreachable-after=1ms");
    deepEqual(rollback.kinds, ["not-accepted"]);
    equal((await evidenceOf(folder, rollback.alerts[0]!)).kind, "verified");
    deepEqual((await monitor(folder, "--unreachable-after=1ms")).kinds, []);
    const { state: after } = await stateOf(folder);
    deepEqual([after.head, after.edge], [before.head, before.edge]);
    await serve(folder, entries);
    deepEqual((await monitor(folder)).kinds, ["resolved"]);

    // And one that is not there at all.
    await Deno.remove(join(folder, "data"), { recursive: true });
    deepEqual((await monitor(folder)).kinds, []);
    const gone = await monitor(folder, "--unreachable-after=1ms");
    equal(gone.code, 1);
    deepEqual(gone.kinds, ["log-unreachable"]);
    deepEqual((await monitor(folder, "--unreachable-after=1ms")).kinds, []);
    await serve(folder, entries);
    deepEqual((await monitor(folder)).kinds, ["resolved"]);
  }));

Deno.test("monitor: what is not under the signed root is told, and the head waits (C4)", () =>
  inFolder(async (folder) => {
    const entries = releases(256 * 70 + 9);
    const changes = [
      "tile/entries/003",
      "tile/entries/070.p/9",
      "tile/0/005",
      "tile/0/070.p/9",
      "tile/1/000.p/70",
    ];
    for (const path of changes) {
      await Deno.remove(join(folder, "state"), { recursive: true }).catch(() => {});
      await serveLarge(folder, entries.slice(0, 300));
      equal((await monitor(folder)).code, 0);
      await serveLarge(folder, entries);
      const file = join(folder, "data", path);
      const right = await Deno.readFile(file);
      await Deno.writeFile(file, right.with(100, right[100]! ^ 1));
      const ran = await monitor(folder);
      equal(ran.code, 1, path);
      deepEqual(ran.kinds, ["root-mismatch"], `${path}: ${ran.stderr}`);
      const verdict = await evidenceOf(folder, ran.alerts[0]!);
      equal(verdict.kind, "verified", `${path}: ${JSON.stringify(verdict)}`);
      if (path === changes[0]) deepEqual((await monitor(folder)).kinds, []);
      ok((await stateOf(folder)).state.statements.size < entries.length);
      await Deno.writeFile(file, right);
      const after = await monitor(folder);
      deepEqual(after.kinds, ["resolved"], `${path}: ${after.stderr}`);
      equal((await stateOf(folder)).state.statements.size, entries.length);
    }
    // An object that is missing, and a partial one whose full one is there (tlog-tiles).
    await Deno.remove(join(folder, "state"), { recursive: true });
    await Deno.remove(join(folder, "data/tile/entries/007"));
    deepEqual((await monitor(folder)).kinds, ["root-mismatch"]);
    await serve(folder, makeLog(entries.slice(0, 100), secondsAgo()));
    const larger = makeLog(entries.slice(0, 256), secondsAgo());
    for (const kind of ["entries", "0"]) {
      await Deno.remove(join(folder, `data/tile/${kind}/000.p/100`));
      await Deno.writeFile(
        join(folder, `data/tile/${kind}/000`),
        larger.objects.get(`tile/${kind}/000`)!,
      );
    }
    await Deno.remove(join(folder, "state"), { recursive: true });
    const full = await monitor(folder);
    equal(full.code, 0, full.stderr);
  }));

Deno.test("monitor tells of a checkpoint that is not accepted, stale, stuck, or lacks a witness", () =>
  inFolder(async (folder) => {
    const entries = releases(10);
    // The witness has not cosigned, and nothing else is enough (C8).
    await serve(folder, makeLog(entries));
    const refused = await monitor(folder);
    equal(refused.code, 1);
    deepEqual(refused.kinds, ["not-accepted"]);
    match(refused.alerts[0]!.summary, /the quorum "W" is not met/);
    equal((await evidenceOf(folder, refused.alerts[0]!)).kind, "verified");
    equal((await stateOf(folder)).state.head, null);

    await serve(folder, entries, secondsAgo(3600));
    const accepted = await monitor(folder, "--max-age=30m");
    equal(accepted.code, 0, accepted.stderr);
    deepEqual(accepted.kinds, ["resolved", "checkpoint-stale"]);
    equal((await evidenceOf(folder, accepted.alerts[1]!)).kind, "verified");
    deepEqual((await monitor(folder, "--max-age=30m")).kinds, []);

    const stalled = await monitor(folder, "--max-age=2h", "--stall-after=1ms");
    deepEqual(stalled.kinds, ["resolved", "log-stalled"]);
    equal((await evidenceOf(folder, stalled.alerts[1]!)).kind, "verified");
    deepEqual((await monitor(folder, "--max-age=2h", "--stall-after=1ms")).kinds, []);

    // With a witness that is not needed, and does not cosign.
    const policy = await Deno.readTextFile(join(folder, "policy"));
    const vkey = formatVkey(testKey("witness.silent", KeyType.ed25519Cosignature));
    await serve(folder, entries.concat(releases(1, "more")), secondsAgo());
    await Deno.writeTextFile(
      join(folder, "policy"),
      policy.replace("quorum", `witness Silent ${vkey}\nquorum`),
    );
    const missing = await monitor(folder, "--silent-after=1h", "--stall-after=1h");
    deepEqual(missing.kinds, ["resolved"], missing.stderr);
    const told = await monitor(folder, "--silent-after=1ms", "--stall-after=1h");
    deepEqual(told.kinds, ["witness-silent"], told.stderr);
    equal((await evidenceOf(folder, told.alerts[0]!)).kind, "verified");
    deepEqual((await monitor(folder, "--silent-after=1ms", "--stall-after=1h")).kinds, []);
  }));

Deno.test("monitor shows what was used wrongly, and what cannot be used", () =>
  inFolder(async (folder) => {
    await serve(folder, releases(3));
    await Deno.writeTextFile(join(folder, "rules"), "project a\n\nfilename-regex (a\n");
    await Deno.writeTextFile(join(folder, "logs"), "# logs\ndata\n");
    for (
      const [args, code, message] of [
        [["--once", "--follow"], 2, /--once and --follow exclude each other/],
        [["--check-artifacts"], 2, /--check-artifacts and --index=URL go together/],
        [["--filename-regex=(a"], 2, /filename-regex takes an RE2 expression/],
        [["--watch=rules"], 1, /Cannot use --watch rules: line 3: filename-regex takes an RE2/],
        [["--logs=logs"], 2, /--logs logs: line 2: it must be a log and its policy file/],
      ] as const
    ) {
      const ran = await monitor(folder, ...args);
      equal(ran.code, code, `${args}: ${ran.stderr}`);
      match(ran.stderr, message);
    }
    equal((await monitor(folder)).code, 0);
    const { path, state } = await stateOf(folder);
    await Deno.writeTextFile(path, JSON.stringify({ ...state, edge: [] }));
    const damaged = await monitor(folder);
    equal(damaged.code, 1);
    match(damaged.stderr, /Cannot use the state .*state\.json: "edge" must have a hash/);
  }));

/** Puts another tree's objects under the checkpoint that is there. */
async function serveUnder(folder: string, entries: readonly Uint8Array[]): Promise<void> {
  const path = join(folder, "data/checkpoint");
  const shown = await Deno.readFile(path);
  await serve(folder, entries);
  await Deno.writeFile(path, shown);
}
