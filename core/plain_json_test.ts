import assert from "node:assert/strict";
import { utf8 } from "./bytes.ts";
import { checkFile } from "./entry.ts";
import { parseJsonText } from "./json.ts";
import {
  BLANK_BYTE,
  DIGIT_BYTE,
  FILE_BYTE,
  HEX_BYTE,
  isFileString,
  isNext,
  pastBlanks,
  pastColon,
  pastRun,
  pastString,
  putBytes,
  TEXT_BYTE,
  TOKEN_BYTE,
} from "./plain_json.ts";

function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

Deno.test("the classes of bytes are what the grammars of files and JSON say", () => {
  for (let byte = 0; byte < 256; byte++) {
    const bytes = Uint8Array.of(byte);
    const character = String.fromCharCode(byte);
    const has = (bit: number) => pastRun(bytes, 0, 1, bit) === 1;
    // What stands for itself in a JSON string.
    const itself = byte < 0x7f && accepts(() => parseJsonText(`"${character}"`));
    assert.equal(has(TEXT_BYTE), itself, character);
    assert.equal(has(TOKEN_BYTE), itself && character !== " ", character);
    assert.equal(has(FILE_BYTE), itself && accepts(() => checkFile(`a${character}`)), character);
    assert.equal(has(HEX_BYTE), /[0-9a-f]/.test(character), character);
    assert.equal(has(DIGIT_BYTE), /[0-9]/.test(character), character);
    const blank = character !== "\n" && accepts(() => parseJsonText(`${character}1`));
    assert.equal(has(BLANK_BYTE), blank && !/[-0-9]/.test(character), character);
  }
});

Deno.test("isFileString() says of strings what checkFile() says of their content", () => {
  const files = ["", ".", "..", "...", ".a", "a.", "a", "ab", "a".repeat(255), "a".repeat(256)];
  for (const file of files) {
    const bytes = utf8(`"${file}"`);
    assert.equal(isFileString(bytes, 0, bytes.length), accepts(() => checkFile(file)), file);
  }
  assert.equal(isFileString(utf8('"a"'), 0, -1), false);
});

Deno.test("nothing is read at the end or beyond it", () => {
  const bytes = utf8('"abc" : "d"');
  assert.equal(pastString(bytes, 0, bytes.length, TEXT_BYTE), 5);
  assert.equal(pastColon(bytes, 5, bytes.length), 8);
  assert.equal(pastBlanks(bytes, 5, bytes.length), 6);
  for (let end = 0; end < 5; end++) assert.equal(pastString(bytes, 0, end, TEXT_BYTE), -1);
  for (let end = 5; end < 7; end++) assert.equal(pastColon(bytes, 5, end), -1);
  assert.equal(pastRun(bytes, 1, 3, TEXT_BYTE), 3);
  assert.equal(isNext(bytes, 1, 4, utf8("abc")), true);
  assert.equal(isNext(bytes, 1, 3, utf8("abc")), false);
  assert.equal(isNext(bytes, -1, 4, utf8("abc")), false);
  const into = new Uint8Array(6);
  assert.equal(putBytes(into, 2, bytes, 1, 4), 5);
  assert.deepEqual(into, new Uint8Array([0, 0, ...utf8("abc"), 0]));
});
