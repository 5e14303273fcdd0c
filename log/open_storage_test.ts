import { deepEqual, equal, rejects } from "node:assert/strict";
import { openStorage } from "./open_storage.ts";
import { Damaged } from "./storage/failure.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indelible-storage-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openStorage() makes folders that are missing, and a ledger for its user alone", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a/b`;
    await using storage = await openStorage(path);
    equal(storage.readOnly, false);
    await storage.ledger.initialize("log.test/o", { size: 0, checkpoint: new Uint8Array(1) });
    const files: string[] = [];
    for await (const { name, isFile } of Deno.readDir(path)) {
      if (!isFile) continue;
      files.push(name);
      equal((await Deno.stat(`${path}/${name}`)).mode! & 0o777, 0o600, name);
    }
    deepEqual(files.sort(), ["ledger.sqlite", "ledger.sqlite-wal"]);
  }));

Deno.test("openStorage() refuses objects without a ledger, and makes nothing beside them", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tile`);
    await rejects(openStorage(folder), Damaged);
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["tile"]);
  }));

Deno.test("openStorage() gives the folder back, so that it opens again", () =>
  inFolder(async (folder) => {
    for (let i = 0; i < 2; i++) {
      await using _storage = await openStorage(`${folder}/log`);
    }
  }));
