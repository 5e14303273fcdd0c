/**
 * One flipped bit in the log's memory, at each place between the hashing of a
 * batch and its commit; wrong signatures; workers that fail; clocks that jump.
 * The log stops, nothing signed leaves it, and a restart is whole.
 */

import {
  cosignatureTime,
  entryCount,
  formatSkey,
  formatVkey,
  type Hash,
  KeyType,
  leafHash,
  nodeHash,
  type NoteSigner,
  packEntries,
  parseNote,
  sha256,
  signerKey,
  utf8,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { HashPool } from "../log/hash_pool.ts";
import type { Kind as WorkerKind } from "../log/hash_pool_test_worker.ts";
import { type Hasher, integrate } from "../log/integrate.ts";
import { readLogKeys } from "../log/log_keys.ts";
import type { LogOptions } from "../log/log.ts";
import { forwardSeconds } from "../log/main.ts";
import { Publication } from "../log/publish.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { StoredLog } from "../log/stored_log.ts";
import { EMPTY_TREE } from "../log/tree.ts";
import { checksumOf } from "./log_client.ts";
import { plainRows } from "./plain_rows.ts";
import { plainHasher, plainOpinion, SKEY, testKeys, TestLog, VKEY } from "./test_log.ts";

const names = (label: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${label}-${i}.tar.gz`);

/** Flips a bit in the middle of bytes, in place. */
function flip(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length >> 1]! ^= 0x04;
  return bytes;
}

type Parts = Pick<LogOptions, "hasher" | "startOpinion" | "keys">;

/** Where a bit can flip: the part that lets it happen, once it is armed. */
const FLIPS: Record<string, (armed: () => boolean) => Partial<Parts>> = {
  "a leaf hash": (armed) => inHashes(armed, "leafHash"),
  "a node hash": (armed) => inHashes(armed, "nodeHash"),
  "an entry that is hashed": (armed) => ({
    hasher: {
      ...plainHasher,
      growRows(tree, entries) {
        const rows = plainRows(tree, entries);
        if (armed()) flip(entries.bytes);
        return Promise.resolve(rows);
      },
    },
  }),
  "an entry bundle": (armed) => inObjects(armed, /entries/),
  "a leaf tile": (armed) => inObjects(armed, /tile\/0\//),
  "a tile above": (armed) => inObjects(armed, /tile\/1\//),
  "the root of the second opinion": (armed) => ({
    startOpinion(edge) {
      const opinion = plainOpinion(edge);
      return {
        ...opinion,
        async rootOf(...args) {
          const root = await opinion.rootOf(...args);
          return armed() ? flip(root) : root;
        },
      };
    },
  }),
  "a signature": (armed) => ({
    keys: withSigner((signer) => ({
      ...signer,
      sign: (text) => armed() ? flip(signer.sign(text)) : signer.sign(text),
    })),
  }),
  "the text that is signed": (armed) => ({
    keys: withSigner((signer) => ({
      ...signer,
      sign: (text) => signer.sign(armed() ? text.replace(/\n[1-9]/, "\n9") : text),
    })),
  }),
};

/** Flips a bit of one hash in the middle of a batch; what is above it is made with it. */
function inHashes(armed: () => boolean, which: "leafHash" | "nodeHash"): Partial<Parts> {
  const growRows: Hasher["growRows"] = (tree, entries) => {
    let left = entryCount(entries) >> 1;
    const faulty = <Args extends unknown[]>(honest: (...args: Args) => Hash) => (...args: Args) =>
      armed() && left-- === 0 ? flip(honest(...args)) : honest(...args);
    const honest = { leafHash, nodeHash };
    return Promise.resolve(
      plainRows(tree, entries, { ...honest, [which]: faulty<never[]>(honest[which]) }),
    );
  };
  return { hasher: { ...plainHasher, growRows } };
}

/** Flips a bit of an object after it was cut and before the second opinion sees it. */
function inObjects(armed: () => boolean, which: RegExp): Partial<Parts> {
  return {
    startOpinion(edge) {
      const opinion = plainOpinion(edge);
      return {
        ...opinion,
        rootOf(oldSize, size, objects) {
          const object = objects.find(({ path }) => which.test(path));
          if (armed() && object) flip(object.bytes);
          return opinion.rootOf(oldSize, size, objects);
        },
      };
    },
  };
}

function withSigner(change: (signer: NoteSigner) => NoteSigner): Parts["keys"] {
  const keys = testKeys();
  return { ...keys, signers: keys.signers.map(change) };
}

for (const [what, partsOf] of Object.entries(FLIPS)) {
  Deno.test(`a log stops, unsigned, when a bit flips in ${what}`, async () => {
    for (const before of [0, 1, 255, 300]) {
      let isArmed = false;
      await using log = TestLog.inMemory();
      await log.open(partsOf(() => isArmed));
      const { client } = log;
      if (before > 0) equal(await client.bulk(names("before", before)), "logged");
      const size = await client.checkpoint();
      isArmed = true;
      // Over the edge of a tile, so that every kind of object is there.
      const files = names("flipped", 300);
      equal(await client.bulk(files), "unavailable");
      await rejects(log.log.finished, /Second opinion|Refusing|Cannot trust the checkpoint/);
      equal(await client.checkpoint(), size);
      equal(await client.add("later.tar.gz"), "unavailable");
      ok(await log.stop() instanceof Error);

      await log.open();
      equal(log.log.size(), before, "nothing was committed");
      equal(await client.bulk(files), "logged");
      equal((await log.check()).size, before + 300);
    }
  });
}

Deno.test("a log does not commit a checkpoint whose root flipped after it was compared", async () => {
  const objects = openMemoryObjects();
  const ledger = openMemoryLedger();
  const publication = new Publication({
    keys: testKeys(),
    ledger,
    objects,
    stored: new StoredLog(objects),
    opinion: plainOpinion(EMPTY_TREE),
    witnesses: null,
    failOpen: false,
    onWitnessFailure() {},
    onLateFailure() {},
  }, null);
  const entries = packEntries([utf8("one entry"), utf8("and another")]);
  const integrated = integrate(EMPTY_TREE, entries, plainRows(EMPTY_TREE, entries));
  for (const field of ["root", "size"] as const) {
    let reads = 0;
    const tree = new Proxy(integrated.tree, {
      get(target, property) {
        const value = Reflect.get(target, property);
        // Right when it is compared, another when it is signed.
        if (property !== field || (field === "root" && ++reads === 1)) return value;
        if (field === "size") return ++reads === 2 ? value + 1 : value;
        return flip(value.slice());
      },
    });
    const committed = publication.commit(EMPTY_TREE, { ...integrated, tree });
    await rejects(committed, /what was signed is another tree/, field);
    ok(reads > 1, `${field} was read once`);
  }
});

/** More than are hashed without a worker. */
const MANY = 3000;

function testWorker(kind: WorkerKind): Worker {
  return new Worker(new URL("../log/hash_pool_test_worker.ts", import.meta.url), {
    type: "module",
    name: kind,
    deno: { permissions: "none" },
  });
}

const BROKEN: readonly WorkerKind[] = [
  "dies at once",
  "dies",
  "dies after a chunk",
  "closes",
  "hangs",
  "skips",
  "answers wrongly",
];
for (const kind of BROKEN) {
  Deno.test(`a log whose hash worker ${kind} in a batch logs it all the same`, async () => {
    await using log = TestLog.inMemory();
    const faults: string[] = [];
    const gone = Promise.withResolvers<void>();
    let made = 0;
    const hasher = new HashPool({
      workers: 1,
      patience: kind === "closes" || kind === "hangs" ? 1000 : 30_000,
      onFailure: ({ message }) => faults.push(message),
      makeWorker() {
        const worker = testWorker(made++ === 0 ? kind : "works, and tells");
        if (kind === "dies at once") worker.addEventListener("error", () => gone.resolve());
        else worker.addEventListener("message", () => gone.resolve(), { once: true });
        return worker;
      },
    });
    await log.open({ hasher });
    // At work, or dead: one that has not come yet would not be asked.
    await gone.promise;
    equal(await log.client.bulk(names("file", MANY)), "logged");
    deepEqual([faults.length, made], [1, 2], faults.join());
    equal(await log.client.bulk(names("more", MANY)), "logged");
    equal((await log.check()).size, 2 * MANY);
    equal(await log.stop(), null);
  });
}

Deno.test("a log whose hash workers fail for ever logs what it is sent without them", async () => {
  await using log = TestLog.inMemory();
  const faults: string[] = [];
  const hasher = new HashPool({
    workers: 1,
    onFailure: ({ message }) => faults.push(message),
    makeWorker: () => testWorker("dies"),
  });
  await log.open({ hasher });
  for (let batch = 0; batch < 3; batch++) {
    equal(await log.client.bulk(names(`batch-${batch}`, MANY)), "logged");
  }
  equal((await log.check()).size, 3 * MANY);
  equal(await log.stop(), null);
});

Deno.test("a log whose hash kernel is wrong stops, unsigned", async () => {
  await using log = TestLog.inMemory();
  const faults: string[] = [];
  const hasher = new HashPool({ onFailure: ({ message }) => faults.push(message) });
  const honest = KernelMemory.prototype.finishGrowth;
  KernelMemory.prototype.finishGrowth = function (growth) {
    const rows = honest.call(this, growth);
    for (const { hashes } of rows) for (let i = 0; i < hashes.length; i += 32) hashes[i]! ^= 1;
    return rows;
  };
  try {
    await log.open({ hasher });
    equal(await log.client.bulk(names("file", 10)), "unavailable");
    match(String(await log.stop()), /Cannot trust hash kernel/);
    equal(faults.length, 1);
  } finally {
    KernelMemory.prototype.finishGrowth = honest;
  }
  await log.open();
  equal((await log.check()).size, 0);
});

Deno.test("a log whose clock jumps signs times that never go back", async () => {
  const key = signerKey("crash.test/log", KeyType.mlDsa44, sha256(utf8("ml-dsa")));
  let wall = 1_800_000_000_000;
  const realNow = Date.now;
  Date.now = () => wall;
  try {
    const keys = readLogKeys([SKEY, formatSkey(key)], [VKEY, formatVkey(key)], forwardSeconds());
    await using log = TestLog.inMemory();
    await log.open({ keys, timestamp: () => new Date(Date.now()).toISOString() });
    const times: bigint[] = [];
    const years10 = 10 * 365 * 86_400_000;
    for (const jump of [0, 1000, -3_600_000, 0, years10, -years10, -wall, 500]) {
      wall += jump;
      equal(await log.client.add(`at-${times.length}.tar.gz`), "logged");
      equal(await log.client.add(`at-0.tar.gz`, checksumOf("other")), "conflict");
      const note = await log.client.send!("/checkpoint");
      const { signatures } = parseNote(new Uint8Array(await note.arrayBuffer()));
      const line = signatures.find(({ keyId }) => keyId === key.keyId)!;
      times.push(cosignatureTime(line.signature));
    }
    deepEqual(times, times.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0));
    equal(times[0], 1_800_000_000n);
    await log.check();
  } finally {
    Date.now = realNow;
  }
});

Deno.test("a log holds to one digest when 200 adds of one name meet in a batch, and after", async () => {
  await using log = TestLog.inMemory();
  await log.open();
  const { client } = log;
  const race = (file: string, digests: number) =>
    Promise.all(
      Array.from({ length: 200 }, (_, i) => client.add(file, checksumOf(`content ${i % digests}`))),
    );
  const count = (answers: readonly string[], kind: string) =>
    answers.filter((answer) => answer === kind).length;
  for (const digests of [1, 2, 200]) {
    const file = `race-${digests}.tar.gz`;
    const [first, other] = await Promise.all([race(file, digests), race(`${file}.asc`, digests)]);
    for (const answers of [first, other]) {
      equal(count(answers, "logged"), 200 / digests);
      equal(count(answers, "conflict"), 200 - 200 / digests);
    }
  }
  equal((await log.check()).size, 6, "one leaf for each name");
  equal(await log.stop(), null);
  await log.open();
  for (const digests of [1, 2, 200]) {
    const answers = await race(`race-${digests}.tar.gz`, digests);
    equal(count(answers, "logged"), 200 / digests);
  }
  equal((await log.check()).size, 6);
});
