/**
 * What follows from reviews: `sig suggest` for lock files that uv made, and a proxy, `run`
 * and `why` that let only reviewed packages pass, with a real log, index, gpg, pip and uv.
 */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { LockScene } from "./lock_fixture.ts";
import type { Finished } from "./peers/process.ts";
import { requirePythonClients } from "./peers/python.ts";
import { runProgram } from "./programs.ts";
import { Clients, startProxy } from "./proxy_fixture.ts";
import { haveGpg, Person } from "./sig_fixture.ts";
import { inFolder } from "./temporary.ts";

interface Suggestions {
  readonly files: number;
  readonly suggestions: { filename: string; size: number | null; id: string }[];
  readonly bad: { filename: string }[];
}

Deno.test("sig suggest lists what a lock file installs and nobody trusted reviewed, largest first", async () => {
  const python = await requirePythonClients();
  if (!python || !await haveGpg()) return;
  await using alice = await Person.make("Alice <a@a.test>");
  await alice.setUp();
  await inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    scene.registry.publishWheel("alpha", "3.0", { requires: ["beta"] });
    const index = `--index=${scene.registry.simple}`;
    const trust = [`--log=${scene.log.url}`, `--public-key=${folder}/log.key`, "--state-dir=state"];
    await scene.write("requirements.in", "alpha==2.0\nbeta==1.0\n");
    const compile = async (...args: string[]) => {
      const own = ["pip", "compile", "requirements.in", `--default-index=${scene.registry.simple}`];
      const { code, stderr } = await scene.client(python.uv, ...own, ...args);
      equal(code, 0, stderr);
    };
    await compile("--format=pylock.toml", "--output-file=pylock.toml");
    await compile("--generate-hashes", "--output-file=requirements.txt");
    await scene.write("bare.txt", "alpha==2.0\nbeta==1.0\n");
    const suggest = async (name: string, ...args: string[]): Promise<Suggestions> => {
      const path = join(folder, name);
      return JSON.parse(await alice.did("suggest", path, "--json", index, ...args));
    };
    // Every form of the same lock has the same files; the one without digests asks the log.
    const all = await suggest("pylock.toml");
    const names = all.suggestions.map(({ filename }) => filename);
    equal(all.files, 3);
    deepEqual([...names].sort(), [
      "alpha-2.0-py3-none-any.whl",
      "beta-1.0-py3-none-any.whl",
      "beta-1.0.tar.gz",
    ]);
    const sizes = all.suggestions.map(({ size }) => size!);
    deepEqual(sizes, [...sizes].sort((a, b) => b - a));
    equal(sizes.at(-1), "the source of 1.0".length);
    deepEqual(await suggest("requirements.txt"), all);
    deepEqual(await suggest("bare.txt", ...trust), all);
    // What is reviewed goes, what is bad is said, and one key is not two.
    const say = (release: string, ...args: string[]) =>
      alice.did("attest", release, "--reviewed", ...args, index, ...trust);
    await say("beta==1.0", "--ok", "--file=beta-1.0.tar.gz");
    await say("alpha==2.0", "--no-ok", "--comment=It phones home.");
    const rest = await suggest("pylock.toml");
    deepEqual(rest.suggestions.map(({ filename }) => filename), ["beta-1.0-py3-none-any.whl"]);
    deepEqual(rest.bad.map(({ filename }) => filename), ["alpha-2.0-py3-none-any.whl"]);
    equal((await suggest("pylock.toml", "--threshold=2")).suggestions.length, 2);
    const told = await alice.sig("suggest", join(folder, "pylock.toml"), index);
    match(told.stderr, /warning: alpha-2\.0-py3-none-any\.whl is marked bad!$/m);
    match(
      told.stdout,
      /^ +\d+ {2}beta-1\.0-py3-none-any\.whl {2}sha256:.*\n1 of 3 files not reviewed/,
    );
    const { code, stderr } = await alice.sig("suggest", join(folder, "bare.txt"), "--no-sizes");
    equal(code, 2);
    match(stderr, /has packages without digests: leave out --no-sizes/);
  });
});

Deno.test("with --reviews the proxy and run refuse what is unreviewed or marked bad, and say why", async () => {
  const python = await requirePythonClients();
  if (!python || !await haveGpg()) return;
  await using alice = await Person.make("Alice <a@a.test>");
  await alice.setUp();
  await inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    const trust = [`--log=${scene.log.url}`, `--public-key=${folder}/log.key`];
    const index = `--index=${scene.registry.simple}`;
    const clients = new Clients(python, folder);
    const say = (...args: string[]) =>
      alice.did("attest", ...args, "--reviewed", index, ...trust, "--state-dir=state");
    await say("beta==1.0", "--ok");
    await say("beta==2.0", "--no-ok", "--comment=It phones home.");
    const reviews = `--reviews=${alice.home}`;
    const tool = (name: string, ...args: string[]): Promise<Finished> =>
      runProgram(name, [
        ...trust,
        `--upstream=${scene.registry.simple}`,
        "--state-dir=state",
        "--cache-dir=cache",
        ...args,
      ], { cwd: folder });
    await using proxy = await startProxy(folder, scene.registry.simple, [...trust, reviews]);
    const simple = `${proxy.url}simple/`;
    for (const one of await clients.both(simple, "beta==1.0")) equal(one.code, 0, one.output);
    for (const one of await clients.both(simple, "alpha==1.0")) {
      equal(one.code === 0, false);
      match(one.output, /refused\/unreviewed\/alpha-1\.0-py3-none-any\.whl/);
    }
    for (const one of await clients.both(simple, "beta")) {
      equal(one.code === 0, false);
      match(one.output, /refused\/marked-bad\/beta-2\.0-py3-none-any\.whl/);
    }
    const why = await tool("why", reviews, "beta-2.0-py3-none-any.whl");
    equal(why.code, 1);
    match(why.stdout, /is REFUSED: a key that you trust says that it is not ok\./);
    match(why.stdout, /because +\[.*\] Alice <a@a\.test> says that it is not ok: It phones home\./);
    const unreviewed = await tool("why", reviews, "alpha-1.0-py3-none-any.whl");
    match(unreviewed.stdout, /because +0 of 1 trusted keys say that it is ok/);
    match(
      (await tool("why", reviews, "--review-threshold=2", "beta-1.0.tar.gz")).stdout,
      /because +1 of 2 trusted keys say that it is ok/,
    );
    // The policy names projects; what is bad is bad in all of them.
    const named = [reviews, "--reviewed=Beta,gamma*"];
    equal((await tool("why", ...named, "alpha-1.0-py3-none-any.whl")).code, 0);
    match((await tool("why", reviews, "--reviewed=alpha", "beta-2.0.tar.gz")).stdout, /REFUSED/);
    const target = join(folder, "target");
    const run = (flags: string[], ...what: string[]) =>
      tool("run", ...flags, "--", python.pip, "install", `--target=${target}`, ...what);
    const refused = await run([reviews], "alpha==1.0");
    equal(refused.code === 0, false);
    match(refused.stdout + refused.stderr, /refused\/unreviewed\/alpha-1\.0/);
    const passed = await run(named, "alpha==1.0", "beta==1.0");
    equal(passed.code, 0, passed.stdout + passed.stderr);
    // A policy about nobody's reviews is no policy.
    equal((await tool("why", "--reviewed=alpha", "beta-2.0.tar.gz")).code, 2);
    const nowhere = await tool("why", "--reviews=nowhere", "beta-2.0.tar.gz");
    equal(nowhere.code, 1);
    match(nowhere.stderr, /Cannot use .*nowhere: it is not set up/);
  });
});
