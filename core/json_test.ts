import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { parseUtf8, utf8 } from "./bytes.ts";
import { type Json, parseJson, parseJsonText } from "./json.ts";

const refused = (text: string, why: RegExp = /./): void =>
  assert.throws(() => parseJsonText(text), (error: unknown) => {
    assert.ok(error instanceof SyntaxError, `${error}`);
    assert.match(error.message, /^Cannot parse JSON: [^\n]{1,200}$/);
    assert.match(error.message, why);
    return true;
  }, text.slice(0, 80));

Deno.test("parseJson() reads what JSON.parse reads", () => {
  const options = { depthSize: "medium", maxDepth: 20 } as const;
  const json = fc.json(options).filter((text) => !text.includes("__proto__"));
  const space = fc.constantFrom(0, 1, "\t", " \n");
  fc.assert(
    fc.property(json, space, (text, indent) => {
      const value = JSON.parse(text);
      for (const spelled of [text, JSON.stringify(value, null, indent)]) {
        const parsed = parseOrRefuse(() => parseJsonText(spelled));
        // Only a number may be refused in what JSON.stringify wrote.
        if (parsed === null && value !== null) {
          refused(spelled, /the number -?[0-9.e+-]+ is (?:refused|beyond)/);
        } else {
          assert.equal(JSON.stringify(parsed), JSON.stringify(value));
        }
      }
    }),
    { numRuns: RUNS * 5 },
  );
});

Deno.test("parseJson() refuses what could be read in two ways", () => {
  refused('{"a":1,"a":1}', /"a" stands twice/);
  refused('{"a":1,"b":{},"\\u0061":1}', /"a" stands twice/);
  refused('[{"":1,"":2}]');
  refused('{"__proto__":1}', /__proto__/);
  refused('{"a":{"__pr\\u006fto__":{}}}', /__proto__/);
  refused("\ufeff{}");
  refused('"\\ud800"', /surrogate/);
  refused('"\\udc00\\ud800"', /surrogate/);
  refused('{"\\ud800":1}', /surrogate/);
  refused(`"${String.fromCharCode(0xd800)}"`, /surrogate/);
  assert.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22)), SyntaxError);
  assert.throws(() => parseJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)));
});

Deno.test("parseJson() refuses numbers that a double changes", () => {
  for (
    const number of [
      "1e400",
      "-1e400",
      "9".repeat(400),
      "9007199254740992",
      "9007199254740993",
      "-9007199254740993",
      "9007199254740993.0",
      "1e20",
      "-0",
      "-0.0",
      "-0e1",
      "1e-400",
      "-1e-400",
      "0.0000001e-400",
    ]
  ) refused(`[${number}]`, /the number .* is (?:refused|beyond)/);
  for (
    const [text, value] of [
      ["9007199254740991", Number.MAX_SAFE_INTEGER],
      ["-9007199254740991", Number.MIN_SAFE_INTEGER],
      ["0", 0],
      ["0.0", 0],
      ["0e5", 0],
      ["1.5e-3", 0.0015],
      ["1E2", 100],
    ] as const
  ) assert.equal(parseJsonText(text), value);
});

Deno.test("parseJson() refuses deep nesting without overflowing the stack", () => {
  for (const depth of [33, 100_000, 1_000_000]) {
    refused("[".repeat(depth), /nests/);
    refused('{"a":'.repeat(depth), /nests/);
    refused("[".repeat(depth) + "]".repeat(depth), /nests/);
  }
  const deep = "[".repeat(32) + "]".repeat(32);
  assert.equal(JSON.stringify(parseJsonText(deep)), deep);
  // Depth counts what is open, not what was.
  const wide = `[${Array(100).fill('{"a":[]}')}]`;
  assert.equal(JSON.stringify(parseJsonText(wide)), wide);
});

Deno.test("parseJson() refuses what is not JSON", () => {
  for (
    const text of [
      "",
      " ",
      "{} {}",
      "1 2",
      "{}x",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{,}",
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      "{a:1}",
      "{'a':1}",
      "{1:1}",
      "[}",
      "{]",
      "[",
      "{",
      '"',
      '"a',
      '"\\',
      '"a\\"',
      '[1,"\\',
      '"\\x"',
      '"\\u12"',
      '"\\u12g4"',
      '"\n"',
      '"\t"',
      '"\u0000"',
      "01",
      "+1",
      ".5",
      "1.",
      "1e",
      "1e+",
      "-",
      "--1",
      "0x10",
      "NaN",
      "Infinity",
      "-Infinity",
      "tru",
      "truex",
      "nul",
      "undefined",
      "True",
      "\u00a01",
      "\v1",
      "1\f",
      "1\u2028",
      "// comment\n1",
      "1//",
      "/**/1",
      "１",
    ]
  ) refused(text);
});

Deno.test("parseJson() makes objects that inherit nothing", () => {
  const object = parseJsonText('{"constructor":1,"toString":null}') as Record<
    string,
    Json
  >;
  assert.equal(Object.getPrototypeOf(object), null);
  assert.deepEqual(Object.keys(object), ["constructor", "toString"]);
  assert.equal(parseJsonText("{}") instanceof Object, false);
});

Deno.test("parseJson() agrees with JSON.parse on every change of a body", () => {
  const body = utf8(
    '{"filename":"a\\u00e9-1.0.whl","n":[0,-1.5e3,true,null],"o":{"é":""}}',
  );
  for (const changed of mutations(body)) {
    const parsed = parseOrRefuse(() => parseJson(changed));
    if (parsed !== null) {
      const text = parseUtf8(changed);
      assert.equal(JSON.stringify(parsed), JSON.stringify(JSON.parse(text)));
    }
  }
});
