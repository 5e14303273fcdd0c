/**
 * JSON, strictly: what `JSON.parse` forgives or loses is refused here, because
 * two readers of one request must never see two different requests. Refused are
 * duplicate members, `__proto__`, a byte order mark, lone surrogates, integers
 * beyond 2^53, numbers that a double turns into 0 or infinity, -0, and nesting
 * over 32 levels.
 *
 * @module
 */

import { excerpt, parseUtf8 } from "./bytes.ts";

/** A parsed JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A parsed JSON object, without a prototype. */
export interface JsonObject {
  /** Its members. */
  [member: string]: Json;
}

const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// A stretch of string without escapes, up to what ends it.
// deno-lint-ignore no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
// Zero by its digits, not because a double cannot tell it from zero.
const ZERO = /^0(?:\.0+)?(?:[eE][+-]?[0-9]+)?$/;
const SPACE = /[ \t\n\r]*/y;

/**
 * Parses one JSON text.
 *
 * @param bytes UTF-8.
 * @throws {SyntaxError} If it is not JSON, or JSON that could be read in two ways.
 */
export function parseJson(bytes: Uint8Array): Json {
  return parseJsonText(parseUtf8(bytes));
}

/**
 * Parses one JSON text that is decoded already.
 *
 * @throws {SyntaxError} As {@linkcode parseJson}.
 */
export function parseJsonText(text: string): Json {
  return new Parser(text).whole();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Json {
    const value = this.#value();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
    return value;
  }

  /** Parses a value and the white space around it. */
  #value(): Json {
    this.#space();
    const value = this.#bare();
    this.#space();
    return value;
  }

  #bare(): Json {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  /** Goes past the bracket that opens an object or array. */
  #open(): void {
    if (++this.#depth > MAX_DEPTH) {
      throw malformed(`it nests over ${MAX_DEPTH} levels`);
    }
    this.#at++;
    this.#space();
  }

  /** Goes past the bracket that closes it, if it is there. */
  #close(bracket: string): boolean {
    if (!this.#take(bracket)) return false;
    this.#depth--;
    return true;
  }

  #object(): JsonObject {
    const object: JsonObject = Object.create(null);
    this.#open();
    if (this.#close("}")) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("a member name");
      const name = this.#string();
      if (name === "__proto__") {
        throw malformed('the member name "__proto__" is refused');
      }
      if (name in object) {
        throw malformed(`the member "${excerpt(name)}" stands twice`);
      }
      this.#space();
      if (!this.#take(":")) throw this.#unexpected('":"');
      object[name] = this.#value();
    } while (this.#take(","));
    if (!this.#close("}")) throw this.#unexpected('"," or "}"');
    return object;
  }

  #array(): Json[] {
    const array: Json[] = [];
    this.#open();
    if (this.#close("]")) return array;
    do array.push(this.#value()); while (this.#take(","));
    if (!this.#close("]")) throw this.#unexpected('"," or "]"');
    return array;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      PLAIN.lastIndex = this.#at;
      PLAIN.test(this.#text);
      this.#at = PLAIN.lastIndex;
      const end = this.#text[this.#at];
      if (end === '"') break;
      // An escape is two characters, whatever the second; `unescape` judges it.
      if (end !== "\\" || this.#at + 1 >= this.#text.length) {
        throw this.#unexpected("the end of a string");
      }
      this.#at += 2;
    }
    this.#at++;
    const quoted = this.#text.slice(start, this.#at);
    const value = quoted.includes("\\") ? unescape(quoted) : quoted.slice(1, -1);
    if (!value.isWellFormed()) {
      throw malformed("a string holds a lone surrogate");
    }
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#unexpected("a value");
    this.#at += digits.length;
    const number = Number(digits);
    const lost = number === 0 ? digits !== "0" : !Number.isFinite(number);
    if (lost && !ZERO.test(digits)) {
      throw malformed(`the number ${digits.slice(0, 30)} is refused`);
    }
    if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
      throw malformed(`the number ${digits.slice(0, 30)} is beyond 2^53`);
    }
    return number;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) {
      throw this.#unexpected("a value");
    }
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    const next = this.#text.charCodeAt(this.#at);
    if (next > 0x20) return; // The usual case: compact JSON.
    if (next === 0x20 && this.#text.charCodeAt(this.#at + 1) > 0x20) {
      this.#at++; // The other usual case: one space.
      return;
    }
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #unexpected(expected: string): SyntaxError {
    return malformed(`expected ${expected} at character ${this.#at}`);
  }
}

function unescape(quoted: string): string {
  try {
    return JSON.parse(quoted);
  } catch {
    throw malformed("a string holds a bad escape");
  }
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse JSON: ${why}`);
}
