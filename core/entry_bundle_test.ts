import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { concat, utf8 } from "./bytes.ts";
import { encodeEntryBundle, MAX_ENTRY_SIZE, parseEntryBundle } from "./entry_bundle.ts";

Deno.test("parseEntryBundle() reads what encodeEntryBundle() writes", () => {
  const entry = fc.uint8Array({ maxLength: 300 });
  const entries = fc.array(entry, { minLength: 1, maxLength: 256 });
  fc.assert(
    fc.property(entries, (entries) => {
      const parsed = parseEntryBundle(
        encodeEntryBundle(entries),
        entries.length,
      );
      assert.deepEqual(parsed, entries);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("parseEntryBundle() takes no second spelling and no other width", () => {
  const bundle = encodeEntryBundle(["", "a", "bcd", "x".repeat(258)].map(utf8));
  for (const changed of [bundle, ...mutations(bundle)]) {
    for (let width = 0; width <= 6; width++) {
      const parsed = parseOrRefuse(() => parseEntryBundle(changed, width));
      if (!parsed) continue;
      assert.equal(parsed.length, width);
      assert.deepEqual(encodeEntryBundle(parsed), changed);
      if (changed === bundle) assert.equal(width, 4);
    }
  }
  for (const tail of [[0], [0, 0], [0, 1], [1]]) {
    const longer = concat(bundle, Uint8Array.from(tail));
    assert.throws(() => parseEntryBundle(longer, 4), SyntaxError);
  }
});

Deno.test("encodeEntryBundle() takes 1–256 entries of up to 65535 bytes", () => {
  const empty = new Uint8Array(0);
  const largest = new Uint8Array(MAX_ENTRY_SIZE);
  const full = encodeEntryBundle(Array(256).fill(largest));
  assert.equal(full.length, 16_777_472);
  assert.equal(parseEntryBundle(full, 256).length, 256);
  assert.deepEqual(encodeEntryBundle([empty]), new Uint8Array(2));
  for (const count of [0, 257]) {
    const entries = Array(count).fill(empty);
    assert.throws(() => encodeEntryBundle(entries), RangeError);
  }
  const tooLarge = new Uint8Array(MAX_ENTRY_SIZE + 1);
  assert.throws(() => encodeEntryBundle([tooLarge]), RangeError);
});
