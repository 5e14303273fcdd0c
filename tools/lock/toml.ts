/**
 * TOML lock files, read member by member: what is missing or of another type is
 * named by its place in the file.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";
import { parse, type TomlTable, type TomlValue } from "smol-toml";

/** A table of a TOML file, and where it stands, for messages. */
export class Table {
  readonly #members: TomlTable;
  readonly #place: string;

  /**
   * @param members Its members.
   * @param place Where it stands.
   */
  constructor(members: TomlTable, place = "") {
    this.#members = members;
    this.#place = place;
  }

  /**
   * Parses a file.
   *
   * @throws {SyntaxError} If it is not TOML in UTF-8.
   */
  static parse(bytes: Uint8Array): Table {
    try {
      return new Table(parse(parseUtf8(bytes)));
    } catch (error) {
      // The library's message goes on with an excerpt of several lines.
      throw new SyntaxError((error as Error).message.split("\n")[0]!.trim());
    }
  }

  /** The names of its members. */
  get names(): string[] {
    return Object.keys(this.#members);
  }

  /** A string that may be missing. */
  text(name: string): string | null {
    const value = this.#members[name];
    if (value === undefined || typeof value === "string") return value ?? null;
    throw this.malformed(name, "a string");
  }

  /** A string. */
  requiredText(name: string): string {
    const value = this.text(name);
    if (value !== null) return value;
    throw this.malformed(name, "a string");
  }

  /** A whole number; `null` for anything else. */
  number(name: string): number | null {
    const value = this.#members[name];
    return typeof value === "number" ? value : null;
  }

  /** A table that may be missing. */
  table(name: string): Table | null {
    const value = this.#members[name];
    if (value === undefined) return null;
    if (isTable(value)) return new Table(value, this.#placeOf(name));
    throw this.malformed(name, "a table");
  }

  /** The tables of a list; none when it is missing. */
  tables(name: string): Table[] {
    const value = this.#members[name];
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.malformed(name, "a list of tables");
    return value.map((item, i) => {
      if (isTable(item)) return new Table(item, `${this.#placeOf(name)}[${i}]`);
      throw this.malformed(name, "a list of tables");
    });
  }

  /** Its string members, by name. */
  texts(): [string, string][] {
    return this.names.map((name) => [name, this.requiredText(name)]);
  }

  /** The error of a member. */
  malformed(name: string, expected: string): SyntaxError {
    return new SyntaxError(`"${this.#placeOf(name)}" must be ${expected}`);
  }

  #placeOf(name: string): string {
    return this.#place === "" ? name : `${this.#place}.${name}`;
  }
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}
