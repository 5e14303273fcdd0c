import assert from "node:assert/strict";
import fc from "fast-check";
import { RUNS } from "./_testing.ts";
import {
  concat,
  encodeBase64,
  encodeHex,
  equalBytes,
  excerpt,
  parseBase64,
  parseDecimal,
  parseHex,
  parseUtf8,
  uint64,
  utf8,
} from "./bytes.ts";

Deno.test("parseDecimal() takes decimals up to 2^63-1 exactly", () => {
  for (const n of [0n, 1n, 10n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
    assert.equal(parseDecimal(`${n}`, "number"), n);
  }
});

Deno.test("parseDecimal() refuses every other spelling and number", () => {
  for (
    const text of [
      "",
      " ",
      "01",
      "00",
      "007",
      "+1",
      "-1",
      "-0",
      " 1",
      "1 ",
      "1\n",
      "\n1",
      "1\r",
      "1e3",
      "0x10",
      "0b1",
      "0o7",
      "1.0",
      "7n",
      "1_000",
      "1,000",
      "٧",
      "７",
      "²",
      "Infinity",
      "NaN",
      "\ufeff1",
      "1\u0000",
      `${2n ** 63n}`,
      `${2n ** 64n}`,
      `${2n ** 64n + 5n}`,
      "9".repeat(19),
      "9".repeat(100_000),
    ]
  ) {
    assert.throws(() => parseDecimal(text, "tree size"), {
      name: "SyntaxError",
      message: /^Cannot parse tree size: .{1,400}$/,
    }, text);
  }
});

Deno.test("parseBase64() takes only what encodeBase64() writes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.deepEqual(parseBase64(encodeBase64(bytes)), bytes);
    }),
    { numRuns: RUNS },
  );
  for (
    const text of [
      "AB==", // Bits that no byte takes.
      "AAB=",
      "AA",
      "AA=",
      "AAA",
      "A===",
      "====",
      "=",
      "AAAA=",
      "AA==AA==",
      " AAAA",
      "AAAA ",
      "AA AA",
      "AAAA\n",
      "A\nAAA",
      "AAAA\r",
      "AAAA    AAAA",
      "AAAA\t\n\f\r",
      "-_AA",
      "AA\u0000A",
      "ＡAAA",
    ]
  ) assert.throws(() => parseBase64(text), SyntaxError, text);
});

Deno.test("parseHex() takes only what encodeHex() writes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.deepEqual(parseHex(encodeHex(bytes)), bytes);
    }),
    { numRuns: RUNS },
  );
  for (const text of ["A0", "a", "0g", "0x00", " 00", "00\n", "００"]) {
    assert.throws(() => parseHex(text), SyntaxError, text);
  }
});

Deno.test("parseUtf8() keeps what is valid and refuses what is not", () => {
  for (const text of ["", "\ufeffa", "\ufffd", "é\u0000😀", "\u{10ffff}"]) {
    assert.equal(parseUtf8(utf8(text)), text);
  }
  for (
    const hex of [
      "ff",
      "80",
      "c080", // Overlong.
      "e08080",
      "eda080", // A surrogate.
      "f4908080", // Beyond U+10FFFF.
      "e280", // Truncated.
    ]
  ) assert.throws(() => parseUtf8(parseHex(hex)), SyntaxError, hex);
});

Deno.test("uint64() writes 64 bits and refuses more", () => {
  assert.equal(encodeHex(uint64(0x0102030405060708n)), "0102030405060708");
  assert.equal(encodeHex(uint64(2n ** 64n - 1n)), "f".repeat(16));
  assert.throws(() => uint64(2n ** 64n), RangeError);
  assert.throws(() => uint64(-1n), RangeError);
});

Deno.test("equalBytes() compares every byte and the length", () => {
  assert.ok(equalBytes(utf8(""), utf8("")));
  assert.ok(equalBytes(utf8("abc"), concat(utf8("a"), utf8("bc"))));
  for (const other of ["abd", "bbc", "ab", "abcd", ""]) {
    assert.ok(!equalBytes(utf8("abc"), utf8(other)), other);
  }
});

Deno.test("excerpt() leaves nothing that a terminal would act on", () => {
  const hostile = '\u001b[31m"\\\r\n\u007f\u0085\u00ad\u200b\u202e\u2028\ufeff' +
    String.fromCharCode(0xd800) + "\u{e0041}";
  assert.match(excerpt(hostile), /^[\x20-\x7e]+$/);
  assert.equal(excerpt("ключ 😀"), "ключ 😀");
  assert.equal(excerpt("x".repeat(100)), "x".repeat(60) + "…");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      assert.doesNotMatch(excerpt(text), /[\p{C}\p{Zl}\p{Zp}"]/u);
    }),
    { numRuns: RUNS },
  );
});
