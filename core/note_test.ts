import assert from "node:assert/strict";
import fc from "fast-check";
import { flipBit, mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { concat, equalBytes, parseUtf8, utf8 } from "./bytes.ts";
import { verifierOf } from "./cosignature.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { isKeyName, KeyType, parseVkey, signerKey } from "./key.ts";
import {
  ed25519Signer,
  formatSignatureLine,
  isNoteText,
  MAX_NOTE_SIZE,
  MAX_SIGNATURES,
  type NoteSigner,
  type NoteVerifier,
  openNote,
  type ParsedNote,
  parseNote,
  parseSignatureLine,
  signNote,
} from "./note.ts";

const KEYS = ["a.example", "b.example/é", "c.example"].map((name, i) =>
  signerKey(name, KeyType.ed25519, new Uint8Array(32).fill(i))
);
const [A, B, C] = KEYS.map((key) => ({
  signer: ed25519Signer(key, nativeEd25519),
  verifier: verifierOf(key, nativeEd25519),
})) as [Pair, Pair, Pair];
interface Pair {
  signer: NoteSigner;
  verifier: NoteVerifier;
}

const TEXT = "first line\n\nafter a blank line é\n";

const formatNote = ({ text, signatures }: ParsedNote): string =>
  `${text}\n${signatures.map(formatSignatureLine).join("")}`;

Deno.test("openNote() opens the worked example of signed-note", () => {
  const note = "This is an example message.\n\n" +
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Zt" +
    "g1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
  const key = parseVkey(
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
  );
  const opened = openNote(utf8(note), [verifierOf(key)]);
  assert.equal(opened.kind, "verified");
  assert.equal(opened.text, "This is an example message.\n");
});

Deno.test("openNote() opens what signNote() signed, whatever the text", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 30 })
    .filter((text) => isNoteText(text + "\n"));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      const text = lines.map((line) => line + "\n").join("");
      const note = signNote(text, [A.signer, B.signer]);
      const opened = openNote(note, [B.verifier, A.verifier]);
      assert.equal(opened.kind, "verified");
      assert.equal(opened.text, text);
      assert.deepEqual(
        opened.verified.map(({ name }) => name),
        ["a.example", "b.example/é"],
      );
      assert.equal(formatNote(parseNote(note)), parseUtf8(note));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("openNote() never takes a changed note for the signed one", () => {
  const note = signNote(TEXT, [A.signer, C.signer]);
  const textEnd = utf8(TEXT).length;
  for (const changed of mutations(note)) {
    const parsed = parseOrRefuse(() => parseNote(changed));
    if (parsed === null) {
      assert.throws(() => openNote(changed, [A.verifier]), SyntaxError);
      continue;
    }
    assert.equal(formatNote(parsed), parseUtf8(changed));
    const opened = openNote(changed, [A.verifier]);
    // Only the line of a key that is not known may change.
    if (opened.kind === "verified") {
      assert.equal(opened.text, TEXT);
      assert.ok(equalBytes(changed.subarray(0, textEnd), utf8(TEXT)));
    }
    // With both keys known nothing at all may.
    if (parsed.signatures.length === 2) {
      const both = openNote(changed, [A.verifier, C.verifier]);
      assert.ok(both.kind !== "verified" || both.verified.length < 2);
    }
  }
});

Deno.test("openNote() refuses every flipped bit of a known key's signature", () => {
  const [line] = parseNote(signNote(TEXT, [A.signer])).signatures;
  for (let bit = 0; bit < 64 * 8; bit++) {
    const signature = flipBit(line!.signature, bit);
    const note = utf8(formatNote({
      text: TEXT,
      signatures: [{ ...line!, signature }],
    }));
    assert.equal(openNote(note, [A.verifier]).kind, "invalid-signature");
    assert.equal(openNote(note, [B.verifier]).kind, "unverified");
  }
});

Deno.test("openNote() throws TypeError when two verifiers have one identity", () => {
  const note = signNote(TEXT, [A.signer]);
  const twin: NoteVerifier = { ...B.verifier, keyId: A.verifier.keyId };
  assert.throws(() => openNote(note, [A.verifier, A.verifier]), TypeError);
  assert.throws(
    () => openNote(note, [A.verifier, { ...twin, name: A.verifier.name }]),
    TypeError,
  );
  // Name or key ID alone do not identify a key.
  assert.equal(openNote(note, [A.verifier, twin]).kind, "verified");
});

Deno.test("openNote() checks each line of a known key, a repeated one once", () => {
  const [line] = parseNote(signNote(TEXT, [A.signer])).signatures;
  let verified = 0;
  const counting: NoteVerifier = {
    ...A.verifier,
    verify(text, signature) {
      verified++;
      return A.verifier.verify(text, signature);
    },
  };
  const repeated = Array(MAX_SIGNATURES).fill(line);
  const note = utf8(formatNote({ text: TEXT, signatures: repeated }));
  const opened = openNote(note, [counting]);
  assert.equal(opened.kind, "verified");
  assert.equal(opened.verified.length, 1);
  assert.equal(verified, 1);

  const bad = { ...line!, signature: flipBit(line!.signature, 3) };
  for (const signatures of [[line!, bad], [bad, line!], [line!, line!, bad]]) {
    const note = utf8(formatNote({ text: TEXT, signatures }));
    assert.equal(openNote(note, [A.verifier]).kind, "invalid-signature");
  }
});

Deno.test("openNote() ignores lines of unknown keys, of any length", () => {
  const note = signNote(TEXT, [A.signer]);
  const unknown = [1, 5, 100, 5000].map((length) =>
    formatSignatureLine({
      name: "\ufeffunknown",
      keyId: "00000000",
      signature: new Uint8Array(length),
    })
  );
  const opened = openNote(concat(note, utf8(unknown.join(""))), [A.verifier]);
  assert.equal(opened.kind, "verified");
});

Deno.test("parseNote() limits bytes and signature lines", () => {
  const line = formatSignatureLine({
    name: "a",
    keyId: "00000000",
    signature: new Uint8Array(1),
  });
  const lines = (count: number) => utf8(`text\n\n${line.repeat(count)}`);
  assert.equal(
    parseNote(lines(MAX_SIGNATURES)).signatures.length,
    MAX_SIGNATURES,
  );
  assert.throws(() => parseNote(lines(MAX_SIGNATURES + 1)), SyntaxError);
  assert.throws(() => parseNote(lines(1000)), SyntaxError);
  const full = "x".repeat(MAX_NOTE_SIZE - line.length - 4) + `\n\n${line}`;
  assert.equal(utf8(full).length, MAX_NOTE_SIZE);
  parseNote(utf8(full));
  assert.throws(() => parseNote(utf8(`x${full}`)), SyntaxError);
});

Deno.test("openNote() refuses control characters and broken UTF-8, also when signed", () => {
  const bad = ["\0", "\t", "\r", "\u001b", "\u001f"].map(utf8);
  for (const octets of [...bad, Uint8Array.of(0xff), Uint8Array.of(0xed, 0xa0, 0x80)]) {
    const text = concat(utf8("a"), octets, utf8("b\n"));
    const signature = nativeEd25519.sign(text, KEYS[0]!.seed);
    const line = utf8("\n" + formatSignatureLine({ ...A.verifier, signature }));
    assert.throws(() => openNote(concat(text, line), [A.verifier]), SyntaxError);
  }
  const fine = utf8("\ufeff\u007f\u0085\ufffd\n");
  const signature = nativeEd25519.sign(fine, KEYS[0]!.seed);
  const line = utf8("\n" + formatSignatureLine({ ...A.verifier, signature }));
  assert.equal(openNote(concat(fine, line), [A.verifier]).kind, "verified");
});

Deno.test("parseSignatureLine() reads only what formatSignatureLine() writes", () => {
  const line = formatSignatureLine({
    name: "a.example/é",
    keyId: "0badf00d",
    signature: new Uint8Array(20).fill(7),
  }).slice(0, -1);
  for (const changed of mutations(utf8(line))) {
    const parsed = parseOrRefuse(() => parseSignatureLine(parseUtf8(changed)));
    if (parsed === null) continue;
    assert.equal(formatSignatureLine(parsed), `${parseUtf8(changed)}\n`);
    assert.ok(isKeyName(parsed.name));
  }
  for (const dash of ["-", "–", "--", "―", "—\u00a0", "— ", " —"]) {
    const other = line.replace("—", dash);
    assert.throws(() => parseSignatureLine(other), SyntaxError, dash);
  }
});

Deno.test("signNote() refuses what cannot be the text of a note", () => {
  const texts = ["", "no newline", "a\r\n", "tab\t\n", "\u0000\n", "\u001f\n"];
  texts.push(String.fromCharCode(0xd800) + "\n");
  for (const text of texts) {
    assert.throws(() => signNote(text, [A.signer]), SyntaxError, text);
  }
});
