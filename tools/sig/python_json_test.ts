import { utf8 } from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal, throws } from "node:assert/strict";
import { requirePeer } from "../../tests/peers/peers.ts";
import {
  formatPythonJson,
  parsePythonJson,
  PythonFloat,
  type PythonJson,
  showPythonJson,
} from "./python_json.ts";

const text = (value: PythonJson): string => new TextDecoder().decode(formatPythonJson(value));

/** Has Python itself read JSON texts and write them again, a line each. */
async function askPython(python: string, texts: readonly string[]): Promise<string[]> {
  const program = "import sys, json\n" +
    "for line in sys.stdin: print(json.dumps(json.loads(line), sort_keys=True))";
  const child = new Deno.Command(python, {
    args: ["-c", program],
    stdin: "piped",
    stdout: "piped",
    env: { PYTHONIOENCODING: "utf-8:surrogatepass" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(utf8(texts.map((one) => `${one}\n`).join("")))
    .then(() => writer.close());
  const { code, stdout } = await child.output();
  await written;
  equal(code, 0);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

/** Any double, by its bits; floats and not integers even where they are whole. */
const anyFloat = fc.bigInt(0n, 2n ** 64n - 1n)
  .map((bits) => new DataView(new BigUint64Array([bits]).buffer).getFloat64(0, true))
  .filter((number) => Number.isFinite(number));
const commonFloat = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.tuple(fc.integer(), fc.integer({ min: -20, max: 25 })).map(([a, b]) => Number(`${a}e${b}`)),
);
/** A text of all planes, and lone surrogates. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "\\", "/", "\u007f", "\u2028", "\ufffe", "é", "\u{1f600}", "\uff5e"),
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.integer({ min: 0, max: 0x7f }).map((unit) => String.fromCharCode(unit)),
    fc.integer({ min: 0x10000, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
  ),
});
const { value: anyValue } = fc.letrec<{ value: PythonJson }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((number) => number + 0),
    fc.oneof(anyFloat, commonFloat).map((number) => new PythonFloat(number)),
    anyText,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(anyText, tie("value")), { maxLength: 5 })
      .map((members) => Object.fromEntries(members.filter(([name]) => name !== "__proto__"))),
  ),
}));

/** The same value in another spelling: no spaces, members as they come, nothing escaped in vain. */
function otherSpelling(value: PythonJson): string {
  if (value instanceof PythonFloat) {
    const spelled = Object.is(value.value, -0) ? "-0" : String(value.value);
    return /[.e]/.test(spelled) ? spelled : `${spelled}.0`;
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(otherSpelling).join(",")}]`;
  const members = Object.entries(value);
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${otherSpelling(v)}`).join(",")}}`;
}

Deno.test("formatPythonJson() writes the bytes that Python writes, of any value", async () => {
  const python = await requirePeer("python3");
  if (python === null) return;
  const values = fc.sample(anyValue, { numRuns: 3000, seed: 8 });
  const floats = fc.sample(fc.oneof(anyFloat, commonFloat), { numRuns: 5000, seed: 8 });
  const edges = [0, -0, 1, 1e15, 1e16, 123456789012345680, 1e22, 5e-324, 1e-4, 1e-5, 0.1, 1e100];
  const all = [...values, ...[...floats, ...edges].map((number) => new PythonFloat(number))];
  const written = await askPython(python, all.map(otherSpelling));
  equal(written.length, all.length);
  for (const [i, value] of all.entries()) equal(text(value), written[i]);
});

Deno.test("parsePythonJson() reads what Python wrote, and it is written the same again", async () => {
  const python = await requirePeer("python3");
  if (python === null) return;
  const values = fc.sample(anyValue, { numRuns: 3000, seed: 9 });
  const written = await askPython(python, values.map(otherSpelling));
  let refused = 0;
  for (const line of written) {
    let parsed;
    try {
      parsed = parsePythonJson(utf8(line));
    } catch (error) {
      // What two readers could take in two ways, and no other.
      equal(
        /lone surrogate|is refused|beyond 2\^53|__proto__/.test((error as Error).message),
        true,
        `${error}: ${line}`,
      );
      refused++;
      continue;
    }
    equal(text(parsed), line);
  }
  equal(refused < values.length, true);
  equal(written.length - refused > 500, true, `${refused} of ${written.length} are refused`);
});

Deno.test("a float stays a float, an integer an integer", () => {
  equal(text(parsePythonJson(utf8('{"b":1.0,"a":1,"c":1e2}'))), '{"a": 1, "b": 1.0, "c": 100.0}');
  deepEqual(parsePythonJson(utf8("[0.0]")), [new PythonFloat(0)]);
});

Deno.test("members are sorted by code points, not by UTF-16 units", () => {
  equal(
    text({ "\u{1f600}": 1, "\uff5e": 2, a: 3, "": 4 }),
    '{"": 4, "a": 3, "\\uff5e": 2, "\\ud83d\\ude00": 1}',
  );
});

Deno.test("showPythonJson() breaks lines as json.dumps(indent=2) does", () => {
  equal(
    showPythonJson({ b: [1, {}], a: [], c: "\u0007" }),
    '{\n  "a": [],\n  "b": [\n    1,\n    {}\n  ],\n  "c": "\\u0007"\n}',
  );
});

Deno.test("what two readers could read in two ways is refused", () => {
  for (
    const [json, why] of [
      ['{"a":1,"a":2}', /stands twice/],
      ['{"__proto__":1}', /__proto__/],
      ['"\\ud800"', /lone surrogate/],
      ["9007199254740993", /beyond 2\^53/],
      ["NaN", /expected a value/],
      ["[1]x", /expected the end/],
      ["[".repeat(40), /nests over/],
    ] as const
  ) throws(() => parsePythonJson(utf8(json)), why);
  throws(() => formatPythonJson(2 ** 53), /below 2\^53/);
  throws(() => new PythonFloat(Infinity), /finite/);
});
