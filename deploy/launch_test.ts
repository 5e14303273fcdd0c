import { formatEntry, formatVkey } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inFolder, LOG_KEY, makeLog, POLICY, publication, runHere } from "../tools/_testing.ts";
import { command as compile, compileArguments } from "./compile.ts";
import { permissionFlags } from "./permission_flags.ts";
import { moduleUrl, PROGRAMS } from "./programs.ts";

const LAUNCH = fileURLToPath(moduleUrl("./launch.ts"));
const DENO = Deno.execPath();

/** What the root `deno.json` runs for a task, but for the program's name. */
function launcher(...args: string[]): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(moduleUrl("../deno.json")));
  const [deno, ...words] = (tasks.keygen as string).split(" ");
  assert.equal(deno, "deno");
  const flags = words.slice(0, words.indexOf("deploy/launch.ts"));
  return [...flags, LAUNCH, ...args];
}

interface Launched {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function launch(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Launched> {
  const output = await new Deno.Command(DENO, {
    args: launcher(...args),
    env: { INIT_CWD: cwd, PATH: pathWithDeno(), NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

function pathWithDeno(): string {
  return `${DENO.slice(0, DENO.lastIndexOf("/"))}:${Deno.env.get("PATH")}`;
}

async function printed(cwd: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await launch(cwd, ["--print", ...args]);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n");
}

Deno.test("each task of the root deno.json launches a program of the table", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(moduleUrl("../deno.json")));
  for (const name of PROGRAMS.keys()) {
    // An act of a program is told by its task's first argument.
    const [task] = name.split(" ");
    assert.equal(tasks[task!], tasks.keygen.replace(/ keygen$/, ` ${task}`));
  }
});

Deno.test("launch permits exactly the files that flags name: relative, with spaces, through links", () =>
  inFolder(async (folder) => {
    const real = Deno.realPathSync(folder);
    Deno.mkdirSync(join(folder, "with space"));
    Deno.symlinkSync("with space", join(folder, "link"));
    const words = await printed(
      folder,
      "keygen",
      "--origin=a",
      "--private-key-path=link/k.private",
      "--public-key-path=../other/./k.public",
    );
    const paths = [
      `${real}/link/k.private`,
      `${real}/with space/k.private`,
      join(real, "../other/k.public"),
    ].join(",");
    const permissions = words.filter((word) => word.startsWith("--allow"));
    assert.deepEqual(permissions, [`--allow-read=${paths}`, `--allow-write=${paths}`]);
  }));

Deno.test("launch refuses a path with a comma, which Deno would take for two", () =>
  inFolder(async (folder) => {
    const args = ["keygen", "--origin=a", "--private-key-path=a,b"];
    const { code, stderr } = await launch(folder, args);
    assert.equal(code, 2);
    assert.match(stderr, /comma/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("launch runs a program where the user is, and makes its files there", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(join(folder, "a b"));
    Deno.symlinkSync("a b", join(folder, "link"));
    const { code, stderr } = await launch(folder, [
      "keygen",
      "--origin=log.test",
      "--private-key-path=link/private.key",
    ]);
    assert.equal(code, 0, stderr);
    assert.ok(Deno.statSync(join(folder, "a b/private.key")).isFile);
    assert.ok(Deno.statSync(join(folder, "public.key")).isFile);
  }));

Deno.test("launch answers help with 0 and wrong use with 2, naming the flag", () =>
  inFolder(async (folder) => {
    const help = await launch(folder, ["verify", "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--max-age/);
    const unknown = await launch(folder, ["verify", "x", "--polcy=p"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /polcy/);
    const missing = await launch(folder, ["keygen"]);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /--origin/);
    assert.equal((await launch(folder, ["nothing"])).code, 2);
  }));

Deno.test("launch says so when there is no deno on the PATH", () =>
  inFolder(async (folder) => {
    const { code, stderr } = await launch(folder, ["keygen", "--origin=a"], { PATH: folder });
    assert.equal(code, 1);
    assert.match(stderr, /no deno on the PATH/);
  }));

Deno.test("verify is given its files and nothing else: no socket, no other file", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "probe.ts"), PROBE);
    const words = await printed(folder, "verify", "file", "--policy=policy");
    const flags = words.filter((word) => word.startsWith("--allow"));
    const real = Deno.realPathSync(folder);
    const paths = ["file", "file.tlog-proof", "policy"].map((name) => `${real}/${name}`);
    assert.deepEqual(flags, [`--allow-read=${paths.join(",")}`]);
    Deno.writeTextFileSync(join(folder, "file"), "x");
    const { stdout } = await new Deno.Command(DENO, {
      args: ["run", "--quiet", "--no-prompt", "--no-config", ...flags, join(folder, "probe.ts")],
      cwd: folder,
    }).output();
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      named: "allowed",
      passwd: "NotCapable",
      write: "NotCapable",
      connect: "NotCapable",
      listen: "NotCapable",
      fetch: "NotCapable",
      env: "NotCapable",
      run: "NotCapable",
    });
  }));

const PROBE = `
const acts = {
  named: () => Deno.readTextFile("file"),
  passwd: () => Deno.readTextFile("/etc/passwd"),
  write: () => Deno.writeTextFile("file", "y"),
  connect: () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  listen: () => Deno.listen({ port: 0 }),
  fetch: () => fetch("http://127.0.0.1:8000/"),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command("ls").output(),
};
const result = {};
for (const [name, act] of Object.entries(acts)) {
  try {
    await act();
    result[name] = "allowed";
  } catch (error) {
    result[name] = error.name;
  }
}
console.log(JSON.stringify(result));
`;

Deno.test("add and import reach the log only, verify and fsck of a folder nobody", () =>
  inFolder(async (folder) => {
    const net = async (...args: string[]) =>
      (await printed(folder, ...args)).filter((word) => word.startsWith("--allow-net"));
    const log = "--log=https://log.test";
    assert.deepEqual(await net("add", "f", log, "--policy=p"), ["--allow-net=log.test:443"]);
    assert.deepEqual(await net("import", "--from=f", log), ["--allow-net=log.test:443"]);
    assert.deepEqual(
      await net("import", "--project=a", "--index=http://[::1]:3141/u", log),
      ["--allow-net=log.test:443,[::1]:3141"],
    );
    assert.deepEqual(await net("fsck", "--log=data", "--public-key=k"), []);
  }));

Deno.test("a password in the index's URL is not among the arguments of import", () =>
  inFolder(async (folder) => {
    const env = { PIP_INDEX_URL: "https://user:secret@index.test/simple" };
    const args = ["--print", "import", "--project=a", "--log=http://127.0.0.1:9"];
    const { stdout, stderr } = await launch(folder, args, env);
    assert.match(stdout, /--allow-net=127\.0\.0\.1:9,index\.test:443/);
    assert.ok(!(stdout + stderr).includes("secret"));
    const run = await launch(folder, args.slice(1), env);
    assert.equal(run.code, 1);
    assert.ok(!(run.stdout + run.stderr).includes("secret"));
  }));

Deno.test("verify takes its policy from the configuration file, when no flag says whom to trust", () =>
  inFolder(async (folder) => {
    const log = makeLog([formatEntry(publication("a-1.zip", "content"))], 1_700_000_000n);
    Deno.writeTextFileSync(join(folder, "a-1.zip"), "content");
    Deno.writeFileSync(join(folder, "a-1.zip.tlog-proof"), await log.proof(0));
    Deno.mkdirSync(join(folder, "settings"));
    Deno.writeTextFileSync(join(folder, "settings/policy"), POLICY);
    const config = join(folder, "settings/config.json");
    const verify = (json: string) => {
      Deno.writeTextFileSync(config, json);
      return launch(folder, ["verify", "a-1.zip"], { INDELIBLE_CONFIG: config });
    };
    const verified = await verify('{"policy": "policy", "later": 1}');
    assert.equal(verified.code, 0, verified.stderr);
    assert.match((await verify('{"policy": "a", "policy": "b"}')).stderr, /stands twice/);
    assert.match((await verify('{"policy": 1}')).stderr, /"policy" must be a string/);
    assert.equal((await verify("{}")).code, 2);
    const missing = await launch(folder, ["verify", "a-1.zip"], { INDELIBLE_CONFIG: "/no/such" });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /configuration \/no\/such: there is no such file/);
  }));

Deno.test("launch passes SIGTERM on, and the exit code back", () =>
  inFolder(async (folder) => {
    // A log that never answers: fsck waits for it until it is told to stop.
    using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    Deno.writeTextFileSync(join(folder, "key"), formatVkey(LOG_KEY));
    const log = `--log=http://127.0.0.1:${listener.addr.port}`;
    const child = new Deno.Command(DENO, {
      args: launcher("fsck", log, "--public-key=key"),
      env: { INIT_CWD: folder, PATH: pathWithDeno() },
      stdin: "null",
      stderr: "piped",
    }).spawn();
    const ended = child.status.then(({ code }) => {
      throw new Error(`fsck ended with ${code} before it asked the log`);
    });
    using _connection = await Promise.race([listener.accept(), ended]);
    ended.catch(() => {}); // From here on it is meant to end.
    child.kill("SIGTERM");
    child.kill("SIGINT"); // As a terminal may: the second is ignored.
    const { code, stderr } = await child.output();
    assert.equal(new TextDecoder().decode(stderr), "fsck: interrupted\n");
    assert.equal(code, 1);
  }));

Deno.test("permissionFlags gives nothing for nothing", () => {
  assert.deepEqual(permissionFlags({}, "/"), []);
  assert.deepEqual(permissionFlags({ net: true }, "/"), ["--allow-net"]);
  assert.throws(() => permissionFlags({ read: [""] }, "/"), /must not be empty/);
  assert.throws(() => permissionFlags({ net: ["a:1,b:2"] }, "/"), /comma/);
});

Deno.test("compile gives no program more kinds of access than it needs", () => {
  const kinds = (name: string) =>
    compileArguments(name, "dist").filter((word) => word.startsWith("--allow")).map((word) =>
      word.split("=")[0]
    ).sort();
  assert.deepEqual(kinds("verify"), ["--allow-env", "--allow-read"]);
  assert.deepEqual(kinds("keygen"), ["--allow-read", "--allow-write"]);
  assert.deepEqual(kinds("fsck"), ["--allow-net", "--allow-read"]);
  assert.deepEqual(kinds("add"), ["--allow-env", "--allow-net", "--allow-read", "--allow-write"]);
  for (const name of PROGRAMS.keys()) {
    assert.ok(!compileArguments(name, "dist").some((word) => word.startsWith("--allow-all")));
  }
});

Deno.test("compile includes files that exist, and flags that deno compile knows", async () => {
  const help = await new Deno.Command(DENO, { args: ["compile", "--help=full"] }).output();
  const known = new TextDecoder().decode(help.stdout);
  for (const [name, { module, include = [] }] of PROGRAMS) {
    for (const file of [module, ...include]) {
      const { isFile, isDirectory } = Deno.statSync(moduleUrl(file));
      assert.ok(isFile || isDirectory && file.endsWith("/dist"), `${name}: ${file}`);
    }
    for (const word of compileArguments(name, "dist").filter((word) => word.startsWith("--"))) {
      assert.ok(known.includes(word.split("=")[0]!), word);
    }
  }
});

Deno.test("compile --print prints one command a program and runs nothing", async () => {
  const { code, stdout } = await runHere(compile, ["--print"]);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, PROGRAMS.size);
  for (const line of lines) assert.match(line, /^deno compile .*--output=dist\/(indelible-|sig )/);
  assert.equal((await runHere(compile, ["--print", "nothing"])).code, 2);
});
