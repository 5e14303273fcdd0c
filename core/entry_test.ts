import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { concat, MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import {
  ARTIFACT_V2,
  checkFile,
  type Entry,
  EntryError,
  EVENTS,
  formatChecksum,
  formatEntry,
  identifierKey,
  identifierOf,
  parseChecksum,
  parseEntry,
  PYPI_V1,
} from "./entry.ts";

const HEX = "5141b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be92";
const V1: Entry = {
  format: PYPI_V1,
  ecosystem: "pypi",
  event: "publish",
  file: "pkgname-1.2.3-py3-none-any.whl",
  digest: parseChecksum(`sha256:${HEX}`),
};
const PUBLISHER = {
  issuer: "https://issuer.example",
  subject: "https://code.example/project/ключ",
};
const V2: Entry = {
  ...V1,
  format: ARTIFACT_V2,
  ecosystem: "npm",
  event: "yank",
  package: { name: "@scope/name", version: "1.2.3-rc.1" },
  native: "sha512:AAAA+/==",
  size: 2n ** 53n + 1n,
  publisher: PUBLISHER,
  attestation: `sha256:${HEX}`,
};

/** Parses text; fields of entries are tried as text. */
const parse = (text: string): Entry => parseEntry(utf8(text));
const format = (entry: Entry): string => parseUtf8(formatEntry(entry));

Deno.test("formatEntry() writes bt-log's leaf", () => {
  const leaf = `pypi-transparency/v1\nsha256:${HEX}\n${V1.file}`;
  assert.equal(format(V1), leaf);
  assert.equal(
    format({ ...V1, publisher: PUBLISHER }),
    `${leaf}\npublisher ${PUBLISHER.issuer} ${PUBLISHER.subject}`,
  );
});

Deno.test("formatEntry() writes the lines of v2 in their order", () => {
  assert.equal(
    format(V2),
    [
      "artifact-transparency/v2",
      "ecosystem npm",
      "event yank",
      "file pkgname-1.2.3-py3-none-any.whl",
      "package @scope/name 1.2.3-rc.1",
      `sha256 ${HEX}`,
      "native sha512:AAAA+/==",
      "size 9007199254740993",
      `publisher ${PUBLISHER.issuer} ${PUBLISHER.subject}`,
      `attestation sha256:${HEX}`,
      "",
    ].join("\n"),
  );
});

const ascii = (from: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...from), minLength: 1, maxLength });
const PRINTABLE = Array.from(
  { length: 94 },
  (_, i) => String.fromCharCode(0x21 + i),
).join("");
const FILE = ascii(PRINTABLE.replace(/[/\\%]/g, ""), 255)
  .filter((file) => file !== "." && file !== "..");
const TOKEN = fc.oneof(
  ascii(PRINTABLE, 60),
  ascii("aéключ漢字😀-/@", 20).map((token) => token.normalize("NFC")),
);
const DIGEST = fc.uint8Array({ minLength: 32, maxLength: 32 });
const AS_MODEL = { noNullPrototype: true } as const;
const ENTRY_V1: fc.Arbitrary<Entry> = fc.record({
  format: fc.constant(PYPI_V1),
  ecosystem: fc.constant("pypi"),
  event: fc.constant("publish" as const),
  file: FILE,
  digest: DIGEST,
  publisher: fc.record({ issuer: TOKEN, subject: TOKEN }, AS_MODEL),
}, {
  requiredKeys: ["format", "ecosystem", "event", "file", "digest"],
  ...AS_MODEL,
});
const ENTRY_V2: fc.Arbitrary<Entry> = fc.record({
  format: fc.constant(ARTIFACT_V2),
  ecosystem: ascii("abc0189", 1).chain((first) => ascii("az09.-", 31).map((rest) => first + rest)),
  event: fc.constantFrom(...EVENTS),
  file: FILE,
  digest: DIGEST,
  package: fc.record({ name: TOKEN, version: TOKEN }, AS_MODEL),
  native: ascii(PRINTABLE, 100).map((value) => `sha1:${value}`),
  size: fc.bigInt({ min: 0n, max: MAX_INT63 }),
  publisher: fc.record({ issuer: TOKEN, subject: TOKEN }, AS_MODEL),
  attestation: DIGEST.map(formatChecksum),
}, {
  requiredKeys: ["format", "ecosystem", "event", "file", "digest"],
  ...AS_MODEL,
});

Deno.test("parseEntry() reads what formatEntry() writes", () => {
  fc.assert(
    fc.property(fc.oneof(ENTRY_V1, ENTRY_V2), (entry) => {
      assert.deepEqual(parseEntry(formatEntry(entry)), entry);
    }),
    { numRuns: RUNS * 5 },
  );
});

Deno.test("parseEntry() takes no second spelling", () => {
  const entries = [V1, { ...V1, publisher: PUBLISHER }, V2];
  for (const bytes of entries.map(formatEntry)) {
    for (const changed of mutations(bytes)) {
      const parsed = parseOrRefuse(() => parseEntry(changed));
      if (parsed) assert.deepEqual(formatEntry(parsed), changed);
    }
  }
});

Deno.test("parseEntry() refuses other lines, orders and repetitions", () => {
  const lines = format(V2).split("\n").slice(0, -1);
  const text = (lines: string[]) => lines.join("\n") + "\n";
  parse(text(lines));
  for (const i of lines.keys()) {
    assert.throws(() => parse(text(lines.toSpliced(i, 0, lines[i]!))));
    assert.throws(() => parse(text(lines.toSpliced(i, 0, ""))));
    assert.throws(() => parse(text(lines.toSpliced(i, 0, "unknown x"))));
    if (i > 0) {
      assert.throws(() => parse(text(lines.with(i, lines[i - 1]!).with(i - 1, lines[i]!))));
      assert.throws(() => parse(text(lines.with(i, lines[i] + " "))));
      assert.throws(() => parse(text(lines.with(i, lines[i]!.replace(" ", "  ")))));
      assert.throws(() => parse(text(lines.with(i, lines[i]!.split(" ")[0]!))));
    }
  }
  for (const required of [0, 1, 2, 3, 5]) {
    assert.throws(() => parse(text(lines.toSpliced(required, 1))), SyntaxError);
  }
  for (const optional of [4, 6, 7, 8, 9]) {
    parse(text(lines.toSpliced(optional, 1)));
  }
  for (const end of ["", "\n\n", "\r\n", "\n "]) {
    assert.throws(() => parse(lines.join("\n") + end), SyntaxError);
    if (end) assert.throws(() => parse(format(V1) + end), SyntaxError);
  }
  for (const other of ["", "\n", "pypi-transparency/v2\n", "\ufeff" + format(V1)]) {
    assert.throws(() => parse(other), SyntaxError);
  }
  assert.throws(() => parse(text(lines).replace("yank", "delete")), EntryError);
  assert.throws(() => parse(text(lines).replace("npm", "NPM")), EntryError);
  assert.throws(() => parse(text(lines).replace("size 9", "size 09")));
});

// What must not stand in any field: breaks of lines and what readers take for
// them, what hides, and what compares as something else.
const HOSTILE = [
  "\n",
  "\r",
  "\0",
  "\t",
  "\u007f",
  "\u0085",
  "\u2028",
  "\u2029",
  " ",
  "\u00a0",
  "\u3000",
  "\u200b", // Zero-width space,
  "\u200d", // joiner,
  "\u00ad", // soft hyphen,
  "\u034f", // grapheme joiner,
  "\u3164", // Hangul filler,
  "\u115f",
  "\ufe0f", // variation selector,
  "\u{e0041}", // tag.
  "\u202e", // Right-to-left override.
  "\ufeff",
  "e\u0301", // NFD.
  "\u212b", // The Ångström sign, which NFC turns into a letter.
  "\u212a", // The Kelvin sign.
  String.fromCharCode(0xd800),
  "\u{10ffff}",
  "\u0378", // Not assigned.
];

Deno.test("formatEntry() refuses hostile characters in each field", () => {
  const fields: ((text: string) => Partial<Entry>)[] = [
    (text) => ({ file: text }),
    (text) => ({ ecosystem: text }),
    (text) => ({ event: text as Entry["event"] }),
    (text) => ({ package: { name: text, version: "1" } }),
    (text) => ({ package: { name: "a", version: text } }),
    (text) => ({ native: `sha1:${text}` }),
    (text) => ({ native: text }),
    (text) => ({ publisher: { issuer: text, subject: "s" } }),
    (text) => ({ publisher: { issuer: "i", subject: text } }),
    (text) => ({ attestation: text }),
    (text) => ({ attestation: `sha256:${HEX}${text}` }),
  ];
  for (const field of fields) {
    for (const hostile of HOSTILE) {
      for (const text of [hostile, `a${hostile}`, `${hostile}a`, `a${hostile}a`]) {
        assert.throws(
          () => formatEntry({ ...V2, ...field(text) }),
          EntryError,
          JSON.stringify(field(text)),
        );
      }
    }
  }
  for (const field of fields.slice(0, -1)) {
    assert.throws(() => formatEntry({ ...V2, ...field("") }), EntryError);
  }
});

Deno.test("checkFile() takes 1–255 printable ASCII characters", () => {
  for (const file of ["a", "A-1.0.whl", "-._~!$&'()*+,;=:@", "a".repeat(255), "..."]) {
    assert.equal(checkFile(file), file);
  }
  const refused = [
    "",
    ".",
    "..",
    "a/b",
    "../a",
    "a\\b",
    "a%2fb",
    "%",
    "a".repeat(256),
    "аbc", // A Cyrillic а.
    "pkg-１.0.whl", // A full-width digit.
    "İ",
    "ſ",
    "é",
    "ﬁle",
    ...HOSTILE.map((hostile) => `a${hostile}`),
  ];
  for (const file of refused) {
    assert.throws(() => checkFile(file), (error: unknown) => {
      assert.ok(error instanceof EntryError);
      assert.equal(error.field, "filename");
      assert.match(error.message, /^[^\n\r]{1,600}$/);
      return true;
    }, JSON.stringify(file));
  }
});

Deno.test("parseChecksum() takes only sha256 in lowercase", () => {
  const checksum = `sha256:${HEX}`;
  assert.equal(formatChecksum(parseChecksum(checksum)), checksum);
  for (const changed of mutations(utf8(checksum))) {
    const digest = parseOrRefuse(() => parseChecksum(parseUtf8(changed)));
    if (digest) assert.equal(formatChecksum(digest), parseUtf8(changed));
  }
  for (
    const text of [
      HEX,
      `SHA256:${HEX}`,
      `sha256:${HEX.toUpperCase()}`,
      `sha256:${HEX}0`,
      `sha256:${HEX.slice(2)}`,
      `sha256: ${HEX}`,
      `sha512:${HEX}${HEX}`,
      `${checksum}\n`,
      ` ${checksum}`,
      "",
    ]
  ) assert.throws(() => parseChecksum(text, "attestation"), EntryError, text);
});

Deno.test("formatEntry() refuses what its form has no place for", () => {
  for (const field of ["package", "native", "size", "attestation"] as const) {
    assert.throws(() => formatEntry({ ...V1, [field]: V2[field] }), EntryError);
  }
  assert.throws(() => formatEntry({ ...V1, event: "yank" }), EntryError);
  assert.throws(() => formatEntry({ ...V1, ecosystem: "npm" }), EntryError);
  for (const digest of [new Uint8Array(31), new Uint8Array(64)]) {
    assert.throws(() => formatEntry({ ...V1, digest }), EntryError);
  }
  for (const size of [-1n, MAX_INT63 + 1n]) {
    assert.throws(() => formatEntry({ ...V2, size }), EntryError);
  }
  const subject = "s".repeat(2049);
  assert.throws(
    () => formatEntry({ ...V1, publisher: { issuer: "i", subject } }),
    EntryError,
  );
});

Deno.test("parseEntry() refuses over 65535 bytes", () => {
  const bytes = concat(formatEntry(V1), new Uint8Array(65_536));
  assert.throws(() => parseEntry(bytes), /65535/);
  assert.throws(() => parse(`${PYPI_V1}${"\n".repeat(65_000)}`), SyntaxError);
});

Deno.test("identifierKey() tells ecosystem and file apart", () => {
  const keys = [
    { ecosystem: "pypi", file: "a" },
    { ecosystem: "npm", file: "a" },
    { ecosystem: "pypi", file: "A" },
    { ecosystem: "pyp", file: "ia" },
  ].map((identifier) => identifierKey(identifier).toHex());
  assert.equal(new Set(keys).size, keys.length);
  // v1 and v2 of one PyPI file are one identifier.
  const v2: Entry = { ...V2, ecosystem: "pypi" };
  assert.deepEqual(identifierOf(v2), identifierOf(V1));
});
