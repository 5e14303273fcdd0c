/**
 * JSON as Python writes it: the bytes of `json.dumps(value, sort_keys=True)`, which
 * Signet signs. A space after `,` and `:`, ASCII only, members in the order of code
 * points, and floats apart from integers: `1.0` and `1` are signed differently, so
 * reading keeps them apart too.
 *
 * Reading is strict (`core/json.ts`): what two readers could take in two ways is
 * refused, also where Python would pick one.
 *
 * @module
 */

import { parseJsonText, parseUtf8, utf8 } from "@indelible/core";

/** A number that was written with a point or an exponent, which Python reads as a float. */
export class PythonFloat {
  /** Its value. */
  readonly value: number;

  /** Makes one of a finite number. */
  constructor(value: number) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`Cannot write ${value} as JSON: expected a finite number`);
    }
    this.value = value;
  }
}

/** A JSON value as Python has it; a `number` is an integer. */
export type PythonJson =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonJson[]
  | PythonObject;

/** A JSON object. */
export interface PythonObject {
  /** Its members. */
  readonly [member: string]: PythonJson;
}

/**
 * Parses a JSON text, keeping floats apart from integers.
 *
 * @param bytes UTF-8.
 * @throws {SyntaxError} If it is not JSON, or JSON that could be read in two ways.
 */
export function parsePythonJson(bytes: Uint8Array): PythonJson {
  const text = parseUtf8(bytes);
  parseJsonText(text); // The judge; the platform's parser alone knows how a number was spelled.
  return JSON.parse(text, keepFloats as Reviver);
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown;

function keepFloats(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === "number" && /[.eE]/.test(source!) ? new PythonFloat(value) : value;
}

/** Whether a value is an object, and not an array, a float or `null`. */
export function isObject(value: PythonJson | undefined): value is PythonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof PythonFloat);
}

/** The bytes of `json.dumps(value, sort_keys=True)`. */
export function formatPythonJson(value: PythonJson): Uint8Array<ArrayBuffer> {
  return utf8(dump(value, null, ""));
}

/** The text of `json.dumps(value, sort_keys=True, indent=2)`, for people. */
export function showPythonJson(value: PythonJson): string {
  return dump(value, "  ", "\n");
}

/** `indent` is what a level adds, if lines are broken; `line` starts a line at this level. */
function dump(value: PythonJson, indent: string | null, line: string): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return integer(value);
  if (value instanceof PythonFloat) return float(value.value);
  const inner = indent === null ? "" : line + indent;
  const join = (open: string, items: readonly string[], close: string): string =>
    items.length === 0
      ? open + close
      : open + inner + items.join(indent === null ? ", " : `,${inner}`) + line + close;
  if (!isObject(value)) return join("[", value.map((item) => dump(item, indent, inner)), "]");
  const names = Object.keys(value).sort(byCodePoints);
  const members = names.map((name) => `${quote(name)}: ${dump(value[name]!, indent, inner)}`);
  return join("{", members, "}");
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** What is not printable ASCII is escaped, beyond 2^16 as two surrogates. */
function quote(text: string): string {
  const escaped = text.replace(
    /["\\]|[^ -~]/g,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

function integer(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  throw new RangeError(`Cannot write ${value} as JSON: expected an integer below 2^53`);
}

/** As Python's `repr`: the fewest digits that give the number back, 1e16 and 1e-05 onwards so. */
function float(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "", power = ""] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = Math.abs(exponent).toString().padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** UTF-16 units would put U+1F600 before U+FF5E. */
function byCodePoints(a: string, b: string): number {
  for (let at = 0;;) {
    const [x, y] = [a.codePointAt(at), b.codePointAt(at)];
    if (x === undefined || y === undefined) return a.length - b.length;
    if (x !== y) return x - y;
    at += x > 0xffff ? 2 : 1;
  }
}
