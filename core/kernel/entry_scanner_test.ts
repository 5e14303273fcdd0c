// The scanner against EntryScan and identifierFingerprintOf(), entry by entry: what it knows
// they know, with the same fingerprint; and it knows all plain publications of PyPI's form.

import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, RUNS } from "../_testing.ts";
import { encodeHex, utf8 } from "../bytes.ts";
import { EntryScan } from "../entry_scan.ts";
import { ENTRY_LENGTH_BYTES, packEntries } from "../entry_slab.ts";
import { identifierFingerprintOf } from "../fingerprint.ts";
import { instantiateEntryScanner, SCAN_MARGIN } from "./entry_scanner.ts";

const memory = new WebAssembly.Memory({ shared: true, initial: 256, maximum: 256 });
const SEED = Uint32Array.of(0x8badf00d, 0xfee1dead);
const scanner = instantiateEntryScanner(memory, SEED);
const scan = new EntryScan();

/** Scans entries at the very end of the memory; gives how many are known. */
function check(entries: readonly Uint8Array[]): number {
  const { bytes, offsets } = packEntries(entries);
  const source = memory.buffer.byteLength - SCAN_MARGIN - bytes.length;
  const [offsetsAt, fingerprintsAt, knownAt] = [0, 1 << 20, 2 << 20];
  new Uint8Array(memory.buffer, source).fill(0x61);
  new Uint8Array(memory.buffer, source, bytes.length).set(bytes);
  new Uint32Array(memory.buffer, offsetsAt, offsets.length).set(offsets);
  const fingerprints = new Uint32Array(memory.buffer, fingerprintsAt, 2 * entries.length + 1);
  const known = new Uint8Array(memory.buffer, knownAt, entries.length + 1).fill(7);
  fingerprints.fill(0x5a5a5a5a);
  scanner.scanEntries(
    source,
    offsetsAt,
    entries.length,
    ENTRY_LENGTH_BYTES,
    fingerprintsAt,
    knownAt,
  );
  const expected = new Uint32Array(2);
  entries.forEach((entry, i) => {
    const plain = scan.scan(entry, 0, entry.length) && scan.ecosystemEnd === 0;
    assert.equal(known[i], plain ? 1 : 0, new TextDecoder().decode(entry));
    if (plain) identifierFingerprintOf(entry, scan, SEED, expected);
    else expected.fill(0x5a5a5a5a);
    assert.deepEqual(fingerprints.slice(2 * i, 2 * i + 2), expected);
  });
  assert.equal(known[entries.length], 7);
  assert.equal(fingerprints[2 * entries.length], 0x5a5a5a5a);
  return known.subarray(0, entries.length).reduce((sum, one) => sum + one, 0);
}

const HEX = "5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92";
const entry = (file: string, publisher?: string, hex = HEX) =>
  utf8(
    `pypi-transparency/v1\nsha256:${hex}\n${file}` +
      (publisher === undefined ? "" : `\npublisher ${publisher}`),
  );

Deno.test("scanEntries() knows files and tokens of every length", () => {
  const lengths = Array.from({ length: 260 }, (_, length) => length);
  assert.equal(check(lengths.map((length) => entry("x".repeat(length)))), 255);
  assert.equal(check(lengths.map((length) => entry("a.whl", "i ".padEnd(length, "s")))), 257);
  const long = [2047, 2048, 2049].flatMap((length) => [
    entry("a", `${"i".repeat(length)} s`),
    entry("a", `i ${"s".repeat(length)}`),
  ]);
  assert.equal(check(long), 4);
  assert.equal(check([".", "..", "...", "a.", ".a", ".."].map((file) => entry(file))), 3);
});

Deno.test("scanEntries() agrees on every truncation and change of a byte", () => {
  for (const bytes of [entry("a-1.0.tar.gz"), entry("a", "issuer subject")]) {
    check([bytes, ...mutations(bytes)]);
  }
});

Deno.test("scanEntries() agrees on each byte in each place of a file and a token", () => {
  const bytes = entry("0123456789abcdef01", "issuer-of-it subject-of-it");
  const changed: Uint8Array[] = [];
  for (let at = bytes.length - 50; at < bytes.length; at++) {
    for (let byte = 0; byte < 256; byte++) changed.push(bytes.with(at, byte));
  }
  assert.ok(check(changed) > 3000);
});

Deno.test("scanEntries() agrees on fields of all kinds", () => {
  const text = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom(..."abcXYZ019.-_+!~@%/\\ \né\u{1f600}"), maxLength });
  const plain = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom(..."abcXYZ019.-_+!~@"), minLength: 1, maxLength });
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(encodeHex);
  const hex = fc.oneof({ weight: 9, arbitrary: digest }, digest.map((d) => d.toUpperCase()));
  const file = fc.oneof({ weight: 5, arbitrary: plain(80) }, text(20));
  const publisher = fc.option(
    fc.oneof(fc.tuple(plain(40), plain(40)).map((tokens) => tokens.join(" ")), text(30)),
    { nil: undefined },
  );
  const some = fc.array(fc.tuple(file, publisher, hex), { minLength: 1, maxLength: 50 });
  let known = 0;
  fc.assert(
    fc.property(some, (all) => {
      known += check(all.map((fields) => entry(...fields)));
    }),
    { numRuns: RUNS * 5 },
  );
  assert.ok(known > 10 * RUNS);
});
