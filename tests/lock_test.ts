/**
 * Lock files as people have them, made by real uv and pip from a registry on this
 * machine: proven by a real log, checked offline, and what is seen when a digest
 * in them was swapped.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesOf, LockScene } from "./lock_fixture.ts";
import { freePort, run } from "./peers/process.ts";
import { requirePythonClients } from "./peers/python.ts";
import { programCommand } from "./programs.ts";
import { buildWheel, sha256Of } from "./registry.ts";
import { madeUpFile } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const PROBE = fileURLToPath(new URL("testdata/permission_probe.ts", import.meta.url));

/** Runs a test with pip and uv, if they are there, in a scene of its own. */
function withClients(
  test: (scene: LockScene, clients: { pip: string; uv: string; python: string }) => Promise<void>,
): () => Promise<void> {
  return () =>
    inFolder(async (folder) => {
      const clients = await requirePythonClients();
      if (!clients) return;
      await using scene = await LockScene.set(folder);
      await test(scene, clients);
    });
}

Deno.test(
  "uv.lock: proven, checked offline; a swapped digest is installed by uv and caught by --check",
  withClients(async (scene, { uv, python }) => {
    equal((await scene.lockWithUv(uv)).code, 0);
    const locked = await scene.online("lock", "uv.lock");
    equal(locked.code, 0, locked.stderr);
    match(locked.stdout, /^uv\.lock: 2 packages, 3 digests, all logged$/m);
    match(locked.stdout, /^ {2}local {6}demo 0\.1\.0: folders of this machine$/m);
    match(locked.stdout, /^ {2}proofs {5}uv\.lock\.tlog-proofs, [0-9.]+ KB$/m);
    const checked = await scene.tool("lock", "uv.lock", "--check", scene.trust);
    equal(checked.code, 0, checked.stderr);

    // The lock file is changed: other bytes, from elsewhere, under the same name.
    const evil = buildWheel("beta", "1.0", { module: "print('evil')\n" }).bytes;
    await using elsewhere = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(evil),
    );
    const { files } = scene.registry;
    const honest = sha256Of(files.get("beta-1.0-py3-none-any.whl")!.bytes);
    const text = (await scene.read("uv.lock"))
      .replace(
        `${scene.registry.root}/files/beta-1.0-py3`,
        `http://127.0.0.1:${elsewhere.addr.port}/beta-1.0-py3`,
      )
      .replace(honest, sha256Of(evil))
      .replace(/(beta-1\.0-py3[^}]*), size = [0-9]+/, "$1");
    await scene.write("uv.lock", text);
    // No index is asked, whichever is set: uv goes to the URLs in the lock file.
    const before = scene.registry.requests.length;
    const dead = `--default-index=http://127.0.0.1:${freePort()}/simple`;
    const sync = await scene.client(uv, "sync", "--frozen", `--python=${python}`, dead);
    equal(sync.code, 0, sync.stderr);
    ok(scene.registry.requests.slice(before).every((request) => !request.includes("/simple/")));
    const [library] = [...Deno.readDirSync(join(scene.folder, ".venv/lib"))]
      .filter(({ name }) => name.startsWith("python"));
    const module = `.venv/lib/${library!.name}/site-packages/beta.py`;
    equal(await scene.read(module), "print('evil')\n");

    const caught = await scene.tool("lock", "uv.lock", "--check", scene.trust);
    equal(caught.code, 1);
    equal(
      caught.stderr,
      "lock: uv.lock is NOT verified: 1 of what it installs cannot be relied on\n" +
        `  beta 1.0: beta-1.0-py3-none-any.whl is locked as sha256:${sha256Of(evil)}, ` +
        `but the sidecar has sha256:${honest}\n`,
    );
    const again = await scene.online("lock", "uv.lock");
    equal(again.code, 1);
    match(again.stderr, /but the log has sha256:/);
    // The sidecar is still the one that is right.
    const json = await scene.tool("lock", "uv.lock", "--check", "--json", scene.trust);
    const { verified, refused } = JSON.parse(json.stdout);
    deepEqual([json.code, verified, refused.length, refused[0].what], [1, false, 1, "beta 1.0"]);
  }),
);

Deno.test(
  "pylock.toml: the tables are put in, nothing else changes, and uv and pip take the file",
  withClients(async (scene, { uv, pip, python }) => {
    equal((await scene.lockWithUv(uv)).code, 0);
    const out = ["--format=pylock.toml", "--output-file=pylock.toml", "--no-emit-project"];
    const exported = await scene.client(uv, "export", "--frozen", "--quiet", ...out);
    equal(exported.code, 0, exported.stderr);
    const before = await scene.read("pylock.toml");
    const locked = await scene.online("lock", "pylock.toml");
    equal(locked.code, 0, locked.stderr);
    match(locked.stdout, /^ {2}tables {5}written into pylock\.toml$/m);
    const after = await scene.read("pylock.toml");
    const table = new RegExp(
      '\n\\[packages\\.tool\\.indelible\\]\nlog = "log\\.test/proxied"\n' +
        "checkpoint-size = 6\nleaf-indices = \\{ .* \\}\n",
      "g",
    );
    equal(after.match(table)?.length, 2);
    equal(after.replaceAll(table, ""), before);
    equal((await scene.tool("lock", "pylock.toml", "--check", scene.trust)).code, 0);

    const venv = await scene.client(uv, "venv", `--python=${python}`, "v");
    equal(venv.code, 0, venv.stderr);
    const args = ["pip", "install", "--python=v", "-r", "pylock.toml", "--dry-run"];
    const dry = await scene.client(uv, ...args);
    equal(dry.code, 0, dry.stderr);
    match(dry.stderr, /Would install 2 packages/);
    const download = ["download", "-r", "pylock.toml", "-d", "got", "--no-deps"];
    const index = `--index-url=${scene.registry.simple}`;
    const got = await scene.client(pip, ...download, index);
    equal(got.code, 0, got.stderr);
    deepEqual(
      [...Deno.readDirSync(join(scene.folder, "got"))].map(({ name }) => name).sort(),
      ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"],
    );
    // Locked again, of a log that has grown, the tables are new and there is one of each.
    await scene.log.add([madeUpFile(1)]);
    equal((await scene.online("lock", "pylock.toml")).code, 0);
    equal(await scene.read("pylock.toml"), after.replaceAll("size = 6", "size = 7"));
    await scene.write("pylock.toml", before);
    equal((await scene.online("lock", "pylock.toml", "--no-write-table")).code, 0);
    equal(await scene.read("pylock.toml"), before);
    // A lock file of pip's own making spells the same otherwise.
    const simple = `--index-url=${scene.registry.simple}`;
    const made = await scene.client(pip, "lock", "alpha==1.0", simple, "-o", "pylock.pip.toml");
    equal(made.code, 0, made.stderr);
    const piped = await scene.online("lock", "pylock.pip.toml");
    match(piped.stdout, /2 packages, 2 digests, all logged/, piped.stderr);
    equal((await scene.client(pip, ...download.with(2, "pylock.pip.toml"), simple)).code, 0);
  }),
);

Deno.test(
  "requirements.txt: a digest is matched to a logged file of its release, by the index's names",
  withClients(async (scene, { uv }) => {
    await scene.write("in.txt", "alpha==1.0\nbeta==1.0\n");
    const index = `--default-index=${scene.registry.simple}`;
    const args = ["pip", "compile", "--generate-hashes", "in.txt", "-o", "requirements.txt"];
    const compiled = await scene.client(uv, ...args, "--quiet", index);
    equal(compiled.code, 0, compiled.stderr);
    const flag = `--index=${scene.registry.simple}`;
    const locked = await scene.online("lock", "requirements.txt", flag);
    equal(locked.code, 0, locked.stderr);
    match(locked.stdout, /2 packages, 3 digests, all logged/);
    equal((await scene.tool("lock", "requirements.txt", "--check", scene.trust)).code, 0);

    const good = await scene.read("requirements.txt");
    const other = sha256Of(scene.registry.file("beta-2.0-py3-none-any.whl").bytes);
    const unlogged = "ab".repeat(32);
    for (
      const [digest, why] of [
        [unlogged, `which no file of beta 1.0 in`],
        // It is logged, as another release: an index could list it as this one.
        [other, `which no file of beta 1.0 in`],
      ] as const
    ) {
      await scene.write(
        "requirements.txt",
        `${good.trimEnd()}\nbeta==1.0 --hash=sha256:${digest}\n`,
      );
      const caught = await scene.tool("lock", "requirements.txt", "--check", scene.trust);
      deepEqual([caught.code, caught.stderr.split("\n")[1]], [
        1,
        `  beta 1.0: it is allowed sha256:${digest}, ${why} the sidecar has`,
      ]);
      const refused = await scene.online("lock", "requirements.txt", flag);
      deepEqual([refused.code, refused.stderr.split("\n")[1]], [
        1,
        `  beta 1.0: it is allowed sha256:${digest}, ${why} the log has`,
      ]);
    }
  }),
);

Deno.test("poetry.lock, exempt projects, and what no log can vouch for", () =>
  inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    const wheel = scene.registry.file("beta-1.0-py3-none-any.whl");
    const entry = (name: string, file: string, digest: string) =>
      `[[package]]\nname = "${name}"\nversion = "1.0"\ndescription = ""\noptional = false\n` +
      `python-versions = "*"\ngroups = ["main"]\nfiles = [\n` +
      `    {file = "${file}", hash = "sha256:${digest}"},\n]\n\n`;
    const end = '[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = ""\n';
    const beta = entry("beta", wheel.filename, sha256Of(wheel.bytes));
    await scene.write("poetry.lock", beta + end);
    const locked = await scene.online("lock", "poetry.lock");
    equal(locked.code, 0, locked.stderr);

    // A private project, and a logged file under the name of another project.
    const digest = sha256Of(wheel.bytes);
    const own = entry("our-thing", "our_thing-1.0-py3-none-any.whl", "12".repeat(32));
    const disguised = entry("gamma", wheel.filename, digest);
    await scene.write("poetry.lock", beta + own + disguised + end);
    const refused = await scene.tool("lock", "poetry.lock", "--check", scene.trust);
    equal(
      refused.stderr,
      "lock: poetry.lock is NOT verified: 2 of what it installs cannot be relied on\n" +
        "  our-thing 1.0: our_thing-1.0-py3-none-any.whl is not in the sidecar\n" +
        "  gamma 1.0: beta-1.0-py3-none-any.whl is no file of gamma 1.0\n",
    );
    await scene.write("poetry.lock", beta + own + end);
    const exempt = ["--check", "--exempt=our-*", scene.trust];
    const passed = await scene.tool("lock", "poetry.lock", ...exempt);
    equal(passed.code, 0, passed.stderr);
    match(passed.stdout, /1 package, 1 digest, all logged/);
    match(passed.stdout, /^ {2}exempt {5}our-thing$/m);
    // A sidecar with more than the lock file needs is as good.
    await scene.write("poetry.lock", end);
    equal((await scene.tool("lock", "poetry.lock", "--check", scene.trust)).code, 0);
  }));

Deno.test("--check may read what it is given and nothing else: no network, no writing", () =>
  inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    await scene.write("requirements.txt", "");
    const flags = ["requirements.txt", "--check", scene.trust];
    const command = await programCommand("lock", flags, { cwd: folder });
    const main = command.findIndex((word) => word.endsWith("lock/lock.ts"));
    const kinds = command.slice(0, main).filter((word) => word.startsWith("--allow"));
    deepEqual(kinds.map((word) => word.replace(/=.*/, "")), ["--allow-read"]);
    const port = new URL(scene.log.url).port;
    const attempts = JSON.stringify([
      ["connect", `127.0.0.1:${port}`],
      ["fetch", `${scene.log.url}/checkpoint`],
      ["listen", "127.0.0.1:0"],
      ["resolve", "example.com"],
      ["write", join(folder, "requirements.txt")],
      ["write", join(folder, "requirements.txt.tlog-proofs")],
      ["run", "true"],
      ["read", join(folder, "requirements.txt")],
    ]);
    const [deno, ...words] = command.slice(0, main);
    const probe = await run(deno!, [...words, PROBE, attempts], { cwd: folder });
    equal(probe.code, 0, probe.stderr);
    deepEqual(JSON.parse(probe.stdout), [`read ${join(folder, "requirements.txt")}`]);
  }));

Deno.test("more files than one question takes, asked while the log grows: one checkpoint", () =>
  inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    const many = Array.from({ length: 2_100 }, (_, i) => madeUpFile(i));
    await scene.log.add(many);
    let asked = 0;
    scene.log.fault = (request) => {
      if (!new URL(request.url).pathname.endsWith("/lookup")) return null;
      // The log has grown whenever it is asked again.
      return asked++ === 0 ? null : scene.log.add([madeUpFile(asked, "later")]).then(() => null);
    };
    const entries = many.map(({ filename, checksum }, i) =>
      `[[package]]\nname = "made-up"\nversion = "1.${i}"\n` +
      `files = [{file = "${filename}", hash = "${checksum}"}]\n`
    );
    await scene.write("poetry.lock", `${entries.join("")}[metadata]\nlock-version = "2.1"\n`);
    const locked = await scene.online("lock", "poetry.lock");
    equal(locked.code, 0, locked.stderr);
    equal(asked, 3);
    match(
      locked.stdout,
      /2100 packages, 2100 digests, all logged\n {2}log {8}\S+, a tree of 2108$/m,
    );
    equal((await scene.tool("lock", "poetry.lock", "--check", scene.trust)).code, 0);
  }));

Deno.test("a spoilt sidecar, a stale one and another history are refused", () =>
  inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    const wheel = scene.registry.file("beta-1.0-py3-none-any.whl");
    const digest = sha256Of(wheel.bytes);
    await scene.write(
      "poetry.lock",
      `[[package]]\nname = "beta"\nversion = "1.0"\n` +
        `files = [{file = "${wheel.filename}", hash = "sha256:${digest}"}]\n` +
        `[metadata]\nlock-version = "2.1"\n`,
    );
    const path = join(folder, "poetry.lock.tlog-proofs");
    const check = (...args: string[]) =>
      scene.tool("lock", "poetry.lock", "--check", scene.trust, ...args);
    match((await check()).stderr, /poetry\.lock\.tlog-proofs: there is no such file\n$/);
    equal((await scene.online("lock", "poetry.lock")).code, 0);
    const sidecar = await Deno.readFile(path);
    await Deno.writeFile(path, sidecar.subarray(0, -1));
    match((await check()).stderr, /Cannot parse tlog-proofs: it does not end with the last hash/);
    const spoilt = sidecar.slice();
    spoilt[spoilt.length - 1]! ^= 1;
    await Deno.writeFile(path, spoilt);
    match((await check()).stderr, /NOT verified: the proofs do not lead from their 1 entries/);
    await Deno.writeFile(path, sidecar);
    const stale = await check("--max-age=1d");
    equal(stale.code, 1);
    match(stale.stderr, /NOT verified: stale: no witness of the policy says when/);

    // Another user, on whose machine no head is kept: the sidecar is what tells.
    await scene.log.replace([...filesOf(scene.registry), madeUpFile(1)].reverse());
    await Deno.remove(join(folder, "state"), { recursive: true });
    const forked = await scene.online("lock", "poetry.lock");
    equal(forked.code, 1);
    match(forked.stderr, /shows two histories: its checkpoint of size 7 is not consistent/);
    deepEqual(await Deno.readFile(path), sidecar);
    ok(
      [...Deno.readDirSync(join(folder, "state/heads"))].some(({ name }) =>
        /split-view/.test(name)
      ),
    );
  }));
