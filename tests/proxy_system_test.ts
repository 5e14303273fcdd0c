/**
 * `proxy install` for all users: it writes the system's own configuration of pip and
 * uv. Here /etc is a copy of this machine's, seen in a mount namespace only, and pip
 * and uv read it as they do anywhere.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Finished, freePort, run } from "./peers/process.ts";
import { clientEnvironment, requirePythonClients } from "./peers/python.ts";
import { ReplaceableLog, startProxy, trustFlags } from "./proxy_fixture.ts";
import { Registry } from "./registry.ts";
import { inFolder } from "./temporary.ts";

const LAUNCH = new URL("../deploy/launch.ts", import.meta.url).pathname;

/** Runs a command where a folder is /etc, and with nothing in its environment but what is given. */
async function within(
  etc: string,
  command: readonly string[],
  env: Record<string, string>,
): Promise<Finished> {
  const script = 'mount --make-rprivate / && mount --bind "$0" /etc && exec "$@"';
  const asRoot = Deno.uid() === 0 ? [] : ["--map-root-user"];
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const inside = ["env", "-i", ...words, ...command];
  return await run("unshare", ["--mount", ...asRoot, "sh", "-c", script, etc, ...inside], {});
}

/** Whether this machine lets us have namespaces of our own; says so when it does not. */
async function mayUnshare(folder: string): Promise<boolean> {
  const tried = await within(folder, ["true"], { PATH: Deno.env.get("PATH")! })
    .catch((error: Error) => ({ code: 1, stderr: error.message }));
  if (tried.code === 0) return true;
  if (Deno.env.get("REQUIRE_PEERS") === "1") {
    throw new Error(`Cannot run a test without a mount namespace: ${tried.stderr}`);
  }
  console.log(`skipped: needs a mount namespace (${tried.stderr.trim()})`);
  return false;
}

const UV_BEFORE = `# ours
concurrent-downloads = 4

[[index]]
url = "https://registry.example/simple/"
default = true

[pip]
no-build = true
`;

/** What the system has before: nothing, or settings of its own in the places that clients read. */
const SYSTEMS = {
  "without any configuration": {},
  "with settings of its own": {
    "pip.conf": "[global]\ntimeout = 33\nindex-url = REGISTRY\n\n[install]\nno-compile = true",
    "uv/uv.toml": UV_BEFORE,
  },
  "with uv's in the XDG place, which wins over /etc/uv": {
    "uv/uv.toml": "offline = true\n",
    "xdg/uv/uv.toml": UV_BEFORE,
  },
} as const;

for (const [title, files] of Object.entries(SYSTEMS)) {
  Deno.test(`proxy install leads every user of a system ${title}, and uninstall gives it back`, async () => {
    const python = await requirePythonClients();
    if (!python) return;
    await inFolder(async (folder) => {
      const etc = join(folder, "etc");
      // What is not ours to read is not ours to copy.
      await run("sh", ["-c", 'cp -a /etc "$0" 2>/dev/null; rm -rf "$0/pip.conf" "$0/uv"', etc], {});
      if (!await mayUnshare(etc)) return;
      await using registry = new Registry();
      registry.publishWheel("app", "1.0");
      await using log = await ReplaceableLog.start(
        [...registry.files.values()].map(({ filename, sha256 }) => ({
          filename,
          checksum: `sha256:${sha256}`,
        })),
      );
      for (const [path, text] of Object.entries(files)) {
        await Deno.mkdir(dirname(join(etc, path)), { recursive: true });
        const bytes = text.replace("REGISTRY", registry.simple);
        await Deno.writeTextFile(join(etc, path), bytes, { mode: 0o640 });
      }
      const before = await snapshot(etc);
      const env = {
        ...clientEnvironment(folder),
        PATH: `${dirname(Deno.execPath())}:${dirname(python.pip)}:${Deno.env.get("PATH")}`,
        DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno"),
        INIT_CWD: folder,
      };
      const task = (...args: string[]) =>
        within(etc, [
          ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--frozen", "--allow-run=deno"],
          "--allow-read",
          "--allow-env=INIT_CWD,HOME,INDELIBLE_CONFIG,INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL",
          ...[LAUNCH, ...args],
        ], env);
      const port = freePort();
      const done = await task("proxy", "install", `--proxy=http://127.0.0.1:${port}`);
      equal(done.code, 0, done.stderr);
      match(done.stdout, /^pip: \/etc\/pip\.conf leads to /m);

      const settings = (await within(etc, [python.pip, "config", "list"], env)).stdout;
      match(settings, new RegExp(`global\\.index-url='http://127\\.0\\.0\\.1:${port}/simple/'`));
      equal(settings.includes("global.timeout='33'"), "pip.conf" in files);
      const flags = [...await trustFlags(folder, log), `--port=${port}`];
      {
        await using proxy = await startProxy(folder, registry.simple, flags);
        const byPip = await within(
          etc,
          [python.pip, "install", `--target=${folder}/p`, "app"],
          env,
        );
        equal(byPip.code, 0, byPip.stdout + byPip.stderr);
        const uv = [python.uv, "pip", "install", `--python=${python.python}`];
        const byUv = await within(etc, [...uv, `--target=${folder}/u`, "app"], env);
        equal(byUv.code, 0, byUv.stdout + byUv.stderr);
        for (const by of ["p", "u"]) ok((await Deno.stat(`${folder}/${by}/app.py`)).isFile);
        const status = await (await fetch(`${proxy.url}status`)).json();
        equal(status.files, 1);
      }
      // Nobody else's settings were touched, and what was there comes back to the byte.
      const undone = await task("proxy", "uninstall");
      equal(undone.code, 0, undone.stderr);
      deepEqual(await snapshot(etc), before);
    });
  });
}

/** Every file and folder with its mode, its owner, and of configuration its text. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = async (below: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
      const path = join(below, name);
      const { mode, uid, gid, size } = await Deno.lstat(join(folder, path));
      const text = /(?:pip\.conf|uv\.toml)$/.test(name)
        ? await Deno.readTextFile(join(folder, path))
        : "";
      found[path] = [mode?.toString(8), uid, gid, isDirectory ? "" : size, text].join(" ");
      if (isDirectory) await visit(path);
    }
  };
  await visit("");
  return found;
}
