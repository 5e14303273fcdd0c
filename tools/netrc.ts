/**
 * The `netrc` file as pip reads it (by Python's `netrc` module): user and password by
 * host. Pure.
 *
 * @module
 */

/** How to be let in. */
export interface Login {
  /** The user. */
  readonly user: string;
  /** The password. */
  readonly password: string;
}

/**
 * Finds the login for a host: the last entry of that name, else the default one.
 *
 * @param text The file.
 * @param host The host, without a port.
 * @throws {SyntaxError} If the file is not understood.
 */
export function findLogin(text: string, host: string): Login | null {
  let own: Login | null = null;
  let byDefault: Login | null = null;
  for (const { machine, ...login } of entriesOf(text)) {
    if (machine === host) own = login;
    if (machine === null) byDefault = login;
  }
  return own ?? byDefault;
}

interface NetrcEntry extends Login {
  /** The host; `null` for the default entry. */
  readonly machine: string | null;
}

function* entriesOf(text: string): Generator<NetrcEntry> {
  const words = new Words(text);
  for (let word = words.next(); word !== null; word = words.next()) {
    if (word.startsWith("#")) words.skipLine();
    else if (word === "macdef") words.skipMacro();
    else if (word === "machine") yield entryOf(words.value("machine"), words);
    else if (word === "default") yield entryOf(null, words);
    else throw new SyntaxError(`expected machine, default or macdef in line ${words.line}`);
  }
}

function entryOf(machine: string | null, words: Words): NetrcEntry {
  let [user, password] = ["", ""];
  for (;;) {
    const word = words.next();
    if (word === "login" || word === "user") user = words.value(word);
    else if (word === "password") password = words.value(word);
    else if (word === "account") words.value(word);
    else if (word?.startsWith("#")) words.skipLine();
    else {
      if (word !== null) words.back();
      return { machine, user, password };
    }
  }
}

/** The words of a file: between white space, or in quotes; a backslash takes what follows. */
class Words {
  readonly #text: string;
  #at = 0;
  #before = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The number of the line that the last word is in. */
  get line(): number {
    return this.#text.slice(0, this.#before).split("\n").length;
  }

  /** The next word; `null` at the end. */
  next(): string | null {
    const space = /[ \t\r\n]*/y;
    space.lastIndex = this.#at;
    this.#at += space.exec(this.#text)![0].length;
    this.#before = this.#at;
    if (this.#at === this.#text.length) return null;
    const pattern = this.#text[this.#at] === '"'
      ? /"((?:\\[^]|[^"\\])*)"?/y
      : /((?:\\[^]|[^ \t\r\n\\])+|\\)/y;
    pattern.lastIndex = this.#at;
    const [whole, word] = pattern.exec(this.#text)!;
    this.#at += whole.length;
    return word!.replaceAll(/\\([^])/g, "$1");
  }

  /** The word that belongs to the last one. */
  value(name: string): string {
    const value = this.next();
    if (value === null) throw new SyntaxError(`${name} is not followed by a value`);
    return value;
  }

  /** Takes the last word back. */
  back(): void {
    this.#at = this.#before;
  }

  /** Passes over the rest of the line that the last word is in. */
  skipLine(): void {
    const end = this.#text.indexOf("\n", this.#before);
    this.#at = end < 0 ? this.#text.length : end + 1;
  }

  /** Passes over a macro: to the next empty line. */
  skipMacro(): void {
    const end = this.#text.indexOf("\n\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end + 2;
  }
}
