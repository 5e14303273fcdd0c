/**
 * What a hostile or broken remote, a swapped key, another run or a full disk can do to
 * Signet: nothing but be told in a sentence. What was seen last stays, whole.
 */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readHome } from "../tools/sig/home.ts";
import type { PythonObject } from "../tools/sig/python_json.ts";
import { fetchRemote } from "../tools/sig/remotes.ts";
import { haveGpg, Person, Published, tampered } from "./sig_fixture.ts";

const ID = (digit: string): string => `sha256:${digit.repeat(64)}`;
const LONG_AGO = "--faked-system-time=20200101T000000";

/** Every file of a home, as it is. */
function snapshot(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) Object.assign(files, snapshot(path));
    else files[path] = Deno.readFileSync(path).toHex();
  }
  return files;
}

/** Someone who follows a remote that someone else publishes. */
async function follow(
  story: (people: { me: Person; them: Person; site: Published }) => Promise<void>,
): Promise<void> {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await using them = await Person.make("Them <them@them.test>");
  await using site = new Published();
  await Promise.all([me.setUp(), them.setUp()]);
  site.publish(them);
  await me.did("remote", "add", "them", site.url);
  await story({ me, them, site });
}

/** A fetch that fails, says why in one sentence, and changes nothing. */
async function refused(me: Person, why: RegExp): Promise<void> {
  const before = snapshot(me.home);
  const error = await fetchRemote(await readHome(me.home, new Date()), "them", () => {})
    .then(() => null, (error) => error as Error);
  match(error?.message ?? "accepted", why);
  match(error!.message, /^[^\n]+$/);
  deepEqual(snapshot(me.home), before, `${why}`);
}

Deno.test("a remote's answer that is not a repository is refused, and nothing is kept", () =>
  follow(async ({ me, them, site }) => {
    const { "repo.json": good } = site.files as Record<string, string>;
    const reviews = [await them.attestation({ id: ID("a"), ok: true, reviewed: true })];
    const signed = (attestations: PythonObject) => them.repository(attestations);
    const answers: [string | (() => Response), RegExp][] = [
      ["", /expected a value/],
      ["{", /expected/],
      ["[]", /must be a JSON object/],
      [good!.slice(0, -20), /expected the end of a string/],
      [good!.replace("{", '{"key":"",'), /stands twice/],
      [good!.replace("{", '{"__proto__":{},'), /__proto__/],
      ["[".repeat(100_000), /nests over 32 levels/],
      [good!.replace('"0.0.1"', '"0.0.2"'), /"version" must be "0\.0\.1"/],
      [good!.replace(/"sig": "..../, '"sig": "%%%%'), /"sig" must be canonical base64/],
      [good!.replace(/"key": "........./, '"key": "'), /full fingerprint of 40/],
      [tampered(await signed({ [ID("a")]: reviews })), /signature is refused/],
      [await signed({ [ID("b")]: reviews }), /is filed under/],
      [await signed({ [ID("a")]: [{ data: {}, key: them.key, sig: "AA==" }] }), /"id" must be/],
      [() => new Response(new Uint8Array(33 << 20)), /over 33554432 bytes/],
      [() => new Response(null, { status: 302, headers: { location: "/x" } }), /redirect/],
      [() => new Response("", { status: 500 }), /status 500, expected 200/],
    ];
    for (const [answer, why] of answers) {
      site.files["repo.json"] = answer;
      await refused(me, why);
    }
    delete site.files["repo.json"];
    await refused(me, /status 404/);
    const { code, stderr } = await me.sig("fetch");
    equal(code, 1);
    match(stderr, /^sig: Cannot fetch remote "them": http:[^\n]+status 404, expected 200\n$/);
    site.files["repo.json"] = good!;
    site.files["key.asc"] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n";
    await refused(me, /Cannot parse keys/);
    site.files["key.asc"] = new TextDecoder().decode(await me.gpg.export(me.key));
    await refused(me, /key\.asc does not hold/);
  }));

Deno.test("a remote that swaps its key, rolls back or drops is refused; what was seen last stays", () =>
  follow(async ({ me, them, site }) => {
    const review = (digit: string) => them.attestation({ id: ID(digit), ok: true, reviewed: true });
    const [a, b] = [await review("a"), await review("b")];
    site.files["repo.json"] = await them.repository({ [ID("a")]: [a], [ID("b")]: [b] });
    await me.did("fetch");
    await me.did("fetch"); // The same again is no news.
    const seen = site.files["repo.json"] as string;
    site.files["repo.json"] = await them.repository({ [ID("a")]: [a] });
    await refused(me, /drops 1 attestation seen before, about sha256:bbb.*seen last is kept/);
    const grown = { [ID("a")]: [a], [ID("b")]: [b], [ID("c")]: [await review("c")] };
    site.files["repo.json"] = await them.repository(grown);
    await me.did("fetch");
    site.files["repo.json"] = seen;
    await refused(me, /rolled back|drops 1 attestation/);
    // Another key, of somebody who took the address over.
    const other = await them.gpg.makeKey("Them <other@them.test>");
    const swapped = { data: { attestations: {}, version: "0.0.1" }, key: other };
    const { sig } = await them.gpg.attest(swapped.data, other);
    site.files["repo.json"] = JSON.stringify({ ...swapped, sig: sig.toBase64() });
    site.files["key.asc"] = new TextDecoder().decode(await them.gpg.export(other));
    await refused(me, new RegExp(`it is signed by ${other}, was signed by ${them.key}`));
  }));

Deno.test("a repository signed before the one seen last is a rollback; an expired key signs nothing new", async () => {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await using them = await Person.make("Them <them@them.test>");
  await using site = new Published();
  await me.setUp();
  const options = { options: [LONG_AGO] };
  const key = await them.gpg.makeKey("Old <old@them.test>", "ed25519", options);
  const empty = { attestations: {}, version: "0.0.1" };
  const at = async (time: string) => {
    const { sig } = await them.gpg.attest(empty, key, [`--faked-system-time=${time}`]);
    return JSON.stringify({ data: empty, key, sig: sig.toBase64() });
  };
  site.files["key.asc"] = new TextDecoder().decode(await them.gpg.export(key));
  site.files["repo.json"] = await at("20210202T000000");
  await me.did("remote", "add", "them", site.url);
  await me.did("fetch");
  site.files["repo.json"] = await at("20210201T000000");
  await refused(me, /rolled back: signed at 2021-02-01.*seen last was 2021-02-02/);
  // Signed later, by a key whose last day is over by now.
  await them.gpg.run([LONG_AGO, "--quick-set-expire", key, "2022-01-01"]);
  site.files["key.asc"] = new TextDecoder().decode(await them.gpg.export(key));
  site.files["repo.json"] = await at("20210203T000000");
  const told = await me.sig("fetch");
  equal(told.code, 1);
  match(told.stderr, /its key expired at 2022-01-01/);
});

Deno.test("a key that its owner revoked counts for nothing, and is never un-revoked", () =>
  follow(async ({ me, them, site }) => {
    them.write("a", "a");
    me.write("a", "a");
    await them.did("attest", "a", "--reviewed", "--ok");
    site.publish(them);
    const clean = site.files["key.asc"]!;
    await me.did("fetch");
    await me.did("trust", "add", them.key);
    await me.did("verify", "a");
    const path = join(them.gpg.folder, "openpgp-revocs.d", `${them.key}.rev`);
    const revocation = Deno.readTextFileSync(path).replace(/^:---/m, "---");
    await them.gpg.run(["--import"], new TextEncoder().encode(revocation));
    site.files["key.asc"] = new TextDecoder().decode(await them.gpg.export(them.key));
    const told = await me.sig("fetch");
    equal(told.code, 1);
    match(told.stderr, /its key is revoked/);
    for (let fetched = 0; fetched < 2; fetched++) {
      const { code, stdout, stderr } = await me.sig("verify", "a");
      equal(code, 1);
      match(stderr + stdout, /revoked/);
      site.files["key.asc"] = clean; // As someone would who stole the key.
      equal((await me.sig("fetch")).code, 1);
    }
  }));

Deno.test("short key IDs that fit two keys are refused, naming both", async () => {
  if (!await haveGpg()) return;
  const { chooseKey, parseKeyId } = await import("../tools/sig/key_id.ts");
  const [one, two] = [`${"1".repeat(32)}B32780D9`, `${"2".repeat(32)}B32780D9`];
  equal(chooseKey(one, [one, two], "here"), one);
  for (const id of ["B32780D9", "b327 80d9", "0xB32780D9"]) {
    try {
      chooseKey(parseKeyId(id), [one, two], "here");
      throw new Error("chosen");
    } catch (error) {
      equal(
        (error as Error).message,
        `Cannot tell which key B32780D9 names here: ${one} and ${two} end so; give one in full`,
      );
    }
  }
  await using me = await Person.make("Me <me@me.test>");
  await me.setUp();
  equal(
    (await me.sig("trust", "add", "B32780D9")).stderr,
    "sig trust add: Cannot find key B32780D9 in the keyring\n",
  );
  equal((await me.sig("trust", "add", "short")).code, 2);
});

Deno.test("a home that somebody changed is refused", async () => {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await me.setUp();
  me.write("a", "a");
  await me.did("attest", "a", "--reviewed", "--ok");
  const changes: [string, (text: string) => string, RegExp][] = [
    ["config", (text) => text.replace(me.key, "0".repeat(40)), /signature is refused/],
    ["config", (text) => text.replace('"ok": 1', '"ok": 0'), /signature is refused|at least 1/],
    ["config", () => "{}", /"data" must be an object/],
    ["repo/repo.json", tampered, /its signature is refused/],
    ["repo/repo.json", () => "", /expected a value/],
  ];
  for (const [path, change, why] of changes) {
    const good = me.read(`signet/${path}`);
    const bad = change(good);
    notEqual(bad, good);
    me.write(`signet/${path}`, bad);
    const { code, stderr } = await me.sig("verify", "a");
    equal(code, 1);
    match(stderr, /^sig verify: Cannot use [^\n]+\n$/);
    match(stderr, why);
    me.write(`signet/${path}`, good);
  }
  await me.did("verify", "a");
});

Deno.test("two runs do not change one home at once; the lock dies with its holder", async () => {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await me.setUp();
  me.write("a", "a");
  const before = snapshot(me.home);
  // Another run, which is in the middle of it and then dies.
  const home = new URL("../tools/sig/home.ts", import.meta.url);
  const program = `import { lockHome } from ${JSON.stringify(home.href)};
    globalThis.lock = lockHome(${JSON.stringify(me.home)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["eval", `--config=${fileURLToPath(new URL("../deno.json", import.meta.url))}`, program],
    stdout: "piped",
  }).spawn();
  const output = holder.stdout.getReader();
  match(new TextDecoder().decode((await output.read()).value), /locked/);
  const { code, stderr } = await me.sig("attest", "a", "--reviewed", "--ok");
  equal(code, 1);
  match(stderr, /another run of sig is changing it, try again later\n$/);
  deepEqual(snapshot(me.home), before);
  match((await me.sig("verify", "a")).stdout, /is unknown!/); // It only reads.
  holder.kill("SIGKILL");
  await holder.status;
  await output.cancel();
  await me.did("attest", "a", "--reviewed", "--ok");
  const both = await Promise.all(["b", "c"].map((name) => {
    me.write(name, name);
    return me.sig("attest", name, "--reviewed", "--ok");
  }));
  const saved = both.filter(({ code }) => code === 0).length;
  const { data } = JSON.parse(me.read("signet/repo/repo.json"));
  equal(Object.keys(data.attestations).length, 1 + saved);
  for (const { code, stderr } of both) if (code !== 0) match(stderr, /another run of sig/);
});

Deno.test("a run that dies in between leaves the old state, and the next one goes on", async () => {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await me.setUp();
  me.write("a", "a");
  const repository = me.read("signet/repo/repo.json");
  // What a run leaves that died while it wrote.
  me.write("signet/repo/repo.json.tmp", repository.slice(0, 100));
  me.write("signet/config.tmp", "{");
  await me.did("verify", "a").catch(() => {});
  await me.did("attest", "a", "--reviewed", "--ok");
  await me.did("verify", "a");
  equal([...Deno.readDirSync(me.published)].some(({ name }) => name.endsWith(".tmp")), false);
  // A gpg that cannot sign: nothing is written.
  const before = snapshot(me.home);
  await me.gpg.run(["--yes", "--delete-secret-keys", me.key]);
  me.write("b", "b");
  const { code, stderr } = await me.sig("attest", "b", "--reviewed", "--ok");
  equal(code, 1);
  match(stderr, /^sig attest: Cannot use gpg: [^\n]+\n$/);
  deepEqual(snapshot(me.home), before);
  // Setting up twice is refused too.
  match((await me.sig("setup", me.key)).stderr, /^sig setup: /);
});

Deno.test("hostile names, comments and user IDs cannot write to the terminal", () =>
  follow(async ({ me, them, site }) => {
    const evil = "x\u001b]0;title\u0007\u202e\n ok";
    const key = await them.gpg.makeKey("Evil \u001b[31m\u202e <e@e.test>");
    const data = { id: ID("a"), ok: false, reviewed: true, comment: evil };
    const { sig } = await them.gpg.attest(data, key);
    const attestation = { data, key, sig: sig.toBase64() };
    const repository = { attestations: { [ID("a")]: [attestation] }, version: "0.0.1" };
    const signed = await them.gpg.attest(repository, key);
    site.files["repo.json"] = JSON.stringify({
      data: repository,
      key,
      sig: signed.sig.toBase64(),
    });
    site.files["key.asc"] = new TextDecoder().decode(await them.gpg.export(key));
    const fetched = await me.sig("fetch");
    const trusted = await me.sig("trust", "add", key);
    me.write("evil\u001b[2J", "");
    const verified = await me.sig("verify", "evil\u001b[2J");
    const name = await me.sig("remote", "add", "../up", site.url);
    equal(name.code, 2);
    const url = await me.sig("remote", "add", "a", "file:///etc/passwd");
    equal(url.code, 2);
    for (const { stdout, stderr } of [fetched, trusted, verified]) {
      // deno-lint-ignore no-control-regex
      ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(stdout + stderr), stdout + stderr);
    }
    match(fetched.stdout, /Imported \[.*Evil/);
  }));

Deno.test("http to another machine is told, and may be used: what is fetched is signed", async () => {
  if (!await haveGpg()) return;
  await using me = await Person.make("Me <me@me.test>");
  await me.setUp();
  const { code, stderr } = await me.sig("remote", "add", "far", "http://signet.invalid/");
  equal(code, 0);
  match(stderr, /^sig: warning: http:\/\/signet\.invalid\/ is not encrypted/);
  equal((await me.sig("remote", "add", "tls", "https://signet.invalid/")).stderr, "");
});
