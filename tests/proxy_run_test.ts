/**
 * `run`, `why` and `proxy install` as people use them: the programs as their tasks
 * start them, around real pip and uv.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Finished, startProcess } from "./peers/process.ts";
import { clientEnvironment, type PythonClients, requirePythonClients } from "./peers/python.ts";
import { programCommand } from "./programs.ts";
import { ReplaceableLog, startProxy, trustFlags } from "./proxy_fixture.ts";
import { Registry, sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";

const LAUNCH = new URL("../deploy/launch.ts", import.meta.url).pathname;

/** A folder with a log, a registry and flags that lead to them. */
async function around(
  test: (parts: {
    folder: string;
    registry: Registry;
    log: ReplaceableLog;
    python: PythonClients;
    flags: string[];
  }) => Promise<void>,
): Promise<void> {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("app", "1.0", { requires: ["lib"] });
    registry.publishWheel("lib", "1.0");
    await using log = await ReplaceableLog.start(
      [...registry.files.values()].map(({ filename, bytes }) => ({
        filename,
        checksum: `sha256:${sha256Of(bytes)}`,
      })),
    );
    const dirs = ["--state-dir=state", "--cache-dir=cache"];
    const flags = [...await trustFlags(folder, log), `--upstream=${registry.simple}`, ...dirs];
    await test({ folder, registry, log, python, flags });
  });
}

/** What a task prints when run in a folder, with an environment of a client's own. */
async function task(
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--frozen",
      "--allow-run=deno",
      "--allow-read",
      "--allow-env=INIT_CWD,HOME,INDELIBLE_CONFIG,INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL",
      LAUNCH,
      ...args,
    ],
    clearEnv: true,
    env: {
      ...clientEnvironment(folder),
      // The launcher starts deno by its name, and not by a script that looks for it at home.
      PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno"),
      INIT_CWD: folder,
      ...env,
    },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** How the clients install into a folder. */
function commands({ pip, uv, python }: PythonClients, folder: string): string[][] {
  return [
    [pip, "install", `--target=${folder}/by-pip`],
    [uv, "pip", "install", `--python=${python}`, `--target=${folder}/by-uv`],
  ];
}

Deno.test("run: what is logged installs, the summary says so, and the exit code is the command's", () =>
  around(async ({ folder, registry, python, flags }) => {
    for (const command of commands(python, folder)) {
      const { code, stderr } = await task(folder, ["run", ...flags, "--", ...command, "app"]);
      equal(code, 0, stderr);
      match(
        stderr,
        /run: 2 projects asked, 2 files listed, all proven by the log \(log\.test\/proxied, size 2, 0 witnesses\)\n$/,
      );
    }
    ok((await Deno.stat(`${folder}/by-pip/app.py`)).isFile);
    ok((await Deno.stat(`${folder}/by-uv/app.py`)).isFile);

    registry.publishWheel("lib", "2.0");
    for (const command of commands(python, `${folder}/again`)) {
      const { code, stderr } = await task(folder, ["run", ...flags, "--", ...command, "app"]);
      ok(code !== 0, stderr);
      match(stderr, /run: refused: lib-2\.0-py3-none-any\.whl: the log has no entry for this file/);
      match(stderr, /run: 2 projects asked, 3 files listed, 2 proven by the log, 1 refused/);
    }
    const failed = await task(folder, ["run", ...flags, "--", "sh", "-c", "exit 7"]);
    equal(failed.code, 7);
    match(failed.stderr, /nothing was asked of the proxy: nothing was verified/);
    equal((await task(folder, ["run", ...flags, "--", "no-such-program"])).code, 127);
    equal((await task(folder, ["run", ...flags])).code, 2);
  }));

Deno.test("run: nothing of the environment or of pip's configuration leads past the proxy", () =>
  around(async ({ folder, python, flags }) => {
    await using evil = new Registry();
    evil.publishWheel("app", "6.6");
    evil.publishWheel("lib", "6.6");
    const links = join(folder, "links");
    await Deno.mkdir(links);
    for (const { filename, bytes } of evil.files.values()) {
      await Deno.writeFile(join(links, filename), bytes);
    }
    await Deno.mkdir(join(folder, "config/pip"), { recursive: true });
    await Deno.writeTextFile(
      join(folder, "config/pip/pip.conf"),
      `[global]\nextra-index-url = ${evil.simple}\nfind-links = ${links}\n`,
    );
    const env = {
      PIP_EXTRA_INDEX_URL: evil.simple,
      PIP_FIND_LINKS: links,
      UV_INDEX: evil.simple,
      UV_EXTRA_INDEX_URL: evil.simple,
      UV_FIND_LINKS: links,
    };
    for (const own of [env, {}]) {
      for (const command of commands(python, folder)) {
        const args = ["run", ...flags, "--", ...command, "--upgrade", "app"];
        const { code, stderr } = await task(folder, args, own);
        equal(code, 0, stderr);
        equal(stderr.includes("set aside"), own === env, stderr);
        match(stderr, /all proven by the log/);
      }
    }
    for (const by of ["by-pip", "by-uv"]) {
      const names = [...Deno.readDirSync(`${folder}/${by}`)].map(({ name }) => name);
      const versions = names.filter((name) => name.endsWith(".dist-info")).sort();
      deepEqual(versions, ["app-1.0.dist-info", "lib-1.0.dist-info"], by);
    }
    deepEqual(evil.requests, []);
    const past = await task(folder, [
      "run",
      ...flags,
      "--",
      python.pip,
      "install",
      `-i${evil.simple}`,
      "app",
    ]);
    equal(past.code, 2);
    match(past.stderr, /-i would lead past the proxy/);
  }));

Deno.test("run: log and policy come from the environment or the configuration", () =>
  around(async ({ folder, log, python, flags }) => {
    await Deno.writeTextFile(join(folder, "policy"), `log ${log.vkey}\nquorum none\n`);
    await Deno.writeTextFile(
      join(folder, "config.json"),
      JSON.stringify({ log: log.url, policy: "policy" }),
    );
    const others = flags.filter((flag) => !/^--(?:log|public-key)=/.test(flag));
    const [pip] = commands(python, folder);
    const args = ["run", ...others, "--", ...pip!, "app"];
    const nothing = await task(folder, args);
    equal(nothing.code, 2);
    match(nothing.stderr, /whom to trust is not said/);
    for (
      const env of [
        { INDELIBLE_LOG: log.url, INDELIBLE_POLICY: "policy" },
        { INDELIBLE_CONFIG: "config.json" },
      ]
    ) {
      const { code, stderr } = await task(folder, args, env as Record<string, string>);
      equal(code, 0, stderr);
      match(stderr, /all proven by the log/);
    }
  }));

Deno.test("run passes a signal on to the command, and ends with it", () =>
  around(async ({ folder, flags }) => {
    const script = 'trap "echo ended; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
    const command = await programCommand("run", [...flags, "--", "sh", "-c", script], {
      cwd: folder,
    });
    const running = await startProcess(command[0]!, command.slice(1), {
      cwd: folder,
      ready: (output) => output().includes("ready"),
    });
    Deno.kill(running.pid, "SIGTERM");
    equal(await running.ended, 9);
    match(running.output(), /ended/);
  }));

Deno.test("why tells the story of a file, by a running proxy or by itself", () =>
  around(async ({ folder, registry, flags }) => {
    registry.publishWheel("lib", "2.0");
    const [good, bad] = ["lib-1.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl"];
    await using proxy = await startProxy(
      folder,
      registry.simple,
      flags.filter((flag) => flag.startsWith("--log=") || flag.startsWith("--public-key=")),
    );
    for (const how of [[`--proxy=${proxy.url}`], flags]) {
      const passes = await task(folder, ["why", good, ...how]);
      equal(passes.code, 0, passes.stderr);
      match(passes.stdout, /^lib-1\.0-py3-none-any\.whl passes: the log proves its digest\.\n/);
      const refused = await task(folder, ["why", bad, ...how]);
      equal(refused.code, 1);
      match(refused.stdout, /REFUSED: the log has no entry for this file\.\n[^]*What to do: /);
      const unknown = await task(folder, ["why", "nothing-1.0.zip", ...how]);
      equal(unknown.code, 1);
      match(unknown.stderr, /no project's page lists nothing-1\.0\.zip/);
    }
  }));

Deno.test("proxy install leads pip and uv to the proxy, and uninstall gives the files back", () =>
  around(async ({ folder, registry, log, python }) => {
    const pipConf = join(folder, ".config/pip/pip.conf");
    const before = `[global]\ntimeout = 33\nindex-url = ${registry.simple}\n`;
    await Deno.mkdir(dirname(pipConf), { recursive: true });
    await Deno.writeTextFile(pipConf, before, { mode: 0o600 });
    // Where a user's configuration is, both look by HOME here.
    const env = { XDG_CONFIG_HOME: join(folder, ".config") };
    const client = async (program: string, ...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args,
        clearEnv: true,
        env: { ...clientEnvironment(folder), ...env },
        cwd: folder,
        stdin: "null",
      }).output();
      const text = new TextDecoder();
      return { code, output: text.decode(stdout) + text.decode(stderr) };
    };
    const flags = await trustFlags(folder, log);
    // Any port will do, as long as nobody else takes it meanwhile.
    const port = Number(
      new URL(
        await (async () => {
          await using probe = new Registry();
          return probe.root;
        })(),
      ).port,
    );
    const at = `--proxy=http://127.0.0.1:${port}`;
    for (let times = 0; times < 2; times++) {
      const done = await task(folder, ["proxy", "install", "--user", at], env);
      equal(done.code, 0, done.stderr);
    }
    equal((await Deno.stat(pipConf)).mode! & 0o777, 0o600);
    // Without --upstream it serves the index that pip had before.
    const command = await programCommand("proxy", [...flags, `--port=${port}`], {
      cwd: folder,
      env: {
        HOME: folder,
        PATH: `${dirname(Deno.execPath())}:${dirname(python.pip)}:${Deno.env.get("PATH")}`,
        DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno"),
        ...env,
      },
    });
    ok(command.some((word) => word.includes(new URL(registry.root).host)), command.join(" "));
    {
      await using _proxy = await startProxy(folder, registry.simple, [...flags, `--port=${port}`]);
      const byPip = await client(python.pip, "install", `--target=${folder}/p`, "app");
      equal(byPip.code, 0, byPip.output);
      match(byPip.output, new RegExp(`Looking in indexes: http://127.0.0.1:${port}/simple/`));
      const byUv = await client(
        python.uv,
        "pip",
        "install",
        `--python=${python.python}`,
        `--target=${folder}/u`,
        "app",
      );
      equal(byUv.code, 0, byUv.output);
    }
    const undone = await task(folder, ["proxy", "uninstall", "--user"], env);
    equal(undone.code, 0, undone.stderr);
    equal(await Deno.readTextFile(pipConf), before);
    equal((await Deno.stat(pipConf)).mode! & 0o777, 0o600);
    const left = [...Deno.readDirSync(join(folder, ".config"))].map(({ name }) => name);
    deepEqual(left, ["pip"]);
    const again = await task(folder, ["proxy", "uninstall", "--user"], env);
    match(again.stdout, /pip\.conf does not lead to a proxy/);
  }));

Deno.test("a proxy reaches its registry and its log, and runs nothing; --stream reaches files", () =>
  around(async ({ folder, registry, log, flags }) => {
    const kinds = async (name: string, ...args: string[]) => {
      const words = await programCommand(name, args, { cwd: folder });
      return words.filter((word) => /^--allow-(?:net|run|sys|ffi|all)/.test(word));
    };
    const [index, logHost] = [new URL(registry.root).host, new URL(log.url).host];
    const net = `--allow-net=${index},${logHost}`;
    deepEqual(await kinds("proxy", ...flags), [`${net},127.0.0.1:8082`]);
    deepEqual(await kinds("proxy", ...flags, "--stream", "--file-host=files.example"), [
      `${net},127.0.0.1:8082,files.example`,
    ]);
    deepEqual(await kinds("proxy", ...flags, "--stream"), ["--allow-net"]);
    deepEqual(await kinds("run", ...flags, "--", "pip", "install", "app"), [
      `${net},127.0.0.1`,
      "--allow-run=pip",
    ]);
    deepEqual(await kinds("why", "lib-1.0.zip", ...flags), [net]);
    deepEqual(await kinds("why", "lib-1.0.zip", "--proxy=http://127.0.0.1:8082"), [
      "--allow-net=127.0.0.1:8082",
    ]);
    deepEqual(await kinds("proxy uninstall", "--user"), ["--allow-sys=uid,gid"]);
  }));
