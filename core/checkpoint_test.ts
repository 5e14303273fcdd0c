import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import {
  type Checkpoint,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from "./checkpoint.ts";
import { signerOf, verifierOf } from "./cosignature.ts";
import { EMPTY_ROOT } from "./hash.ts";
import { KeyType, signerKey } from "./key.ts";
import { isNoteText, signNote } from "./note.ts";

const CHECKPOINT: Checkpoint = {
  origin: "example.com/log",
  size: 20852163n,
  root: EMPTY_ROOT,
  extensions: [],
};

const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) => isNoteText(text + "\n") && !text.includes("\n"));
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  origin: line,
  size: fc.bigInt({ min: 0n, max: MAX_INT63 }),
  root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  extensions: fc.array(line, { maxLength: 3 }),
}, { noNullPrototype: true });

Deno.test("parseCheckpoint() reads what formatCheckpoint() writes", () => {
  fc.assert(
    fc.property(checkpoint, (checkpoint) => {
      assert.deepEqual(
        parseCheckpoint(formatCheckpoint(checkpoint)),
        checkpoint,
      );
    }),
    { numRuns: RUNS },
  );
});

Deno.test("parseCheckpoint() takes no second spelling", () => {
  const texts = [
    formatCheckpoint(CHECKPOINT),
    formatCheckpoint({
      ...CHECKPOINT,
      origin: "\ufeffорига + n",
      extensions: ["ext", " ", "— looks like AAAA"],
    }),
  ];
  for (const text of texts) {
    for (const changed of mutations(utf8(text))) {
      const parsed = parseOrRefuse(() => parseCheckpoint(parseUtf8(changed)));
      if (parsed) assert.equal(formatCheckpoint(parsed), parseUtf8(changed));
    }
  }
});

Deno.test("parseCheckpoint() refuses what a note cannot hold", () => {
  const text = formatCheckpoint({ ...CHECKPOINT, extensions: ["extension"] });
  for (const control of ["\r", "\t", "\0", "\u001f"]) {
    for (const at of [0, 3, text.length - 1]) {
      const changed = text.slice(0, at) + control + text.slice(at);
      assert.throws(() => parseCheckpoint(changed), SyntaxError);
    }
  }
});

Deno.test("formatCheckpoint() refuses what would parse as something else", () => {
  const wrong: Partial<Checkpoint>[] = [
    { origin: "" },
    { origin: "a\nb" },
    { origin: "a\r" },
    { origin: String.fromCharCode(0xdc00) },
    { size: -1n },
    { size: MAX_INT63 + 1n },
    { root: new Uint8Array(31) },
    { root: new Uint8Array(33) },
    { extensions: [""] },
    { extensions: ["a\n\n— b c"] },
  ];
  for (const fields of wrong) {
    assert.throws(
      () => formatCheckpoint({ ...CHECKPOINT, ...fields }),
      SyntaxError,
    );
  }
});

Deno.test("openCheckpoint() wants the key, the origin and a checkpoint", () => {
  const seed = new Uint8Array(32).fill(3);
  const key = signerKey("example.com/log", KeyType.ed25519, seed);
  const other = signerKey("example.com/log", KeyType.ed25519, EMPTY_ROOT);
  const verifiers = [verifierOf(key)];
  const sign = (text: string, ...keys: typeof key[]) =>
    signNote(text, keys.map((key) => signerOf(key, () => 1n)));
  const text = formatCheckpoint(CHECKPOINT);
  const open = (note: Uint8Array, origin = CHECKPOINT.origin) =>
    openCheckpoint(note, origin, verifiers);

  const opened = open(sign(text, other, key));
  assert.equal(opened.kind, "verified");
  assert.deepEqual(opened.checkpoint, CHECKPOINT);
  assert.equal(opened.text, text);
  assert.deepEqual(opened.verified.map(({ keyId }) => keyId), [key.keyId]);

  const refused = (outcome: ReturnType<typeof open>, why: RegExp) => {
    assert.equal(outcome.kind, "refused");
    assert.match(outcome.why, why);
  };
  refused(open(sign(text, other)), /no signature of a known key/);
  for (const origin of ["example.com/log/", "EXAMPLE.com/log", ""]) {
    refused(open(sign(text, key), origin), /is of the log "example.com\/log"/);
  }
  const tampered = parseUtf8(sign(text, key)).replace("20852163", "20852164");
  refused(open(utf8(tampered)), /does not verify/);
  for (const bad of ["hello\n", text.replace("20852163", "020852163")]) {
    assert.throws(() => open(sign(bad, key)), SyntaxError);
  }
});
