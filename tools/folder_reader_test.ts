import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "./_testing.ts";
import { FolderReader } from "./folder_reader.ts";

Deno.test("read() and readNow() give a file's bytes", () =>
  inFolder(async (folder) => {
    const reader = new FolderReader(folder);
    for (const length of [0, 1, 8191, 8192, 300_000]) {
      const bytes = crypto.getRandomValues(new Uint8Array(length % 65_537));
      Deno.writeFileSync(join(folder, "file"), bytes);
      assert.deepEqual(await reader.read("file"), bytes);
      const target = new Uint8Array(new SharedArrayBuffer(bytes.length + 1));
      assert.equal(reader.readNow("file", target), bytes.length);
      assert.deepEqual(target.slice(0, -1), bytes);
    }
  }));

Deno.test("readNow() gives -1 for what does not fit and what is no file, read() tells which", () =>
  inFolder(async (folder) => {
    const reader = new FolderReader(folder);
    const target = new Uint8Array(100);
    Deno.writeFileSync(join(folder, "file"), new Uint8Array(100));
    Deno.mkdirSync(join(folder, "folder"));
    for (const path of ["file", "none", "folder", "file/below", "none/below"]) {
      assert.equal(reader.readNow(path, target), -1, path);
    }
    assert.equal((await reader.read("file"))?.length, 100);
    for (const path of ["none", "file/below", "none/below"]) {
      assert.equal(await reader.read(path), null, path);
    }
    await assert.rejects(reader.read("folder"), /^Error: Cannot read folder: /);
  }));

Deno.test("readNow() leaves it to read() for a while where reads wait for a disk", () =>
  inFolder(async (folder) => {
    Deno.writeFileSync(join(folder, "file"), new Uint8Array(10));
    let [now, duration] = [0, 0.01];
    const reader = new FolderReader(folder, () => now += duration);
    const target = new Uint8Array(100);
    const readNow = (times: number) =>
      Array.from({ length: times }, () => reader.readNow("file", target));
    assert.ok(readNow(10_000).every((length) => length === 10));
    duration = 5;
    const slow = readNow(1000);
    const quick = slow.indexOf(-1);
    assert.ok(quick > 0 && slow.slice(quick).every((length) => length === -1), `${quick}`);
    duration = 0.01;
    let waited = 0;
    for (; reader.readNow("file", target) < 0; waited++) await reader.read("file");
    assert.ok(waited > 100, `${waited}`);
    assert.ok(readNow(10_000).every((length) => length === 10));
  }));
