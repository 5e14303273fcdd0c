import { type Json, parseJson, utf8 } from "@indelible/core";
import fc from "fast-check";
import assert from "node:assert/strict";
import { BulkBody } from "./bulk_body.ts";
import { parseLine } from "./import_line.ts";
import { addPlainLine } from "./plain_line.ts";

const CHECKSUM = `sha256:${"0123456789abcdef".repeat(4)}`;
const FILENAME = '"filename":"pkg-1.0-py3-none-any.whl"';
const PUBLISHER = '"publisher":{"issuer":"https://issuer.test","subject":"repo:a/b"}';
const PLAIN = `{"project":"pkg",${FILENAME},"checksum":"${CHECKSUM}","size":1024,` +
  `"uploadTime":"2024-01-01T00:00:00Z","yanked":false,${PUBLISHER},"x":null}`;
const COMMON = { issuer: "common", subject: "all" };

/** What a line is sent as when it is read plainly, if it is. */
function plainly(text: Uint8Array, publisher?: typeof COMMON): Json | null {
  const body = new BulkBody();
  const end = addPlainLine(
    text,
    0,
    text.length,
    body,
    utf8(publisher ? JSON.stringify(publisher) : ""),
  );
  assert.equal(body.count, end < 0 ? 0 : 1);
  if (end < 0) return null;
  assert.equal(end, text.length);
  assert.equal(body.written.at(-1), 0x0a);
  return parseJson(body.written);
}

/** The same when it is read strictly. */
function strictly(text: Uint8Array, publisher?: typeof COMMON): Json | null {
  const line = parseLine(text);
  if (line.kind === "unusable") return null;
  const body = new BulkBody();
  body.add(line, publisher);
  return parseJson(body.written);
}

/** What is read plainly must be read strictly as the same; tells whether it was plain. */
function agrees(text: string | Uint8Array): boolean {
  const bytes = typeof text === "string" ? utf8(text) : text;
  // Of a newline, the caller has cut the line there.
  if (bytes.includes(0x0a)) return false;
  for (const publisher of [undefined, COMMON]) {
    const plain = plainly(bytes, publisher);
    if (plain === null) return false;
    assert.deepEqual(plain, strictly(bytes, publisher), new TextDecoder().decode(bytes));
  }
  return true;
}

Deno.test("addPlainLine() reads what registries' histories are made of", () => {
  const plain = [
    PLAIN,
    `{${FILENAME},"checksum":"${CHECKSUM}"}`,
    `{ "checksum" : "${CHECKSUM}" , ${FILENAME} }\r`,
    `{"publisher":{"subject":"b","issuer":"a"},"checksum":"${CHECKSUM}",${FILENAME}}`,
    PLAIN.replace("1024", "0").replace("false", "true"),
    PLAIN.replace("pkg-1.0-py3-none-any.whl", "a".repeat(255)),
  ];
  for (const text of plain) assert(agrees(text), text);
});

Deno.test("addPlainLine() leaves to the strict reading what is not plain", () => {
  const member = (json: string) => `${PLAIN.slice(0, -1)},${json}}`;
  const others = [
    ...["", "{", "{}", "[]", ` ${PLAIN}`, `\ufeff${PLAIN}`, `${PLAIN},`, PLAIN + PLAIN, "null"],
    ...[FILENAME, `"checksum":"${CHECKSUM}"`, PUBLISHER, '"x":1', '"project":"b"'].map(member),
    ...['"event":"yank"', '"ecosystem":null', '"__proto__":1', '"y":{}', '"y":[1]'].map(member),
    ...['"y":-1', '"y":1.5', '"y":01', '"y":1e400', '"y":9007199254740993', '"y":nul'].map(member),
    PLAIN.replace('"publisher":{', '"publisher":{"z":1,'),
    PLAIN.replace(PUBLISHER, '"publisher":null'),
    PLAIN.replace(PUBLISHER, '"publisher":{"issuer":"a","issuer":"b"}'),
    PLAIN.replace("pkg-", "p\\u006bg-"),
    PLAIN.replace('"project"', '"project\\u0000"'),
    PLAIN.replace("2024", "２０２４"),
    ...["", ".", "..", "a".repeat(256), "a/b", "a%b", "a b", "é"].map((file) =>
      PLAIN.replace("pkg-1.0-py3-none-any.whl", file)
    ),
    ...[CHECKSUM.toUpperCase(), CHECKSUM + "0", CHECKSUM.slice(1), ""].map((checksum) =>
      PLAIN.replace(CHECKSUM, checksum)
    ),
    member(Array.from({ length: 20 }, (_, i) => `"m${i}":1`).join(",")),
  ];
  for (const text of others) assert.equal(plainly(utf8(text)), null, text.slice(0, 300));
});

Deno.test("addPlainLine() agrees with the strict reading after every change of one byte", () => {
  const bytes = utf8(PLAIN);
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of utf8("\0\t\r !\"#$%&',-./0129:[\\]_`aefnuz{|}~\x7f")) {
      agrees(bytes.with(at, byte));
    }
    agrees(bytes.with(at, 0xc3));
    agrees(new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]));
    assert.equal(plainly(bytes.subarray(0, at)), null);
  }
});

Deno.test("addPlainLine() agrees with the strict reading on whatever is put together", () => {
  const blank = fc.constantFrom("", "", "", " ", "\t", "\r");
  const value = fc.oneof(
    fc.constantFrom("0", "12", "-1", "01", "true", "null", '"a"', "{}", "[", '"'),
    fc.string({ unit: "grapheme-ascii", maxLength: 8 }).map((text) => JSON.stringify(text)),
  );
  const unknown = fc.tuple(fc.constantFrom("size", "yanked", "x", "", "event", "_"), value)
    .map(([name, json]) => `"${name}":${json}`);
  const known = fc.constantFrom(FILENAME, `"checksum":"${CHECKSUM}"`, PUBLISHER);
  const piece = fc.oneof({ weight: 3, arbitrary: known }, unknown, fc.string({ maxLength: 4 }));
  const line = fc.array(fc.tuple(blank, piece, blank).map((parts) => parts.join("")), {
    maxLength: 6,
  }).map((members) => `{${members.join(",")}}`);
  let plain = 0;
  fc.assert(
    fc.property(line, (text) => {
      if (agrees(text)) plain++;
    }),
    { numRuns: 5000 },
  );
  assert(plain > 0, "none was plain");
});
