/**
 * The compromise drill: whoever has broken into a registry swaps, hides, adds and
 * yanks files, in its lists, in its storage and in its mirror. `recover` finds each,
 * installers and `verify` refuse them meanwhile, and the plan puts everything back.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { clientEnvironment, type PythonClients, requirePythonClients } from "./peers/python.ts";
import { runProgram, startProgram } from "./programs.ts";
import { ofType, type RanRecover, recover, serveLogged } from "./recover_fixture.ts";
import { buildWheel, sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";

/** What each project has published, and how much of it the attacker touches. */
const PUBLISHED = {
  alpha: ["1.0", "1.1", "1.2", "1.3"],
  beta: ["1.0", "1.1", "2.0"],
  gamma: ["1.0", "1.1"],
} as const;

const wheel = (project: string, version: string) => `${project}-${version}-py3-none-any.whl`;

/** What the attacker would like to be installed. */
const evil = (project: string, version: string) =>
  buildWheel(project, version, { module: "raise SystemExit('owned')\n" }).bytes;

Deno.test("a compromised registry: each change is found, refused meanwhile, and put back", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, PUBLISHED);
    const { registry } = site;
    const all = [...registry.files.keys()].sort();
    const mirror = join(folder, "mirror");
    const backup = join(folder, "backup");
    for (const { project, filename, bytes } of registry.files.values()) {
      await write(join(mirror, "web", project, filename), bytes);
      await write(join(backup, filename), bytes);
    }
    for (const [filename] of registry.files) {
      const proof = await fetch(`${site.log.url}/bundle/${filename}`);
      await Deno.writeFile(join(folder, `${filename}.tlog-proof`), await proof.bytes());
    }

    const before = await recover(site, "--mirror=mirror", "--source=backup");
    equal(before.code, 0, before.stderr);
    deepEqual(kindsOf(before), Object.fromEntries(all.map((file) => [file, "unchanged"])));

    // The attack.
    const attacked = (file: string, project: string, version: string) => {
      registry.file(file).bytes = evil(project, version);
      return registry.file(file);
    };
    // Bytes alone: the lists look as ever.
    attacked(wheel("alpha", "1.0"), "alpha", "1.0");
    // Bytes and the digest in the list, as a registry would that does not know better.
    const swapped = attacked(wheel("alpha", "1.1"), "alpha", "1.1");
    swapped.sha256 = sha256Of(swapped.bytes);
    // The digest in the list alone, and one taken out of it.
    registry.file(wheel("alpha", "1.2")).sha256 = "ab".repeat(32);
    attacked(wheel("alpha", "1.3"), "alpha", "1.3").sha256 = null;
    // Hidden, and deleted from storage.
    registry.file(wheel("beta", "2.0")).listed = false;
    const gone = `/files/${wheel("beta", "1.0")}`;
    registry.fault = ({ url }) =>
      new URL(url).pathname === gone ? new Response(null, { status: 404 }) : null;
    // Added.
    registry.publish("beta", wheel("beta", "9.9"), evil("beta", "9.9"));
    // Yanked, so that everybody takes an older one.
    registry.file(wheel("gamma", "1.1")).members = { yanked: "use 1.0" };
    // And in the mirror.
    for (const version of ["1.0", "1.1"]) {
      await write(join(mirror, "web/alpha", wheel("alpha", version)), evil("alpha", version));
    }
    await Deno.remove(join(mirror, "web/beta", wheel("beta", "2.0")));
    await write(join(mirror, "web/beta", wheel("beta", "9.9")), evil("beta", "9.9"));

    const expected = {
      ...Object.fromEntries(all.map((file) => [file, "unchanged"])),
      [wheel("alpha", "1.0")]: "replaced",
      [wheel("alpha", "1.1")]: "replaced",
      [wheel("alpha", "1.2")]: "replaced",
      [wheel("alpha", "1.3")]: "replaced",
      [wheel("beta", "1.0")]: "missing",
      [wheel("beta", "2.0")]: "missing",
      [wheel("beta", "9.9")]: "unlogged",
      [wheel("gamma", "1.1")]: "yanked",
    };
    const lists = await recover(site, "--metadata-only");
    equal(lists.code, 1);
    // What only the bytes tell the lists do not.
    deepEqual(kindsOf(lists), {
      ...expected,
      [wheel("alpha", "1.0")]: "unchanged",
      [wheel("beta", "1.0")]: "unchanged",
    });
    const reportKey = ["--origin=registry.test/reports"];
    const keys = ["--private-key-path=reports.key", "--public-key-path=reports.pub"];
    equal((await runProgram("keygen", [...reportKey, ...keys], { cwd: folder })).code, 0);
    const found = await recover(
      site,
      "--mirror=mirror",
      "--source=backup",
      "--keep=kept",
      "--report=drift.jsonl",
      "--private-key=reports.key",
    );
    equal(found.code, 1);
    deepEqual(kindsOf(found), expected);
    const why = Object.fromEntries(
      ofType(found, "file").filter(({ drift }) => drift).map((
        { filename, why },
      ) => [filename, why]),
    );
    match(why[wheel("alpha", "1.0")]!, /^the bytes served are sha256:[0-9a-f]{64}$/);
    match(why[wheel("alpha", "1.1")]!, /^the listing says sha256:.*; the bytes served are sha256:/);
    equal(why[wheel("alpha", "1.2")], `the listing says sha256:${"ab".repeat(32)}`);
    match(why[wheel("alpha", "1.3")]!, /^the listing has no SHA-256 of it; the bytes served are/);
    equal(why[wheel("beta", "2.0")], "the registry does not list it");
    match(why[wheel("beta", "1.0")]!, /answers 404$/);
    match(why[wheel("beta", "9.9")]!, /^the log has no entry for it; the bytes served are sha256:/);
    equal(why[wheel("gamma", "1.1")], "yanked, which is not logged: use 1.0");
    // The attacker's bytes are kept, and nothing else.
    const kept = [...Deno.readDirSync(join(folder, "kept"))].map(({ name }) => name).sort();
    const bad = [["alpha", "1.0"], ["alpha", "1.1"], ["alpha", "1.3"], ["beta", "9.9"]] as const;
    deepEqual(kept, bad.map(([project, version]) => sha256Of(evil(project, version))).sort());
    // Each file that is wrong has its right digest and a place to get it.
    for (const { filename, kind, logged, copies } of ofType(found, "file")) {
      if (kind !== "replaced" && kind !== "missing") continue;
      ok(copies!.includes(join("backup", filename)), `${filename}: ${copies}`);
      equal(logged!.checksum, `sha256:${sha256Of(Deno.readFileSync(join(backup, filename)))}`);
    }
    // The plan is a plan: nothing was written.
    deepEqual(planOf(found), {
      [wheel("alpha", "1.0")]: "restore",
      [wheel("alpha", "1.1")]: "restore",
      [wheel("beta", "2.0")]: "restore",
      [wheel("beta", "9.9")]: "quarantine",
    });
    ok(await isThere(join(mirror, "web/beta", wheel("beta", "9.9"))));

    await checkReports(folder);
    // `verify`, offline, against what is served now.
    for (const [project, version] of [["alpha", "1.0"], ["alpha", "1.1"]] as const) {
      const file = wheel(project, version);
      await Deno.writeFile(join(folder, file), registry.file(file).bytes);
      const verified = await runProgram("verify", [file, "--public-key=public.key"], {
        cwd: folder,
      });
      equal(verified.code, 1);
      match(verified.stderr, /NOT verified: the digest differs/);
    }
    const clients = await requirePythonClients();
    if (clients) await checkClients(folder, clients, site.log.url, registry.simple, false);

    // Put back: first the mirror, then the registry's storage and lists from it.
    const restored = await recover(site, "--mirror=mirror", "--source=backup", "--apply");
    equal(restored.code, 1, "the registry itself is still wrong");
    deepEqual(
      ofType(restored, "mirror").filter(({ plan }) => plan).map(({ restored }) => restored),
      [true, true, true, true],
    );
    const aside = `${mirror}.quarantine`;
    for (const [project, version] of bad.filter(([, version]) => version !== "1.3")) {
      const bytes = Deno.readFileSync(join(aside, "web", project, wheel(project, version)));
      equal(sha256Of(bytes), sha256Of(evil(project, version)), "what was wrong is kept");
    }
    registry.fault = () => null;
    registry.files.delete(wheel("beta", "9.9"));
    for (const file of registry.files.values()) {
      file.bytes = await Deno.readFile(join(mirror, "web", file.project, file.filename));
      Object.assign(file, { sha256: sha256Of(file.bytes), listed: true, members: {} });
    }
    const after = await recover(site, "--mirror=mirror");
    equal(after.code, 0, after.stdout + after.stderr);
    deepEqual(kindsOf(after), Object.fromEntries(all.map((file) => [file, "unchanged"])));
    equal(ofType(after, "summary")[0]!.clean, true);
    if (clients) await checkClients(folder, clients, site.log.url, registry.simple, true);
  }));

/** The report that was signed holds; changed, or signed by another key, it does not. */
async function checkReports(folder: string): Promise<void> {
  const check = (...args: string[]) => runProgram("recover", args, { cwd: folder });
  const good = await check("--check-report=drift.jsonl", "--public-key=reports.pub");
  equal(good.code, 0, good.stderr);
  equal(good.stdout, "drift.jsonl: signed by registry.test/reports, unchanged\n");
  const other = await check("--check-report=drift.jsonl", "--public-key=public.key");
  equal(other.code, 1);
  match(other.stderr, /NOT verified: its note carries no signature of log\.test\/real/);
  const text = Deno.readTextFileSync(join(folder, "drift.jsonl"));
  await Deno.writeTextFile(join(folder, "changed.jsonl"), text.replace('"missing"', '"unchanged"'));
  await Deno.copyFile(join(folder, "drift.jsonl.note"), join(folder, "changed.jsonl.note"));
  const changed = await check("--check-report=changed.jsonl", "--public-key=reports.pub");
  equal(changed.code, 1);
  match(changed.stderr, /NOT verified: what was signed is another report/);
}

/** What pip and uv do with each file through the proxy. */
async function checkClients(
  folder: string,
  { pip, uv, python }: PythonClients,
  log: string,
  upstream: string,
  isRecovered: boolean,
): Promise<void> {
  const ready = /^proxy of .* at (\S+)$/m;
  const proxy = await startProgram("proxy", [
    `--upstream=${upstream}`,
    `--log=${log}`,
    "--public-key=public.key",
    "--port=0",
    `--state-dir=${join(folder, "proxy-state")}`,
    `--cache-dir=${join(folder, "proxy-cache")}`,
  ], { cwd: folder, ready: (output) => ready.test(output()) });
  try {
    const index = ready.exec(proxy.output())![1]!;
    const refused: readonly [requirement: string, pip: RegExp, uv: RegExp][] = [
      ["alpha==1.0", /DO NOT MATCH THE HASHES/, /Hash mismatch/],
      [
        "alpha==1.1",
        /refused\/digest-differs-from-the-log/,
        /refused\/digest-differs-from-the-log/,
      ],
      [
        "alpha==1.2",
        /refused\/digest-differs-from-the-log/,
        /refused\/digest-differs-from-the-log/,
      ],
      ["alpha==1.3", /DO NOT MATCH THE HASHES/, /Hash mismatch/],
      ["beta==1.0", /404/, /404/],
      ["beta==2.0", /No matching distribution/, /no version of beta==2\.0/],
      ["beta==9.9", /refused\/not-in-the-log/, /refused\/not-in-the-log/],
    ];
    for (const [i, [requirement, pipSays, uvSays]] of refused.entries()) {
      if (requirement === "beta==9.9" && isRecovered) continue;
      const home = join(folder, `home-${isRecovered}-${i}`);
      const env = clientEnvironment(home);
      const target = (client: string) => join(home, client);
      const byPip = await runClient(
        pip,
        [
          "install",
          "--no-deps",
          "--no-cache-dir",
          `--target=${target("pip")}`,
          `--index-url=${index}`,
          requirement,
        ],
        env,
      );
      const byUv = await runClient(
        uv,
        [
          ...["pip", "install", "--no-deps", "--no-cache", `--python=${python}`],
          ...[`--target=${target("uv")}`, `--default-index=${index}`, requirement],
        ],
        env,
      );
      for (const [client, ran, says] of [["pip", byPip, pipSays], ["uv", byUv, uvSays]] as const) {
        const { output } = ran;
        if (isRecovered) equal(ran.code, 0, `${client} ${requirement}: ${output}`);
        else {
          ok(ran.code !== 0, `${client} installs ${requirement}: ${output}`);
          match(output, says, `${client} ${requirement}`);
          ok(!await isThere(join(target(client), `${requirement.split("=")[0]}.py`)));
        }
      }
    }
  } finally {
    await proxy.stop();
  }
}

async function runClient(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly code: number; readonly output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

function kindsOf(ran: RanRecover): Record<string, string> {
  return Object.fromEntries(ofType(ran, "file").map(({ filename, kind }) => [filename, kind]));
}

function planOf(ran: RanRecover): Record<string, string> {
  return Object.fromEntries(
    ofType(ran, "mirror").filter(({ plan }) => plan).map((line) => [
      line.filename,
      line.plan!.action,
    ]),
  );
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
