import {
  ARTIFACT_V2,
  formatEntry,
  formatTlogProof,
  formatVkey,
  KeyType,
  parseTlogProof,
  sha256,
  signerKey,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, LOG_KEY, makeLog, POLICY, publication, type Ran, runHere } from "./_testing.ts";
import { command } from "./verify.ts";

const now = BigInt(Math.floor(Date.now() / 1000));
const NAME = "pkg-1.0.tar.gz";
const PUBLISHER = { issuer: "https://issuer.test", subject: "project/a" };

/** A folder with a file, its proof, a policy and a public key. */
async function prepare(folder: string, cosignedAt: bigint | undefined = now): Promise<void> {
  const others = ["a-1.zip", "b-1.zip", "c-1.zip"].map((name) =>
    formatEntry(publication(name, name))
  );
  const entry = formatEntry(publication(NAME, "content", { publisher: PUBLISHER }));
  const yank = formatEntry(publication(NAME, "content", { format: ARTIFACT_V2, event: "yank" }));
  const log = makeLog([...others, entry, yank], cosignedAt);
  const write = (name: string, data: Uint8Array) => Deno.writeFileSync(join(folder, name), data);
  write(NAME, utf8("content"));
  write(`${NAME}.tlog-proof`, await log.proof(3));
  write("yank.tlog-proof", await log.proof(4));
  write("policy", utf8(POLICY));
  write("public.key", utf8(formatVkey(LOG_KEY) + "\n"));
}

function verify(folder: string, ...args: string[]): Promise<Ran> {
  const files = args.map((arg) => arg.replace(/^(--[a-z-]+=)?\.\//, `$1${folder}/`));
  return runHere(command, files);
}

Deno.test("verify accepts a file with its proof and says by whom it is witnessed", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const { code, stdout } = await verify(folder, `./${NAME}`, "--policy=./policy");
    assert.equal(code, 0);
    assert.match(stdout, /verified\n.*digest {5}sha256:[0-9a-f]{64}/);
    assert.match(stdout, /entry 3 of log\.test\/tools, in a tree of 5/);
    assert.match(stdout, /witnessed {2}by W at 20[0-9-]+T[0-9:]+Z/);
    assert.match(stdout, /publisher {2}project\/a, by https:\/\/issuer\.test/);
  }));

Deno.test("verify with the public key alone says that nobody witnessed", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const { code, stdout } = await verify(folder, `./${NAME}`, "--public-key=./public.key");
    assert.equal(code, 0);
    assert.match(stdout, /witnessed {2}by nobody/);
  }));

Deno.test("verify answers in JSON", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const { stdout } = await verify(folder, `./${NAME}`, "--policy=./policy", "--json");
    const answer = JSON.parse(stdout);
    assert.equal(answer.verified, true);
    assert.equal(answer.index, 3);
    assert.equal(answer.witnesses[0].name, "W");
    assert.deepEqual(answer.publisher, PUBLISHER);
    Deno.writeTextFileSync(join(folder, NAME), "other");
    const other = await verify(folder, `./${NAME}`, "--policy=./policy", "--json");
    assert.equal(other.code, 1);
    assert.equal(JSON.parse(other.stdout).verified, false);
  }));

Deno.test("verify refuses another content, another name and a withdrawal", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const named = await verify(
      folder,
      `./${NAME}`,
      "--policy=./policy",
      "--filename=pkg-1.1.tar.gz",
    );
    assert.equal(named.code, 1);
    assert.match(named.stderr, /NOT verified: the name differs/);
    const yanked = await verify(
      folder,
      `./${NAME}`,
      "--policy=./policy",
      "--proof=./yank.tlog-proof",
    );
    assert.equal(yanked.code, 1);
    assert.match(yanked.stderr, /withdrawn \(yank\)/);
    Deno.writeTextFileSync(join(folder, NAME), "Content");
    const changed = await verify(folder, `./${NAME}`, "--policy=./policy");
    assert.equal(changed.code, 1);
    assert.match(changed.stderr, /NOT verified: the digest differs/);
  }));

Deno.test("verify takes a file under another name with --filename", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    Deno.renameSync(join(folder, NAME), join(folder, "download"));
    const args = [`--proof=./${NAME}.tlog-proof`, "--policy=./policy"];
    assert.equal((await verify(folder, "./download", ...args)).code, 1);
    assert.equal((await verify(folder, "./download", ...args, `--filename=${NAME}`)).code, 0);
  }));

Deno.test("verify refuses a proof with any hash or the entry changed, or without entry", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const path = join(folder, `${NAME}.tlog-proof`);
    const whole = parseTlogProof(Deno.readFileSync(path));
    const flip = (bytes: Uint8Array) => bytes.with(0, bytes[0]! ^ 1);
    const bad = [
      { ...whole, extra: null },
      { ...whole, extra: flip(whole.extra!) },
      { ...whole, extra: formatEntry(publication(NAME, "content")) },
      { ...whole, index: whole.index + 1n },
      { ...whole, proof: whole.proof.slice(1) },
      ...whole.proof.map((hash, i) => ({ ...whole, proof: whole.proof.with(i, flip(hash)) })),
      { ...whole, checkpoint: flip(whole.checkpoint) },
    ];
    for (const proof of bad) {
      Deno.writeFileSync(path, formatTlogProof(proof));
      const { code, stderr } = await verify(folder, `./${NAME}`, "--policy=./policy");
      assert.equal(code, 1);
      assert.match(stderr, /NOT verified: /);
    }
  }));

Deno.test("verify refuses a log or a witness that it does not know", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const other = signerKey(LOG_KEY.name, KeyType.ed25519, sha256(utf8("other")));
    Deno.writeTextFileSync(join(folder, "public.key"), formatVkey(other));
    const { code, stderr } = await verify(folder, `./${NAME}`, "--public-key=./public.key");
    assert.equal(code, 1);
    assert.match(stderr, /no trusted key signed/);
  }));

Deno.test("verify refuses a checkpoint that the quorum has not seen", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const { proof } = makeLog([formatEntry(publication(NAME, "content"))]);
    Deno.writeFileSync(join(folder, `${NAME}.tlog-proof`), await proof(0));
    const { code, stderr } = await verify(folder, `./${NAME}`, "--policy=./policy");
    assert.equal(code, 1);
    assert.match(stderr, /quorum "W" is not met/);
  }));

for (
  const { name, at, maxAge, want } of [
    { name: "an old cosignature without --max-age", at: now - 1_000_000n, maxAge: [], want: 0 },
    { name: "a cosignature of --max-age", at: now - 3000n, maxAge: ["--max-age=1h"], want: 0 },
    { name: "one older than --max-age", at: now - 5000n, maxAge: ["--max-age=1h"], want: 1 },
    { name: "one from the future", at: now + 1000n, maxAge: [], want: 1 },
  ]
) {
  Deno.test(`verify: ${name} -> ${want === 0 ? "accepted" : "stale"}`, () =>
    inFolder(async (folder) => {
      await prepare(folder, at);
      const { code, stderr } = await verify(
        folder,
        `./${NAME}`,
        "--policy=./policy",
        ...maxAge,
      );
      assert.equal(code, want);
      if (want !== 0) assert.match(stderr, /stale: /);
    }));
}

Deno.test("verify with --max-age needs a witness", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const args = [`./${NAME}`, "--public-key=./public.key", "--max-age=1h"];
    const { code, stderr } = await verify(folder, ...args);
    assert.equal(code, 1);
    assert.match(stderr, /no witness of the policy says/);
  }));

Deno.test("verify says what is missing: file, proof, trust", () =>
  inFolder(async (folder) => {
    await prepare(folder);
    const trust = "--policy=./policy";
    assert.equal((await verify(folder, trust)).code, 2);
    const missing = await verify(folder, "./no", trust);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^verify: There is no file .*\/no to check$/m);
    Deno.writeTextFileSync(join(folder, "no"), "it is there now");
    const unproven = await verify(folder, "./no", trust, "--filename=lib-1.zip");
    assert.equal(unproven.code, 1);
    assert.match(
      unproven.stderr,
      /There is no proof .*\/no\.tlog-proof beside .* \/bundle\/lib-1\.zip, and name it with --proof/,
    );
    const elsewhere = await verify(folder, "./no", trust, "--proof=./nothing");
    assert.match(elsewhere.stderr, /Cannot read --proof .*nothing: there is no such file/);
    const bad = await verify(folder, `./${NAME}`, trust, "--proof=./policy");
    assert.match(bad.stderr, /Cannot use --proof/);
    const both = await verify(folder, `./${NAME}`, trust, "--public-key=./public.key");
    assert.equal(both.code, 2);
    assert.equal((await verify(folder, `./${NAME}`, trust, "--max-age=soon")).code, 2);
  }));
