import { ARTIFACT_V2, formatEntry, formatVkey, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  inFolder,
  LOG_KEY,
  makeLog,
  makeNumberedLog,
  POLICY,
  publication,
  type Ran,
  runHere,
  type TestLog,
  writeLog,
} from "./_testing.ts";
import { command } from "./fsck.ts";

async function fsck(log: TestLog, ...more: string[]): Promise<Ran> {
  let ran: Ran | undefined;
  await inFolder(async (folder) => {
    writeLog(folder, log);
    const key = join(folder, "public.key");
    Deno.writeTextFileSync(key, formatVkey(LOG_KEY));
    ran = await runHere(command, [`--log=${folder}`, `--public-key=${key}`, ...more]);
  });
  return ran!;
}

for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 700]) {
  Deno.test(`fsck accepts a log of ${size} entries`, async () => {
    const { code, stdout, stderr } = await fsck(makeNumberedLog(size), "--json");
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const { ok, treeSize, files } = JSON.parse(stdout);
    assert.deepEqual({ ok, treeSize, files }, { ok: true, treeSize: size, files: size });
  });
}

Deno.test("fsck finds the log in the data folder of start", () =>
  inFolder(async (folder) => {
    writeLog(join(folder, "log"), makeNumberedLog(3));
    const key = join(folder, "public.key");
    Deno.writeTextFileSync(key, formatVkey(LOG_KEY));
    const { code, stdout } = await runHere(command, [
      `--log=${folder}`,
      `--public-key=${key}`,
      "--json",
    ]);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).treeSize, 3);
  }));

Deno.test("fsck crosses two levels of full tiles", async () => {
  const { code, stdout } = await fsck(makeNumberedLog(65_536 + 300), "--json");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).hashTiles, 258 + 2 + 1);
});

for (const size of [200, 700]) {
  const log = makeNumberedLog(size);
  for (const [path, bytes] of log.objects) {
    for (const at of new Set([0, bytes.length >> 1, bytes.length - 1])) {
      Deno.test(`fsck of ${size} entries names ${path} when byte ${at} is flipped`, async () => {
        const objects = new Map(log.objects);
        objects.set(path, bytes.with(at, bytes[at]! ^ 1));
        const { code, stderr } = await fsck({ ...log, objects });
        assert.equal(code, 1);
        assert.ok(stderr.startsWith(`fsck: ${path}: `), stderr);
      });
    }
    Deno.test(`fsck of ${size} entries names ${path} when it is truncated or missing`, async () => {
      const objects = new Map(log.objects);
      objects.set(path, bytes.subarray(0, -1));
      const truncated = await fsck({ ...log, objects });
      assert.equal(truncated.code, 1);
      assert.ok(truncated.stderr.startsWith(`fsck: ${path}: `), truncated.stderr);
      objects.delete(path);
      const missing = await fsck({ ...log, objects });
      assert.equal(missing.code, 1);
      assert.ok(
        missing.stderr.includes(path) || missing.stderr.includes("holds no checkpoint"),
        missing.stderr,
      );
    });
  }
}

Deno.test("fsck takes a full tile and bundle in place of partial ones that are gone", async () => {
  const { objects } = makeNumberedLog(300);
  const grown = makeNumberedLog(512).objects;
  for (const path of ["tile/0/001", "tile/entries/001"]) {
    objects.set(path, grown.get(path)!);
    assert.ok(objects.delete(`${path}.p/44`));
  }
  assert.equal((await fsck({ ...makeNumberedLog(300), objects })).code, 0);
});

Deno.test("fsck finds a second digest of a name, and names both entries", async () => {
  const entries = Array.from(
    { length: 600 },
    (_, n) => formatEntry(publication(`pkg-${n}.tar.gz`, `${n}`)),
  );
  entries[555] = formatEntry(publication("pkg-7.tar.gz", "other"));
  const { code, stderr } = await fsck(makeLog(entries));
  assert.equal(code, 1);
  assert.match(stderr, /entry 7 and entry 555 give pkg-7\.tar\.gz two digests/);
});

Deno.test("fsck counts a repeat and later events, and tells the ecosystems apart", async () => {
  const v2 = { format: ARTIFACT_V2 } as const;
  const log = makeLog([
    publication("a.zip", "a"),
    publication("a.zip", "a", { publisher: { issuer: "i", subject: "s" } }),
    publication("a.zip", "a", { ...v2, event: "yank" }),
    publication("a.zip", "other", { ...v2, ecosystem: "npm" }),
  ].map(formatEntry));
  const { code, stdout } = await fsck(log, "--json");
  assert.equal(code, 0);
  const { files, repeats, events } = JSON.parse(stdout);
  assert.deepEqual({ files, repeats, events }, { files: 2, repeats: 1, events: 1 });
});

Deno.test("fsck finds an event with another digest, and one of nothing published", async () => {
  const yank = { format: ARTIFACT_V2, event: "yank" } as const;
  const log = makeLog([
    publication("a.zip", "a"),
    publication("a.zip", "b", yank),
    publication("b.zip", "b", yank),
  ].map(formatEntry));
  const { code, stderr } = await fsck(log);
  assert.equal(code, 1);
  assert.match(stderr, /entry 0 and entry 1 give a\.zip two digests/);
  assert.match(stderr, /entry 2 \(yank\) is about b\.zip, which no earlier entry published/);
});

Deno.test("fsck reports an entry of no known form", async () => {
  const { code, stderr } = await fsck(makeLog([utf8("hello")]));
  assert.equal(code, 1);
  assert.match(stderr, /entry 0 is of no known form/);
});

Deno.test("fsck applies the whole policy", () =>
  inFolder(async (folder) => {
    const entries = [formatEntry(publication("a.zip", "a"))];
    const policy = join(folder, "policy");
    Deno.writeTextFileSync(policy, POLICY);
    const args = [`--log=${folder}`, `--policy=${policy}`];
    writeLog(folder, makeLog(entries));
    const alone = await runHere(command, args);
    assert.equal(alone.code, 1);
    assert.match(alone.stderr, /checkpoint: the quorum "W" is not met/);
    writeLog(folder, makeLog(entries, 1_700_000_000n));
    assert.equal((await runHere(command, args)).code, 0);
  }));

Deno.test("fsck reads a log over HTTP as it does a folder", async () => {
  const log = makeNumberedLog(300);
  let refusals = 2; // A busy log is asked again.
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (refusals-- > 0) return new Response(null, { status: 503 });
    const bytes = log.objects.get(pathname.slice("/prefix/".length));
    return new Response(bytes ? new Uint8Array(bytes) : null, { status: bytes ? 200 : 404 });
  });
  await inFolder(async (folder) => {
    const key = join(folder, "public.key");
    Deno.writeTextFileSync(key, formatVkey(LOG_KEY));
    const url = `http://127.0.0.1:${server.addr.port}/prefix`;
    const args = [`--log=${url}`, `--public-key=${key}`];
    assert.equal((await runHere(command, args)).code, 0);
    log.objects.set("tile/0/000", new Uint8Array(8192));
    const { code, stderr } = await runHere(command, args);
    assert.equal(code, 1);
    assert.match(stderr, /tile\/0\/000: the leaf hash of entry 0 differs/);
  });
});

Deno.test("fsck needs to be told whom to trust, and a log", () =>
  inFolder(async (folder) => {
    assert.equal((await runHere(command, [`--log=${folder}`])).code, 2);
    assert.equal((await runHere(command, ["--public-key=k"])).code, 2);
    assert.equal((await runHere(command, ["--log=ftp://a.test", "--public-key=k"])).code, 2);
  }));
