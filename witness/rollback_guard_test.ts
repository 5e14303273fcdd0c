import { KeyType } from "@indelible/core";
import assert from "node:assert/strict";
import { GrowingLog, testKey } from "../tests/growing_log.ts";
import { inFolder } from "../tests/temporary.ts";
import { HighWater } from "./high_water.ts";
import { createWitness } from "./http.ts";
import { silentLogger } from "./logger.ts";
import { type GuardParts, RollbackGuard } from "./rollback_guard.ts";
import { logId } from "./store.ts";
import { MemoryStore } from "./store_memory.ts";

const KEY = testKey("witness.example/guard", KeyType.ed25519Cosignature);
const LOG = new GrowingLog("log.example/guard");
const OTHER = new GrowingLog("other.example/guard");

/** A log's own server: what it publishes, or nothing. */
class Publisher implements AsyncDisposable {
  published: Uint8Array<ArrayBuffer> | number = 404;
  asked = 0;
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    this.asked++;
    const { published } = this;
    return typeof published === "number"
      ? new Response(null, { status: published })
      : new Response(published);
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A store that has cosigned a log up to a size; with the note of the monitoring read. */
async function storeAt(size: number, log = LOG) {
  const store = new MemoryStore();
  await store.register(log.origin, [log.vkey]);
  const { fetch } = await createWitness({ store, keys: [KEY] });
  const body = await log.request(0, size);
  const request = new Request("http://witness/add-checkpoint", { method: "POST", body });
  assert.equal((await fetch(request)).status, 200);
  const note = Uint8Array.from((await store.read(logId(log.origin)))!.cosigned!.note);
  return { store, note };
}

/** What such a store has after it lost what came after a size. */
async function restored(size: number, url: string | undefined, log = LOG): Promise<MemoryStore> {
  const { store } = await storeAt(size, log);
  await store.register(log.origin, [], url);
  return store;
}

function guard(store: MemoryStore, parts: Partial<GuardParts> = {}): Promise<RollbackGuard> {
  return RollbackGuard.start({
    store,
    keys: [KEY],
    logs: [],
    logger: silentLogger,
    accepted: false,
    accepting: "--accept-rollback",
    onRollback: (why) => assert.fail(why),
    ...parts,
  });
}

Deno.test("RollbackGuard refuses a store that knows less than a log publishes under its name", async () => {
  await using log = new Publisher();
  const { note } = await storeAt(9);
  log.published = note;
  const store = await restored(3, log.url);
  await assert.rejects(
    guard(store),
    /log "log.example\/guard" publishes size 9 with our cosignature, the store has 3.*--accept-r/,
  );
  // The URL may as well be in the configuration.
  const listed = { ...LOG.trusted, url: log.url };
  await assert.rejects(guard(new MemoryStore(), { logs: [listed] }), /the store has 0/);
  const accepted = await guard(store, { accepted: true });
  assert.equal(accepted.heldBack(LOG.origin), null);
});

Deno.test("RollbackGuard lets a log go on that publishes nothing more of ours", async () => {
  await using log = new Publisher();
  const { store, note } = await storeAt(5);
  await store.register(LOG.origin, [], log.url);
  for (const published of [404, note, LOG.checkpoint(9)]) {
    log.published = published;
    assert.equal((await guard(store)).heldBack(LOG.origin), null);
  }
  assert.equal(log.asked, 3);
});

Deno.test("RollbackGuard refuses logs that nothing can be compared with, unless there is a file", () =>
  inFolder(async (folder) => {
    const store = await restored(3, undefined);
    await assert.rejects(guard(store), /no URL to ask what is published by log.example\/guard\./);
    await assert.rejects(
      guard(new MemoryStore(), { logs: [OTHER.trusted] }),
      /by other.example\/guard\. .*--high-water-path/,
    );
    using highWater = HighWater.open(`${folder}/marks`);
    assert.equal((await guard(store, { highWater })).heldBack(LOG.origin), null);
    highWater.raise(LOG.origin, 9n);
    await assert.rejects(guard(store, { highWater }), /size 9 of the log .* database has 3/);
    await guard(store, { highWater, accepted: true });
    assert.equal(highWater.sizeOf(LOG.origin), 3n, "accepted once, it is the new truth");
    await guard(store, { highWater });
  }));

Deno.test("RollbackGuard holds back a log that does not answer, until it does", async () => {
  await using silent = new Publisher();
  await using fine = new Publisher();
  silent.published = 500;
  const store = await restored(3, silent.url);
  await store.register(OTHER.origin, [OTHER.vkey], fine.url);
  let now = 0;
  const held = await guard(store, { clock: () => now });
  const { fetch } = await createWitness({
    store,
    keys: [KEY],
    heldBack: (origin) => held.heldBack(origin),
  });
  const post = async (log: GrowingLog, old: number, size: number) => {
    const body = await log.request(old, size);
    return await fetch(new Request("http://witness/add-checkpoint", { method: "POST", body }));
  };
  assert.equal((await post(OTHER, 0, 4)).status, 200, "another log is not concerned");
  const refused = await post(LOG, 3, 5);
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).error, /cannot know yet .* answers 500/);
  assert.equal(silent.asked, 1, "not again just after it was asked");
  const forked = await post(new GrowingLog(LOG.origin, "fork"), 3, 5);
  assert.equal(forked.status, 503, "nor is a fork looked at");

  now += 60_000;
  assert.equal((await post(LOG, 3, 5)).status, 503);
  assert.equal(silent.asked, 2);
  now += 60_000;
  silent.published = 404;
  const [first, second] = await Promise.all([post(LOG, 3, 5), post(LOG, 3, 5)]);
  assert.deepEqual([first!.status, second!.status].sort(), [200, 409]);
  assert.equal(silent.asked, 3, "once for both");
  assert.equal(held.heldBack(LOG.origin), null);
});

Deno.test("RollbackGuard tells when a log that was held back knows more", async () => {
  await using log = new Publisher();
  log.published = OTHER.checkpoint(1); // Another log's: that is no answer.
  const store = await restored(3, log.url);
  let now = 0;
  const told: string[] = [];
  const held = await guard(store, { clock: () => now, onRollback: (why) => told.push(why) });
  assert.match((await held.heldBack(LOG.origin))!, /serves another log/);
  log.published = (await storeAt(9)).note;
  now += 60_000;
  assert.match((await held.heldBack(LOG.origin))!, /publishes size 9 .* the store has 3/);
  log.published = 404;
  now += 60_000;
  assert.match((await held.heldBack(LOG.origin))!, /publishes size 9/, "that cannot be unsaid");
  assert.equal(told.length, 1);
});

Deno.test("RollbackGuard asks a disabled log only when it sends requests again", async () => {
  await using log = new Publisher();
  const store = await restored(3, log.url);
  await store.disable(LOG.origin, true);
  const held = await guard(store);
  assert.equal(log.asked, 0);
  assert.equal(await held.heldBack(LOG.origin), null);
  assert.equal(log.asked, 1);
  const silent = await restored(3, undefined);
  await silent.disable(LOG.origin, true);
  assert.match(await (await guard(silent)).heldBack(LOG.origin) ?? "", /no URL/);
});
