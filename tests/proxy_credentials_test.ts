/**
 * A registry that wants a password: user and password come from where pip takes them,
 * a netrc file or the real `keyring` program, and go to that registry alone.
 */

import { equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { peersDir } from "./peers/build.ts";
import { type Finished, run } from "./peers/process.ts";
import { clientEnvironment, type PythonClients, requirePythonClients } from "./peers/python.ts";
import { ReplaceableLog, trustFlags } from "./proxy_fixture.ts";
import { Registry } from "./registry.ts";
import { inFolder } from "./temporary.ts";

const [USER, PASSWORD] = ["reader@example", "p:ss%40w/rd"];
const LAUNCH = new URL("../deploy/launch.ts", import.meta.url).pathname;

interface Parts {
  readonly folder: string;
  readonly registry: Registry;
  readonly python: PythonClients;
  readonly flags: readonly string[];
  /** Runs a program as its task does. */
  readonly task: (args: readonly string[], env?: Record<string, string>) => Promise<Finished>;
}

/** A registry whose pages, and perhaps files, are for one user only. */
async function behindPassword(
  wanted: RegExp,
  test: (parts: Parts) => Promise<void>,
): Promise<void> {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("app", "1.0");
    const credentials = new TextEncoder().encode(`${USER}:${PASSWORD}`).toBase64();
    registry.fault = ({ url, headers }) =>
      !wanted.test(new URL(url).pathname) ||
        headers.get("authorization") === `Basic ${credentials}`
        ? null
        : new Response("who are you?", {
          status: 401,
          headers: { "www-authenticate": 'Basic realm="packages"' },
        });
    await using log = await ReplaceableLog.start(
      [...registry.files.values()].map(({ filename, sha256 }) => ({
        filename,
        checksum: `sha256:${sha256}`,
      })),
    );
    const flags = [...await trustFlags(folder, log), "--state-dir=state"];
    const task: Parts["task"] = (args, env = {}) =>
      run(Deno.execPath(), [
        ...["run", "--quiet", "--no-prompt", "--frozen", "--allow-run=deno", "--allow-read"],
        "--allow-env=INIT_CWD,HOME,INDELIBLE_CONFIG,INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL",
        ...[LAUNCH, ...args],
      ], {
        cwd: folder,
        env: {
          ...clientEnvironment(folder),
          PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
          DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno"),
          INIT_CWD: folder,
          PIP_FIND_LINKS: "",
          ...env,
        },
      });
    await test({ folder, registry, python, flags, task });
  });
}

function installing({ pip, uv, python }: PythonClients, folder: string): string[][] {
  return [
    [pip, "install", `--target=${folder}/by-pip`, "app"],
    [uv, "pip", "install", `--python=${python}`, `--target=${folder}/by-uv`, "app"],
  ];
}

/** Holds that a password is in nothing that is printed. */
function silent({ stdout, stderr }: Finished): void {
  const encoded = new TextEncoder().encode(`${USER}:${PASSWORD}`).toBase64();
  for (const word of [PASSWORD, encodeURIComponent(PASSWORD), encoded]) {
    ok(!(stdout + stderr).includes(word), stdout + stderr);
  }
}

Deno.test("a netrc file lets the proxy in, as it does pip and uv", () =>
  behindPassword(/./, async ({ folder, registry, python, flags, task }) => {
    const proxied = ["run", `--upstream=${registry.simple}`, "--cache-dir=cache", ...flags, "--"];
    const [byPip] = installing(python, folder);
    const without = await task([...proxied, ...byPip!]);
    ok(without.code !== 0, without.stdout);
    match(without.stderr, /run: .*\/simple\/app\/ answers 401/);

    const netrc = (password: string) =>
      `machine 127.0.0.1 login ${USER} password ${password}\nmachine other login x password y\n`;
    await Deno.writeTextFile(join(folder, ".netrc"), netrc(PASSWORD), { mode: 0o600 });
    // The files are where they always are: the clients themselves are let in by the same file.
    for (const command of installing(python, `${folder}/here`)) {
      const ran = await task([...proxied, ...command]);
      equal(ran.code, 0, ran.stderr);
      match(ran.stderr, /run: 1 project asked, 1 file listed, all proven by the log/);
      silent(ran);
    }
    // The command that is run gets neither the registry's address nor its password.
    const env = await task([...proxied, "env"]);
    match(env.stdout, /^PIP_INDEX_URL=http:\/\/127\.0\.0\.1:[0-9]+\/simple\/$/m);
    silent(env);
    ok(!env.stdout.includes(registry.root), env.stdout);

    // NETRC names another file, which then is the only one.
    await Deno.writeTextFile(join(folder, "other.netrc"), netrc("wrong"));
    const wrong = await task([...proxied, ...byPip!], { NETRC: join(folder, "other.netrc") });
    match(wrong.stderr, /\/simple\/app\/ answers 401/);
    // One that cannot be read is told, and passed over.
    await Deno.writeTextFile(join(folder, "other.netrc"), "<html>");
    const odd = await task([...proxied, "true"], { NETRC: join(folder, "other.netrc") });
    match(odd.stderr, /Cannot use the netrc file .*other\.netrc: expected machine/);

    const recovered = await task(["recover", `--index=${registry.simple}`, ...flags]);
    equal(recovered.code, 0, recovered.stdout + recovered.stderr);
    silent(recovered);
  }));

Deno.test("the keyring program is asked for a user whom the URL names, and for nobody else", async () => {
  const keyring = await requireKeyring();
  if (!keyring) return;
  // Files are for everyone here: the clients are told no user for them.
  await behindPassword(/^\/simple\//, async ({ folder, registry, python, flags, task }) => {
    const env = {
      PATH: `${dirname(keyring)}:${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      PYTHON_KEYRING_BACKEND: "keyrings.alt.file.PlaintextKeyring",
      XDG_DATA_HOME: join(folder, "data"),
    };
    const set = new Deno.Command(keyring, {
      args: ["set", registry.simple, USER],
      env: { ...clientEnvironment(folder), ...env },
      stdin: "piped",
    }).spawn();
    const writer = set.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${PASSWORD}\n`));
    await writer.close();
    equal((await set.status).code, 0);

    const url = new URL(registry.simple);
    const proxied = (upstream: URL) => [
      ...["run", `--upstream=${upstream}`, "--cache-dir=cache", ...flags, "--"],
    ];
    const [byPip, byUv] = installing(python, folder);
    const nobody = await task([...proxied(url), ...byPip!], env);
    match(nobody.stderr, /\/simple\/app\/ answers 401/);
    url.username = encodeURIComponent(USER);
    for (const command of [byPip!, byUv!]) {
      const ran = await task([...proxied(url), ...command], env);
      equal(ran.code, 0, ran.stderr);
      silent(ran);
    }
    // The same by pip's own setting, which `proxy`, `run` and `lock` take the index from.
    const [, , ...rest] = proxied(url);
    const set2 = await task(["run", ...rest, ...byPip!, "--upgrade"], {
      ...env,
      PIP_INDEX_URL: url.href,
    });
    equal(set2.code, 0, set2.stderr);
    silent(set2);
    url.username = "somebody";
    const other = await task([...proxied(url), ...byPip!], env);
    match(other.stderr, /\/simple\/app\/ answers 401/);
  });
});

/** The keyring program with a store in a file, in an environment of its own. */
async function requireKeyring(): Promise<string | null> {
  const python = await requirePythonClients();
  if (!python) return null;
  const folder = join(await peersDir(), "python-keyring-25.7.0-alt-5.0.2");
  const [keyring, done] = [join(folder, "bin/keyring"), join(folder, "installed")];
  if (await Deno.stat(done).then(() => true, () => false)) return keyring;
  const wanted = ["keyring==25.7.0", "keyrings.alt==5.0.2"];
  const env = { PIP_FIND_LINKS: "", PIP_DISABLE_PIP_VERSION_CHECK: "1" };
  for (
    const [program, ...args] of [
      [python.python, "-m", "venv", "--clear", "--without-pip", folder],
      [
        python.uv,
        "pip",
        "install",
        `--python=${folder}/bin/python`,
        ...await indexOf(python),
        ...wanted,
      ],
    ]
  ) {
    const { code, stderr } = await run(program!, args, { env });
    equal(code, 0, stderr);
  }
  await Deno.writeTextFile(done, "");
  return keyring;
}

/** uv does not read pip's configuration. */
async function indexOf({ pip }: PythonClients): Promise<string[]> {
  const { stdout } = await run(pip, ["config", "get", "global.index-url"], {});
  return stdout.trim() === "" ? [] : [`--default-index=${stdout.trim()}`];
}
