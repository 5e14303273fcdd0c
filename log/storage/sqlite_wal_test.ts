import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Damaged } from "./failure.ts";
import { TemporaryFolder } from "./fault_fixture.ts";
import { mergeWal } from "./sqlite_wal.ts";

/** What a database holds, after SQLite has checked all of it. */
function contents(open: () => DatabaseSync): unknown {
  using database = open();
  assert.equal(
    database.prepare("PRAGMA integrity_check").get()?.integrity_check,
    "ok",
  );
  return database.prepare("SELECT name FROM sqlite_schema").all().length === 0
    ? null
    : database.prepare(
      "SELECT count(*), sum(number), sum(length(bytes)) FROM t",
    ).all();
}

function merged(database: Uint8Array, wal: Uint8Array | null): unknown {
  return contents(() => {
    const opened = new DatabaseSync(":memory:");
    opened.deserialize(mergeWal("test.db", database, wal));
    return opened;
  });
}

Deno.test("mergeWal() reads what SQLite recovers when the WAL is cut anywhere", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/test.db`;
  using writer = new DatabaseSync(path);
  writer.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
  writer.exec(
    "PRAGMA page_size = 4096; CREATE TABLE t (number INTEGER PRIMARY KEY, bytes BLOB)",
  );
  const insert = writer.prepare("INSERT INTO t VALUES (?, randomblob(?))");
  for (let i = 0; i < 10; i++) insert.run(i, i * 700);
  // What follows overwrites this from its start: stale frames lie behind it.
  writer.exec("PRAGMA wal_checkpoint(PASSIVE)");
  for (let i = 10; i < 14; i++) insert.run(i, i * 700);
  writer.exec("DELETE FROM t WHERE number < 5");
  const [database, wal] = [
    Deno.readFileSync(path),
    Deno.readFileSync(`${path}-wal`),
  ];

  const copy = `${folder.path}/copy.db`;
  const recovered = (cut: Uint8Array) => {
    Deno.writeFileSync(copy, database);
    Deno.writeFileSync(`${copy}-wal`, cut);
    return contents(() => new DatabaseSync(copy));
  };
  const cuts = [0, 1, 31, 32, 33, 55, 56];
  for (let at = 32; at <= wal.length; at += 1373) cuts.push(at);
  for (let at = 32; at <= wal.length; at += 4120) cuts.push(at - 1, at, at + 1);
  const states = new Set<string>();
  for (const at of [...cuts, wal.length]) {
    const expected = recovered(wal.slice(0, at));
    assert.deepEqual(
      merged(database, wal.subarray(0, at)),
      expected,
      `cut at ${at}`,
    );
    states.add(JSON.stringify(expected));
  }
  assert.ok(states.size >= 5, "every commit was seen as the last one");
  for (let at = 0; at < wal.length; at += 509) {
    const flipped = wal.slice();
    flipped[at]! ^= 0x10;
    assert.deepEqual(
      merged(database, flipped),
      recovered(flipped),
      `bit flipped at ${at}`,
    );
  }
  assert.deepEqual(merged(database, null), recovered(new Uint8Array(0)));
});

Deno.test("mergeWal() refuses what is no database", () => {
  for (const length of [0, 15, 16, 99, 5000]) {
    assert.throws(
      () => mergeWal("test.db", new Uint8Array(length), null),
      Damaged,
    );
  }
  const header = new Uint8Array(99);
  header.set(new TextEncoder().encode("SQLite format 3\0"));
  assert.throws(() => mergeWal("test.db", header, null), Damaged);
});
