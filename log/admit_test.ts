import { concat, encodeHex, formatEntry, parseUtf8, sha256, utf8 } from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal, ok } from "node:assert/strict";
import { admit } from "./admit.ts";
import { Submissions } from "./submissions.ts";

const CHECKSUM = `sha256:${encodeHex(sha256(utf8("a wheel")))}`;
const GOOD = { filename: "pkg-1.0-py3-none-any.whl", checksum: CHECKSUM };
const PUBLISHER = { issuer: "https://issuer.test", subject: "repo:a/b" };

/** The entry that a request's body is admitted as. */
function admitted(request: unknown): string {
  const text = utf8(typeof request === "string" ? request : JSON.stringify(request));
  const submissions = new Submissions();
  equal(admit(text, 0, text.length, submissions), null);
  equal(submissions.count, 1);
  const bytes = submissions.entryBytes(0);
  deepEqual(formatEntry(submissions.entry(0)), bytes.slice());
  // Where it stands makes no difference, nor what is around it.
  const around = concat(utf8("{"), text, utf8("}"));
  equal(admit(around, 1, 1 + text.length, submissions), null);
  deepEqual(submissions.entryBytes(1), bytes);
  return parseUtf8(bytes);
}

/** The field that is blamed; `-` when the JSON itself is. */
function refused(body: string | Uint8Array): string {
  const text = typeof body === "string" ? utf8(body) : body;
  const submissions = new Submissions();
  const result = admit(text, 0, text.length, submissions);
  ok(result !== null, `admitted ${body}`);
  equal(submissions.count, 0);
  ok(result.error.length > 0 && result.error.length < 400, "one sentence");
  // deno-lint-ignore no-control-regex
  ok(!/[\u0000-\u001f\u007f\u2028\u2029]/.test(result.error), "nothing that breaks a line");
  return result.field ?? "-";
}

const withMember = (member: string, json: string) =>
  JSON.stringify(GOOD).replace(/}$/, `,${JSON.stringify(member)}:${json}}`);
const replaced = (member: keyof typeof GOOD, json: string) =>
  JSON.stringify({ ...GOOD, [member]: null }).replace(`"${member}":null`, `"${member}":${json}`);

Deno.test("admit() makes the entries of bt-log, bit by bit", () => {
  equal(admitted(GOOD), `pypi-transparency/v1\n${CHECKSUM}\n${GOOD.filename}`);
  equal(
    admitted({ ...GOOD, publisher: PUBLISHER }),
    `pypi-transparency/v1\n${CHECKSUM}\n${GOOD.filename}\npublisher https://issuer.test repo:a/b`,
  );
  // Members that are null or unknown change nothing.
  const extra = { publisher: null, ecosystem: null, event: null, package: null, more: [{}] };
  equal(admitted({ ...extra, ...GOOD }), admitted(GOOD));
});

Deno.test("admit() makes statements with every line of artifact-transparency/v2", () => {
  const full = {
    ...GOOD,
    ecosystem: "npm",
    event: "publish",
    package: { name: "@a/b", version: "1.0" },
    native: "sha512:AAAA==",
    size: 9_007_199_254_740_991,
    publisher: PUBLISHER,
    attestation: CHECKSUM,
  };
  const want = [
    "artifact-transparency/v2",
    "ecosystem npm",
    "event publish",
    `file ${GOOD.filename}`,
    "package @a/b 1.0",
    `sha256 ${CHECKSUM.slice(7)}`,
    "native sha512:AAAA==",
    "size 9007199254740991",
    "publisher https://issuer.test repo:a/b",
    `attestation ${CHECKSUM}`,
    "",
  ].join("\n");
  equal(admitted(full), want);
  equal(admitted({ ...full, size: "9007199254740991" }), want);
  for (const event of ["publish", "yank", "unyank", "remove", "restore", "review"]) {
    ok(admitted({ ...GOOD, event }).includes(`\nevent ${event}\n`));
  }
});

Deno.test("F28 admit() refuses JSON that two readers could read in two ways", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const bodies: (string | Uint8Array)[] = [
    ...["", " ", "{", "nul", "{}{}", `${JSON.stringify(GOOD)}x`, `${JSON.stringify(GOOD)},`],
    ...[`\ufeff${JSON.stringify(GOOD)}`, `${JSON.stringify(GOOD)}\0`, "{'filename':1}"],
    withMember("checksum", JSON.stringify(CHECKSUM)),
    withMember("filename", '"other.whl"'),
    withMember("__proto__", "{}"),
    withMember("x", '{"a":1,"a":1}'),
    withMember("x", '"\\ud800"'),
    withMember("\\ud800", "1").replace("\\\\ud800", "\\ud800"),
    ...["1e400", "-1e400", "9007199254740993", "-0", "-0.0", "1e-400", "01", "+1", "0x10", "NaN"]
      .map((number) => withMember("x", number)),
    ...["'a'", "1.", ".5", '"a\nb"', '"\\x41"', "Infinity", "undefined"]
      .map((value) => withMember("x", value)),
    withMember("x", deep),
    `${JSON.stringify(GOOD).slice(0, -1)},}`,
    `/**/${JSON.stringify(GOOD)}`,
    Uint8Array.of(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00),
    new Uint8Array([...utf8('{"filename":"'), 0xc0, 0xaf, ...utf8('"}')]),
    new Uint8Array([...utf8('{"filename":"'), 0xed, 0xa0, 0x80, ...utf8('"}')]),
  ];
  for (const body of bodies) equal(refused(body), "-", String(body).slice(0, 100));
  for (const body of ["null", "1", '"a"', "[]", `[${JSON.stringify(GOOD)}]`]) {
    equal(refused(body), "body", body);
  }
});

Deno.test("F31 admit() takes the exact ASCII file name, and nothing that only looks like one", () => {
  const names = [
    ...[
      "",
      " ",
      "a b",
      "a\tb",
      " a",
      "a ",
      "a/b",
      "a\\b",
      "..",
      ".",
      "/etc/passwd",
      "../a",
      "a%2fb",
    ],
    ...["%", "p\u0430ypal-1.0.tar.gz", "a\u200b.whl", "\ufeffa.whl", "\uff41.whl", "e\u0301.whl"],
    ...["\u00e9.whl", "\u0130.whl", "\u212a.whl", "\u202egz.whl", "a\u00ad.whl", "\u{1f4e6}.whl"],
    ...["a".repeat(256), "a".repeat(10_000)],
  ];
  for (const name of names) equal(refused(JSON.stringify({ ...GOOD, filename: name })), "filename");
  // Case and runs of "-_." are part of the name: three identifiers.
  const kept = [
    "A-1.0.tar.gz",
    "a-1.0.tar.gz",
    "a_1.0.tar.gz",
    "a".repeat(255),
    "~!@#$^&*()+=[]{}",
  ];
  for (const name of kept) ok(admitted({ ...GOOD, filename: name }).endsWith(`\n${name}`));
});

Deno.test("F32 admit() lets no field break out of its line", () => {
  const breaks = [
    ..."\n\r\0\x1b\x7f\x85\u2028\u2029\u00a0\u200b\u2060\ufeff\u202e\u00ad\u3000 \t\v\f",
  ];
  for (const character of breaks) {
    for (const value of [`a${character}b`, character, `${character}a`, `a${character}`]) {
      const hex = character.codePointAt(0)!.toString(16);
      const ask = (fields: object) => refused(JSON.stringify({ ...GOOD, ...fields }));
      equal(ask({ filename: value }), "filename", hex);
      equal(ask({ checksum: CHECKSUM + character }), "checksum", hex);
      equal(ask({ checksum: character + CHECKSUM }), "checksum", hex);
      equal(ask({ publisher: { ...PUBLISHER, issuer: value } }), "publisher.issuer", hex);
      equal(ask({ publisher: { ...PUBLISHER, subject: value } }), "publisher.subject", hex);
      equal(ask({ ecosystem: value }), "ecosystem", hex);
      equal(ask({ event: value }), "event", hex);
      equal(ask({ event: "yank", native: `sha512:${value}` }), "native", hex);
      equal(ask({ event: "yank", size: `1${character}` }), "size", hex);
      equal(ask({ event: "yank", attestation: CHECKSUM + character }), "attestation", hex);
      const version = (name: string, version: string) => ({
        event: "yank",
        package: { name, version },
      });
      equal(ask(version(value, "1")), "package.name", hex);
      equal(ask(version("a", value)), "package.version", hex);
    }
  }
});

Deno.test("admit() refuses members of the wrong type, naming them", () => {
  for (const value of ["null", "1", "true", "[]", "{}", '["a"]']) {
    equal(refused(replaced("filename", value)), "filename");
    equal(refused(replaced("checksum", value)), "checksum");
  }
  equal(refused("{}"), "filename");
  equal(refused(`{"filename":"a"}`), "checksum");
  for (const value of ["1", "true", "[]", '"a"']) {
    equal(refused(withMember("publisher", value)), "publisher");
  }
  equal(refused(withMember("publisher", "{}")), "publisher.issuer");
  equal(refused(withMember("publisher", '{"issuer":"a"}')), "publisher.subject");
  equal(refused(withMember("publisher", '{"issuer":"a","subject":""}')), "publisher.subject");
  const long = JSON.stringify({ issuer: "a", subject: "b".repeat(2049) });
  equal(refused(withMember("publisher", long)), "publisher.subject");
  for (const value of ["1", "true", "[]", "{}", '""', '"PyPI"']) {
    equal(refused(withMember("ecosystem", value)), "ecosystem");
  }
  for (const value of ["1", "[]", '""', '"Publish"', '"toString"', '"delete"']) {
    equal(refused(withMember("event", value)), "event");
  }
});

Deno.test("admit() refuses every checksum but sha256 in lowercase hexadecimal", () => {
  const hex = CHECKSUM.slice(7);
  const bad = [
    ...["", "sha256:", hex, `sha256:${hex.slice(1)}`, `sha256:${hex}0`, `SHA256:${hex}`],
    ...[`sha256:${hex.toUpperCase()}`, `sha256=${hex}`, `sha256-${hex}`, `md5:${hex}`],
    ...[`sha512:${hex}`, `sha256:0x${hex.slice(2)}`, `sha256: ${hex.slice(1)}`],
    ...[`sha256:${hex.slice(1)}g`, `sha256:${hex.slice(1)}\uff11`, "sha256:" + "z".repeat(64)],
  ];
  for (const checksum of bad) {
    equal(refused(JSON.stringify({ ...GOOD, checksum })), "checksum", checksum);
  }
});

Deno.test("F39 admit() takes sizes by their digits and never rounds one", () => {
  const size = (json: string) => withMember("size", json).replace(/}$/, ',"event":"yank"}');
  const bad = [
    ...["-1", "1.5", "0.1", '"-1"', '"01"', '"+1"', '" 1"', '"1 "', '"1e3"', '"0x10"', '""'],
    ...['"9223372036854775808"', '"18446744073709551616"', '"1_000"', '"\u0661"', "true", "[]"],
  ];
  for (const json of bad) equal(refused(size(json)), "size", json);
  for (const json of ["9007199254740993", "1e400", "-0"]) equal(refused(size(json)), "-", json);
  for (const json of ["0", "1", '"0"', '"9007199254740993"', '"9223372036854775807"', "1e3"]) {
    const digits = json === "1e3" ? "1000" : json.replaceAll('"', "");
    ok(admitted(size(json)).includes(`\nsize ${digits}\n`), json);
  }
});

Deno.test("admit() never throws, and what it admits is canonical", () => {
  const json = fc.json({ maxDepth: 4 }).map(utf8);
  const bytes = fc.uint8Array({ maxLength: 200 });
  const near = fc.record({
    filename: fc.oneof(fc.string(), fc.constant(GOOD.filename)),
    checksum: fc.oneof(fc.string(), fc.constant(CHECKSUM)),
    publisher: fc.option(fc.record({ issuer: fc.string(), subject: fc.string() })),
    event: fc.option(fc.constantFrom("publish", "yank", "nonsense")),
    size: fc.option(fc.oneof(fc.double(), fc.string(), fc.nat())),
  }).map((request) => utf8(JSON.stringify(request)));
  fc.assert(fc.property(fc.oneof(json, bytes, near), (body) => {
    const submissions = new Submissions();
    if (admit(body, 0, body.length, submissions) !== null) return;
    deepEqual(formatEntry(submissions.entry(0)), submissions.entryBytes(0).slice());
  }));
});

Deno.test("admit() survives every truncation of a good request", () => {
  const body = utf8(JSON.stringify({ ...GOOD, publisher: PUBLISHER, event: "yank", size: 1 }));
  for (let length = 0; length < body.length; length++) {
    refused(body.subarray(0, length));
  }
});
