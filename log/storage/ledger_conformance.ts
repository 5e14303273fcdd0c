/**
 * The suite of the {@linkcode Ledger} contract, run against every driver.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Place, storeTests, text } from "./conformance.ts";
import { HeadMoved } from "./failure.ts";
import { type Batch, type Ledger, MAX_REFUSALS, type Refusal } from "./ledger.ts";

/** The origin that the suite's ledgers have. */
export const ORIGIN = "log.example/conformance";

/**
 * A batch of so many entries.
 *
 * @param oldSize The head's size.
 * @param count How many entries are new.
 * @param changes Parts of the batch to have otherwise.
 */
export function batchOf(
  oldSize: number,
  count: number,
  changes: Partial<Batch> = {},
): Batch {
  const size = oldSize + count;
  return {
    oldSize,
    next: { size, checkpoint: text(`checkpoint ${size}`) },
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
  const test = storeTests(`${name} ledger`, makePlace);
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
  });

  testBound("refuses a batch on another head", async (ledger) => {
    await ledger.commit(batchOf(0, 2));
    await assert.rejects(ledger.commit(batchOf(0, 2)), HeadMoved);
    await assert.rejects(ledger.commit(batchOf(3, 2)), HeadMoved);
    const { head, staged } = await ledger.load();
    assert.equal(head?.size, 2);
    assert.deepEqual(staged, batchOf(0, 2).staged);
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

  testBound("refuses a batch of the wrong shape", async (ledger) => {
    const good = batchOf(0, 2);
    const wrong: Batch[] = [
      { ...good, oldSize: -1 },
      { ...good, oldSize: 0.5 },
      { ...good, next: { ...good.next, size: 2 ** 53 } },
      { ...batchOf(4, 0), next: { ...good.next, size: 3 } },
    ];
    for (const batch of wrong) {
      await assert.rejects(ledger.commit(batch), RangeError);
    }
    assert.equal((await ledger.load()).head?.size, 0);
  });

  testBound("takes a batch that only signs the head again", async (ledger) => {
    await ledger.commit(batchOf(0, 2));
    const next = { size: 2, checkpoint: text("signed by another key") };
    await ledger.commit({ oldSize: 2, next, staged: [] });
    const { head, staged } = await ledger.load();
    assert.deepEqual(head, next);
    assert.deepEqual(staged, batchOf(0, 2).staged);
  });

  testBound("keeps sizes beyond 2^31 exactly", async (ledger) => {
    const size = 2 ** 52;
    await ledger.commit({ ...batchOf(0, 0), next: { size, checkpoint: text("far") } });
    await ledger.commit(batchOf(size, 2));
    assert.equal((await ledger.load()).head?.size, size + 2);
    await ledger.publish(text("cosigned"), size + 1);
  });

  testBound("keeps hundreds of staged objects, in their order", async (ledger) => {
    const staged = Array.from({ length: 400 }, (_, i) => ({
      path: `tile/entries/${i}`,
      bytes: new Uint8Array(30_000).fill(i),
    }));
    await ledger.commit(batchOf(0, 2, { staged }));
    assert.deepEqual((await ledger.load()).staged, staged);
  });

  testBound("answers in the order of the calls", async (ledger) => {
    const before = ledger.load();
    const commit = ledger.commit(batchOf(0, 1_000));
    const after = ledger.load();
    assert.equal((await before).head?.size, 0);
    assert.equal((await after).head?.size, 1_000);
    await commit;
  });

  testBound("neither detaches nor keeps a caller's buffers", async (ledger) => {
    const batch = batchOf(0, 3);
    const mine = [batch.next.checkpoint, batch.staged[0]!.bytes];
    const commit = ledger.commit(batch);
    for (const bytes of mine) assert.notEqual(bytes.length, 0);
    for (const bytes of mine) bytes.fill(0xee);
    await commit;
    const loaded = await ledger.load();
    assert.deepEqual(loaded.staged, batchOf(0, 3).staged);
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
    await ledger.commit(batchOf(3, 1));
    await ledger.refuse([refusalOf(1), refusalOf(2)]);
    const loaded = await ledger.load();
    assert.equal(loaded.staged.length, 1);
    for (let round = 0; round < 3; round++) {
      await ledger.close();
      ledger = await place.open();
      try {
        assert.deepEqual(await ledger.load(), loaded);
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
