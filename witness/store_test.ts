import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { utf8 } from "@indelible/core";
import { inFolder } from "../tests/temporary.ts";
import { storeConformance } from "./conformance.ts";
import { logId } from "./store.ts";
import { KvStore } from "./store_kv.ts";
import { MemoryStore } from "./store_memory.ts";
import { SqliteStore } from "./store_sqlite.ts";

storeConformance("memory", () => {
  const store = new MemoryStore();
  return Promise.resolve({
    open: () => Promise.resolve(store),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

storeConformance("sqlite", async () => {
  const folder = await Deno.makeTempDir({ prefix: "indelible-witness-" });
  return {
    open: () => Promise.resolve(new SqliteStore(`${folder}/witness.db`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

storeConformance("kv", async () => {
  const folder = await Deno.makeTempDir({ prefix: "indelible-witness-" });
  return {
    open: async () => await KvStore.open(await Deno.openKv(`${folder}/kv`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

const ORIGIN = "log.example/old";

Deno.test("sqlite store goes on with a database of version 1, and refuses others", () =>
  inFolder(async (folder) => {
    const path = `${folder}/witness.db`;
    {
      using database = new DatabaseSync(path);
      // As the first version made it.
      for (
        const sql of [
          `PRAGMA application_id = ${0x496e5769}`,
          "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
          "INSERT INTO schema_version VALUES (1)",
          "CREATE TABLE witness (name TEXT NOT NULL) STRICT",
          "INSERT INTO witness VALUES ('witness.example')",
          `CREATE TABLE log (id TEXT PRIMARY KEY, origin TEXT NOT NULL, vkeys TEXT NOT NULL,
            disabled INTEGER NOT NULL, size INTEGER, root BLOB, time INTEGER, note BLOB
          ) STRICT, WITHOUT ROWID`,
          `CREATE TABLE evidence (ordinal INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
            origin TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
            note BLOB NOT NULL, held BLOB NOT NULL, time INTEGER NOT NULL, count INTEGER NOT NULL,
            UNIQUE (id, size, root)) STRICT`,
        ]
      ) database.exec(sql);
      database.prepare("INSERT INTO log VALUES (?, ?, 'key one', 0, 7, ?, 9, ?)")
        .run(logId(ORIGIN), ORIGIN, new Uint8Array(32), utf8("note"));
    }
    for (const url of [null, "https://log.example"]) {
      const store = new SqliteStore(path);
      assert.deepEqual(await store.list(), [{
        origin: ORIGIN,
        vkeys: ["key one"],
        url,
        disabled: false,
        cosigned: { size: 7n, root: new Uint8Array(32), time: 9n, note: utf8("note") },
      }]);
      assert.equal(await store.bindName(null), "witness.example");
      await store.register(ORIGIN, [], "https://log.example");
      await store.close();
    }
    {
      using database = new DatabaseSync(path);
      database.exec("UPDATE schema_version SET version = 3");
    }
    assert.throws(() => new SqliteStore(path), /schema version is 3, this program knows 2/);
  }));

Deno.test("kv store goes on with a database of version 1, and refuses others", async () => {
  const kv = await Deno.openKv(":memory:");
  const id = logId(ORIGIN);
  await kv.set(["witness", "schema"], 1);
  await kv.set(["witness", "log", id], { origin: ORIGIN, vkeys: ["key one"], disabled: true });
  const store = await KvStore.open(kv);
  const settings = { origin: ORIGIN, vkeys: ["key one"], cosigned: null };
  assert.deepEqual(await store.read(id), { ...settings, url: null, disabled: true });
  await store.register(ORIGIN, [], "https://log.example");
  const after = { ...settings, url: "https://log.example", disabled: false };
  assert.deepEqual(await (await KvStore.open(kv)).read(id), after);
  await kv.set(["witness", "schema"], 3);
  await assert.rejects(KvStore.open(kv), /schema version is 3, this program knows 2/);
  await store.close();
});

Deno.test("sqlite store is for its owner alone, with the files beside it", () =>
  inFolder(async (folder) => {
    const path = `${folder}/witness.db`;
    const store = new SqliteStore(path);
    await store.register(ORIGIN, ["key one"]);
    for (const end of ["", "-wal", "-shm"]) {
      assert.equal(Deno.statSync(path + end).mode! & 0o777, 0o600, end);
    }
    await store.close();
    Deno.chmodSync(path, 0o640); // The operator's wish stands.
    await new SqliteStore(path).close();
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o640);
    assert.throws(() => new SqliteStore(`${folder}/none/w.db`), /there is no such folder/);
  }));
