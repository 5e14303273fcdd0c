/**
 * Signet as its README tells it, by the real program with the permissions that the
 * launcher gives it, the real gpg, and repositories made by Python and gpg alone.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { haveGpg, Person, Published } from "./sig_fixture.ts";
import { requirePeer } from "./peers/peers.ts";
import { run } from "./peers/process.ts";
import { programCommand } from "./programs.ts";

const ORIGINAL = fileURLToPath(new URL("testdata/signet_original.py", import.meta.url));
const HELLO = "sha256:4dca0fd5f424a31b03ab807cbae77eb32bf2d089eed1cee154b3afed458de0dc";

Deno.test("sig does what its README shows, word for word", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("Dev Test Key <test@demo.com>");
  await using world = await Person.make("Hello World <hello@world.com>");
  await using site = new Published();
  const [short, theirs] = [demo.key.slice(-8), world.key.slice(-8)];
  demo.write("signet.py", "hello, world!\n");
  equal(
    await demo.did("setup", short),
    `Initialized config directory at: ${demo.home}/\n` +
      `With public key fingerprint: ${demo.key}\nWelcome to Signet! :)\n`,
  );
  equal(
    await demo.did(
      "attest",
      "./signet.py",
      "--reviewed",
      "--ok",
      "--comment=My first attestation!",
    ),
    `Saved attestation for ./signet.py:\n{\n  "comment": "My first attestation!",\n` +
      `  "id": "${HELLO}",\n  "ok": true,\n  "reviewed": true\n}\n`,
  );
  equal(
    await demo.did("verify", "./signet.py"),
    `identified file as ${HELLO}\nok [${short}] Dev Test Key <test@demo.com>\n` +
      `file ${demo.folder}/signet.py is ok.\n`,
  );
  // The other one.
  await world.setUp();
  world.write("test.txt", "theirs");
  demo.write("test.txt", "theirs");
  await world.did("attest", "test.txt", "--reviewed", "--ok");
  site.publish(world);
  equal(await demo.did("remote", "add", "hello-world", site.url), "");
  equal(await demo.did("remote", "list"), `"hello-world" ${site.url}\n`);
  equal(
    await demo.did("fetch"),
    `GET ${site.url}repo.json... done.\nGET ${site.url}key.asc... done.\n` +
      `Imported [${theirs}] Hello World <hello@world.com>.\n`,
  );
  const before = await demo.sig("verify", "./test.txt");
  equal(before.code, 1);
  match(before.stdout, /^identified file as sha256:[0-9a-f]{64}\n/);
  ok(before.stdout.endsWith(
    `\nuntrusted [${theirs}] Hello World <hello@world.com>\n` +
      `file ${demo.folder}/test.txt is not verified.\n`,
  ));
  const trusted = `[${theirs}] Hello World <hello@world.com>`;
  equal(await demo.did("trust", "add", theirs), `Trusted: ${trusted}\n`);
  equal(await demo.did("trust", "add", world.key), "Already trusted. Skipping.\n");
  ok((await demo.did("trust", "list")).split("\n").includes(trusted));
  match(await demo.did("verify", "./test.txt"), /\nok \[.*\nfile .*\/test\.txt is ok\.\n$/);
  equal(await demo.did("trust", "remove", theirs), `Removed: ${trusted}\n`);
  equal((await demo.sig("verify", "test.txt", "signet.py")).code, 1);
  await demo.did("remote", "remove", "hello-world");
  match((await demo.sig("verify", "test.txt")).stdout, /is unknown!\n$/);
  match(await demo.did("help"), /remote add/);
  match(await demo.did("help", "trust", "add"), /sig trust add .*<KEYID>/);
  equal((await demo.sig("nothing")).code, 2);
});

Deno.test("sig attest asks what no flag says, and asks again until it is yes or no", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("A <a@a.test>");
  await demo.setUp();
  demo.write("a", "hello, world!\n");
  const [deno, ...words] = await programCommand("sig", ["attest", "a"], {
    cwd: demo.folder,
    env: { SIG_DIR: demo.home },
  });
  const answer = async (text: string) => {
    const child = new Deno.Command(deno!, {
      args: words,
      cwd: demo.folder,
      env: { ...demo.gpg.env, SIG_DIR: demo.home, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  };
  const review = "I have reviewed this file (yes/no): ";
  const works = "It performs as expected and is free of major flaws (yes/no): ";
  const said = await answer("maybe\nyes\ny\nno\nbäd\n");
  deepEqual([said.code, said.stderr], [0, review + review + works + works + "Comment: "]);
  match(said.stdout, /"comment": "b\\u00e4d",\n.*\n {2}"ok": false/);
  const unread = await answer("no\n");
  deepEqual([unread.code, unread.stdout], [1, ""]);
  match(unread.stderr, /Please review the file\n$/);
  const gone = await answer("yes\n");
  equal(gone.code, 1);
  match(gone.stderr, /the input has ended; answer with --ok/);
  const bad = await demo.sig("verify", "a");
  equal(bad.code, 1);
  match(bad.stdout, /\nnot-ok \[.*: bäd\nfile .* is marked bad!\n$/);
});

Deno.test("a folder is its names and bytes; sig --json says what was found", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("A <a@a.test>");
  await demo.setUp();
  for (const copy of ["one", "two"]) {
    Deno.mkdirSync(join(demo.folder, copy, "lib"), { recursive: true });
    demo.write(`${copy}/lib/a.py`, "a");
    demo.write(`${copy}/b.py`, "b");
  }
  const saved = JSON.parse(await demo.did("attest", "one", "--reviewed", "--ok", "--json"));
  const { id } = saved.attestations[0].data;
  match(id, /^sha256-folder:[0-9a-f]{64}$/);
  const { verified, ok: isOk } = JSON.parse(await demo.did("verify", "two", "--json"));
  equal(isOk, true);
  equal(verified[0].id, id);
  deepEqual([verified[0].keys[0].kind, verified[0].keys[0].key], ["ok", demo.key]);
  demo.write("two/lib/a.py", "x");
  const { code, stdout } = await demo.sig("verify", "two", "--json");
  deepEqual([code, JSON.parse(stdout).verified[0].verdict], [1, "unknown"]);
});

Deno.test("repositories made by Python and gpg are read; ours are verified by them", async () => {
  if (!await haveGpg()) return;
  const python = await requirePeer("python3");
  if (python === null) return;
  for (const kind of ["rsa2048", "ed25519"]) {
    await using original = await Person.make("Original <o@o.test>", kind);
    await using demo = await Person.make("Demo <d@d.test>", kind);
    await demo.setUp();
    await using site = new Published();
    demo.write("a", "hello, world!\n");
    const env = original.gpg.env;
    const ids = [HELLO, "sha256:00", "sha256:01"];
    const made = await run(python, [ORIGINAL, "make", original.key, ...ids], { env });
    equal(made.code, 0, made.stderr);
    site.files["repo.json"] = made.stdout;
    const armored = await original.gpg.export(original.key);
    site.files["key.asc"] = new TextDecoder().decode(armored);
    await demo.did("remote", "add", "original", site.url);
    await demo.did("fetch");
    await demo.did("trust", "add", original.key);
    match(await demo.did("verify", "a"), /is ok\.\n$/);
    // The other way round.
    await demo.did("attest", "a", "--reviewed", "--no-ok", '--comment=\u{1f600} "é" \\ \u007f');
    const ours = Deno.readTextFileSync(join(demo.published, "repo.json"));
    const check = [ORIGINAL, "check", join(demo.home, "keyring.gpg")];
    const child = new Deno.Command(python, {
      args: check,
      env: original.gpg.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(ours));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    equal(code, 0, new TextDecoder().decode(stderr));
    match(
      new TextDecoder().decode(stdout),
      /"comment": "\\ud83d\\ude00 \\"\\u00e9\\" \\\\ \\u007f"/,
    );
  }
});

Deno.test("a keyring that GnuPG made for the original is read with its help", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("A <a@a.test>");
  await demo.setUp();
  demo.write("a", "a");
  await demo.did("attest", "a", "--reviewed", "--ok");
  const ring = join(demo.home, "keyring.gpg");
  await Deno.remove(ring);
  const key = join(demo.published, "key.asc");
  await demo.gpg.run(["--no-default-keyring", `--keyring=${ring}`, "--import", key]);
  match(new TextDecoder().decode((await Deno.readFile(ring)).subarray(8, 12)), /KBXf/);
  match(await demo.did("verify", "a"), /is ok\.\n$/);
});

Deno.test("without gpg on the PATH sig says so, and still verifies", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("A <a@a.test>");
  await demo.setUp();
  demo.write("a", "a");
  await demo.did("attest", "a", "--reviewed", "--ok");
  const env = { SIG_DIR: demo.home };
  const words = ["attest", "a", "--reviewed", "--ok"];
  const [deno, ...args] = await programCommand("sig", words, { cwd: demo.folder, env });
  const bare = { cwd: demo.folder, env: { ...env, PATH: demo.folder } };
  const { code, stderr } = await run(deno!, args, bare);
  equal(code, 1);
  match(stderr, /sig attest: Cannot use gpg: there is no gpg on the PATH; install GnuPG\n$/);
  match(await demo.did("verify", "a"), /is ok\.\n$/);
});

Deno.test("verify may read and nothing else, attest may run gpg and nothing else", async () => {
  if (!await haveGpg()) return;
  await using demo = await Person.make("A <a@a.test>");
  await demo.setUp();
  await demo.did("remote", "add", "far", "https://far.test/signet");
  const flags = async (...args: string[]) =>
    (await programCommand("sig", args, { cwd: demo.folder, env: { SIG_DIR: demo.home } }))
      .filter((word) => word.startsWith("--allow"));
  const home = `--home=${demo.home}`;
  const file = join(demo.folder, "a");
  deepEqual(await flags("verify", "a", home), [`--allow-read=${demo.home},${file}`]);
  deepEqual(await flags("attest", "a", home), [
    `--allow-read=${demo.home},${file}`,
    `--allow-write=${demo.home}`,
    "--allow-run=gpg",
  ]);
  deepEqual(await flags("fetch", home), [
    `--allow-read=${demo.home}`,
    `--allow-write=${demo.home}`,
    "--allow-net=far.test:443",
  ]);
  deepEqual(await flags("trust", "list"), [
    `--allow-read=${demo.home}`,
    "--allow-env=SIG_DIR,HOME",
  ]);
});
