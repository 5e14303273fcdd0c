import { utf8 } from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal, ok } from "node:assert/strict";
import { admitPlain } from "./admit_plain.ts";
import { admitStrictly } from "./admit.ts";
import { Submissions } from "./submissions.ts";

const LF = 0x0a;
const CHECKSUM = `sha256:${"0123456789abcdef".repeat(4)}`;
const FILENAME = '"filename":"pkg-1.0-py3-none-any.whl"';
const PLAIN = `{${FILENAME},"checksum":"${CHECKSUM}"}`;
const PUBLISHER = '"publisher":{"issuer":"https://issuer.test","subject":"repo:a/b"}';
const PUBLISHED = `${PLAIN.slice(0, -1)},${PUBLISHER}}`;

/** The entry that the plain reading gives, if it does. */
function plainly(text: Uint8Array): Uint8Array | null {
  const submissions = new Submissions(0, 0);
  const end = admitPlain(text, 0, text.length, -1, submissions);
  equal(submissions.count, end < 0 ? 0 : 1);
  if (end < 0) return null;
  equal(end, text.length);
  return submissions.entryBytes(0).slice();
}

/** The entry that the strict reading gives, if it does. */
function strictly(text: Uint8Array): Uint8Array | null {
  const submissions = new Submissions();
  return admitStrictly(text, submissions) === null ? submissions.entryBytes(0).slice() : null;
}

/** What is read plainly must be read strictly as the same; tells whether it was plain. */
function agrees(text: Uint8Array): boolean {
  const plain = plainly(text);
  if (plain !== null) deepEqual(plain, strictly(text), new TextDecoder().decode(text));
  return plain !== null;
}

Deno.test("admitPlain() reads what clients write", () => {
  const plain = [
    PLAIN,
    PUBLISHED,
    `{"checksum":"${CHECKSUM}",${FILENAME}}`,
    `{${PUBLISHER},"checksum":"${CHECKSUM}",${FILENAME}}`,
    PUBLISHED.replace(/"issuer":("[^"]*"),"subject":("[^"]*")/, '"subject":$2,"issuer":$1'),
    PUBLISHED.replaceAll(":{", ": {").replaceAll('":"', '": "').replaceAll(",", ", "),
    `${PLAIN} \r`,
    PLAIN.replace("pkg-1.0-py3-none-any.whl", "a".repeat(255)),
    PUBLISHED.replace("repo:a/b", "b".repeat(2048)),
  ];
  for (const text of plain) ok(agrees(utf8(text)), text);
});

Deno.test("admitPlain() leaves to the strict reading what is not plain", () => {
  const others = [
    ...[
      "",
      "{",
      "{}",
      "[]",
      "null",
      "{,}",
      ` ${PLAIN}`,
      `\ufeff${PLAIN}`,
      `${PLAIN}\n`,
      `${PLAIN},`,
    ],
    `${PLAIN}${PLAIN}`,
    ...[
      FILENAME,
      `"checksum":"${CHECKSUM}"`,
      PUBLISHER,
      '"x":1',
      '"__proto__":{}',
      '"event":"yank"',
    ]
      .map((member) => `${PUBLISHED.slice(0, -1)},${member}}`),
    ...['"publisher":null', '"publisher":{}', '"publisher":{"issuer":"a"}', '"publisher":"a"']
      .map((member) => `${PLAIN.slice(0, -1)},${member}}`),
    PLAIN.replace("pkg", "p\\u006bg"),
    PLAIN.replace('"filename"', '"file\\u006eame"'),
    ...["", ".", "..", "a".repeat(256), "a/b", "a\\\\b", "a%b", "a b", "é"].map((file) =>
      PLAIN.replace("pkg-1.0-py3-none-any.whl", file)
    ),
    PLAIN.replace(CHECKSUM, CHECKSUM.toUpperCase()),
    PLAIN.replace(CHECKSUM, CHECKSUM + "0"),
    PLAIN.replace(CHECKSUM, CHECKSUM.slice(0, -1)),
    PUBLISHED.replace("repo:a/b", ""),
    PUBLISHED.replace("repo:a/b", "b".repeat(2049)),
    PUBLISHED.replace("repo:a/b", "ö"),
    PLAIN.replace(",", "," + " ".repeat(10_000)),
  ];
  for (const text of others) equal(plainly(utf8(text)), null, text.slice(0, 200));
});

Deno.test("admitPlain() ends at its terminator, and reads nothing beyond the end", () => {
  const text = utf8(`${PLAIN}\n${PUBLISHED}\n${PLAIN.slice(0, -1)}`);
  const submissions = new Submissions();
  const first = admitPlain(text, 0, text.length, LF, submissions);
  equal(first, PLAIN.length);
  const second = admitPlain(text, first + 1, text.length, LF, submissions);
  equal(second, first + 1 + PUBLISHED.length);
  equal(admitPlain(text, second + 1, text.length, LF, submissions), -1);
  equal(submissions.count, 2);
  deepEqual(submissions.entryBytes(1).slice(), strictly(utf8(PUBLISHED)));
  for (let end = 0; end < PLAIN.length; end++) {
    equal(admitPlain(text, 0, end, LF, submissions), -1);
  }
});

Deno.test("admitPlain() agrees with the strict reading after every change of one byte", () => {
  const bytes = utf8(PUBLISHED);
  for (let at = 0; at < bytes.length; at++) {
    // All that JSON or the grammars treat in a way of its own, and what is beside it.
    for (const byte of utf8("\0\t\n\r !\"#$%&',-./0129:[\\]_`afguz{|}~\x7f")) {
      agrees(bytes.with(at, byte));
    }
    agrees(bytes.with(at, 0xc3));
    agrees(new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]));
  }
});

Deno.test("admitPlain() agrees with the strict reading on whatever is put together", () => {
  const blank = fc.constantFrom("", "", "", " ", "\t", "\r", "\n");
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(FILENAME, `"checksum":"${CHECKSUM}"`, PUBLISHER) },
    fc.constantFrom(
      '"filename":',
      '"checksum" : ',
      '"publisher":{',
      `"${CHECKSUM}"`,
      '"issuer":"a"',
    ),
    fc.constantFrom('"subject":"b"', "}", "{", ",", ":", '"', "\\", "null", "é"),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  const members = fc.array(fc.tuple(blank, piece, blank).map((parts) => parts.join("")), {
    maxLength: 5,
  });
  const put = members.map((list) => `{${list.join(",")}}`);
  fc.assert(fc.property(put, (text) => void agrees(utf8(text))), { numRuns: 5000 });
});

Deno.test("admitPlain() agrees with the strict reading on names of every kind", () => {
  const token = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
  const request = fc.record({
    filename: token,
    issuer: token,
    subject: token,
    published: fc.boolean(),
  });
  let plain = 0;
  fc.assert(
    fc.property(request, ({ filename, issuer, subject, published }) => {
      const publisher = published ? { publisher: { issuer, subject } } : {};
      if (agrees(utf8(JSON.stringify({ filename, checksum: CHECKSUM, ...publisher })))) plain++;
    }),
    { numRuns: 2000 },
  );
  ok(plain > 0, "none was plain");
});
