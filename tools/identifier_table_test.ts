import assert from "node:assert/strict";
import fc from "fast-check";
import { LATER_EVENT, PRESENT, WORDS } from "./fsck_entries.ts";
import { findRepeats } from "./identifier_table.ts";

/** An entry: which fingerprint it has, and what it is; `null` for none. */
type Entry = { readonly fingerprint: number; readonly isLater: boolean } | null;

// Fingerprints that differ in one half only, and in bits that choose the bucket or the slot.
const FINGERPRINTS = [
  [0, 0],
  [2, 0],
  [0, 2],
  [0x80000000, 0],
  [0, 0x80000000],
  [0, 0x00100000],
  [0, 0x00080000],
  [0xfffffffe, 0xfffffffe],
  [0x1000, 0x1000],
] as const;

function wordsOf(entries: readonly Entry[]): Uint32Array {
  const words = new Uint32Array(entries.length * WORDS);
  entries.forEach((entry, i) => {
    if (!entry) return;
    const [low, high] = FINGERPRINTS[entry.fingerprint]!;
    words[WORDS * i] = low | (entry.isLater ? LATER_EVENT : 0);
    words[WORDS * i + 1] = high | PRESENT;
  });
  return words;
}

/** What is to be found, by a map from fingerprints to their first publications. */
function expected(entries: readonly Entry[]) {
  const firsts = new Map<number, number>();
  const pairs: string[] = [];
  const orphans: number[] = [];
  entries.forEach((entry, i) => {
    if (!entry) return;
    const first = firsts.get(entry.fingerprint);
    if (first !== undefined) pairs.push(`${first} ${i}`);
    else if (entry.isLater) orphans.push(i);
    else firsts.set(entry.fingerprint, i);
  });
  return { firsts: firsts.size, pairs: pairs.sort(), orphans: orphans.sort() };
}

Deno.test("findRepeats() finds what a map finds, in any number of parts", () => {
  const entry = fc.option(
    fc.record({ fingerprint: fc.nat(FINGERPRINTS.length - 1), isLater: fc.boolean() }),
    { nil: null, freq: 5 },
  );
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 200 }),
      fc.integer({ min: 1, max: 5 }),
      (log, parts) => {
        const words = wordsOf(log);
        const found = Array.from({ length: parts }, (_, part) => findRepeats(words, part, parts));
        const pairs = found.flatMap((part) =>
          Array.from(
            { length: part.pairs.length / 2 },
            (_, i) => `${part.pairs[2 * i]} ${part.pairs[2 * i + 1]}`,
          )
        );
        assert.deepEqual(
          {
            firsts: found.reduce((sum, part) => sum + part.firsts, 0),
            pairs: pairs.sort(),
            orphans: found.flatMap((part) => [...part.orphans]).sort(),
          },
          expected(log),
        );
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("findRepeats() of many entries, half of them published twice", () => {
  const count = 100_000;
  const all = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) {
    const like = i < count / 2 ? i : i - count / 2;
    // Spread over buckets and slots, as fingerprints are.
    all[WORDS * i] = Math.imul(like, 0x85ebca6b) & ~LATER_EVENT;
    all[WORDS * i + 1] = Math.imul(like, 0x9e3779b1) | PRESENT;
  }
  const { firsts, pairs, orphans } = findRepeats(all, 0, 1);
  assert.equal(orphans.length, 0);
  assert.equal(firsts + pairs.length / 2, count);
  for (let i = 0; i < pairs.length; i += 2) {
    const [first, later] = [pairs[i]!, pairs[i + 1]!];
    assert.ok(first < later);
    assert.deepEqual(
      all.slice(WORDS * first, WORDS * first + WORDS),
      all.slice(WORDS * later, WORDS * later + WORDS),
    );
  }
  assert.ok(pairs.length >= count);
});

Deno.test("findRepeats() of no entries finds nothing", () => {
  const { firsts, pairs, orphans } = findRepeats(new Uint32Array(0), 0, 1);
  assert.deepEqual([firsts, pairs.length, orphans.length], [0, 0, 0]);
});
