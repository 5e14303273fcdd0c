import assert from "node:assert/strict";
import fc from "fast-check";
import { mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { encodeBase64, parseUtf8, utf8 } from "./bytes.ts";
import {
  formatSkey,
  formatVkey,
  isKeyName,
  keyId,
  KeyType,
  parseSkey,
  parseVkey,
  signerKey,
  verifierKey,
  withKeyType,
} from "./key.ts";

const SEED = new Uint8Array(32).map((_, i) => i);
const TYPES = [KeyType.ed25519, KeyType.ed25519Cosignature, KeyType.mlDsa44];

Deno.test("parseVkey() reads the worked example of signed-note", () => {
  const vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  const key = parseVkey(vkey);
  assert.equal(key.name, "example.com/foo");
  assert.equal(key.keyId, "530d903a");
  assert.equal(key.type, KeyType.ed25519);
  assert.equal(formatVkey(key), vkey);
});

Deno.test("parseVkey() and parseSkey() read what was formatted, for each type", () => {
  for (const type of TYPES) {
    const key = signerKey("example.com/ключ", type, SEED);
    assert.deepEqual(parseSkey(formatSkey(key)), key);
    const { seed: _secret, ...publicKey } = key;
    assert.deepEqual(parseVkey(formatVkey(key)), publicKey);
  }
});

Deno.test("parseVkey() refuses every change of a vkey", () => {
  const vkey = formatVkey(signerKey("a.example/é", KeyType.ed25519, SEED));
  for (const changed of mutations(utf8(vkey))) {
    assert.equal(
      parseOrRefuse(() => parseVkey(parseUtf8(changed))),
      null,
      parseOrRefuse(() => parseUtf8(changed)) ?? "not UTF-8",
    );
  }
});

Deno.test("parseSkey() refuses every change of an skey", () => {
  const skey = formatSkey(signerKey("a.example", KeyType.ed25519, SEED));
  for (const changed of mutations(utf8(skey))) {
    assert.equal(parseOrRefuse(() => parseSkey(parseUtf8(changed))), null);
  }
});

Deno.test("parseSkey() never repeats the secret in its message", () => {
  const secret = encodeBase64(SEED).slice(4, 40);
  const skey = formatSkey(signerKey("a.example", KeyType.ed25519, SEED));
  for (const changed of mutations(utf8(skey))) {
    try {
      parseSkey(parseUtf8(changed));
      assert.fail("a changed skey was accepted");
    } catch (error) {
      const message = (error as Error).message;
      assert.ok(!message.includes(secret.slice(0, 12)), message);
    }
  }
});

Deno.test("isKeyName() takes any UTF-8 but white space, plus and controls", () => {
  const good = ["a", "example.com/foo", "ключ", "\ufeff", "a\u007f", "—", "😀"];
  const bad = ["", " ", "a b", "a+b", "+", "a\u0085", "a\u00a0", "\u3000"];
  bad.push(
    "a\n",
    "a\t",
    "a\r",
    "\u0000",
    "a\u2028",
    "a\u1680",
    String.fromCharCode(0xd800),
  );
  for (const name of good) assert.ok(isKeyName(name), JSON.stringify(name));
  for (const name of bad) {
    assert.ok(!isKeyName(name), JSON.stringify(name));
    assert.throws(() => signerKey(name, KeyType.ed25519, SEED), SyntaxError);
  }
});

Deno.test("verifierKey() and signerKey() refuse bytes of the wrong length", () => {
  for (const type of TYPES) {
    const { publicKey } = signerKey("a", type, SEED);
    for (const length of [0, publicKey.length - 1, publicKey.length + 1]) {
      const wrong = new Uint8Array(length);
      assert.throws(() => verifierKey("a", type, wrong), RangeError);
    }
    for (const length of [0, 31, 33, 64]) {
      const wrong = new Uint8Array(length);
      assert.throws(() => signerKey("a", type, wrong), RangeError);
    }
  }
});

Deno.test("keyId() differs by name, type and key", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const name = fc.string({ minLength: 1, maxLength: 20 }).filter(isKeyName);
  fc.assert(
    fc.property(name, bytes, (name, key) => {
      const ids = new Set([
        keyId(name, 1, key),
        keyId(name, 4, key),
        keyId(`${name}x`, 1, key),
        keyId(name, 1, key.toReversed()),
      ]);
      assert.ok(ids.size >= (String(key) === String(key.toReversed()) ? 3 : 4));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("withKeyType() keeps the key pair and recomputes the key ID", () => {
  const key = signerKey("w.example", KeyType.ed25519, SEED);
  const cosigner = withKeyType(key, KeyType.ed25519Cosignature);
  assert.deepEqual(
    cosigner,
    signerKey("w.example", KeyType.ed25519Cosignature, SEED),
  );
  assert.notEqual(cosigner.keyId, key.keyId);
  assert.throws(() => withKeyType(key, KeyType.mlDsa44), RangeError);
});
