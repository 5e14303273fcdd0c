import assert from "node:assert/strict";
import { utf8 } from "./bytes.ts";
import { encodeEntryBundle } from "./entry_bundle.ts";
import { entryCount, joinBundles, packEntries, slabBundle, slabEntry } from "./entry_slab.ts";

const ENTRIES = ["", "a", "two", "x".repeat(256), "y".repeat(65535), ""].map(utf8);

Deno.test("packEntries() makes a slab that gives entries and bundles back", () => {
  for (let count = 0; count <= ENTRIES.length; count++) {
    const entries = ENTRIES.slice(0, count);
    const slab = packEntries(entries);
    assert.equal(entryCount(slab), count);
    entries.forEach((entry, i) => assert.deepEqual(slabEntry(slab, i), entry));
    for (let from = 0; from < count; from++) {
      for (let to = from + 1; to <= count; to++) {
        assert.deepEqual(slabBundle(slab, from, to), encodeEntryBundle(entries.slice(from, to)));
      }
    }
  }
  assert.throws(() => packEntries([new Uint8Array(65536)]), RangeError);
});

Deno.test("joinBundles() joins bundles to the slab of all their entries", () => {
  const whole = packEntries(ENTRIES);
  for (let cut = 1; cut < ENTRIES.length; cut++) {
    const bundles = [ENTRIES.slice(0, cut), [], ENTRIES.slice(cut)].map((entries) => ({
      bytes: packEntries(entries).bytes,
      count: entries.length,
    }));
    assert.deepEqual(joinBundles(bundles), whole);
  }
  assert.deepEqual(joinBundles([]), packEntries([]));
});

Deno.test("joinBundles() refuses what is truncated, too short or too long", () => {
  const entries = ["one", "", "three"].map(utf8);
  const { bytes } = packEntries(entries);
  const next = { bytes: packEntries(entries).bytes, count: 3 };
  for (let length = 0; length < bytes.length; length++) {
    const cut = { bytes: bytes.subarray(0, length), count: 3 };
    // What is missing must not be taken from the bundle after it.
    assert.throws(() => joinBundles([cut, next]), SyntaxError, `${length}`);
    assert.throws(() => joinBundles([cut]), SyntaxError, `${length}`);
  }
  for (const count of [0, 2, 4]) {
    assert.throws(() => joinBundles([{ bytes, count }]), SyntaxError, `${count}`);
    assert.throws(() => joinBundles([{ bytes, count }, next]), SyntaxError, `${count}`);
  }
});
