import { encodeBase64, parseUtf8, utf8 } from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { base64Length, ByteWriter, putBase64 } from "./byte_writer.ts";

const bytesOf = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 0xff);

Deno.test("putBase64() writes what encodeBase64() does, and nothing beside it", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = bytesOf(length + 4);
    const into = new Uint8Array(base64Length(length) + 6);
    equal(putBase64(bytes, 2, 2 + length, into, 3), 3 + base64Length(length));
    const text = encodeBase64(bytes.subarray(2, 2 + length));
    deepEqual(into, new Uint8Array([0, 0, 0, ...utf8(text), 0, 0, 0]));
  }
  // Every pair of characters.
  const all = new Uint8Array(3 * 4096);
  for (let i = 0; i < 4096; i++) all.set([i >> 4, (i << 4 | i >> 8) & 0xff, i & 0xff], 3 * i);
  const writer = new ByteWriter(0);
  writer.base64(all);
  equal(parseUtf8(writer.written), encodeBase64(all));
});

Deno.test("ByteWriter writes what it is given, however little room it began with", () => {
  const numbers = [0, 1, 9, 10, 11, 99, 100, 12_345, 999_999_999, 1e9, 2 ** 31, 2 ** 53 - 1];
  for (let digits = 1; digits < 16; digits++) numbers.push(10 ** digits - 1, 10 ** digits);
  for (const room of [0, 1, 1000]) {
    const writer = new ByteWriter(room);
    let text = "";
    for (const number of numbers) {
      writer.decimal(number);
      writer.json({ a: '"é' });
      writer.bytes(utf8("x".repeat(number % 300)));
      writer.bytes(utf8("abcdef"), 2, 4);
      writer.back(1);
      text += `${number}{"a":"\\"é"}${"x".repeat(number % 300)}c`;
    }
    equal(parseUtf8(writer.written), text);
    equal(writer.length, utf8(text).length);
    const taken = writer.take();
    writer.json(1);
    equal(parseUtf8(taken), text, "what was handed out is left alone");
    equal(parseUtf8(writer.written), "1");
    writer.clear();
    equal(writer.length, 0);
  }
});
