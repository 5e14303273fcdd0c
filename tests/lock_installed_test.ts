/**
 * `installed` on environments that real pip and uv have filled: what was changed
 * since, what was never logged, and what cannot be proven.
 */

import { zipSync } from "fflate";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { filesOf, LockScene } from "./lock_fixture.ts";
import { type PythonClients, requirePythonClients } from "./peers/python.ts";
import { programCommand } from "./programs.ts";
import { sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";

/** A scene with an environment `v` that a client has put `alpha` and `beta` into. */
function withEnvironment(
  client: "pip" | "uv",
  test: (scene: LockScene, site: string, clients: PythonClients) => Promise<void>,
): () => Promise<void> {
  return () =>
    inFolder(async (folder) => {
      const clients = await requirePythonClients();
      if (!clients) return;
      await using scene = await LockScene.set(folder);
      await scene.client(clients.python, "-m", "venv", "--without-pip", "v");
      const index = `--index-url=${scene.registry.simple}`;
      const wanted = ["alpha==1.0", "beta==1.0", index];
      const installed = client === "pip"
        ? await scene.client(clients.pip, "--python=v/bin/python", "install", ...wanted)
        : await scene.client(clients.uv, "pip", "install", "--python=v", ...wanted);
      equal(installed.code, 0, installed.stderr);
      const [library] = [...Deno.readDirSync(join(folder, "v/lib"))];
      await test(scene, `v/lib/${library!.name}/site-packages`, clients);
    });
}

function audit(scene: LockScene, ...args: string[]) {
  const flags = ["--venv=v", `--index=${scene.registry.simple}`, "--cache-dir=cache"];
  return scene.online("installed", ...flags, ...args);
}

function offline(scene: LockScene, ...args: string[]) {
  const flags = ["--venv=v", "--offline", "--cache-dir=cache", scene.trust];
  return scene.tool("installed", ...flags, ...args);
}

for (const client of ["pip", "uv"] as const) {
  Deno.test(
    `installed by ${client}: verified, and again offline; a changed file is found, RECORD or not`,
    withEnvironment(client, async (scene, site) => {
      const first = await audit(scene);
      equal(first.code, 0, first.stderr);
      match(first.stdout, /^v: 2 distributions: 2 verified$/m);
      // The kept wheel is one that `verify` takes, and offline that is enough.
      const kept = "cache/wheels/beta-1.0-py3-none-any.whl";
      equal((await scene.tool("verify", kept, scene.trust)).code, 0);
      await scene.log.leave();
      const again = await offline(scene);
      equal(again.code, 0, again.stderr);
      const flags = ["--venv=v", "--offline", scene.trust];
      const command = await programCommand("installed", flags, { cwd: scene.folder });
      ok(!command.some((word) => /^--allow-(?:net|write|run)/.test(word)));

      const module = "print('changed')\n";
      await Deno.remove(join(scene.folder, site, "beta.py")); // uv links it to its cache.
      await scene.write(`${site}/beta.py`, module);
      // Whoever does that for good changes the RECORD, too.
      const digest = createHash("sha256").update(module).digest("base64url");
      const record = `${site}/beta-1.0.dist-info/RECORD`;
      const lines = (await scene.read(record)).replace(
        /^beta\.py,.*$/m,
        `beta.py,sha256=${digest},17`,
      );
      await Deno.remove(join(scene.folder, record));
      await scene.write(record, lines);
      const changed = await offline(scene);
      equal(changed.code, 1);
      equal(
        changed.stderr,
        "  beta 1.0 is MODIFIED: it is not as in beta-1.0-py3-none-any.whl: " +
          `${site.slice(2)}/beta.py (changed)\n`,
      );
    }),
  );
}

Deno.test(
  "installed finds what is missing, what was added, and files of no distribution",
  withEnvironment("pip", async (scene, site) => {
    await Deno.remove(join(scene.folder, site, "alpha.py"));
    const record = `${site}/beta-1.0.dist-info/RECORD`;
    await scene.write(`${site}/extra.py`, "");
    await scene.write(record, `${await scene.read(record)}extra.py,,\n`);
    await scene.write(`${site}/hidden.pth`, "import os\n");
    const { code, stdout } = await audit(scene, "--json");
    equal(code, 1);
    const { findings, strays, verified } = JSON.parse(stdout);
    const lib = site.slice(2);
    deepEqual(
      findings.map(({ kind, differences }: { kind: string; differences: unknown }) => [
        kind,
        differences,
      ]),
      [
        ["modified", [{ path: `${lib}/alpha.py`, how: "missing" }]],
        ["modified", [{ path: `${lib}/extra.py`, how: "added" }]],
      ],
    );
    deepEqual([strays, verified], [[`${lib}/hidden.pth`], false]);
    const ignored = await audit(scene, "--json", "--ignore=hidden.*");
    deepEqual(JSON.parse(ignored.stdout).strays, []);
  }),
);

Deno.test(
  "installed says what the log does not have, what was built here, and what the registry swapped",
  withEnvironment("pip", async (scene, site, { pip }) => {
    scene.registry.publishWheel("gamma", "1.0");
    const index = `--index-url=${scene.registry.simple}`;
    const args = ["--python=v/bin/python", "install", index, "gamma"];
    equal((await scene.client(pip, ...args)).code, 0);
    const info = `${site}/beta-1.0.dist-info`;
    const wheel = await scene.read(`${info}/WHEEL`);
    await scene.write(`${info}/WHEEL`, wheel.replace("py3-none-any", "cp311-cp311-linux_x86_64"));
    // The registry serves other bytes now than those that were logged and installed.
    const alpha = scene.registry.file("alpha-1.0-py3-none-any.whl");
    const honest = sha256Of(alpha.bytes);
    alpha.bytes = zipSync({}) as Uint8Array<ArrayBuffer>;
    const { code, stderr } = await audit(scene);
    equal(code, 1);
    deepEqual(stderr.trimEnd().split("\n"), [
      "  alpha 1.0 is not compared: the registry serves alpha-1.0-py3-none-any.whl with " +
      `sha256:${sha256Of(alpha.bytes)}, the log has sha256:${honest}`,
      "  beta 1.0 is of no wheel that the registry has, so it was built here from its source",
      "  gamma 1.0 is gamma-1.0-py3-none-any.whl, which the log does not have",
    ]);
    await scene.write(
      `${info}/direct_url.json`,
      '{"url": "file:///home/me/beta", "dir_info": {"editable": true}}',
    );
    const direct = await audit(scene, "--exempt=gamma");
    match(direct.stdout, /^v: 3 distributions: 2 unproven, 1 exempt$/m);
    match(direct.stderr, /^ {2}beta 1\.0 is editable, from a folder$/m);
  }),
);

Deno.test("installed compares the scripts and data of a wheel where they went", () =>
  inFolder(async (folder) => {
    const clients = await requirePythonClients();
    if (!clients) return;
    await using scene = await LockScene.set(folder);
    const info = "tool-1.0.dist-info";
    const members: Record<string, string> = {
      "tool/__init__.py": "def main(): pass\n",
      "tool-1.0.data/scripts/tool-script": "#!python\nprint('script')\n",
      "tool-1.0.data/data/share/tool.txt": "data\n",
      "tool-1.0.data/purelib/tool_pure.py": "PURE = 1\n",
      [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
      [`${info}/WHEEL`]: "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
      [`${info}/entry_points.txt`]: "[console_scripts]\ntool-main = tool:main\n",
    };
    members[`${info}/RECORD`] = Object.keys(members).map((name) => `${name},,\n`).join("") +
      `${info}/RECORD,,\n`;
    const bytes = zipSync(
      Object.fromEntries(
        Object.entries(members).map(([name, text]) => [
          name,
          new TextEncoder().encode(text),
        ]),
      ),
    );
    scene.registry.publish("tool", "tool-1.0-py3-none-any.whl", new Uint8Array(bytes));
    await scene.log.add(filesOf(scene.registry));
    for (const client of ["pip", "uv"]) {
      await scene.client(clients.python, "-m", "venv", "--clear", "--without-pip", "v");
      const index = `--index-url=${scene.registry.simple}`;
      const [program, ...start] = client === "pip"
        ? [clients.pip, "--python=v/bin/python", "install"]
        : [clients.uv, "pip", "install", "--python=v"];
      const installed = await scene.client(program!, ...start, "tool", index);
      equal(installed.code, 0, installed.stderr);
      const verified = await audit(scene);
      equal(verified.code, 0, verified.stderr);
      const script = "v/bin/tool-script";
      const changes = [["print('script')", "print('other')"], ["/bin/python", "/lib/python"]];
      for (const [from, to] of changes) {
        const text = await scene.read(script);
        await scene.write(script, text.replaceAll(from!, to!));
        const caught = await audit(scene);
        match(caught.stderr, /tool 1\.0 is MODIFIED: .*: bin\/tool-script \(changed\)$/m);
        await scene.write(script, text);
      }
      await Deno.remove(join(folder, "v/share/tool.txt"));
      match((await audit(scene)).stderr, /share\/tool\.txt \(missing\)/);
    }
  }));
