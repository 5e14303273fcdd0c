/**
 * One suite for the store's contract, run against every driver.
 *
 * @module
 */

import assert from "node:assert/strict";
import { sha256, utf8 } from "@indelible/core";
import { type Cosigned, type Evidence, logId, MAX_EVIDENCE, type WitnessStore } from "./store.ts";

/** A place where a store lives: opened as often as the suite likes. */
export interface StorePlace extends AsyncDisposable {
  /** Opens the store; several may be open at once. */
  open(): Promise<WitnessStore>;
}

const ORIGIN = "log.example/conformance";
const VKEYS = ["key one", "key two", "key three"] as const;

function cosigned(size: bigint, salt = "", time = 1_000n): Cosigned {
  const root = sha256(utf8(`${size} ${salt}`));
  return { size, root, time, note: utf8(`note ${size} ${salt} ${time}`) };
}

function evidenceOf(number: number, part: Partial<Evidence> = {}): Evidence {
  const { size, root, note } = cosigned(BigInt(number), "evidence");
  const held = utf8("held");
  const time = BigInt(2_000 + number);
  return { origin: ORIGIN, kind: "fork", size, root, note, held, time, ...part };
}

/**
 * Registers the suite.
 *
 * @param name The driver's name.
 * @param makePlace Makes an empty place, or `null` where the driver's server is
 *   missing and the test is to be skipped.
 */
export function storeConformance(
  name: string,
  makePlace: () => Promise<StorePlace | null>,
): void {
  const test = (
    behaviour: string,
    run: (store: WitnessStore, place: StorePlace) => Promise<void>,
  ) =>
    Deno.test(`${name} store ${behaviour}`, async () => {
      const place = await makePlace();
      if (place === null) return;
      await using _ = place;
      const store = await place.open();
      try {
        await run(store, place);
      } finally {
        await store.close();
      }
    });

  test("knows nothing at first", async (store) => {
    assert.equal(await store.read(logId(ORIGIN)), null);
    assert.deepEqual(await store.list(), []);
    assert.deepEqual(await store.evidence(10), []);
    assert.equal(await store.bindName(null), null);
  });

  test("swaps only what is expected", async (store) => {
    const one = cosigned(1n);
    const two = cosigned(2n);
    assert.equal(await store.swap(ORIGIN, one, two), false, "there is none");
    assert.equal(await store.read(logId(ORIGIN)), null);
    assert.equal(await store.swap(ORIGIN, null, one), true);
    assert.equal(await store.swap(ORIGIN, null, two), false, "there is one");
    const otherRoot = { ...one, root: two.root };
    assert.equal(await store.swap(ORIGIN, otherRoot, two), false);
    const otherSize = { ...one, size: 3n };
    assert.equal(await store.swap(ORIGIN, otherSize, two), false);
    assert.equal(await store.swap("other.example", one, two), false);
    assert.deepEqual((await store.read(logId(ORIGIN)))?.cosigned, one);
    assert.equal(await store.swap(ORIGIN, one, two), true);
    assert.deepEqual(await store.read(logId(ORIGIN)), {
      origin: ORIGIN,
      vkeys: [],
      url: null,
      disabled: false,
      cosigned: two,
    });
  });

  test("never takes an earlier time", async (store) => {
    const late = cosigned(5n, "", 2_000n);
    assert.equal(await store.swap(ORIGIN, null, late), true);
    const early = { ...late, time: 1_999n };
    assert.equal(await store.swap(ORIGIN, late, early), false);
    assert.equal(await store.swap(ORIGIN, early, early), false);
    assert.equal(await store.swap(ORIGIN, early, late), true, "the same time");
    const later = { ...late, time: 2_001n, note: utf8("refreshed") };
    assert.equal(await store.swap(ORIGIN, late, later), true);
    assert.deepEqual((await store.read(logId(ORIGIN)))?.cosigned, later);
  });

  test("keeps sizes of 63 bits and size 0 exact", async (store) => {
    const sizes = [0n, (1n << 53n) + 1n, (1n << 63n) - 1n];
    let held: Cosigned | null = null;
    for (const size of sizes) {
      const next = cosigned(size, "", size + 1n > 1n << 62n ? 1n << 62n : size);
      assert.equal(await store.swap(ORIGIN, held, next), true);
      assert.deepEqual((await store.read(logId(ORIGIN)))?.cosigned, next);
      held = next;
    }
  });

  test("lets one of many swaps win", async (store, place) => {
    const other = await place.open();
    try {
      let held: Cosigned | null = null;
      for (let round = 1n; round <= 5n; round++) {
        const rivals = Array.from(
          { length: 20 },
          (_, i) => cosigned(round, `rival ${i}`),
        );
        const won: boolean[] = await Promise.all(
          rivals.map((next, i) => (i % 2 ? store : other).swap(ORIGIN, held, next)),
        );
        assert.equal(won.filter((one) => one).length, 1);
        held = rivals[won.indexOf(true)]!;
        assert.deepEqual((await store.read(logId(ORIGIN)))?.cosigned, held);
        assert.deepEqual((await other.read(logId(ORIGIN)))?.cosigned, held);
      }
    } finally {
      await other.close();
    }
  });

  test("sees at once what another has changed", async (store, place) => {
    const other = await place.open();
    try {
      const [one, two, three] = [cosigned(1n), cosigned(2n), cosigned(3n)];
      const seen = async () => (await store.read(logId(ORIGIN)))!;
      await store.swap(ORIGIN, null, one);
      assert.deepEqual((await seen()).cosigned, one);
      assert.equal(await other.swap(ORIGIN, one, two), true);
      assert.deepEqual((await seen()).cosigned, two);
      assert.equal(await other.register(ORIGIN, [VKEYS[0]]), true);
      assert.deepEqual((await seen()).vkeys, [VKEYS[0]]);
      assert.equal(await other.disable(ORIGIN, true), true);
      // A swap of one's own does not hide what came between.
      assert.equal(await store.swap(ORIGIN, two, three), true);
      assert.deepEqual(await seen(), await other.read(logId(ORIGIN)));
      assert.equal((await seen()).disabled, true);
    } finally {
      await other.close();
    }
  });

  test("keeps logs apart under parallel swaps", async (store) => {
    const origins = Array.from({ length: 20 }, (_, i) => `log.example/${i}`);
    await Promise.all(origins.map(async (origin, i) => {
      let held: Cosigned | null = null;
      for (let size = 1n; size <= 5n; size++) {
        const next = cosigned(size, `log ${i}`);
        assert.equal(await store.swap(origin, held, next), true);
        held = next;
      }
    }));
    for (const [i, origin] of origins.entries()) {
      const record = await store.read(logId(origin));
      assert.equal(record?.origin, origin);
      assert.deepEqual(record?.cosigned, cosigned(5n, `log ${i}`));
    }
    assert.equal((await store.list()).length, 20);
  });

  test("has kept what it said, also in a crowd", async (store, place) => {
    const origins = Array.from({ length: 400 }, (_, i) => `log.example/${i}`);
    const said = await Promise.all(origins.map(async (origin, i) => {
      // All at once: what a driver sends together must not get mixed up.
      const [, swapped, kept, registered] = await Promise.all([
        store.read(logId(origin)),
        store.swap(origin, null, cosigned(BigInt(i + 1))),
        store.keepEvidence(evidenceOf(i, { origin })),
        i % 8 === 0 && store.register(origin, [VKEYS[0]]),
      ]);
      return [swapped, kept, registered];
    }));
    assert.deepEqual(said, origins.map((_, i) => [true, "kept", i % 8 === 0]));
    const other = await place.open();
    try {
      const records = new Map((await other.list()).map((record) => [record.origin, record]));
      for (const [i, origin] of origins.entries()) {
        assert.deepEqual(records.get(origin)?.cosigned, cosigned(BigInt(i + 1)), origin);
      }
      assert.equal((await other.evidence(1_000)).length, origins.length);
    } finally {
      await other.close();
    }
  });

  test("adds keys and keeps what was cosigned", async (store) => {
    assert.equal(await store.register(ORIGIN, [VKEYS[0]]), true);
    assert.equal(await store.register(ORIGIN, [VKEYS[0]]), false);
    assert.equal(await store.swap(ORIGIN, null, cosigned(1n)), true);
    assert.equal(await store.register(ORIGIN, [VKEYS[2], VKEYS[1]]), true);
    assert.deepEqual(await store.read(logId(ORIGIN)), {
      origin: ORIGIN,
      vkeys: [VKEYS[0], VKEYS[2], VKEYS[1]],
      url: null,
      disabled: false,
      cosigned: cosigned(1n),
    });
  });

  test("disables and enables a log", async (store) => {
    await store.register(ORIGIN, [VKEYS[0]]);
    await store.swap(ORIGIN, null, cosigned(1n));
    assert.equal(await store.disable(ORIGIN, true), true);
    assert.equal(await store.disable(ORIGIN, true), false);
    const record = await store.read(logId(ORIGIN));
    assert.equal(record?.disabled, true);
    assert.deepEqual(record?.vkeys, [VKEYS[0]]);
    assert.deepEqual(record?.cosigned, cosigned(1n));
    assert.equal(await store.register(ORIGIN, [VKEYS[0]]), true, "enables");
    assert.equal((await store.read(logId(ORIGIN)))?.disabled, false);
    assert.equal(await store.disable("unknown.example", true), false);
    assert.equal(await store.read(logId("unknown.example")), null);
    // One of a log list is known once it was cosigned.
    await store.swap("b.example", null, cosigned(2n));
    assert.equal(await store.disable("b.example", true), true);
    assert.deepEqual(await store.read(logId("b.example")), {
      origin: "b.example",
      vkeys: [],
      url: null,
      disabled: true,
      cosigned: cosigned(2n),
    });
    assert.equal(await store.disable("b.example", false), true);
    assert.deepEqual(
      (await store.list()).map(({ origin }) => origin),
      ["b.example", ORIGIN],
    );
  });

  test("remembers where a log is served", async (store, place) => {
    const url = async () => (await store.read(logId(ORIGIN)))?.url;
    assert.equal(await store.register(ORIGIN, [VKEYS[0]], "https://a.example"), true);
    assert.equal(await url(), "https://a.example");
    assert.equal(await store.register(ORIGIN, [VKEYS[0]], "https://a.example"), false);
    assert.equal(await store.register(ORIGIN, [VKEYS[1]]), true);
    assert.equal(await url(), "https://a.example", "kept when a key is added without one");
    assert.equal(await store.register(ORIGIN, [VKEYS[1]], "https://b.example"), true);
    await store.swap(ORIGIN, null, cosigned(1n));
    await store.disable(ORIGIN, true);
    const again = await place.open();
    try {
      const [record] = await again.list();
      assert.deepEqual([record?.url, record?.vkeys], ["https://b.example", VKEYS.slice(0, 2)]);
    } finally {
      await again.close();
    }
  });

  test("keeps evidence once and counts it", async (store) => {
    assert.equal(await store.keepEvidence(evidenceOf(1)), "kept");
    assert.equal(await store.keepEvidence(evidenceOf(2)), "kept");
    const again = evidenceOf(1, { time: 9_000n });
    assert.equal(await store.keepEvidence(again), "repeated");
    assert.deepEqual(
      (await store.evidence(10)).map((kept) => ({ ...kept })).map(plain),
      [{ ...evidenceOf(2), count: 1n }, { ...evidenceOf(1), count: 2n }],
    );
    assert.equal((await store.evidence(1)).length, 1);
  });

  test("bounds evidence by log and kind, the first stays", async (store) => {
    for (let i = 0; i < MAX_EVIDENCE; i++) {
      const unproven = evidenceOf(i, { kind: "unproven" });
      assert.equal(await store.keepEvidence(unproven), "kept");
    }
    const more = evidenceOf(1_000, { kind: "unproven" });
    assert.equal(await store.keepEvidence(more), "full");
    assert.equal(await store.keepEvidence(evidenceOf(1_000)), "kept");
    const other = { ...more, origin: "other.example" };
    assert.equal(await store.keepEvidence(other), "kept");
    assert.equal((await store.evidence(1_000)).length, MAX_EVIDENCE + 2);
  });

  test("remembers all of it after it is opened again", async (store, place) => {
    await store.register(ORIGIN, [...VKEYS]);
    await store.swap(ORIGIN, null, cosigned(7n));
    await store.keepEvidence(evidenceOf(1));
    assert.equal(await store.bindName("witness.example"), null);
    assert.equal(await store.bindName("other.example"), "witness.example");
    const before = await store.list();
    const again = await place.open();
    try {
      assert.deepEqual(await again.list(), before);
      assert.equal((await again.evidence(10)).length, 1);
      assert.equal(await again.bindName(null), "witness.example");
    } finally {
      await again.close();
    }
  });
}

/** Evidence by its contract's members alone. */
function plain(kept: Evidence & { count: bigint }): unknown {
  const { origin, kind, size, root, note, held, time, count } = kept;
  return { origin, kind, size, root, note, held, time, count };
}
