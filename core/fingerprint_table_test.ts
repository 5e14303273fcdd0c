import fc from "fast-check";
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { FingerprintTable, MAX_LEAVES } from "./fingerprint_table.ts";

const sorted = (leaves: readonly number[]) => leaves.toSorted((a, b) => a - b);
const random = (count: number) => {
  const fingerprints = new Uint32Array(2 * count);
  for (let at = 0; at < fingerprints.length; at += 16_384) {
    crypto.getRandomValues(fingerprints.subarray(at, at + 16_384));
  }
  return fingerprints;
};

Deno.test("a fingerprint table finds what was put in, and all that is alike", () => {
  // Few shards and few upper halves, at both ends: long probes, and around the end of a shard.
  const low = fc.constantFrom(0, 1, 255, 256, 0x7fff_ff00);
  const high = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff);
  fc.assert(fc.property(fc.array(fc.tuple(low, high), { maxLength: 400 }), (inserts) => {
    const table = new FingerprintTable();
    const model = new Map<string, number[]>();
    inserts.forEach(([low, high], leaf) => {
      table.insert(low, high, leaf);
      const key = `${low & 0xff} ${high}`;
      model.set(key, [...model.get(key) ?? [], leaf]);
    });
    equal(table.count, inserts.length);
    for (const [low, high] of inserts) {
      deepEqual(sorted(table.candidates(low, high)), model.get(`${low & 0xff} ${high}`));
      deepEqual(table.candidates(low ^ 2, high), []);
      deepEqual(table.candidates(low, high ^ 0x10_0000), []);
    }
  }));
});

Deno.test("a fingerprint table grows without losing any, put in singly or sorted", () => {
  const count = 60_000;
  const fingerprints = random(count);
  const isWanted = (low: number) => low % 8 !== 0;
  const single = new FingerprintTable();
  const atOnce = new FingerprintTable();
  const inParts = new FingerprintTable(count);
  for (let i = 0; i < count; i++) {
    const low = fingerprints[2 * i]!;
    if (isWanted(low)) single.insert(low, fingerprints[2 * i + 1]!, 7 + i);
  }
  atOnce.insertAll(fingerprints, 7, isWanted);
  for (let from = 0; from < count;) {
    const to = Math.min(count, from + 1 + (from * 7919) % 9000);
    inParts.insertAll(fingerprints.subarray(2 * from, 2 * to), 7 + from, isWanted);
    from = to;
  }
  for (const table of [single, atOnce, inParts]) {
    for (let i = 0; i < count; i++) {
      const low = fingerprints[2 * i]!;
      const found = table.candidates(low, fingerprints[2 * i + 1]!);
      equal(found.includes(7 + i), isWanted(low));
    }
    equal(table.count, single.count);
    ok(table.bytes / table.count < 16, `${table.bytes / table.count} bytes each`);
  }
});

Deno.test("a fingerprint table keeps leaf indices up to its end and refuses others", () => {
  const table = new FingerprintTable();
  for (const leaf of [0, 2 ** 31 - 1, 2 ** 31, MAX_LEAVES - 1]) {
    table.insert(5, leaf, leaf);
    deepEqual(table.candidates(5, leaf), [leaf]);
  }
  throws(() => table.insert(5, 6, MAX_LEAVES), RangeError);
  const two = Uint32Array.of(1, 1, 2, 2);
  throws(() => table.insertAll(two, MAX_LEAVES - 1, () => true), RangeError);
  throws(() => table.insertAll(random(5000), MAX_LEAVES - 4999, () => true), RangeError);
});
