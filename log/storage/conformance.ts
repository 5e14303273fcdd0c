/**
 * One suite per storage contract, run against every driver: what the rest of
 * the log may rely on, as test cases. A driver's own test file adds what only
 * it can do wrong.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HeadMoved, ObjectDiffers } from "./failure.ts";
import {
  type Batch,
  HASH_LENGTH,
  type LaterEvent,
  type Ledger,
  MAX_REFUSALS,
  type NewIdentifiers,
  type Refusal,
} from "./ledger.ts";
import type { Objects } from "./objects.ts";

/** A place where a store lives: opened, closed and opened again by the suite. */
export interface Place<T> extends AsyncDisposable {
  /** Opens the store in this place. */
  open(): Promise<T>;
  /** Whether what is stored outlives a close. */
  readonly keeps: boolean;
}

/** The origin that the suite's ledgers have. */
export const ORIGIN = "log.example/conformance";

/**
 * Bytes that stand for a hash, different for each number.
 *
 * @param number The number.
 * @param salt Makes another family of hashes.
 */
export function hashOf(number: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(HASH_LENGTH);
  const view = new DataView(bytes.buffer);
  // A multiplicative hash in front, so that keys lie all over the table.
  view.setUint32(0, Math.imul(number + 1, 0x9e3779b1) >>> 0);
  view.setUint32(4, salt);
  view.setFloat64(8, number);
  return bytes;
}

/**
 * A batch in which identifier i (numbered from `oldSize`) gets leaf index i.
 *
 * @param oldSize The head's size.
 * @param count How many identifiers are new.
 * @param changes Parts of the batch to have otherwise.
 */
export function batchOf(
  oldSize: number,
  count: number,
  changes: Partial<Batch> = {},
): Batch {
  const numbers = Array.from({ length: count }, (_, i) => oldSize + i);
  const size = oldSize + count + (changes.laterEvents?.length ?? 0);
  return {
    oldSize,
    next: { size, checkpoint: text(`checkpoint ${size}`) },
    identifiers: identifiersOf(numbers),
    laterEvents: [],
    staged: [{
      path: `tile/0/000.p/${Math.min(size, 255)}`,
      bytes: text(`tile at ${size}`),
    }],
    ...changes,
  };
}

/**
 * Registers the suite of the {@linkcode Ledger} contract.
 *
 * @param name The driver's name.
 * @param makePlace Makes a fresh place with no ledger in it.
 */
export function ledgerConformance(
  name: string,
  makePlace: () => Promise<Place<Ledger>>,
): void {
  const test = (
    does: string,
    run: (ledger: Ledger, place: Place<Ledger>) => Promise<void>,
  ) =>
    Deno.test(`${name} ledger ${does}`, async () => {
      await using place = await makePlace();
      const ledger = await place.open();
      try {
        await run(ledger, place);
      } finally {
        await ledger.close();
      }
    });
  /** The same with a ledger that is bound, at size 0. */
  const testBound: typeof test = (does, run) =>
    test(does, async (ledger, place) => {
      await ledger.initialize(ORIGIN, {
        size: 0,
        checkpoint: text("checkpoint 0"),
      });
      await run(ledger, place);
    });

  test("is empty when new", async (ledger) => {
    assert.deepEqual(await ledger.load(), {
      origin: null,
      head: null,
      published: null,
      staged: [],
    });
    assert.deepEqual(await ledger.lookup(hashOf(1)), []);
    assert.deepEqual(await ledger.refusals(10), []);
  });

  test("refuses a commit and a publish before it is initialized", async (ledger) => {
    await assert.rejects(ledger.commit(batchOf(0, 1)), /not initialized/);
    await assert.rejects(ledger.publish(text("x"), 0), RangeError);
  });

  test("is bound to one origin for ever", async (ledger) => {
    const head = { size: 0, checkpoint: text("first") };
    await assert.rejects(
      ledger.initialize(ORIGIN, { ...head, size: 1 }),
      RangeError,
    );
    await ledger.initialize(ORIGIN, head);
    await assert.rejects(
      ledger.initialize(ORIGIN, head),
      /bound to log\.example/,
    );
    await assert.rejects(
      ledger.initialize("other.example", head),
      /bound to log\.example/,
    );
    const loaded = await ledger.load();
    assert.equal(loaded.origin, ORIGIN);
    assert.deepEqual(loaded.head, head);
  });

  testBound("keeps all of a batch", async (ledger) => {
    await ledger.commit(batchOf(0, 3));
    const { head, staged, published } = await ledger.load();
    assert.deepEqual(head, { size: 3, checkpoint: text("checkpoint 3") });
    assert.deepEqual(staged, batchOf(0, 3).staged);
    assert.equal(published, null);
    assert.deepEqual(
      await ledger.lookup(concat([hashOf(9), hashOf(2), hashOf(0), hashOf(2)])),
      [
        knownOf(1, 2),
        knownOf(2, 0),
        knownOf(3, 2),
      ],
    );
  });

  testBound("refuses a batch on another head", async (ledger) => {
    await ledger.commit(batchOf(0, 2));
    await assert.rejects(ledger.commit(batchOf(0, 2)), HeadMoved);
    await assert.rejects(ledger.commit(batchOf(3, 2)), HeadMoved);
    assert.equal((await ledger.load()).head?.size, 2);
    assert.deepEqual(await ledger.lookup(hashOf(3)), []);
    await ledger.commit(batchOf(2, 2));
  });

  testBound("lets one of two racing batches win", async (ledger) => {
    const race = [ledger.commit(batchOf(0, 2)), ledger.commit(batchOf(0, 3))];
    const results = await Promise.allSettled(race);
    assert.deepEqual(results.map(({ status }) => status), [
      "fulfilled",
      "rejected",
    ]);
    assert.equal((await ledger.load()).head?.size, 2);
  });

  for (
    const { what, changes } of [
      {
        what: "an identifier is not new",
        changes: { identifiers: identifiersOf([10, 11, 1], [10, 11, 12]) },
      },
      {
        what: "an identifier is there twice",
        changes: { identifiers: identifiersOf([10, 11, 10]) },
      },
      {
        what: "a later event has no identifier",
        changes: { laterEvents: [eventOf(99, 12)] },
      },
    ] satisfies { what: string; changes: Partial<Batch> }[]
  ) {
    testBound(`keeps nothing of a batch when ${what}`, async (ledger) => {
      await ledger.commit(batchOf(0, 10));
      const before = await ledger.load();
      await assert.rejects(
        ledger.commit(batchOf(10, 3, changes)),
        /Cannot commit batch/,
      );
      assert.deepEqual(await ledger.load(), before);
      assert.deepEqual(
        await ledger.lookup(concat([hashOf(10), hashOf(11)])),
        [],
      );
      assert.deepEqual(await ledger.lookup(hashOf(1)), [knownOf(0, 1)]);
      await ledger.commit(batchOf(10, 3));
      assert.equal(
        (await ledger.lookup(concat([hashOf(10), hashOf(11)]))).length,
        2,
      );
    });
  }

  testBound("refuses a batch of the wrong shape", async (ledger) => {
    const good = batchOf(0, 2);
    const wrong: Batch[] = [
      { ...good, oldSize: -1 },
      { ...good, oldSize: 0.5 },
      { ...good, next: { ...good.next, size: 2 ** 53 } },
      { ...batchOf(4, 0), next: { ...good.next, size: 3 } },
      {
        ...good,
        identifiers: { ...good.identifiers, digests: new Uint8Array(63) },
      },
      {
        ...good,
        identifiers: { ...good.identifiers, firstIndices: Float64Array.of(0) },
      },
      {
        ...good,
        identifiers: {
          ...good.identifiers,
          firstIndices: Float64Array.of(0, 2),
        },
      },
      { ...good, laterEvents: [eventOf(0, 2)] },
      { ...good, laterEvents: [{ ...eventOf(0, 1), key: new Uint8Array(31) }] },
    ];
    for (const batch of wrong) {
      await assert.rejects(ledger.commit(batch), RangeError);
    }
    await assert.rejects(ledger.lookup(new Uint8Array(33)), RangeError);
    assert.equal((await ledger.load()).head?.size, 0);
  });

  testBound("moves the newest entry, never the first", async (ledger) => {
    await ledger.commit(batchOf(0, 2));
    await ledger.commit(
      batchOf(2, 0, { laterEvents: [eventOf(0, 2), eventOf(1, 3)] }),
    );
    assert.deepEqual(await ledger.lookup(concat([hashOf(0), hashOf(1)])), [
      { ...knownOf(0, 0), newestIndex: 2, newestHash: hashOf(2, 3) },
      { ...knownOf(1, 1), newestIndex: 3, newestHash: hashOf(3, 3) },
    ]);
  });

  testBound(
    "takes a later event of an identifier new in the same batch",
    async (ledger) => {
      await ledger.commit(batchOf(0, 1, { laterEvents: [eventOf(0, 1)] }));
      assert.deepEqual(await ledger.lookup(hashOf(0)), [
        { ...knownOf(0, 0), newestIndex: 1, newestHash: hashOf(1, 3) },
      ]);
    },
  );

  testBound(
    "keeps the newest of several later events in any order",
    async (ledger) => {
      await ledger.commit(batchOf(0, 1));
      const laterEvents = [eventOf(0, 2), eventOf(0, 3), eventOf(0, 1)];
      await ledger.commit(batchOf(1, 0, { laterEvents }));
      assert.deepEqual(await ledger.lookup(hashOf(0)), [
        { ...knownOf(0, 0), newestIndex: 3, newestHash: hashOf(3, 3) },
      ]);
    },
  );

  testBound(
    "answers look-ups of 0, 1 and 10,000 keys, known and not",
    async (ledger) => {
      await ledger.commit(batchOf(0, 20_000));
      assert.equal((await ledger.load()).head?.size, 20_000);
      assert.deepEqual(await ledger.lookup(new Uint8Array(0)), []);
      assert.deepEqual(await ledger.lookup(hashOf(19_999)), [
        knownOf(0, 19_999),
      ]);
      assert.deepEqual(await ledger.lookup(hashOf(20_000)), []);
      // Every second one is known, from the last to the first.
      const numbers = Array.from(
        { length: 10_000 },
        (_, i) => i % 2 === 0 ? 19_999 - i : 20_000 + i,
      );
      const expected = numbers.flatMap((n, position) => n < 20_000 ? [knownOf(position, n)] : []);
      assert.deepEqual(
        await ledger.lookup(concat(numbers.map((n) => hashOf(n)))),
        expected,
      );
    },
  );

  testBound("keeps indices beyond 2^31 exactly", async (ledger) => {
    const oldSize = 2 ** 52;
    await ledger.commit({
      ...batchOf(0, 0),
      next: { size: oldSize, checkpoint: text("far") },
    });
    await ledger.commit(batchOf(oldSize, 2));
    assert.deepEqual(await ledger.lookup(hashOf(oldSize + 1)), [
      knownOf(0, oldSize + 1),
    ]);
    assert.equal((await ledger.load()).head?.size, oldSize + 2);
  });

  testBound("answers in the order of the calls", async (ledger) => {
    const before = ledger.lookup(hashOf(5));
    const commit = ledger.commit(batchOf(0, 1_000));
    const after = ledger.lookup(hashOf(5));
    assert.deepEqual(await before, []);
    assert.deepEqual(await after, [knownOf(0, 5)]);
    await commit;
  });

  testBound("neither detaches nor keeps a caller's buffers", async (ledger) => {
    const batch = batchOf(0, 2, { laterEvents: [eventOf(0, 2)] });
    const { keys, digests, leafHashes, firstIndices } = batch.identifiers;
    const mine = [
      keys,
      digests,
      leafHashes,
      batch.next.checkpoint,
      batch.staged[0]!.bytes,
    ];
    const commit = ledger.commit(batch);
    for (const bytes of mine) assert.notEqual(bytes.length, 0);
    assert.equal(firstIndices.length, 2);
    for (const bytes of mine) bytes.fill(0xee);
    await commit;
    const part = concat([hashOf(7), hashOf(1), hashOf(8)]).subarray(
      HASH_LENGTH,
      2 * HASH_LENGTH,
    );
    assert.deepEqual(await ledger.lookup(part), [knownOf(0, 1)]);
    assert.equal(part.length, HASH_LENGTH);
    const loaded = await ledger.load();
    assert.deepEqual(
      loaded.staged,
      batchOf(0, 2, { laterEvents: [eventOf(0, 2)] }).staged,
    );
    loaded.head!.checkpoint.fill(0);
    assert.deepEqual(
      (await ledger.load()).head?.checkpoint,
      text("checkpoint 3"),
    );
  });

  testBound(
    "drops at publish what is staged up to that size",
    async (ledger) => {
      const batches = [batchOf(0, 2), batchOf(2, 2), batchOf(4, 2)];
      for (const batch of batches) await ledger.commit(batch);
      const staged = batches.map((batch) => batch.staged[0]!);
      assert.deepEqual((await ledger.load()).staged, staged);
      await ledger.publish(text("cosigned 4"), 4);
      assert.deepEqual((await ledger.load()).staged, [staged[2]]);
      assert.deepEqual((await ledger.load()).published, text("cosigned 4"));
      await ledger.publish(text("cosigned 4 again"), 4);
      await ledger.publish(text("cosigned 6"), 6);
      assert.deepEqual((await ledger.load()).staged, []);
      assert.deepEqual((await ledger.load()).head, batches[2]!.next);
    },
  );

  testBound("drops what is applied, and keeps the published checkpoint", async (ledger) => {
    const batches = [batchOf(0, 2), batchOf(2, 2)];
    for (const batch of batches) await ledger.commit(batch);
    await ledger.applied(2);
    const loaded = await ledger.load();
    assert.deepEqual(loaded.staged, [batches[1]!.staged[0]]);
    assert.equal(loaded.published, null);
  });

  testBound(
    "refuses to publish backwards or beyond the head",
    async (ledger) => {
      await ledger.commit(batchOf(0, 4));
      await ledger.publish(text("cosigned 4"), 4);
      for (const size of [3, 5, -1, 3.5, NaN]) {
        await assert.rejects(ledger.publish(text("wrong"), size), RangeError);
      }
      assert.deepEqual((await ledger.load()).published, text("cosigned 4"));
    },
  );

  testBound("answers refusals newest first, repeats once", async (ledger) => {
    await ledger.refuse([refusalOf(1), refusalOf(2), refusalOf(3)]);
    const again = { ...refusalOf(1), time: "2020-01-01T00:00:00Z" };
    await ledger.refuse([again]);
    await ledger.refuse([]);
    assert.deepEqual(await ledger.refusals(10), [
      again,
      refusalOf(3),
      refusalOf(2),
    ]);
    assert.deepEqual(await ledger.refusals(2), [again, refusalOf(3)]);
    assert.deepEqual(await ledger.refusals(0), []);
    const elsewhere = { ...refusalOf(2), ecosystem: "npm" };
    const other = { ...refusalOf(2), checksum: "sha256:ff" };
    await ledger.refuse([elsewhere, other]);
    assert.equal((await ledger.refusals(10)).length, 5);
  });

  testBound("keeps a refusal when others try the same", async (ledger) => {
    const [mine, late] = [refusalOf(1), "2020-01-01T00:00:00Z"];
    const theirs = { ...mine, publisher: "other" };
    const nobodys = { ...mine, publisher: null };
    await ledger.refuse([mine, theirs, nobodys]);
    assert.deepEqual(await ledger.refusals(10), [nobodys, theirs, mine]);
    await ledger.refuse([{ ...nobodys, time: late }, { ...theirs, time: late }]);
    assert.deepEqual(await ledger.refusals(10), [
      { ...theirs, time: late },
      { ...nobodys, time: late },
      mine,
    ]);
  });

  testBound(
    "keeps a bounded number of refusals, the newest",
    async (ledger) => {
      for (let from = 0; from < MAX_REFUSALS + 5; from += 20_001) {
        const count = Math.min(20_001, MAX_REFUSALS + 5 - from);
        await ledger.refuse(
          Array.from({ length: count }, (_, i) => refusalOf(from + i)),
        );
      }
      const kept = await ledger.refusals(MAX_REFUSALS + 100);
      assert.equal(kept.length, MAX_REFUSALS);
      assert.deepEqual(kept[0], refusalOf(MAX_REFUSALS + 4));
      assert.deepEqual(kept.at(-1), refusalOf(5));
    },
  );

  testBound("keeps everything over a close", async (ledger, place) => {
    if (!place.keeps) return;
    await ledger.commit(batchOf(0, 3));
    await ledger.publish(text("cosigned 3"), 3);
    await ledger.commit(batchOf(3, 1, { laterEvents: [eventOf(0, 4)] }));
    await ledger.refuse([refusalOf(1), refusalOf(2)]);
    const loaded = await ledger.load();
    assert.equal(loaded.staged.length, 1);
    for (let round = 0; round < 3; round++) {
      await ledger.close();
      ledger = await place.open();
      try {
        assert.deepEqual(await ledger.load(), loaded);
        assert.deepEqual(await ledger.lookup(concat([hashOf(0), hashOf(3)])), [
          { ...knownOf(0, 0), newestIndex: 4, newestHash: hashOf(4, 3) },
          knownOf(1, 3),
        ]);
        assert.deepEqual(await ledger.refusals(5), [
          refusalOf(2),
          refusalOf(1),
        ]);
      } finally {
        await ledger.close();
      }
    }
  });

  testBound("finishes the calls under way before it closes", async (ledger) => {
    const commit = ledger.commit(batchOf(0, 1_000));
    await ledger.close();
    await commit;
  });
}

/**
 * Registers the suite of the {@linkcode Objects} contract.
 *
 * @param name The driver's name.
 * @param makePlace Makes a fresh place with no objects in it.
 */
export function objectsConformance(
  name: string,
  makePlace: () => Promise<Place<Objects>>,
): void {
  const test = (
    does: string,
    run: (objects: Objects, place: Place<Objects>) => Promise<void>,
  ) =>
    Deno.test(`${name} objects ${does}`, async () => {
      await using place = await makePlace();
      const objects = await place.open();
      try {
        await run(objects, place);
      } finally {
        await objects.close();
      }
    });
  const object = (path: string, content = path) => ({
    path,
    bytes: text(content),
  });

  test("read null when there is none", async (objects) => {
    assert.equal(await objects.read("checkpoint"), null);
    assert.equal(await objects.read("tile/0/x001/234"), null);
    await objects.write([object("tile/0/x001/234")]);
    assert.equal(await objects.read("tile/0/x001/235"), null);
    assert.equal(await objects.read("tile/0/x001/234.p/7"), null);
  });

  test("are read as they were written", async (objects, place) => {
    const written = [
      object("tile/0/000"),
      object("tile/0/000.p/7"),
      object("tile/0/x001/234.p/255"),
      object("tile/entries/x123/x456/789"),
      object("tile/63/001", ""),
      { path: "tile/entries/000", bytes: new Uint8Array(300_000).fill(7) },
    ];
    await objects.write(written);
    await objects.write([]);
    for (const { path, bytes } of written) {
      assert.deepEqual(await objects.read(path), bytes);
    }
    if (!place.keeps) return;
    await objects.close();
    objects = await place.open();
    for (const { path, bytes } of written) {
      assert.deepEqual(await objects.read(path), bytes);
    }
    await objects.close();
  });

  test("take equal bytes again and refuse other ones", async (objects) => {
    const [first, second] = [object("tile/0/000"), object("tile/1/000")];
    await objects.write([first]);
    await objects.write([first, second, first]);
    for (const content of ["other", "tile/0/00", "tile/0/0000", ""]) {
      for (const options of [{}, { fresh: true }]) {
        await assert.rejects(
          objects.write([object("tile/0/000", content)], options),
          (error) => error instanceof ObjectDiffers && error.path === "tile/0/000",
        );
      }
    }
    assert.deepEqual(await objects.read("tile/0/000"), first.bytes);
  });

  test("are rewritten when asked to be fresh", async (objects) => {
    await objects.write([object("tile/0/000")]);
    await objects.write([object("tile/0/000"), object("tile/0/001")], {
      fresh: true,
    });
    assert.deepEqual(await objects.read("tile/0/000"), text("tile/0/000"));
    assert.deepEqual(await objects.read("tile/0/001"), text("tile/0/001"));
  });

  test("let the same write happen twice at once", async (objects) => {
    const many = Array.from(
      { length: 100 },
      (_, i) => object(`tile/0/${`${i}`.padStart(3, "0")}`),
    );
    await Promise.all([
      objects.write(many),
      objects.write(many),
      objects.write([...many].reverse()),
    ]);
    for (const { path, bytes } of many) {
      assert.deepEqual(await objects.read(path), bytes);
    }
  });

  test("replace the checkpoint, and only it", async (objects) => {
    await objects.replace("checkpoint", text("one"));
    await objects.replace("checkpoint", text("two, which is longer"));
    await objects.replace("checkpoint", text("3"));
    assert.deepEqual(await objects.read("checkpoint"), text("3"));
    const wrong = "tile/0/000" as "checkpoint";
    await assert.rejects(objects.replace(wrong, text("x")), TypeError);
    await assert.rejects(objects.write([object("checkpoint")]), SyntaxError);
  });

  test("show readers the old checkpoint or the new one", async (objects) => {
    const contents = ["a", "b"].map((letter) => letter.repeat(50_000));
    await objects.replace("checkpoint", text(contents[0]!));
    const replace = async () => {
      for (let i = 0; i < 20; i++) {
        await objects.replace("checkpoint", text(contents[i % 2]!));
      }
    };
    const read = async () => {
      for (let i = 0; i < 100; i++) {
        const bytes = await objects.read("checkpoint");
        assert.ok(
          contents.includes(new TextDecoder().decode(bytes ?? undefined)),
        );
      }
    };
    await Promise.all([replace(), read(), read()]);
  });

  test("refuse every path that is not a tile's", async (objects) => {
    const paths = [
      "",
      ".",
      "..",
      "/",
      "/etc/passwd",
      "../x",
      "tile",
      "tile/",
      "tile/0",
      "tile/0/",
      "tile/0/..",
      "tile/../checkpoint",
      "tile//000",
      "tile/0//000",
      "tile/0/00",
      "tile/0/0000",
      "tile/64/000",
      "tile/00/000",
      "tile/-1/000",
      "tile/0/x001",
      "tile/0/x000/001",
      "tile/0/001/002",
      "tile/0/000.p",
      "tile/0/000.p/",
      "tile/0/000.p/0",
      "tile/0/000.p/256",
      "tile/0/000.p/01",
      "tile/0/000.p/7/",
      "tile/0/000\n",
      "tile/0/000\0",
      "tile/0/%30",
      "tile/entry/000",
      ".tmp/1",
      "./tile/0/000",
      "tile/0/000/",
      "Tile/0/000",
      "tile\\0\\000",
      "checkpoint/",
      "ledger.db",
    ];
    for (const path of paths) {
      await assert.rejects(objects.read(path), SyntaxError, path);
      await assert.rejects(objects.write([object(path)]), SyntaxError, path);
    }
    await assert.rejects(
      objects.write([object("tile/0/000"), object("..")]),
      SyntaxError,
    );
    assert.equal(await objects.read("tile/0/000"), null);
  });

  test("copy what goes in and out", async (objects) => {
    const mine = object("tile/0/000");
    await objects.write([mine]);
    mine.bytes.fill(0);
    const read = await objects.read("tile/0/000");
    assert.deepEqual(read, text("tile/0/000"));
    read?.fill(0);
    assert.deepEqual(await objects.read("tile/0/000"), text("tile/0/000"));
  });

  test("tell free bytes as a number or not at all", async (objects) => {
    const free = await objects.freeBytes();
    assert.ok(free === null || free > 0);
  });
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.length * HASH_LENGTH);
  parts.forEach((part, i) => joined.set(part, i * HASH_LENGTH));
  return joined;
}

/** Identifiers by number; the digests are salted with 1, the leaf hashes with 2. */
function identifiersOf(
  numbers: number[],
  firstIndices = numbers,
): NewIdentifiers {
  return {
    keys: concat(numbers.map((number) => hashOf(number))),
    digests: concat(numbers.map((number) => hashOf(number, 1))),
    leafHashes: concat(numbers.map((number) => hashOf(number, 2))),
    firstIndices: Float64Array.from(firstIndices),
  };
}

function eventOf(number: number, newestIndex: number): LaterEvent {
  return {
    key: hashOf(number),
    newestIndex,
    newestHash: hashOf(newestIndex, 3),
  };
}

function knownOf(position: number, number: number) {
  return {
    position,
    firstIndex: number,
    digest: hashOf(number, 1),
    newestIndex: number,
    newestHash: hashOf(number, 2),
  };
}

function refusalOf(number: number): Refusal {
  return {
    time: new Date(1_700_000_000_000 + number).toISOString(),
    ecosystem: "pypi",
    filename: `file-${number}.whl`,
    checksum: "sha256:00",
    existing: { index: number, checksum: "sha256:11" },
    publisher: `publisher ${number}`,
  };
}
