/**
 * Requests that race for one record, over every store and through two witnesses
 * at once: never two signatures on forked trees, never a smaller size after a
 * larger one.
 */

import { KeyType } from "@indelible/core";
import {
  type Cosigned,
  createWitness,
  type KnownHead,
  KvStore,
  type Logger,
  logId,
  MemoryStore,
  type WitnessHandler,
  type WitnessStore,
} from "@indelible/witness";
import assert from "node:assert/strict";
import { PostgresStore } from "../witness/store_postgres.ts";
import { SqliteStore } from "../witness/store_sqlite.ts";
import { GrowingLog, testKey } from "./growing_log.ts";
import { type Postgres, startPostgres } from "./peers/postgres.ts";
import { Dice } from "./synthetic_log.ts";
import { inFolder } from "./temporary.ts";

const KEY = testKey("witness.example/races", KeyType.ed25519Cosignature);

/** Makes a witness over a store; `before` is awaited between the check and the commit. */
async function witnessOver(
  store: WitnessStore,
  logs: readonly GrowingLog[],
  before: (next: Cosigned) => Promise<void> = () => Promise.resolve(),
): Promise<WitnessHandler> {
  const swap = store.swap.bind(store);
  store.swap = async (origin: string, expected: KnownHead | null, next: Cosigned) => {
    await before(next);
    return await swap(origin, expected, next);
  };
  const trusted = logs.map(({ trusted }) => trusted);
  // What goes wrong with the store is for the operator, not in the answer.
  const logger: Logger = (level, event, fields) => {
    if (event === "store failed") console.error(level, event, fields);
  };
  return await createWitness({ store, keys: [KEY], logs: trusted, maxFailures: 0, logger });
}

async function post({ fetch }: WitnessHandler, body: Uint8Array<ArrayBuffer>) {
  const response = await fetch(
    new Request("http://witness/add-checkpoint", { method: "POST", body }),
  );
  return { status: response.status, text: await response.text() };
}

Deno.test("of two forks from one size one is cosigned, the other never", async () => {
  const log = new GrowingLog("log.example/w1");
  const fork = new GrowingLog(log.origin, "fork", { log, size: 3 });
  const store = new MemoryStore();
  const both = Promise.withResolvers<void>();
  let arrived = 0;
  const witness = await witnessOver(store, [log], ({ size }) => {
    if (size === 3n) return Promise.resolve();
    if (++arrived === 2) both.resolve();
    return both.promise; // Both have been judged, and signed, before either is committed.
  });
  assert.equal((await post(witness, await log.request(0, 3))).status, 200);
  const answers = await Promise.all([
    post(witness, await log.request(3, 7)),
    post(witness, await fork.request(3, 7)),
  ]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  const loser = answers[0]!.status === 409 ? log : fork;
  const again = await post(witness, await loser.request(7, 7));
  assert.equal(again.status, 422);
  assert.doesNotMatch(again.text, /—/);
});

Deno.test("a request that stalls before its commit cannot roll back a faster one", async () => {
  const log = new GrowingLog("log.example/w2");
  const store = new MemoryStore();
  const stalled = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const witness = await witnessOver(store, [log], ({ size }) => {
    if (size !== 5n) return Promise.resolve();
    reached.resolve();
    return stalled.promise;
  });
  await post(witness, await log.request(0, 3));
  const slow = post(witness, await log.request(3, 5));
  await reached.promise;
  assert.equal((await post(witness, await log.request(3, 9))).status, 200);
  stalled.resolve();
  const { status, text } = await slow;
  assert.deepEqual([status, text], [409, "9\n"]);
  assert.equal((await store.read(logId(log.origin)))?.cosigned?.size, 9n);
});

Deno.test("a log whose commits stall holds up no other", async () => {
  const [slow, fast] = [new GrowingLog("slow.example"), new GrowingLog("fast.example")];
  const stalled = Promise.withResolvers<void>();
  const store = new MemoryStore();
  const root = slow.root(1).toHex();
  const witness = await witnessOver(
    store,
    [slow, fast],
    (next) => next.root.toHex() === root ? stalled.promise : Promise.resolve(),
  );
  const waiting = post(witness, await slow.request(0, 1));
  for (let size = 0; size < 20; size++) {
    assert.equal((await post(witness, await fast.request(size, size + 1))).status, 200);
  }
  stalled.resolve();
  assert.equal((await waiting).status, 200);
});

/** What was committed of each log, in order, as the stores say. */
class History {
  readonly #commits = new Map<string, { size: bigint; root: string }[]>();

  watch(store: WitnessStore): WitnessStore {
    const swap = store.swap.bind(store);
    store.swap = async (origin, expected, next) => {
      const held = await swap(origin, expected, next);
      if (held) {
        const commits = this.#commits.get(origin) ?? [];
        commits.push({ size: next.size, root: next.root.toHex() });
        this.#commits.set(origin, commits);
      }
      return held;
    };
    return store;
  }

  /** All that was signed of a log lies on one branch. */
  check(log: GrowingLog, fork: GrowingLog): bigint {
    const commits = this.#commits.get(log.origin) ?? [];
    assert.ok(commits.length > 0, "something was cosigned");
    const on = (branch: GrowingLog) =>
      commits.every(({ size, root }) => branch.root(Number(size)).toHex() === root);
    assert.ok(on(log) || on(fork), `${log.origin} was signed on two branches`);
    return commits.reduce((most, { size }) => size > most ? size : most, 0n);
  }
}

const SIZES = 12;

/** Fires requests of many logs, each with a fork, at witnesses that share a store. */
async function race(
  count: number,
  open: () => Promise<WitnessStore>,
  witnesses: number,
): Promise<void> {
  const seed = Number(crypto.getRandomValues(new Uint32Array(1))[0]);
  const dice = new Dice(seed);
  const history = new History();
  const logs = Array.from({ length: count }, (_, i) => {
    const log = new GrowingLog(`log.example/${i}`);
    const fork = new GrowingLog(log.origin, `fork ${i}`, { log, size: dice.roll(0, 3) });
    return { log, fork };
  });
  const stores: WitnessStore[] = [];
  for (let i = 0; i < witnesses; i++) stores.push(history.watch(await open()));
  try {
    const handlers: WitnessHandler[] = [];
    for (const store of stores) {
      handlers.push(await witnessOver(store, logs.map(({ log }) => log)));
    }
    const requests: { log: GrowingLog; body: Uint8Array<ArrayBuffer> }[] = [];
    for (let i = 0; i < count; i++) {
      for (const { log, fork } of logs) {
        // Later ones are larger, so that records grow through the crowd.
        const old = dice.roll(0, Math.floor(SIZES * i / count));
        const branch = dice.roll(0, 1) === 0 ? log : fork;
        const body = await branch.request(old, dice.roll(old, SIZES));
        requests.push({ log, body });
      }
    }
    const answers = await Promise.all(
      requests.map(({ body }, i) => post(handlers[i % handlers.length]!, body)),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    for (const { status, text } of answers) {
      assert.ok([200, 400, 409, 422].includes(status), `${status} ${text}, seed ${seed}`);
    }
    assert.ok(statuses.has(200) && statuses.has(409));
    for (const { log, fork } of logs) {
      const most = history.check(log, fork);
      const record = await stores[0]!.read(logId(log.origin));
      assert.equal(record?.cosigned?.size, most, `${log.origin}, seed ${seed}`);
    }
  } finally {
    for (const store of stores) await store.close();
  }
}

let postgres: Promise<Postgres | null> | undefined;

Deno.test.afterAll(async () => {
  await (await postgres)?.stop();
});

Deno.test("100 logs with 100 requests each race in memory", () => {
  const store = new MemoryStore();
  return race(100, () => Promise.resolve(store), 1);
});

Deno.test("100 logs with 100 requests each race on SQLite", () =>
  inFolder((folder) => race(100, () => Promise.resolve(new SqliteStore(`${folder}/db`)), 1)));

Deno.test("100 logs with 100 requests each race through two witnesses over one SQLite database", () =>
  inFolder((folder) => race(100, () => Promise.resolve(new SqliteStore(`${folder}/db`)), 2)));

Deno.test("100 logs with 100 requests each race through two witnesses over one KV database", () =>
  inFolder((folder) => race(100, async () => KvStore.open(await Deno.openKv(`${folder}/kv`)), 2)));

Deno.test("100 logs with 100 requests each race through two witnesses over one PostgreSQL database", async () => {
  const server = await (postgres ??= startPostgres());
  if (server === null) return;
  const url = await server.newDatabase();
  await race(100, () => PostgresStore.open(url), 2);
});
