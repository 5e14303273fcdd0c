import assert from "node:assert/strict";
import { utf8 } from "./bytes.ts";
import { sha256 } from "./hash.ts";
import { checkPublisherName, formatPublisherLine, parsePublishers } from "./publishers.ts";

const holder = (name: string) => ({ name, digest: sha256(utf8(name)) });

Deno.test("parsePublishers() reads what formatPublisherLine() writes", () => {
  const holders = ["ci", "a", "A-1._@+", "0", "n".repeat(64)].map(holder);
  const file = holders.map(formatPublisherLine).join("# comment\n\n");
  assert.deepEqual(parsePublishers(utf8(file)), holders);
});

Deno.test("a publisher's name follows one rule, written or read", () => {
  const digest = formatPublisherLine(holder("x")).slice(1);
  for (const name of ["", "a b", "#a", "a\nb", "-a", ".a", "n\u00e4me", "a/b", "n".repeat(65)]) {
    assert.throws(() => checkPublisherName(name), SyntaxError, name);
    assert.throws(() => formatPublisherLine({ ...holder("x"), name }), SyntaxError, name);
    if (name === "" || name === "#a") continue; // The digest as a name, and a comment.
    assert.throws(() => parsePublishers(utf8(name + digest)), SyntaxError, name);
  }
});
