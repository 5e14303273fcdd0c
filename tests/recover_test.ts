/**
 * `recover` as its task runs it, against a real log and a registry: killed and run
 * again, on registries that lead elsewhere, with events that the log knows of, and
 * while files are being published; and mirrors of any layout.
 */

import { blake2b } from "@noble/hashes/blake2.js";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { programCommand, runProgram } from "./programs.ts";
import { startProcess } from "./peers/process.ts";
import { ofType, recover, serveLogged, type Site, siteFlags } from "./recover_fixture.ts";
import { Registry, sha256Of } from "./registry.ts";
import { bulkAppend, startLog, writeLogKeys } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const wheel = (project: string, version: string) => `${project}-${version}-py3-none-any.whl`;

/** How often each file was fetched, and each page read. */
function fetches({ registry }: Site): Map<string, number> {
  const counts = new Map<string, number>();
  for (const request of registry.requests) counts.set(request, (counts.get(request) ?? 0) + 1);
  return counts;
}

/** Kinds by file. */
function kinds(ran: Awaited<ReturnType<typeof recover>>): Record<string, string> {
  return Object.fromEntries(
    ofType(ran, "file").map(({ filename, kind, drift }) => [
      filename,
      drift ? kind : `${kind}, as logged`,
    ]),
  );
}

Deno.test("killed in the middle, it loses nothing: the next run fetches what is left", () =>
  inFolder(async (folder) => {
    const versions = Array.from({ length: 20 }, (_, n) => `1.${n}`);
    await using site = await serveLogged(folder, { alpha: versions, beta: ["1.0"] });
    const { registry } = site;
    registry.file(wheel("alpha", "1.3")).bytes = new TextEncoder().encode("swapped");
    // All of the program's fetches hang once eight files are through.
    let through = 0;
    const held = Promise.withResolvers<void>();
    let holding = 0;
    registry.fault = ({ url }) => {
      if (!url.includes("/files/")) return null;
      if (++through <= 8) return null;
      holding++;
      return held.promise.then(() => new Response("late"));
    };
    const words = await programCommand("recover", siteFlags(site), { cwd: folder });
    const killed = await startProcess(words[0]!, words.slice(1), {
      cwd: folder,
      ready: () => holding === 4,
    });
    await killed.kill();
    held.resolve();
    registry.fault = () => null;
    const before = fetches(site);

    const resumed = await recover(site);
    match(resumed.stderr, /going on with the pass since/);
    equal(resumed.code, 1);
    const summary = ofType(resumed, "summary")[0]!;
    deepEqual([summary.drift, summary.unchecked], [1, 0]);
    equal(kinds(resumed)[wheel("alpha", "1.3")], "replaced");
    const after = fetches(site);
    equal([...after.keys()].filter((path) => path.includes("/files/")).length, 21);
    let again = 0;
    for (const [path, count] of before) again += after.get(path)! - count;
    equal(again, 4, "only what was under way is fetched again");

    // The pass is through: now all of it is looked at anew, unless it is young enough.
    equal((await recover(site, "--max-age=7d")).code, 1);
    deepEqual(fetches(site), after);
    registry.file(wheel("alpha", "1.4")).bytes = new TextEncoder().encode("swapped later");
    const anew = await recover(site);
    equal(kinds(anew)[wheel("alpha", "1.4")], "replaced");
    for (const [path, count] of fetches(site)) equal(count, after.get(path)! + 1, path);
  }));

Deno.test("interrupted, it tells what it knows and ends with 1", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0"], beta: ["1.0"] });
    const held = Promise.withResolvers<void>();
    let holding = 0;
    site.registry.fault = ({ url }) => {
      if (!url.includes("beta")) return null;
      holding++;
      return held.promise.then(() => new Response("late"));
    };
    const words = await programCommand("recover", siteFlags(site), { cwd: folder });
    const running = await startProcess(words[0]!, words.slice(1), {
      cwd: folder,
      ready: () => holding === 1 && site.registry.requests.some((path) => path.includes("alpha")),
    });
    await running.stop();
    held.resolve();
    equal(await running.ended, 1);
    match(running.output(), /"type":"summary".*"clean":false,"unchecked":[12],/);
    site.registry.fault = () => null;
    equal((await recover(site)).code, 0);
  }));

Deno.test("with --for it stops, says what is left, and goes on in the next run", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0"], beta: ["1.0"] });
    const first = await recover(site, "--for=1ms");
    equal(first.code, 0);
    const { clean, unchecked } = ofType(first, "summary")[0]!;
    ok(!clean && unchecked! > 0);
    const second = await recover(site);
    match(second.stderr, /going on/);
    deepEqual(kinds(second), {
      [wheel("alpha", "1.0")]: "unchanged, as logged",
      [wheel("beta", "1.0")]: "unchanged, as logged",
    });
    ok(ofType(second, "summary")[0]!.clean);
  }));

Deno.test("a registry that leads elsewhere is not followed, but for hosts that are named", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0", "1.1", "1.2", "1.3"] });
    await using elsewhere = new Registry();
    const { registry } = site;
    for (const { project, filename, bytes } of registry.files.values()) {
      elsewhere.publish(project, filename, bytes);
    }
    const at = (version: string) => `${elsewhere.root}/files/${wheel("alpha", version)}`;
    registry.file(wheel("alpha", "1.0")).members = { url: at("1.0") };
    registry.file(wheel("alpha", "1.1")).members = { url: "http://169.254.169.254/secret" };
    registry.fault = ({ url }) => {
      if (url.endsWith(wheel("alpha", "1.2"))) return Response.redirect(at("1.2"));
      if (url.endsWith(wheel("alpha", "1.3"))) return Response.redirect(url);
      return null;
    };
    const refused = await recover(site);
    equal(refused.code, 1);
    const why = (ran: typeof refused) =>
      ofType(ran, "file").map(({ kind, why }) => why === null ? kind : `${kind}: ${why}`);
    const [own, other, redirect, circle] = why(refused) as [string, string, string, string];
    match(own, /^unreachable: it is at .* which is not asked: add --file-host=http:\/\/127/);
    match(other, /^unreachable: it is at http:\/\/169\.254\.169\.254, which is not asked/);
    match(redirect, /^unreachable: .* answers with a redirect \(302\), which is refused/);
    match(circle, /^unreachable: .* redirect/);
    deepEqual(elsewhere.requests, []);
    const named = await recover(site, `--file-host=${elsewhere.root}`);
    deepEqual(why(named).map((told) => told.split(":")[0]), [
      "unchanged",
      "unreachable",
      "unchanged",
      "unreachable",
    ]);
  }));

Deno.test("what the log says happened is no drift, and what it does not say is", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, {
      alpha: ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"],
    });
    const { registry } = site;
    const log = async (version: string, event: string) => {
      const filename = wheel("alpha", version);
      const checksum = `sha256:${sha256Of(registry.file(filename).bytes)}`;
      const response = await fetch(`${site.log.url}/add`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ filename, checksum, event }),
      });
      equal(response.status, 200, await response.text());
    };
    const yank = (version: string) =>
      registry.file(wheel("alpha", version)).members = { yanked: true };
    const hide = (version: string) => registry.file(wheel("alpha", version)).listed = false;
    await log("1.0", "yank");
    yank("1.0");
    await log("1.1", "yank");
    await log("1.2", "yank");
    await log("1.2", "unyank");
    yank("1.2");
    await log("1.3", "remove");
    hide("1.3");
    await log("1.4", "remove");
    await log("1.5", "remove");
    await log("1.5", "restore");
    hide("1.5");
    const ran = await recover(site);
    deepEqual(kinds(ran), {
      [wheel("alpha", "1.0")]: "yanked, as logged",
      [wheel("alpha", "1.1")]: "unyanked",
      [wheel("alpha", "1.2")]: "yanked",
      [wheel("alpha", "1.3")]: "removed, as logged",
      [wheel("alpha", "1.4")]: "restored",
      [wheel("alpha", "1.5")]: "missing",
      [wheel("alpha", "1.6")]: "unchanged, as logged",
    });
    // A second run takes what is new in the log from where the first ended.
    await log("1.1", "unyank");
    yank("1.2");
    await log("1.2", "yank");
    const then = kinds(await recover(site, "--metadata-only"));
    equal(then[wheel("alpha", "1.1")], "unchanged, as logged");
    equal(then[wheel("alpha", "1.2")], "yanked, as logged");
  }));

Deno.test("what is published while it looks is neither unlogged nor missing", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0"] });
    const { registry, log } = site;
    let logged: Promise<unknown> | null = null;
    registry.fault = ({ url }) => {
      const { pathname } = new URL(url);
      if (pathname === "/simple/alpha/" && !logged) {
        // It is on the page that is read now, and in the log a moment later; another
        // one is logged and comes on the page after it was read.
        const { filename, sha256 } = registry.publishWheel("alpha", "2.0");
        const later = { filename: wheel("alpha", "3.0"), checksum: `sha256:${"3".repeat(64)}` };
        logged = bulkAppend(log.url, [{ filename, checksum: `sha256:${sha256}` }, later]);
      }
      if (!pathname.startsWith("/files/")) return null;
      const { bytes } = registry.file(pathname.slice("/files/".length));
      return logged!.then(() => new Response(bytes));
    };
    const ran = await recover(site);
    equal(ran.code, 0, ran.stdout);
    deepEqual(kinds(ran), {
      [wheel("alpha", "1.0")]: "unchanged, as logged",
      [wheel("alpha", "2.0")]: "unchanged, as logged",
    });
  }));

Deno.test("a log that shows two histories is not relied on", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0"], beta: ["1.0"] });
    equal((await recover(site)).code, 0);
    const other = join(folder, "other");
    await Deno.mkdir(other);
    await writeLogKeys(other, "log.test/real");
    await Deno.copyFile(join(folder, "private.key"), join(other, "private.key"));
    await Deno.copyFile(join(folder, "public.key"), join(other, "public.key"));
    await using fork = await startLog({ folder: other });
    const file = site.registry.file(wheel("alpha", "1.0"));
    file.bytes = new TextEncoder().encode("swapped");
    file.sha256 = sha256Of(file.bytes);
    const more = site.registry.publishWheel("beta", "1.1");
    const lines = [file, site.registry.file(wheel("beta", "1.0")), more];
    await bulkAppend(
      fork.url,
      lines.map(({ filename, sha256 }) => ({
        filename,
        checksum: `sha256:${sha256}`,
      })),
    );
    for (let tries = 0; tries < 2; tries++) {
      const ran = await recover({ ...site, log: fork });
      equal(ran.code, 1);
      match(ran.stderr, /shows two histories: .* Nothing that it says counts; the evidence is in/);
      deepEqual(ran.lines, []);
    }
  }));

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}

/** How mirrors lay out a file. */
const LAYOUTS: Readonly<
  Record<string, (project: string, file: string, bytes: Uint8Array) => string>
> = {
  flat: (_, file) => file,
  "by project": (project, file) => `files/${project}/${file}`,
  "by BLAKE2b": (_, file, bytes) => {
    const hex = blake2b(bytes, { dkLen: 32 }).toHex();
    return `web/packages/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}/${file}`;
  },
  "by SHA-256": (_, file, bytes) => {
    const hex = sha256Of(bytes);
    return `root/mirror/+f/${hex.slice(0, 3)}/${hex.slice(3, 16)}/${file}`;
  },
};

Deno.test("a mirror of any layout is restored: file by file, in its place", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0", "1.1"], beta: ["1.0"] });
    const { registry } = site;
    // Good copies may be under any name.
    for (const { bytes } of registry.files.values()) {
      await write(join(folder, "backup", `${sha256Of(bytes)}.blob`), bytes);
    }
    const flags = [
      `--log=${site.log.url}`,
      "--public-key=public.key",
      "--state-dir=state",
      "--json",
    ];
    for (const [layout, place] of Object.entries(LAYOUTS)) {
      const mirror = join(folder, layout.replaceAll(" ", "-"));
      const paths = new Map<string, string>();
      for (const { project, filename, bytes } of registry.files.values()) {
        paths.set(filename, join(mirror, place(project, filename, bytes)));
        await write(paths.get(filename)!, bytes);
      }
      await write(join(mirror, "index.html"), new Uint8Array());
      await write(join(mirror, "private-1.0.tar.gz"), new Uint8Array());
      const [first, second] = [wheel("alpha", "1.0"), wheel("alpha", "1.1")];
      await write(paths.get(first)!, new TextEncoder().encode("swapped"));
      await Deno.remove(paths.get(second)!);
      const command = [...flags, `--mirror=${mirror}`, "--source=backup"];
      const planned = await runMirror(folder, command);
      const inMirror = (file: string) => paths.get(file)!.slice(mirror.length + 1);
      deepEqual(planned.map(({ filename, plan }) => [filename, plan?.path]), [
        [first, inMirror(first)],
        [second, inMirror(second)],
        [wheel("beta", "1.0"), undefined],
      ], layout);
      equal(await Deno.readTextFile(paths.get(first)!), "swapped", "a plan writes nothing");
      await runMirror(folder, [...command, "--apply"]);
      for (const { filename, bytes } of registry.files.values()) {
        deepEqual(await Deno.readFile(paths.get(filename)!), new Uint8Array(bytes), layout);
      }
      const aside = paths.get(first)!.replace(mirror, `${mirror}.quarantine`);
      equal(await Deno.readTextFile(aside), "swapped");
      // What nobody asked about is left alone, and nothing is left over.
      const left = [...Deno.readDirSync(mirror)].map(({ name }) => name);
      ok(left.includes("index.html") && left.includes("private-1.0.tar.gz"));
      const clean = await runMirror(folder, command);
      deepEqual(clean.map(({ kind }) => kind), ["unchanged", "unchanged", "unchanged"]);
      // A second attack on the same file does not overwrite the first one's evidence.
      await write(paths.get(first)!, new TextEncoder().encode("swapped again"));
      await runMirror(folder, [...command, "--apply", "--replaced-only"]);
      equal(await Deno.readTextFile(aside), "swapped");
      equal(await Deno.readTextFile(`${aside}.1`), "swapped again");
    }
  }));

Deno.test("a mirror takes right bytes from the registry too, and never wrong ones", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0", "1.1", "1.2"] });
    const { registry } = site;
    const mirror = join(folder, "mirror");
    const [first, second, third] = ["1.0", "1.1", "1.2"].map((version) => wheel("alpha", version));
    await write(join(mirror, first!), registry.file(first!).bytes);
    await write(join(mirror, second!), new TextEncoder().encode("swapped"));
    // The third is missing here, and swapped there; the second turns bad between two looks.
    registry.file(third!).bytes = new TextEncoder().encode("swapped there");
    let looks = 0;
    registry.fault = ({ url }) =>
      url.endsWith(`/files/${second}`) && ++looks === 2 ? new Response("bad now") : null;
    const tried = await recover(site, "--mirror=mirror", "--apply");
    const errors = Object.fromEntries(
      ofType(tried, "mirror").map(({ filename, error }) => [filename, error]),
    );
    match(errors[second!]!, /gives other bytes now: sha256:/);
    match(errors[third!]!, /no good copy of it is known/);
    equal(await Deno.readTextFile(join(mirror, second!)), "swapped", "it is left as it was");
    registry.fault = () => null;
    const again = await recover(site, "--mirror=mirror", "--apply");
    equal(ofType(again, "mirror").find(({ filename }) => filename === second)!.restored, true);
    equal(sha256Of(await Deno.readFile(join(mirror, second!))), registry.file(second!).sha256);
    deepEqual([...Deno.readDirSync(mirror)].map(({ name }) => name).sort(), [first, second]);
  }));

Deno.test("links that lead out of a mirror are neither trusted nor followed", () =>
  inFolder(async (folder) => {
    await using site = await serveLogged(folder, { alpha: ["1.0", "1.1"], beta: ["1.0"] });
    const { registry } = site;
    const mirror = join(folder, "mirror");
    const outside = join(folder, "outside");
    for (const { project, filename, bytes } of registry.files.values()) {
      await write(join(folder, "backup", filename), bytes);
      await write(join(mirror, project, filename), bytes);
    }
    // A file that is the right one today, from where the attacker can change it.
    const linked = wheel("alpha", "1.0");
    await write(join(outside, linked), registry.file(linked).bytes);
    await Deno.remove(join(mirror, "alpha", linked));
    await Deno.symlink(join(outside, linked), join(mirror, "alpha", linked));
    // A folder that leads out: nothing is written through it.
    await Deno.remove(join(mirror, "beta"), { recursive: true });
    await Deno.symlink(outside, join(mirror, "beta"));
    // Where a temporary file would go.
    const victim = join(folder, "victim");
    await Deno.writeTextFile(victim, "untouched");
    await Deno.symlink(victim, join(mirror, "alpha", `${linked}.restoring`));
    const ran = await recover(
      site,
      "--mirror=mirror",
      "--source=backup",
      "--apply",
      "--project=alpha,beta",
    );
    const outcome = Object.fromEntries(
      ofType(ran, "mirror").map(({ filename, kind, error, restored }) => [
        filename,
        [kind, error ?? restored ?? null],
      ]),
    );
    deepEqual(outcome[linked], ["replaced", true]);
    ok((await Deno.lstat(join(mirror, "alpha", linked))).isFile);
    ok((await Deno.lstat(join(`${mirror}.quarantine`, "alpha", linked))).isSymlink);
    equal(await Deno.readTextFile(victim), "untouched");
    deepEqual(outcome[wheel("beta", "1.0")], [
      "missing",
      "its folder beta leads out of the mirror",
    ]);
    deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), [linked]);
  }));

/** Runs without a registry; gives the lines about the mirror, by file name. */
async function runMirror(folder: string, flags: readonly string[]) {
  const ran = await runProgram("recover", flags, { cwd: folder });
  const lines = ran.stdout.split("\n").filter((line) => line.startsWith('{"type":"mirror"'));
  ok(lines.length > 0, ran.stderr);
  return lines.map((line) => JSON.parse(line)).sort((a, b) => (a.filename < b.filename ? -1 : 1));
}
