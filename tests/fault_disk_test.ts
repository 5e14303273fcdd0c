/**
 * Disks that fill up, turn read-only or are shared: what is refused is refused
 * with 503 and nothing is promised, what can be read stays readable, and when
 * the disk is well again so is the log.
 */

import { equal, ok } from "node:assert/strict";
import { openStorage } from "../log/open_storage.ts";
import { SmallDisk } from "../log/storage/fault_fixture.ts";
import type { StoredObject } from "../log/storage/objects.ts";
import { checkLog, readerOf } from "./check_log.ts";
import { checksumOf, LogClient } from "./log_client.ts";
import { LogProcess } from "./log_process.ts";
import { requirePeer } from "./peers/peers.ts";
import { inFolder } from "./temporary.ts";
import { TestLog, VKEY } from "./test_log.ts";

const names = (label: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${label}-${i}.tar.gz`);

/** Pages of 4 KiB that are left: it runs out at the commit, while applying, at the swap, or not. */
const LEFT = [0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 30, 36, 48, 64, 100, 160];

Deno.test("a log on a full disk answers 503, promises nothing, and goes on when there is space", async () => {
  await using disk = await SmallDisk.mount("12m");
  if (disk === null) return;
  await using log = TestLog.inFolder(`${disk.path}/data`);
  await log.open();
  const { client } = log;
  equal(await client.bulk(names("first", 250)), "logged");
  const seen = { logged: 0, refused: 0, unapplied: 0 };
  for (const pages of LEFT) {
    disk.fill(pages * 4096);
    for (const half of ["a", "b"]) {
      const size = log.log.size();
      const answer = await client.bulk(names(`full-${pages}-${half}`, 40));
      ok(answer === "logged" || answer === "unavailable", answer);
      seen[answer === "logged" ? answer : log.log.size() > size ? "unapplied" : "refused"]++;
      await client.checkpoint();
      await log.check();
    }
    disk.empty();
    equal(await client.add(`after-${pages}.tar.gz`), "logged");
    await log.check();
  }
  for (const [what, count] of Object.entries(seen)) ok(count > 0, `nothing was ${what}`);
  equal(await log.stop(), null);
  await log.open();
  await log.check();
  equal(await log.stop(), null);
});

Deno.test("a log starts on a full disk, answers reads, and goes on when there is space", async () => {
  await using disk = await SmallDisk.mount("12m");
  if (disk === null) return;
  await using log = TestLog.inFolder(`${disk.path}/data`);
  await log.open();
  const { client } = log;
  equal(await client.bulk(names("first", 250)), "logged");
  for (const pages of LEFT.slice(0, 10)) {
    disk.fill(pages * 4096);
    await client.bulk(names(`full-${pages}`, 40));
    const size = await client.checkpoint();
    equal(await log.stop(), null);
    disk.fill();
    await log.open();
    equal(await client.checkpoint(), size);
    equal(await client.add(`still-${pages}.tar.gz`), "unavailable");
    disk.empty();
    equal(await client.add(`after-${pages}.tar.gz`), "logged");
    await log.check();
  }
  equal(await log.stop(), null);
});

Deno.test("a log on a read-only disk answers reads and refuses writes, also after a crash", async () => {
  await using disk = await SmallDisk.mount("8m");
  if (disk === null) return;
  const data = `${disk.path}/data`;
  await using log = TestLog.inFolder(data);
  const { client } = log;
  let before = 0;
  // Dead after the commit: what is published is older than what is committed.
  for (const step of ["committed", "recorded"] as const) {
    await using victim = LogProcess.crashing({ folder: data, step, time: 3, delay: 0 });
    const url = await victim.url;
    client.send = (path, init) => fetch(url + path, init);
    const batches = [1, 250, 30, 7].map((count) => names(`${step}-${count}`, count));
    for (const batch of batches) await client.bulk(batch);
    equal((await victim.ended).signal, "SIGKILL");

    await disk.remount("ro");
    await log.open();
    const size = await client.checkpoint();
    ok(size! > before, `${size} after ${before}`);
    await log.check();
    equal(await client.add("refused.tar.gz"), "unavailable");
    equal(await client.bulk(names("refused", 5)), "unavailable");
    equal((await client.send!("/healthz")).status, 503);
    const known = client.promises.acknowledged.keys().next().value!;
    equal((await client.send!(`/bundle/${known}`)).status, 200);
    equal(await log.stop(), null);

    await disk.remount("rw");
    await log.open();
    for (const batch of batches) equal(await client.bulk(batch), "logged");
    before = (await log.check()).size;
    equal(client.promises.acknowledged.size, before);
    equal(await log.stop(), null);
  }
});

Deno.test("a log whose disk turns read-only under it promises nothing more, and goes on when it is writable", async () => {
  const strace = await requirePeer("strace");
  if (strace === null) return;
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    const client = new LogClient(VKEY);
    // As a file system does that found an error: open files fail with EROFS, new ones too.
    const writes = "openat,?mkdir,mkdirat,?link,linkat,?rename,?renameat,renameat2,pwrite64,write";
    const ends = new Set<string>();
    for (const when of [12, 25, 40, 60]) {
      const paths = ["", "/ledger.sqlite", "/ledger.sqlite-wal", "/.tmp", "/checkpoint"]
        .concat(Array.from({ length: 60 }, (_, i) => `/.tmp/${i + 1}`))
        .flatMap((path) => ["-P", data + path]);
      const inject = `inject=${writes}:error=EROFS:when=${when}+`;
      const under = [strace, "-D", "-f", "-qqq", "-o", "/dev/null", ...paths, "-e", inject];
      await using log = LogProcess.crashing({ folder: data, step: null, time: 0, delay: 0 }, under);
      const url = await log.url;
      if (url !== null) {
        client.send = (path, init) => fetch(url + path, init);
        for (let i = 0; i < 12; i++) ends.add(await client.add(`${when}-${i}.tar.gz`));
        log.kill("SIGTERM");
      }
      const { code, signal, output } = await log.ended;
      ok(code === 0 || code === 1, `${code} ${signal} ${output}`);
      client.send = null;
    }
    ok(ends.has("logged") && ends.has("unavailable"), [...ends].join());
    await using log = TestLog.inFolder(data);
    await log.open();
    await checkLog(readerOf(data), client.promises);
    equal(await log.stop(), null);
  });
});

Deno.test("a log below its floor of free space refuses new entries and proves old ones", async () => {
  await using disk = await SmallDisk.mount("8m");
  if (disk === null) return;
  await using log = TestLog.inFolder(`${disk.path}/data`);
  await log.open({ freeSpaceFloor: 1024 * 1024 });
  const { client } = log;
  equal(await client.add("old.tar.gz"), "logged");
  disk.fill(900_000);
  equal(await client.add("new.tar.gz"), "unavailable");
  equal(await client.add("old.tar.gz"), "logged");
  equal(await client.add("old.tar.gz", checksumOf("another content")), "conflict");
  equal((await log.check()).size, 1);
  disk.empty();
  equal(await client.add("new.tar.gz"), "logged");
  equal((await log.check()).size, 2);
  equal(await log.stop(), null);
});

Deno.test("a log stops at a failed fsync, and the next start writes again what it was about", async () => {
  const strace = await requirePeer("strace");
  if (strace === null) return;
  for (const path of [".tmp/1", ".tmp/2", ".tmp/4", "ledger.sqlite-wal", "tile/0/000.p", ""]) {
    await inFolder(async (folder) => {
      const data = `${folder}/data`;
      const client = new LogClient(VKEY);
      const inject = [
        "-P",
        `${data}/${path}`.replace(/\/$/, ""),
        "-e",
        "inject=fsync:error=EIO:when=1",
      ];
      const under = [strace, "-D", "-f", "-qqq", "-o", "/dev/null", ...inject];
      await using log = LogProcess.crashing({ folder: data, step: null, time: 0, delay: 0 }, under);
      const url = await log.url;
      if (url !== null) {
        client.send = (path, init) => fetch(url + path, init);
        for (let i = 0; i < 4; i++) await client.add(`file-${i}.tar.gz`);
      }
      const { code, output } = await log.ended;
      equal(code, 1, `${path}: ${output}`);
      const inodes = new Map(filesBelow(data).map((file) => [file, Deno.statSync(file).ino]));
      const staged = await stagedIn(data);
      await using again = TestLog.inFolder(data);
      await again.open();
      for (const object of staged) {
        const file = `${data}/${object.path}`;
        ok(Deno.statSync(file).ino !== inodes.get(file), `${object.path} was not written again`);
      }
      await checkLog(readerOf(data), client.promises);
      for (let i = 0; i < 4; i++) equal(await again.client.add(`file-${i}.tar.gz`), "logged");
      await checkLog(readerOf(data), client.promises);
    });
  }
});

async function stagedIn(data: string): Promise<readonly StoredObject[]> {
  await using storage = await openStorage(data);
  return (await storage.ledger.load()).staged;
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
