/**
 * Reviews and logs: `sig publish`, `sig verify --log`, and packages by name and version,
 * by the real programs, a real log, an index and gpg.
 */

import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { bulkAppend, startLog } from "./running_log.ts";
import { filesOf } from "./lock_fixture.ts";
import { Registry } from "./registry.ts";
import { haveGpg, Person, Published } from "./sig_fixture.ts";
import { inFolder } from "./temporary.ts";

interface VerifyAnswer {
  readonly ok: boolean;
  readonly verified: {
    path: string;
    id: string;
    verdict: string;
    threshold: number;
    keys: { kind: string; key: string; why: string | null }[];
    unseen: { index: number; reviewer: string | null }[];
  }[];
}

/** What `sig verify --json` says. */
async function verify(person: Person, ...args: string[]): Promise<VerifyAnswer> {
  const { code, stdout, stderr } = await person.sig("verify", "--json", ...args);
  if (stdout === "") throw new Error(stderr);
  const answer: VerifyAnswer = JSON.parse(stdout);
  equal(code, answer.ok ? 0 : 1);
  return answer;
}

const kindsOf = ({ verified }: VerifyAnswer) =>
  verified.map(({ verdict, keys }) => [verdict, ...keys.map(({ kind }) => kind)]);

Deno.test("a review counts with --log once its digest is logged, and a key can hide no other", async () => {
  if (!await haveGpg()) return;
  await using alice = await Person.make("Alice <a@a.test>");
  await using bob = await Person.make("Bob <b@b.test>");
  await alice.setUp();
  await bob.setUp();
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    const flags = [`--log=${log.url}`, `--public-key=${log.publicKey}`, "--state-dir=state"];
    await using site = new Published();
    for (const person of [alice, bob]) person.write("hello.py", "print('hello')\n");
    Deno.mkdirSync(`${bob.folder}/project`);
    bob.write("project/a", "a");
    await bob.did("attest", "hello.py", "project", "--reviewed", "--ok", "--comment=fine");
    site.publish(bob);
    await alice.did("remote", "add", "bob", site.url);
    await alice.did("fetch");
    await alice.did("trust", "add", bob.key);
    // Without a log his word is enough; a log that has not got it makes it count for nothing.
    deepEqual(kindsOf(await verify(alice, "hello.py")), [["ok", "ok"]]);
    deepEqual(kindsOf(await verify(alice, "hello.py", ...flags)), [
      ["not-verified", "unlogged"],
    ]);
    const first = await bob.did("publish", ...flags);
    equal(
      first.match(/^review of sha256(-folder)?:[0-9a-f]{64} is now entry \d+ of http/gm)?.length,
      2,
    );
    const again = await bob.did("publish", ...flags);
    equal(again.match(/ is already entry /g)?.length, 2);
    deepEqual(kindsOf(await verify(alice, "hello.py", ...flags)), [["ok", "ok"]]);
    deepEqual(kindsOf(await verify(bob, "project", ...flags)), [["ok", "ok"]]);
    // He shows others another review, which he keeps from her: the log tells.
    await bob.did("attest", "hello.py", "--reviewed", "--no-ok", "--comment=Not for Alice.");
    await bob.did("publish", ...flags);
    const split = await verify(alice, "hello.py", ...flags);
    deepEqual(kindsOf(split), [["not-verified", "withheld"]]);
    deepEqual(split.verified[0]!.unseen.map(({ reviewer }) => reviewer), [bob.key]);
    match(
      (await alice.sig("verify", "hello.py", ...flags)).stdout,
      /^withheld \[.*the log has another review by this key, .*try `sig fetch`$/m,
    );
    // Once she has it, his no stands, logged or not.
    site.publish(bob);
    await alice.did("fetch");
    deepEqual(kindsOf(await verify(alice, "hello.py", ...flags)), [["bad", "not-ok"]]);
    match(
      (await alice.sig("verify", "hello.py", ...flags)).stdout,
      /^not-ok \[.*\] Bob <b@b\.test>: Not for Alice\.\nfile .* is marked bad!$/m,
    );
    // Another key's log vouches for nothing here.
    await Deno.writeTextFile(
      `${folder}/other.key`,
      (await Deno.readTextFile(log.publicKey))
        .replace(/^[^+]+/, "log.test/other"),
    );
    const foreign = [flags[0]!, `--public-key=${folder}/other.key`, "--state-dir=state"];
    const { code, stderr } = await alice.sig("verify", "hello.py", ...foreign);
    notEqual(code, 0);
    notEqual(stderr, "");
  });
});

Deno.test("a package is attested and verified by the digests that the log has of its files", async () => {
  if (!await haveGpg()) return;
  await using alice = await Person.make("Alice <a@a.test>");
  await alice.setUp();
  await using registry = new Registry();
  registry.publishWheel("beta", "1.0");
  registry.publishWheel("beta", "2.0");
  const sdist = new TextEncoder().encode("the source");
  registry.publish("beta", "beta-1.0.tar.gz", sdist);
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    await bulkAppend(log.url, filesOf(registry));
    // What the log has not got is left out, and said.
    registry.publish("beta", "beta-1.0.zip", new TextEncoder().encode("not logged"));
    const trust = [`--log=${log.url}`, `--public-key=${log.publicKey}`, "--state-dir=state"];
    const flags = [...trust, `--index=${registry.simple}`];
    const one = [...flags, "--file=beta-1.0.tar.gz"];
    const { code, stdout, stderr } = await alice.sig(
      ...["attest", "Beta==1.0", "--reviewed", "--ok", ...one],
    );
    equal(code, 0, stderr);
    match(stdout, /^Saved attestation for beta-1\.0\.tar\.gz:\n/);
    await alice.did("publish", ...trust);
    deepEqual(kindsOf(await verify(alice, "beta==1.0", ...one)), [["ok", "ok"]]);
    // The same review is one of the file itself.
    alice.write("downloaded.tar.gz", "the source");
    deepEqual(kindsOf(await verify(alice, "downloaded.tar.gz", ...trust)), [["ok", "ok"]]);
    const all = await verify(alice, "beta==1", ...flags);
    deepEqual(all.verified.map(({ path, verdict }) => [path, verdict]).sort(), [
      ["beta-1.0-py3-none-any.whl", "unknown"],
      ["beta-1.0.tar.gz", "ok"],
    ]);
    match(
      (await alice.sig("verify", "beta==1", ...flags)).stderr,
      /beta==1: the log does not vouch for beta-1\.0\.zip, which is left out$/m,
    );
    for (
      const [args, why] of [
        [["beta==3.0", ...flags], /Cannot find beta 3\.0: the index lists no file of it/],
        [
          ["beta==1.0", ...flags, "--file=beta-1.0.zip"],
          /the log does not vouch for beta-1\.0\.zip/,
        ],
        [["beta==1.0", ...flags, "--file=beta-2.0.tar.gz"], /none of the named files is of it/],
      ] as const
    ) {
      const refused = await alice.sig("verify", ...args);
      equal(refused.code, 1);
      match(refused.stderr, why);
    }
    // The review stands beside the file in the log.
    const found = await (await fetch(`${log.url}/search?filename=beta-1.0.tar.gz`)).json();
    equal(found.indices.length, 2);
  });
});

Deno.test("--threshold takes so many trusted keys, and one trusted no outweighs them", async () => {
  if (!await haveGpg()) return;
  await using alice = await Person.make("Alice <a@a.test>");
  await using bob = await Person.make("Bob <b@b.test>");
  await using site = new Published();
  for (const person of [alice, bob]) {
    await person.setUp();
    person.write("f", "f");
  }
  await alice.did("attest", "f", "--reviewed", "--ok");
  match(
    (await alice.sig("verify", "f", "--threshold=2")).stdout,
    /is not verified\. \(1 of 2 trusted keys\)\n$/,
  );
  equal((await alice.sig("verify", "f", "--threshold=0")).code, 2);
  await bob.did("attest", "f", "--reviewed", "--ok");
  site.publish(bob);
  await alice.did("remote", "add", "bob", site.url);
  await alice.did("fetch");
  deepEqual(kindsOf(await verify(alice, "f", "--threshold=2")), [
    ["not-verified", "ok", "untrusted"],
  ]);
  await alice.did("trust", "add", bob.key);
  deepEqual(kindsOf(await verify(alice, "f", "--threshold=2")), [["ok", "ok", "ok"]]);
  await bob.did("attest", "f", "--reviewed", "--no-ok", "--comment=It phones home.");
  site.publish(bob);
  await alice.did("fetch");
  deepEqual(kindsOf(await verify(alice, "f", "--threshold=1")), [["bad", "ok", "not-ok"]]);
});
