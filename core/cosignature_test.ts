import assert from "node:assert/strict";
import { flipBit, mutations, parseOrRefuse } from "./_testing.ts";
import { encodeHex, MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import {
  cosignatureMessage,
  cosignatureTime,
  signerOf,
  subtreeMessage,
  verifierOf,
} from "./cosignature.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { EMPTY_ROOT } from "./hash.ts";
import { KeyType, signerKey } from "./key.ts";
import { openNote, parseNote, signNote } from "./note.ts";

const CHECKPOINT = {
  origin: "example.com/log",
  size: 5n,
  root: EMPTY_ROOT,
  extensions: [],
};
const TEXT = formatCheckpoint(CHECKPOINT);
const TIME = 1679315147n;
const SEED = new Uint8Array(32).fill(9);
const COSIGNER = signerKey("w.example", KeyType.ed25519Cosignature, SEED);
const ML_DSA = signerKey("pq.example", KeyType.mlDsa44, SEED);

Deno.test("signerOf() cosigns what verifierOf() verifies, with either key type", () => {
  for (const key of [COSIGNER, ML_DSA]) {
    for (const time of [0n, TIME, 2n ** 53n + 1n, MAX_INT63]) {
      const note = signNote(TEXT, [signerOf(key, () => time)]);
      const opened = openNote(note, [verifierOf(key)]);
      assert.equal(opened.kind, "verified");
      assert.equal(cosignatureTime(opened.verified[0]!.signature), time);
    }
  }
});

Deno.test("signerOf() signs deterministically, also with ML-DSA-44", () => {
  for (const key of [COSIGNER, ML_DSA]) {
    const signer = signerOf(key, () => TIME);
    assert.deepEqual(signer.sign(TEXT), signer.sign(TEXT));
  }
});

Deno.test("signerOf() cosigns nothing but checkpoints, at no time out of range", () => {
  for (const key of [COSIGNER, ML_DSA]) {
    for (const text of ["", "hello\n", TEXT + "\n", TEXT.replace("5", "05")]) {
      assert.throws(() => signerOf(key, () => TIME).sign(text), SyntaxError);
    }
    for (const time of [-1n, MAX_INT63 + 1n]) {
      assert.throws(() => signerOf(key, () => time).sign(TEXT), RangeError);
    }
  }
  const long = formatCheckpoint({ ...CHECKPOINT, origin: "o".repeat(256) });
  assert.throws(() => signerOf(ML_DSA, () => TIME).sign(long), RangeError);
  signerOf(COSIGNER, () => TIME).sign(long);
});

Deno.test("verifierOf() refuses a cosignature with anything changed", () => {
  const other = { ...COSIGNER, name: "other.example" };
  for (const key of [COSIGNER, ML_DSA]) {
    const signature = signerOf(key, () => TIME).sign(TEXT);
    const { verify } = verifierOf(key);
    assert.ok(verify(TEXT, signature));
    // The time, and the signature's first, middle and last bytes.
    const bits = Array.from({ length: 64 }, (_, bit) => bit);
    bits.push(64, signature.length * 4, signature.length * 8 - 1);
    for (const bit of bits) assert.ok(!verify(TEXT, flipBit(signature, bit)));
    for (const length of [0, 7, 8, 72, signature.length - 1]) {
      if (length === signature.length) continue;
      assert.ok(!verify(TEXT, signature.slice(0, length)));
    }
    for (const fields of [{ size: 6n }, { origin: "x" }, { root: SEED }]) {
      const changed = formatCheckpoint({ ...CHECKPOINT, ...fields });
      assert.ok(!verify(changed, signature));
    }
    assert.ok(!verify("not a checkpoint\n", signature));
    const extended = formatCheckpoint({ ...CHECKPOINT, extensions: ["x"] });
    // Extension lines are covered by Ed25519 cosignatures only.
    assert.equal(verify(extended, signature), key === ML_DSA);
  }
  const renamed = verifierOf({ ...ML_DSA, name: "other.example" });
  const signature = signerOf(ML_DSA, () => TIME).sign(TEXT);
  assert.ok(!renamed.verify(TEXT, signature)); // The message names its cosigner,
  const unnamed = signerOf(COSIGNER, () => TIME).sign(TEXT);
  assert.ok(verifierOf(other).verify(TEXT, unnamed)); // that of Ed25519 does not.
});

Deno.test("openNote() never takes a changed cosigned checkpoint for the cosigned one", () => {
  const log = signerKey("example.com/log", KeyType.ed25519, SEED);
  const signers = [log, COSIGNER].map((key) => signerOf(key, () => TIME, nativeEd25519));
  const note = signNote(TEXT, signers);
  const verifier = verifierOf(COSIGNER, nativeEd25519);
  for (const changed of mutations(note)) {
    const opened = parseOrRefuse(() => openNote(changed, [verifier]));
    if (opened?.kind !== "verified") continue;
    assert.equal(opened.text, TEXT);
    assert.equal(cosignatureTime(opened.verified[0]!.signature), TIME);
  }
});

Deno.test("verifierOf() keeps the signature types of one key apart", () => {
  const plain = signerKey("w.example", KeyType.ed25519, SEED);
  const line = signerOf(plain, () => TIME).sign(TEXT);
  assert.ok(verifierOf(plain).verify(TEXT, line));
  assert.ok(!verifierOf(COSIGNER).verify(TEXT, line));
  const cosignature = signerOf(COSIGNER, () => TIME).sign(TEXT);
  assert.ok(!verifierOf(plain).verify(TEXT, cosignature));
});

Deno.test("cosignatureMessage() is a header, the time and the text", () => {
  assert.equal(
    parseUtf8(cosignatureMessage(TEXT, TIME)),
    `cosignature/v1\ntime 1679315147\n${TEXT}`,
  );
});

Deno.test("subtreeMessage() is laid out as tlog-cosignature says", () => {
  const message = subtreeMessage({
    cosigner: "w",
    time: 0n,
    origin: "é",
    start: 8n,
    end: 13n,
    hash: EMPTY_ROOT,
  });
  assert.equal(
    encodeHex(message),
    encodeHex(utf8("subtree/v1\n\0")) + "0177" + "0".repeat(16) + "02c3a9" +
      "0000000000000008" + "000000000000000d" + encodeHex(EMPTY_ROOT),
  );
});

Deno.test("subtreeMessage() refuses what it cannot hold", () => {
  const subtree = {
    cosigner: "w",
    time: 1n,
    origin: "o",
    start: 0n,
    end: 5n,
    hash: EMPTY_ROOT,
  };
  subtreeMessage({ ...subtree, cosigner: "é".repeat(127), origin: "o".repeat(255) });
  for (
    const fields of [
      { cosigner: "" },
      { cosigner: "é".repeat(128) },
      { origin: "" },
      { origin: "o".repeat(256) },
      { start: 1n },
      { start: -1n, time: 0n },
      { start: 6n, time: 0n },
      { end: MAX_INT63 + 1n },
      { time: -1n },
      { time: MAX_INT63 + 1n },
      { hash: new Uint8Array(31) },
    ]
  ) assert.throws(() => subtreeMessage({ ...subtree, ...fields }), RangeError);
});

Deno.test("parseNote() takes the longest lines that keys write", () => {
  const note = signNote(TEXT, Array(16).fill(signerOf(ML_DSA, () => TIME)));
  assert.equal(parseNote(note).signatures.length, 16);
});
