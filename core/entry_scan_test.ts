// A scan agrees with parseEntry(): what it accepts is an entry with the same fields, and
// of what parseEntry() accepts it knows all that is plain ASCII.

import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { concat, encodeHex, parseUtf8, utf8 } from "./bytes.ts";
import {
  ARTIFACT_V2,
  type Entry,
  EVENTS,
  formatChecksum,
  formatEntry,
  parseEntry,
  PYPI_V1,
} from "./entry.ts";
import { EntryScan } from "./entry_scan.ts";

const scan = new EntryScan();

/** What a scan says of an entry that stands between other bytes; `null` when it does not know it. */
function scanned(entry: Uint8Array): Partial<Entry> | null {
  const start = 7;
  const end = start + entry.length;
  const bytes = concat(utf8("before\n"), entry, utf8("\nafter"));
  if (!scan.scan(bytes, start, end)) return null;
  const text = (from: number, to: number) => parseUtf8(bytes.subarray(from, to));
  const { ecosystemStart, ecosystemEnd, fileStart, fileEnd, digestStart, event } = scan;
  return {
    ecosystem: ecosystemEnd === 0 ? "pypi" : text(ecosystemStart, ecosystemEnd),
    event: EVENTS[event]!,
    file: text(fileStart, fileEnd),
    digest: Uint8Array.fromHex(text(digestStart, digestStart + 64)),
  };
}

/** Checks that the scan and the parser agree; gives whether the bytes are an entry. */
function agree(bytes: Uint8Array): boolean {
  const found = scanned(bytes);
  const parsed = parseOrRefuse(() => parseEntry(bytes));
  if (found) {
    const { ecosystem, event, file, digest } = parsed!;
    assert.deepEqual(found, { ecosystem, event, file, digest: Uint8Array.from(digest) });
  } else if (parsed) {
    const plain = bytes.every((byte) => byte < 0x80) && (parsed.size ?? 0n) < 10n ** 18n;
    assert.ok(!plain, `unknown to the scan: ${parseUtf8(bytes)}`);
  }
  return parsed !== null;
}

const ascii = (characters: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength });
const PRINTABLE = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i));
// Any text a field may be given, right and wrong ones, long ones too.
const TEXT = fc.oneof(
  { weight: 6, arbitrary: ascii(PRINTABLE.replace(/[/\\%]/g, ""), 60) },
  { weight: 2, arbitrary: ascii(PRINTABLE, 20) },
  ascii("aéключ漢😀 \n\r\0.", 4),
  fc.constantFrom("", ".", "..", "...", "a.", ".a"),
  fc.integer({ min: 1, max: 2050 }).map((length) => "x".repeat(length)),
  fc.constantFrom(32, 33, 255, 256, 512, 513, 2048, 2049).map((length) => "x".repeat(length)),
);
const ECOSYSTEM = fc.oneof(fc.constantFrom("pypi", "npm", "-a", ".a", "a.-9", "9", "A"), TEXT);
const DIGEST = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(encodeHex);
const HEX = fc.oneof(
  { weight: 8, arbitrary: DIGEST },
  DIGEST.map((hex) => hex.toUpperCase()),
  TEXT,
);
const SIZE = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
  fc.nat().map(String),
  fc.constantFrom("0", "00", "01", "-1", "1e3", "", "999999999999999999", "1000000000000000000"),
);
const NATIVE = fc.oneof(
  fc.tuple(fc.constantFrom("sha1", "a", "-a", "sha512-", "A", "x".repeat(33)), TEXT)
    .map((parts) => parts.join(":")),
  TEXT,
);
const pair = fc.tuple(TEXT, TEXT).map((tokens) => tokens.join(" "));
const maybe = (line: fc.Arbitrary<string>) => fc.option(line, { nil: undefined });

const V1_TEXT = fc.tuple(HEX, TEXT, maybe(pair)).map(([hex, file, publisher]) => {
  const head = `${PYPI_V1}\nsha256:${hex}\n${file}`;
  return publisher === undefined ? head : `${head}\npublisher ${publisher}`;
});
const V2_TEXT = fc.record({
  ecosystem: ECOSYSTEM,
  event: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<string>(...EVENTS) }, TEXT),
  file: TEXT,
  package: maybe(pair),
  sha256: HEX,
  native: maybe(NATIVE),
  size: maybe(SIZE),
  publisher: maybe(pair),
  attestation: maybe(HEX.map((hex) => `sha256:${hex}`)),
}).map((fields) => {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [ARTIFACT_V2, ...lines.map((line) => line.join(" ")), ""].join("\n");
});

Deno.test("scan() agrees with parseEntry() on fields of all kinds", () => {
  const seen = { entries: 0, others: 0 };
  fc.assert(
    fc.property(fc.oneof(V1_TEXT, V2_TEXT), (text) => {
      if (agree(utf8(text))) seen.entries++;
      else seen.others++;
    }),
    { numRuns: RUNS * 50 },
  );
  assert.ok(Math.min(seen.entries, seen.others) > RUNS, JSON.stringify(seen));
});

const V1: Entry = {
  format: PYPI_V1,
  ecosystem: "pypi",
  event: "publish",
  file: "a-1.whl",
  digest: new Uint8Array(32).fill(0xa5),
};
const PUBLISHER = { issuer: "i", subject: "s/é" };
const V2: Entry = {
  ...V1,
  format: ARTIFACT_V2,
  ecosystem: "npm",
  event: "unyank",
  package: { name: "@a/b", version: "1-rc" },
  native: "sha1:AA==",
  size: 2n ** 53n + 1n,
  publisher: { issuer: "i", subject: "s" },
  attestation: formatChecksum(V1.digest),
};

Deno.test("scan() agrees with parseEntry() on every truncation and change of a byte", () => {
  for (const entry of [V1, { ...V1, publisher: PUBLISHER }, V2, { ...V2, publisher: PUBLISHER }]) {
    const bytes = formatEntry(entry);
    assert.ok(agree(bytes));
    for (const changed of mutations(bytes)) agree(changed);
  }
});

Deno.test("scan() agrees with parseEntry() on lines left out, repeated and moved", () => {
  const lines = parseUtf8(formatEntry(V2)).split("\n").slice(0, -1);
  const every = [...lines, "", "publisher i", "publisher i s t", "publisher  i s", "size", "x y"];
  for (const i of lines.keys()) {
    for (const line of every) {
      for (const taken of [0, 1]) {
        const changed = lines.toSpliced(i, taken, line);
        for (const end of ["", "\n", "\n\n"]) agree(utf8(changed.join("\n") + end));
      }
    }
    agree(utf8(lines.toSpliced(i, 1).join("\n") + "\n"));
  }
});

Deno.test("scan() refuses an entry over 65535 bytes, and a range beyond the bytes", () => {
  const bytes = formatEntry(V1);
  assert.ok(scan.scan(bytes, 0, bytes.length));
  assert.ok(!scan.scan(bytes, 0, bytes.length + 1));
  assert.ok(!scan.scan(concat(bytes, new Uint8Array(65_536)), 0, 65_536));
});
