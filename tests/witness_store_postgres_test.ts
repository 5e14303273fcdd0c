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
