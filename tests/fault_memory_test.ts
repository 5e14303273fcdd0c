/**
 * One flipped bit in the log's memory, at each place between the hashing of a
 * batch and its commit; wrong signatures; workers that fail; clocks that jump.
 * The log stops, nothing signed leaves it, and a restart is whole.
 */

import {
  cosignatureTime,
  formatSkey,
  formatVkey,
  KeyType,
  type NoteSigner,
  parseNote,
  sha256,
  signerKey,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { HashPool } from "../log/hash_pool.ts";
import { integrate } from "../log/integrate.ts";
import { readLogKeys } from "../log/log_keys.ts";
import type { LogOptions } from "../log/log.ts";
import { forwardSeconds } from "../log/main.ts";
import { Publication } from "../log/publish.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { StoredLog } from "../log/stored_log.ts";
import { EMPTY_TREE } from "../log/tree.ts";
import { checksumOf } from "./log_client.ts";
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
  "a leaf hash": (armed) => ({
    hasher: {
      ...plainHasher,
      leafHashes: async (entries) => {
        const hashes = await plainHasher.leafHashes(entries);
        return armed() ? flip(hashes) : hashes;
      },
    },
  }),
  "a node hash": (armed) => ({
    hasher: {
      ...plainHasher,
      nodeHashes: async (pairs) => {
        const hashes = await plainHasher.nodeHashes(pairs);
        return armed() ? flip(hashes) : hashes;
      },
    },
  }),
  "an entry that is hashed": (armed) => ({
    hasher: {
      ...plainHasher,
      leafHashes: async (entries) => {
        const hashes = await plainHasher.leafHashes(entries);
        if (armed()) flip(entries[entries.length >> 1]!);
        return hashes;
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
  const entries = [utf8("one entry"), utf8("and another")];
  const leaves = await plainHasher.leafHashes(entries);
  const integrated = await integrate(EMPTY_TREE, entries, leaves, plainHasher);
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
    const identifiers = {
      keys: new Uint8Array(0),
      digests: new Uint8Array(0),
      leafHashes: new Uint8Array(0),
      firstIndices: new Float64Array(0),
    };
    const committed = publication.commit(EMPTY_TREE, { ...integrated, tree }, {
      identifiers,
      laterEvents: [],
    });
    await rejects(committed, /what was signed is another tree/, field);
    ok(reads > 1, `${field} was read once`);
  }
});

const BROKEN_WORKERS = {
  "dies": `onmessage = ({ data }) => { if (!data.memory) throw new Error("died") }`,
  "hangs": `onmessage = () => {}`,
  "answers wrongly": `onmessage = ({ data }) => { if (!data.memory) postMessage(data.id) }`,
};
for (const [how, source] of Object.entries(BROKEN_WORKERS)) {
  Deno.test(`a log whose hash worker ${how} in a batch logs it all the same`, async () => {
    await using log = TestLog.inMemory();
    const faults: string[] = [];
    let made = 0;
    const permissions = { permissions: "none" } as const;
    const hasher = new HashPool({
      workers: 1,
      // The one that replaces it needs its time to start, on a busy machine.
      deadline: how === "hangs" ? 4000 : 30_000,
      onFailure: ({ message }) => faults.push(message),
      makeWorker: () =>
        made++ === 0
          ? new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
            type: "module",
            deno: permissions,
          })
          : new Worker(new URL("../log/hash_worker.ts", import.meta.url), {
            type: "module",
            deno: permissions,
          }),
    });
    await log.open({ hasher });
    // More than are hashed without a worker.
    equal(await log.client.bulk(names("file", 700)), "logged");
    deepEqual([faults.length, made], [1, 2], faults.join());
    equal(await log.client.bulk(names("more", 700)), "logged");
    equal((await log.check()).size, 1400);
    equal(await log.stop(), null);
  });
}

Deno.test("a log whose hash workers fail for ever stops, unsigned", async () => {
  await using log = TestLog.inMemory();
  const url = `data:application/javascript,${encodeURIComponent(BROKEN_WORKERS.dies)}`;
  const hasher = new HashPool({
    workers: 1,
    makeWorker: () => new Worker(url, { type: "module", deno: { permissions: "none" } }),
  });
  await log.open({ hasher });
  equal(await log.client.bulk(names("file", 700)), "unavailable");
  match(String(await log.stop()), /a worker died/);
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
