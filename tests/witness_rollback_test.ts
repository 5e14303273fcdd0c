/**
 * A witness whose store was restored from an old backup, on every store: it must
 * not sign below what it has signed, until its operator says so (fault W5).
 */

import { logId } from "@indelible/witness";
import assert from "node:assert/strict";
import { join } from "node:path";
import { GrowingLog } from "./growing_log.ts";
import { startPostgres } from "./peers/postgres.ts";
import { freePort } from "./peers/process.ts";
import { programCommand } from "./programs.ts";
import { inFolder } from "./temporary.ts";
import {
  DATABASE,
  LOG,
  must,
  post,
  refusedStart,
  startHost,
  startWitness,
  writeKeys,
} from "./witness_program.ts";

/** The log's own server, which publishes what a witness has cosigned. */
class Publisher implements AsyncDisposable {
  published: Uint8Array<ArrayBuffer> = new Uint8Array();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(port = 0) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      () =>
        this.published.length > 0
          ? new Response(this.published)
          : new Response(null, { status: 404 }),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Takes what a witness shows of the log. */
  async publishFrom(witness: string): Promise<void> {
    const response = await fetch(`${witness}/${logId(LOG.origin)}/checkpoint`);
    assert.equal(response.status, 200);
    this.published = await response.bytes();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function grow(url: string, from: number, to: number): Promise<void> {
  const { status, text } = await post(url, await LOG.request(from, to));
  assert.equal(status, 200, text);
}

Deno.test("witness refuses a database that went back, until told to accept it", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "logs"), `${LOG.origin} ${LOG.vkey}\n`);
    const flags = [DATABASE, "--log-list=logs"];
    {
      await using witness = await startWitness(folder, ...flags);
      assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
    }
    await Deno.copyFile(join(folder, "witness.db"), join(folder, "backup"));
    {
      await using witness = await startWitness(folder, ...flags);
      assert.equal((await post(witness.url, await LOG.request(3, 9))).status, 200);
    }
    await Deno.rename(join(folder, "backup"), join(folder, "witness.db"));
    const refused = await refusedStart(folder, ...flags);
    assert.match(refused, /size 9 of the log "log.example\/process".*database has 3/);
    assert.match(refused, /--accept-rollback/);
    {
      await using witness = await startWitness(folder, ...flags, "--accept-rollback");
      assert.match(witness.process.output(), /WARN rollback accepted/);
      assert.equal((await post(witness.url, await LOG.request(3, 5))).status, 200);
    }
    // Accepted once, it is the new truth.
    await using _ = await startWitness(folder, ...flags);
  }));

Deno.test("witness asks its listed logs what they publish under its cosignature", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await using log = new Publisher();
    await Deno.writeTextFile(join(folder, "logs"), `${LOG.origin} ${LOG.vkey} ${log.url}\n`);
    const flags = [DATABASE, "--log-list=logs"];
    {
      await using witness = await startWitness(folder, ...flags);
      await grow(witness.url, 0, 3);
      await log.publishFrom(witness.url);
    }
    for (const name of ["witness.db", "witness.db.high-water"]) {
      await Deno.remove(join(folder, name));
    }
    assert.match(
      await refusedStart(folder, ...flags),
      /publishes size 3 with our cosignature, the store has 0/,
    );
    // Without our cosignature it says nothing about us.
    log.published = LOG.checkpoint(3);
    await using _ = await startWitness(folder, ...flags);
  }));

Deno.test("witness asks the URLs that witness-add-key gave it, and those hosts only", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await using log = new Publisher();
    const add = [DATABASE, "--public-key=log.pub", `--url=${log.url}`];
    assert.match(await must("witness-add-key", add, folder), /it asks http:.* what that log/);
    assert.match(await must("witness-add-key", add, folder), /already/);
    const args = ["--private-key=witness.key", "--port=1234", DATABASE];
    const words = await programCommand("witness", args, { cwd: folder });
    const host = new URL(log.url).host;
    assert.deepEqual(
      words.filter((word) => word.startsWith("--allow-net")),
      [`--allow-net=127.0.0.1:1234,${host}`],
    );
    {
      await using witness = await startWitness(folder, DATABASE);
      await grow(witness.url, 0, 3);
      await log.publishFrom(witness.url);
    }
    const list = await must("witness-list", [DATABASE], folder);
    assert.ok(list.includes(`\n  url  ${log.url}\n`), list);
    const json = JSON.parse(await must("witness-list", [DATABASE, "--json"], folder));
    assert.equal(json.url, log.url);

    // All is lost but the configuration.
    for (const name of ["witness.db", "witness.db.high-water"]) {
      await Deno.remove(join(folder, name));
    }
    await must("witness-add-key", add, folder);
    assert.match(
      await refusedStart(folder, DATABASE),
      /publishes size 3 with our cosignature, the store has 0/,
    );
  }));

Deno.test("witness refuses a PostgreSQL database restored from an old dump", async () => {
  await using postgres = await startPostgres();
  if (postgres === null) return;
  await inFolder(async (folder) => {
    await writeKeys(folder);
    await using log = new Publisher();
    const use = (url: string) => Deno.writeTextFile(join(folder, "database"), `${url}\n`);
    const database = await postgres.newDatabase();
    await use(database);
    const flag = "--database-url-file=database";
    await must("witness-add-key", [flag, "--public-key=log.pub", `--url=${log.url}`], folder);
    let dump: string;
    {
      await using witness = await startWitness(folder, flag);
      await grow(witness.url, 0, 3);
      dump = await postgres.dump(database);
      await grow(witness.url, 3, 9);
      await log.publishFrom(witness.url);
    }
    // Nothing is wrong with the database as it is.
    await using _ = await startWitness(folder, flag);

    const old = await postgres.newDatabase();
    await postgres.restore(old, dump);
    await use(old);
    const refused = await refusedStart(folder, flag);
    assert.match(refused, /publishes size 9 with our cosignature, the store has 3/);
    assert.match(refused, /--accept-rollback/);
    {
      await using witness = await startWitness(folder, flag, "--accept-rollback");
      assert.match(witness.process.output(), /WARN rollback accepted .*size 9/);
      await grow(witness.url, 3, 12);
      await log.publishFrom(witness.url);
    }
    await using again = await startWitness(folder, flag);
    await grow(again.url, 12, 13);
  });
});

Deno.test("witness on PostgreSQL holds back a log that is down, and no other", async () => {
  await using postgres = await startPostgres();
  if (postgres === null) return;
  await inFolder(async (folder) => {
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "database"), await postgres.newDatabase());
    const flag = "--database-url-file=database";
    const add = (key: string, ...more: string[]) =>
      must("witness-add-key", [flag, `--public-key=${key}`, ...more], folder);
    await add("log.pub");
    assert.match(
      await refusedStart(folder, flag),
      /Nothing would show .* by log.example\/process\. Give the URL, by witness-add-key --url/,
    );
    const port = freePort();
    await add("log.pub", `--url=http://127.0.0.1:${port}`);
    await using up = new Publisher();
    const other = new GrowingLog("up.example/process");
    await Deno.writeTextFile(join(folder, "up.pub"), other.vkey);
    await add("up.pub", `--url=${up.url}`);
    await using witness = await startWitness(folder, flag);
    assert.match(
      witness.process.output(),
      /WARN log not compared origin=log.example\/process why=.*does not answer/,
    );
    assert.equal((await post(witness.url, await other.request(0, 2))).status, 200);
    const { status, text } = await post(witness.url, await LOG.request(0, 3));
    assert.equal(status, 503);
    assert.match(text, /cannot know yet that it forgot nothing of this log/);

    // Once the log is there it is asked again, by and by, when it asks.
    await using _ = new Publisher(port);
    for (;;) {
      const { status } = await post(witness.url, await LOG.request(0, 3));
      if (status === 200) break;
      assert.equal(status, 503);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});

Deno.test("the entry for Deno Deploy refuses a KV database that went back", () =>
  inFolder(async (folder) => {
    await using log = new Publisher();
    const logs = `${LOG.origin} ${LOG.vkey} ${log.url}\n`;
    const database = join(folder, "kv");
    {
      await using witness = await startHost({ database, logs });
      await grow(witness.url, 0, 3);
    }
    await copyDatabase(database, join(folder, "backup"));
    {
      await using witness = await startHost({ database, logs });
      await grow(witness.url, 3, 9);
      await log.publishFrom(witness.url);
    }
    await copyDatabase(join(folder, "backup"), database);
    {
      await using witness = await startHost({ database, logs, ready: false });
      const { status, text } = await post(witness.url, await LOG.request(3, 5));
      assert.deepEqual([status, text], [503, '{"error":"The witness is not started"}\n']);
      assert.match(
        witness.process.output(),
        /publishes size 9 .* the store has 3.*ACCEPT_ROLLBACK/,
      );
    }
    await using witness = await startHost({ database, logs, accept: true });
    await grow(witness.url, 3, 10);
  }));

Deno.test("the entry for Deno Deploy wants to know where its logs are served", () =>
  inFolder(async (folder) => {
    const logs = `${LOG.origin} ${LOG.vkey}\n`;
    await using witness = await startHost({ database: join(folder, "kv"), logs, ready: false });
    assert.match(witness.process.output(), /no URL to ask what is published by log\.example/);
  }));

/** Copies a database that nobody has open, with its write-ahead log. */
async function copyDatabase(from: string, to: string): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) {
    await Deno.remove(to + end).catch(() => {});
    await Deno.copyFile(from + end, to + end).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

Deno.test("a witness killed at any moment starts again without --accept-rollback", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "logs"), `${LOG.origin} ${LOG.vkey}\n`);
    let size = 0;
    for (let round = 0; round < 3; round++) {
      const witness = await startWitness(folder, DATABASE, "--log-list=logs");
      const load = (async () => {
        for (;;) {
          const { status, text } = await post(witness.url, await LOG.request(size, size + 1));
          if (status === 409) size = Number(text);
          else if (status === 200) size++;
          else throw new Error(`${status} ${text}`);
        }
      })().catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve, 50 + 37 * round));
      await witness.process.kill();
      assert.ok(await load instanceof TypeError, `${await load}`);
    }
    assert.ok(size > 0);
    await using witness = await startWitness(folder, DATABASE, "--log-list=logs");
    const { status } = await post(witness.url, await LOG.request(size, size + 1));
    assert.ok(status === 200 || status === 409);
  }));
