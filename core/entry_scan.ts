/**
 * Scans the bytes of entries in place: whether they are an entry, and where its parts
 * stand, without making an object or a string for any of them. For what walks millions
 * of entries: an audit, a table of identifiers.
 *
 * It knows the two forms of `entry.ts` as far as they are plain ASCII, which nearly all
 * entries are. What it does not know it leaves to `parseEntry`: a refusal here decides
 * nothing.
 *
 * @module
 */

import { utf8 } from "./bytes.ts";
import { ARTIFACT_V2, EVENTS, MAX_TOKEN, PYPI_V1 } from "./entry.ts";
import { MAX_ENTRY_SIZE } from "./entry_bundle.ts";
import type { IdentifierRange } from "./fingerprint.ts";

const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

// Classes of bytes, a bit each: what the fields' grammars are made of.
const HEX = 1;
const FILE = 2;
const TOKEN = 4;
const ECOSYSTEM = 8;
const DIGIT = 16;
const LETTER_OR_DIGIT = 32;
const ALGORITHM = 64;

const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const is = (characters: RegExp, bit: number): number => characters.test(character) ? bit : 0;
  return is(/[0-9a-f]/, HEX) | is(/[!-~]/, TOKEN) | is(/[!-$&-.0-[\]-~]/, FILE) |
    is(/[a-z0-9.-]/, ECOSYSTEM) | is(/[0-9]/, DIGIT) | is(/[a-z0-9]/, LETTER_OR_DIGIT) |
    is(/[a-z0-9-]/, ALGORITHM);
});

const V1_START = utf8(`${PYPI_V1}\nsha256:`);
const V2_START = utf8(`${ARTIFACT_V2}\necosystem `);
const EVENT = utf8("event ");
const EVENT_NAMES = EVENTS.map((event) => utf8(event));
const FILE_KEY = utf8("file ");
const PACKAGE = utf8("package ");
const SHA256 = utf8("sha256 ");
const NATIVE = utf8("native ");
const SIZE = utf8("size ");
const PUBLISHER = utf8("publisher ");
const ATTESTATION = utf8("attestation sha256:");

const DIGEST_DIGITS = 64;
/** With so many digits every size is below 2^63. */
const SAFE_DIGITS = 18;

/** What a scan found; used for one entry after the other. */
export class EntryScan implements IdentifierRange {
  /** The ecosystem's first byte; 0 in v1, which means `pypi`. */
  ecosystemStart = 0;
  /** The byte after the ecosystem's last; 0 in v1. */
  ecosystemEnd = 0;
  /** The file's first byte. */
  fileStart = 0;
  /** The byte after the file's last. */
  fileEnd = 0;
  /** The first of the digest's 64 hexadecimal digits. */
  digestStart = 0;
  /** The place of the event in `EVENTS`; 0 is a publication. */
  event = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  /** How far the scan is; -1 once the entry is not one that it knows. */
  #at = 0;
  #end = 0;

  /**
   * Scans an entry.
   *
   * @param bytes Where it stands.
   * @param start Its first byte.
   * @param end The one after its last.
   * @returns Whether it is an entry, and the fields of this object are about it. If not,
   *   `parseEntry` decides what it is.
   */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > MAX_ENTRY_SIZE || end > bytes.length) return false;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    return this.#word(V1_START) ? this.#v1() : this.#word(V2_START) && this.#v2();
  }

  #v1(): boolean {
    this.ecosystemStart = this.ecosystemEnd = this.event = 0;
    this.digestStart = this.#at;
    if (!this.#digest() || !this.#byte(LF) || !this.#file()) return false;
    if (this.#at === this.#end) return true;
    return this.#byte(LF) && this.#word(PUBLISHER) && this.#tokens() && this.#at === this.#end;
  }

  #v2(): boolean {
    this.ecosystemStart = this.#at;
    if (!this.#run(ECOSYSTEM, 32) || !this.#isFirst(this.ecosystemStart)) return false;
    this.ecosystemEnd = this.#at;
    if (!this.#byte(LF) || !this.#word(EVENT) || !this.#event() || !this.#byte(LF)) return false;
    if (!this.#word(FILE_KEY) || !this.#file() || !this.#byte(LF)) return false;
    if (this.#word(PACKAGE) && !(this.#tokens() && this.#byte(LF))) return false;
    if (!this.#word(SHA256)) return false;
    this.digestStart = this.#at;
    if (!this.#digest() || !this.#byte(LF)) return false;
    if (this.#word(NATIVE) && !(this.#native() && this.#byte(LF))) return false;
    if (this.#word(SIZE) && !(this.#size() && this.#byte(LF))) return false;
    if (this.#word(PUBLISHER) && !(this.#tokens() && this.#byte(LF))) return false;
    if (this.#word(ATTESTATION) && !(this.#digest() && this.#byte(LF))) return false;
    return this.#at === this.#end;
  }

  /** Takes these bytes, if they come next. */
  #word(word: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at + word.length > this.#end) return false;
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
    this.#at = at + word.length;
    return true;
  }

  #byte(byte: number): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** Takes all bytes of a class that come next; whether there are some and not too many. */
  #run(bits: number, most: number): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = this.#end;
    let at = start;
    while (at < end && (CLASSES[bytes[at]!]! & bits) !== 0) at++;
    this.#at = at;
    return at > start && at - start <= most;
  }

  /** Whether the byte at a place may be an ecosystem's or an algorithm's first. */
  #isFirst(at: number): boolean {
    return (CLASSES[this.#bytes[at]!]! & LETTER_OR_DIGIT) !== 0;
  }

  #digest(): boolean {
    const start = this.#at;
    return this.#run(HEX, DIGEST_DIGITS) && this.#at - start === DIGEST_DIGITS;
  }

  #file(): boolean {
    this.fileStart = this.#at;
    if (!this.#run(FILE, 255)) return false;
    this.fileEnd = this.#at;
    const length = this.fileEnd - this.fileStart;
    // Neither "." nor "..".
    const dots = this.#bytes[this.fileStart] === 0x2e && this.#bytes[this.fileEnd - 1] === 0x2e;
    return length > 2 || !dots;
  }

  #event(): boolean {
    for (let i = 0; i < EVENT_NAMES.length; i++) {
      if (!this.#word(EVENT_NAMES[i]!)) continue;
      this.event = i;
      return true; // No event's name starts with another's.
    }
    return false;
  }

  #tokens(): boolean {
    return this.#run(TOKEN, MAX_TOKEN) && this.#byte(SPACE) && this.#run(TOKEN, MAX_TOKEN);
  }

  #native(): boolean {
    const start = this.#at;
    return this.#run(ALGORITHM, 32) && this.#isFirst(start) && this.#byte(COLON) &&
      this.#run(TOKEN, 512);
  }

  #size(): boolean {
    const start = this.#at;
    if (!this.#run(DIGIT, SAFE_DIGITS)) return false;
    return this.#bytes[start] !== 0x30 || this.#at - start === 1;
  }
}
