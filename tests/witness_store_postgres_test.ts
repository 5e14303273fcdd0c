/** The witness's store on PostgreSQL: the conformance suite, and what a crash leaves. */

import assert from "node:assert/strict";
import { utf8 } from "@indelible/core";
import { storeConformance } from "../witness/conformance.ts";
import { logId } from "../witness/store.ts";
import { PostgresStore } from "../witness/store_postgres.ts";
import { type Postgres, startPostgres } from "./peers/postgres.ts";

/** One server for all tests of this file. */
let server: Promise<Postgres | null> | undefined;

Deno.test.afterAll(async () => {
  await (await server)?.stop();
});

storeConformance("postgres", async () => {
  const postgres = await (server ??= startPostgres());
  if (postgres === null) return null;
  const url = await postgres.newDatabase();
  return {
    open: () => PostgresStore.open(url),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

Deno.test("postgres store keeps what it swapped when the server is killed", async () => {
  const postgres = await (server ??= startPostgres());
  if (postgres === null) return;
  const url = await postgres.newDatabase();
  const store = await PostgresStore.open(url, { connections: 1 });
  try {
    const next = {
      size: 7n,
      root: new Uint8Array(32).fill(7),
      time: 1n,
      note: utf8("note"),
    };
    assert.equal(await store.swap("log.example/x", null, next), true);
    await postgres.crash();
    // The connection is gone: that is said, and the next request has a new one.
    const read = () => store.read(logId("log.example/x"));
    const record = await read().catch(read);
    assert.deepEqual(record?.cosigned, next);
  } finally {
    await store.close();
  }
});

Deno.test("postgres store never prints its URL", async () => {
  const url = "postgres://test:secret-password@127.0.0.1:9/none";
  await assert.rejects(PostgresStore.open(url), (error: Error) => {
    assert.match(error.message, /^Cannot open PostgreSQL store: /);
    assert.doesNotMatch(Deno.inspect(error), /secret-password/);
    return true;
  });
});

Deno.test("postgres store goes on with a database of version 1, and refuses others", async () => {
  const postgres = await (server ??= startPostgres());
  if (postgres === null) return;
  const url = await postgres.newDatabase();
  const id = logId("log.example/old");
  // As the first version made it.
  await postgres.restore(
    url,
    `CREATE TABLE witness_schema (version integer NOT NULL, name text);
     INSERT INTO witness_schema VALUES (1, 'witness.example');
     CREATE TABLE witness_log (id text PRIMARY KEY, origin text NOT NULL, vkeys text NOT NULL,
       disabled boolean NOT NULL, size bigint, root bytea, time bigint, note bytea);
     INSERT INTO witness_log VALUES ('${id}', 'log.example/old', 'key one', false, 7, '\\x00', 9, 'n');
     CREATE TABLE witness_evidence (ordinal bigint GENERATED ALWAYS AS IDENTITY, id text NOT NULL,
       origin text NOT NULL, kind text NOT NULL, size bigint NOT NULL, root bytea NOT NULL,
       note bytea NOT NULL, held bytea NOT NULL, time bigint NOT NULL, count bigint NOT NULL,
       PRIMARY KEY (id, size, root));`,
  );
  for (const known of [null, "https://log.example"]) {
    const store = (await PostgresStore.openExisting(url))!;
    assert.deepEqual(await store.read(id), {
      origin: "log.example/old",
      vkeys: ["key one"],
      url: known,
      disabled: false,
      cosigned: { size: 7n, root: Uint8Array.of(0), time: 9n, note: utf8("n") },
    });
    assert.equal(await store.bindName(null), "witness.example");
    await store.register("log.example/old", [], "https://log.example");
    await store.close();
  }
  await postgres.restore(url, "UPDATE witness_schema SET version = 3");
  await assert.rejects(PostgresStore.open(url), /schema version is 3, this program knows 2/);
});

Deno.test("postgres store that is not there is not made by those who only look", async () => {
  const postgres = await (server ??= startPostgres());
  if (postgres === null) return;
  const url = await postgres.newDatabase();
  assert.equal(await PostgresStore.openExisting(url), null);
  assert.doesNotMatch(await postgres.dump(url), /witness_/);
  await (await PostgresStore.open(url)).close();
  await (await PostgresStore.openExisting(url))!.close();
});

Deno.test("postgres store does not mix a transaction up with what is sent around it", async () => {
  const postgres = await (server ??= startPostgres());
  if (postgres === null) return;
  const url = await postgres.newDatabase();
  const store = await PostgresStore.open(url, { connections: 1 });
  const other = await PostgresStore.open(url, { connections: 1 });
  try {
    // The driver sends a hundred queries before it waits: a BEGIN may be the last of them.
    for (let before = 95; before <= 105; before++) {
      const origin = `log.example/${before}`;
      const head = { size: 7n, root: new Uint8Array(32), time: 1n, note: utf8("note") };
      const reads = Array.from({ length: before }, () => store.read(logId(origin)));
      await null; // They are on their way first.
      const kept = await store.keepEvidence({ ...head, origin, kind: "fork", held: utf8("held") });
      await Promise.all(reads);
      assert.equal(kept, "kept");
      assert.equal(await store.swap(origin, null, head), true);
      assert.deepEqual((await other.read(logId(origin)))?.cosigned, head, "it is committed");
    }
  } finally {
    await other.close();
    await store.close();
  }
});
