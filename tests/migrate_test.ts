/**
 * A whole log is taken over: every entry at its leaf index, both trees with one root hash.
 * Real logs and real entries; killed in the middle, run again, with others in between.
 */

import {
  type Checkpoint,
  encodeHex,
  type Entry,
  formatEntry,
  formatVkey,
  openCheckpoint,
  parseVkey,
  sha256,
  utf8,
  verifierOf,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { command } from "../tools/import.ts";
import {
  LOG_KEY,
  makeLog,
  POLICY,
  publication,
  runHere,
  type TestLog,
  writeLog,
} from "../tools/_testing.ts";
import { serveLog } from "./http_fixture.ts";
import type { Finished } from "./peers/process.ts";
import { programCommand, runProgram, startProgram } from "./programs.ts";
import { readPypiFiles } from "./pypi_files.ts";
import { add, bulkAppend, entryOf, madeUpFile, type RunningLog, startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const { text, files: allFiles } = await readPypiFiles();
const SIZE = 2000;
const files = allFiles.slice(0, SIZE);

/** The published checkpoint, verified where the key is known. */
async function checkpointOf({ url, vkey }: { url: string; vkey?: string }): Promise<Checkpoint> {
  const note = await (await fetch(`${url}/checkpoint`)).bytes();
  const key = parseVkey(
    vkey ?? (await (await fetch(`${url}/.well-known/public-key`)).text()).trim(),
  );
  const opened = openCheckpoint(note, key.name, [verifierOf(key)]);
  assert(opened.kind === "verified");
  return opened.checkpoint;
}

/** Runs a command as its task does, and requires its exit code. */
async function tool(folder: string, code: number, ...words: string[]): Promise<Finished> {
  const [name, ...args] = words;
  const finished = await runProgram(name!, args, { cwd: folder });
  assert.equal(finished.code, code, `${words.join(" ")}: ${finished.stdout}${finished.stderr}`);
  return finished;
}

/** Starts a log whose folder and origin are named so. */
async function startNamed(folder: string, name: string, flags: string[] = []): Promise<RunningLog> {
  await Deno.mkdir(join(folder, name), { recursive: true });
  return await startLog({ folder: join(folder, name), origin: `log.test/${name}`, flags });
}

Deno.test("2,000 real entries are taken over by URL and by folder, with one root hash", () =>
  inFolder(async (folder) => {
    let root: Uint8Array;
    {
      await using old = await startNamed(folder, "old");
      const lines = text.split("\n").slice(0, SIZE).join("\n");
      await Deno.writeTextFile(join(folder, "files.jsonl"), lines);
      await tool(folder, 0, "import", "--from=files.jsonl", `--log=${old.url}`);
      root = (await checkpointOf(old)).root;

      await tool(folder, 0, "publisher-add", "--publishers=p", "--name=m", "--token-file=token");
      await Deno.rename(join(folder, "p"), join(folder, "publishers"));
      await using log = await startNamed(folder, "new", ["--publishers=../publishers"]);
      const args = [`--from-log=${old.url}`, "--from-public-key=old/public.key"];
      const to = `--log=${log.url}`;
      const refused = await tool(folder, 1, "import", ...args, to);
      assert.match(refused.stderr, /refuses \(401\).*; nothing was written\n/);
      const done = await tool(folder, 0, "import", ...args, to, "--token-file=token");
      assert.match(done.stdout, /: 2000 entries of log\.test\/old taken over, 2000 of them now\n/);
      assert.match(done.stdout, new RegExp(`both trees of size 2000 have .* ${encodeHex(root)}\n`));
      assert.deepEqual(await checkpointOf(log), {
        ...await checkpointOf(old),
        origin: "log.test/new",
      });
      await tool(folder, 0, "fsck", to, "--public-key=new/public.key");

      // Run again: there is nothing left to do, also when both have grown.
      const again = await tool(folder, 0, "import", ...args, to, "--token-file=token", "--json");
      assert.deepEqual(JSON.parse(again.stdout), {
        ok: true,
        source: "log.test/old",
        treeSize: SIZE,
        root: encodeHex(root),
        witnesses: [],
        log: "log.test/new",
        logTreeSize: SIZE,
        added: 0,
      });
      await bulkAppend(old.url, allFiles.slice(SIZE, SIZE + 300));
      const rest = await tool(folder, 0, "import", ...args, to, "--token-file=token");
      assert.match(rest.stdout, /: 2300 entries .*, 300 of them now\n/);
      await tool(
        folder,
        0,
        "add",
        "--filename=new-1.zip",
        `--checksum=sha256:${"1".repeat(64)}`,
        to,
        "--public-key=new/public.key",
        "--token-file=token",
      );
      const since = await tool(folder, 0, "import", ...args, to, "--token-file=token");
      assert.match(since.stdout, /: 2300 entries .*, 0 of them now\n.*\n.*\n {2}1 entries follow/);
      await old.stop();
    }
    // The old log is a folder now.
    await using log = await startNamed(folder, "third");
    const args = ["--from-log=old/data", "--from-public-key=old/public.key", `--log=${log.url}`];
    await tool(folder, 0, "import", ...args);
    assert.equal((await checkpointOf(log)).size, 2300n);
    await tool(folder, 0, "fsck", `--log=${log.url}`, "--public-key=third/public.key");
  }));

Deno.test("import --from-log may read the log's public objects and the key, and write nothing", () =>
  inFolder(async (folder) => {
    const permissions = async (...args: string[]) =>
      (await programCommand("import", args, { cwd: folder }))
        .filter((word) => word.startsWith("--allow"));
    const to = ["--log=https://new.test", "--token-file=token"];
    const paths = (...names: string[]) => names.map((name) => join(folder, name)).join(",");
    assert.deepEqual(
      await permissions("--from-log=https://old.test:8443/a", "--from-policy=p", ...to),
      [
        `--allow-read=${paths("token", "p")}`,
        "--allow-net=old.test:8443,new.test:443",
      ],
    );
    const objects = ["old/checkpoint", "old/tile", "old/log/checkpoint", "old/log/tile"];
    assert.deepEqual(await permissions("--from-log=old", "--from-public-key=k", ...to), [
      `--allow-read=${paths("token", "k", ...objects)}`,
      "--allow-net=new.test:443",
    ]);
  }));

/** What {@linkcode importLog} is told besides where the two logs are. */
interface Importing {
  readonly source: TestLog;
  readonly url: string;
  readonly flags?: readonly string[];
}

/** Imports a log, as files, in this process. */
async function importLog({ source, url, flags = ["--from-public-key=./key"] }: Importing) {
  let ran: Awaited<ReturnType<typeof runHere>>;
  await inFolder(async (folder) => {
    writeLog(folder, source);
    await Deno.writeTextFile(join(folder, "key"), formatVkey(LOG_KEY));
    await Deno.writeTextFile(join(folder, "policy"), POLICY);
    const args = [`--from-log=${folder}`, `--log=${url}`, ...flags];
    ran = await runHere(command, args.map((arg) => arg.replace("=./", `=${folder}/`)));
  });
  return ran!;
}

Deno.test("publishers, other ecosystems and later events are taken over as they are", async () => {
  const npm = (n: number, fields: Partial<Entry> = {}): Entry => ({
    format: "artifact-transparency/v2",
    ecosystem: "npm",
    event: "publish",
    file: `pkg-${n}.tgz`,
    digest: sha256(utf8(`npm ${n}`)),
    package: { name: "@scope/pkg", version: `${n}` },
    native: "sha512:vQ0vnCMSlTXk",
    size: (1n << 63n) - BigInt(n + 1),
    ...fields,
  });
  const publisher = { issuer: "https://issuer.test", subject: "someone/söme" };
  const entries: Entry[] = [];
  for (let n = 0; n < 700; n++) {
    entries.push(publication(`pkg-${n}.tgz`, `${n}`, n % 2 ? { publisher } : {}), npm(n));
    if (n % 3 === 2) entries.push(npm(n - 1, { event: "yank" }), npm(n - 1, { event: "unyank" }));
    if (n % 9 === 8) entries.push(npm(n - 7, { event: "yank", publisher }));
    if (n % 100 === 99) {
      const attestation = `sha256:${"9f".repeat(32)}`;
      entries.push(npm(n - 99, { event: "review", attestation }), npm(n - 99, { event: "remove" }));
    }
  }
  const source = makeLog(entries.map(formatEntry), 1_700_000_000n);
  await using target = await serveLog();
  const flags = ["--from-policy=./policy", "--chunk=700"];
  const { code, stdout, stderr } = await importLog({ source, url: target.url, flags });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\n {2}log\.test\/tools is witnessed by W\n$/);
  const { size } = await checkpointOf(target);
  assert.equal(size, BigInt(entries.length));
  for (const path of source.objects.keys()) {
    if (path === "checkpoint") continue;
    const served = await (await fetch(`${target.url}/${path}`)).bytes();
    assert.deepEqual(served, Uint8Array.from(source.objects.get(path)!), path);
  }
});

Deno.test("a log without entries, of one, and of whole bundles are taken over, step by step", async () => {
  await using target = await serveLog();
  let before = 0;
  for (const size of [0, 1, 255, 256, 257, 512, 768]) {
    const source = makeLog(files.slice(0, size).map(entryOf));
    const { code, stdout, stderr } = await importLog({ source, url: target.url });
    assert.equal(code, 0, stderr);
    assert(stdout.includes(`: ${size} entries of log.test/tools taken over, ${size - before} of`));
    assert.equal((await checkpointOf(target)).size, BigInt(size));
    before = size;
  }
});

Deno.test("a migration that is killed goes on where it was, and so it does when the log is", () =>
  inFolder(async (folder) => {
    const source = makeLog(files.map(entryOf));
    writeLog(join(folder, "old"), source);
    await Deno.writeTextFile(join(folder, "old.key"), formatVkey(LOG_KEY));
    const flags = ["--batch-interval=200ms"];
    const chunk = 50n;
    let log = await startNamed(folder, "new", flags);
    try {
      const { port } = new URL(log.url);
      const to = `--log=${log.url}`;
      const args = ["--from-log=old", "--from-public-key=old.key", to, `--chunk=${chunk}`];
      let held = 0n;
      for (const victim of ["import", "log", "import", "nobody"] as const) {
        const running = await startProgram("import", args, { cwd: folder, ready: () => true });
        // One request may be left of the run before: what is beyond it is of this one.
        await until(async () => (await checkpointOf(log)).size > held + chunk);
        if (victim === "log") {
          await log.kill();
          log = await startLog({ folder: log.folder, port: Number(port), flags });
        }
        if (victim === "nobody") {
          await running.stop();
          assert.match(
            running.output(),
            /interrupted in good order; \d+ .*; run it again to go on/,
          );
        } else {
          await running.kill();
        }
        const { size } = await checkpointOf(log);
        assert(size > held + chunk && size < SIZE, `it was ended in the middle, at ${size}`);
        held = size;
      }
      const before = await checkpointOf(log);
      const done = await tool(folder, 0, "import", ...args.slice(0, 3), "--json");
      const { added, logTreeSize } = JSON.parse(done.stdout);
      // What was under way when it was killed may have come in since.
      assert(added > 0 && added <= SIZE - Number(before.size));
      assert.equal(logTreeSize, SIZE);
      await tool(folder, 0, "fsck", to, "--public-key=new/public.key");
      const { root } = await checkpointOf(log);
      assert.deepEqual(root, parsed(source).root);
    } finally {
      await log.stop();
    }
  }));

function parsed(source: TestLog): Checkpoint {
  const key = parseVkey(formatVkey(LOG_KEY));
  const opened = openCheckpoint(source.objects.get("checkpoint")!, key.name, [verifierOf(key)]);
  assert(opened.kind === "verified");
  return opened.checkpoint;
}

/** Passes requests on to a log; what is written may be delayed or changed on the way. */
function through(
  url: string,
  meddle: (lines: string, post: number) => string | Promise<string>,
): AsyncDisposable & { readonly url: string } {
  let posts = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const type = request.headers.get("Content-Type");
      return await fetch(url + pathname + search, {
        method: request.method,
        headers: type === null ? {} : { "Content-Type": type },
        body: request.body && await meddle(await request.text(), posts++),
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a writer that comes in between is told at once, with the first entry that is misplaced", async () => {
  const source = makeLog(files.slice(0, 700).map(entryOf));
  const cases = [
    {
      file: madeUpFile(0),
      why:
        /entry 200 \(\S+\) got leaf index 201, since someone else writes too: .* 200 entries were written, and more may have been\n/,
    },
    // An entry of the source, but not yet its turn: the first that gets another index tells.
    { file: files[500]!, why: /entry 200 \(\S+\) got leaf index 201/ },
    {
      file: { ...files[350]!, checksum: `sha256:${"0".repeat(64)}` },
      why: /entry 200 \(\S+\) got leaf index 201/,
    },
    {
      file: { ...files[200]!, checksum: `sha256:${"0".repeat(64)}` },
      why: /entry 200 \(\S+\) is refused, since someone else logged sha256:0{64} as entry 200/,
    },
  ];
  for (const { file, why } of cases) {
    await using target = await serveLog();
    await using proxy = through(target.url, async (lines, post) => {
      if (post === 3) await add(target.url, file);
      return lines;
    });
    const flags = ["--from-public-key=./key", "--chunk=100"];
    const { code, stdout, stderr } = await importLog({ source, url: proxy.url, flags });
    assert.match(stderr, why);
    assert.deepEqual([code, stdout], [1, ""]);
    // It went no further than the request that it found out by.
    assert((await checkpointOf(target)).size <= 301n);
    const again = await importLog({ source, url: target.url });
    assert.match(again.stderr, /holds other entries: .*; nothing was written/);
  }
});

Deno.test("entries that another migration of the same log writes are no harm", async () => {
  const source = makeLog(files.slice(0, 700).map(entryOf));
  await using target = await serveLog();
  await using proxy = through(target.url, async (lines, post) => {
    if (post === 3) await bulkAppend(target.url, files.slice(200, 450));
    return lines;
  });
  const flags = ["--from-public-key=./key", "--chunk=100"];
  const { code, stderr } = await importLog({ source, url: proxy.url, flags });
  assert.equal(code, 0, stderr);
  const { size, root } = await checkpointOf(target);
  assert.deepEqual([size, root], [700n, parsed(source).root]);
});

Deno.test("a log that does not log what it is sent does not pass as the same", async () => {
  const source = makeLog(files.slice(0, 700).map(entryOf));
  await using target = await serveLog();
  await using proxy = through(
    target.url,
    (lines) => lines.replace(files[650]!.checksum, `sha256:${"0".repeat(64)}`),
  );
  const { code, stdout, stderr } = await importLog({ source, url: proxy.url });
  assert.match(stderr, /holds other entries: its tree of size 700 .*; 700 entries were written\n/);
  assert.deepEqual([code, stdout], [1, ""]);
});

Deno.test("what is written is what was checked: a source that changes meanwhile is refused", () =>
  inFolder(async (folder) => {
    const source = makeLog(files.slice(0, 700).map(entryOf));
    const other = makeLog(allFiles.slice(SIZE, SIZE + 700).map(entryOf));
    const path = "tile/entries/001";
    let asked = 0;
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => {
        const name = new URL(url).pathname.slice(1);
        const changed = name === path && ++asked > 1;
        const bytes = (changed ? other : source).objects.get(name);
        return bytes ? new Response(Uint8Array.from(bytes)) : new Response(null, { status: 404 });
      },
    );
    await using target = await serveLog();
    await Deno.writeTextFile(join(folder, "key"), formatVkey(LOG_KEY));
    const args = [
      `--from-log=http://127.0.0.1:${server.addr.port}`,
      `--from-public-key=${join(folder, "key")}`,
      `--log=${target.url}`,
      "--chunk=100",
    ];
    const { code, stderr } = await runHere(command, args);
    assert.match(
      stderr,
      /tile\/entries\/001 is another one than when .*; 200 entries were written\n/,
    );
    assert.equal(code, 1);
    // What was written before is the source's beginning, so that it can go on.
    assert.equal((await importLog({ source, url: target.url })).code, 0);
    assert.deepEqual((await checkpointOf(target)).root, parsed(source).root);
  }));

/** Asks again and again until it is so, at most a minute; errors are "not yet". */
async function until(ask: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 60_000;
  while (performance.now() < limit) {
    if (await ask().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("It did not come about in a minute");
}
