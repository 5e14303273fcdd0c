import assert from "node:assert/strict";
import * as noble from "@noble/ed25519";
import fc from "fast-check";
import { concat, utf8 } from "./bytes.ts";
import { pureEd25519 } from "./ed25519.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { sha512 } from "@noble/hashes/sha2.js";
import { RUNS } from "./_testing.ts";

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const number = (bytes: Uint8Array): bigint => BigInt(`0x${bytes.toReversed().toHex()}`);
const scalar = (value: bigint): Uint8Array =>
  Uint8Array.fromHex(value.toString(16).padStart(64, "0")).reverse();

/** The verdict of both implementations, which must be one. */
function verify(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  const pure = pureEd25519.verify(signature, message, publicKey);
  const native = nativeEd25519.verify(signature, message, publicKey);
  const what = [publicKey, message, signature].map((b) => b.toHex()).join(" ");
  assert.equal(pure, native, `pure ${pure}, native ${native}: ${what}`);
  return pure;
}

// RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature.
const RFC8032 = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
].map((row) => row.map((hex) => Uint8Array.fromHex(hex)));

Deno.test("Ed25519 gives the results of RFC 8032, pure and native", () => {
  for (const [seed, publicKey, message, signature] of RFC8032) {
    for (const ed25519 of [pureEd25519, nativeEd25519]) {
      assert.deepEqual(ed25519.publicKey(seed!), publicKey);
      assert.deepEqual(ed25519.sign(message!, seed!), signature);
    }
    assert.ok(verify(signature!, message!, publicKey!));
  }
});

Deno.test("Ed25519 signs and judges alike, pure and native", () => {
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const message = fc.uint8Array({ maxLength: 300 });
  const flip = fc.nat(511);
  fc.assert(
    fc.property(seed, message, flip, (seed, message, flip) => {
      const publicKey = pureEd25519.publicKey(seed);
      assert.deepEqual(nativeEd25519.publicKey(seed), publicKey);
      const signature = pureEd25519.sign(message, seed);
      assert.deepEqual(nativeEd25519.sign(message, seed), signature);
      assert.ok(verify(signature, message, publicKey));

      const changed = signature.slice();
      changed[flip >> 3]! ^= 1 << (flip & 7);
      assert.ok(!verify(changed, message, publicKey));
      assert.ok(!verify(signature, concat(message, utf8("x")), publicKey));
      const otherKey = publicKey.slice();
      otherKey[(flip >> 3) % 32]! ^= 1 << (flip & 7);
      assert.ok(!verify(signature, message, otherKey));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("Ed25519 refuses S + L and lengths that are not 64 and 32", () => {
  const [, publicKey, message, signature] = RFC8032[1]! as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const s = number(signature.subarray(32));
  for (let factor = 1n; s + factor * ORDER < 1n << 256n; factor++) {
    const malleated = concat(
      signature.subarray(0, 32),
      scalar(s + factor * ORDER),
    );
    assert.ok(!verify(malleated, message, publicKey));
  }
  for (const length of [0, 32, 63, 65]) {
    const wrong = concat(signature, new Uint8Array(1)).subarray(0, length);
    assert.ok(!verify(wrong, message, publicKey));
  }
  for (const length of [0, 31, 33]) {
    const wrong = concat(publicKey, new Uint8Array(1)).subarray(0, length);
    assert.ok(!verify(signature, message, wrong));
  }
  assert.ok(!verify(signature, message, new Uint8Array(32).fill(2)));
});

// The points of order 1, 2, 4 and 8, canonical and in every other encoding.
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map((hex) => Uint8Array.fromHex(hex));

Deno.test("Ed25519 judges points of small order alike, pure and native", () => {
  // Under a key of small order some signatures hold for many messages, here as in
  // Go: such a key is its owner's fault, and a policy names the keys it trusts.
  for (const publicKey of SMALL_ORDER) {
    for (const r of SMALL_ORDER) {
      for (const s of [0n, 1n]) {
        verify(concat(r, scalar(s)), Uint8Array.of(1), publicKey);
      }
    }
  }
});

Deno.test("Ed25519 refuses a signature that only the cofactor makes valid", () => {
  const secret = 123_456_789n;
  const nonce = 987_654_321n;
  const message = utf8("one verdict for everyone");
  for (const encoded of SMALL_ORDER.slice(0, 8)) {
    const torsion = noble.Point.fromBytes(encoded, true);
    const key = noble.Point.BASE.multiply(secret);
    const r = noble.Point.BASE.multiply(nonce);
    for (
      const [a, b] of [[key, r.add(torsion)], [key.add(torsion), r]] as const
    ) {
      const publicKey = a.toBytes();
      const encodedR = b.toBytes();
      const k = number(sha512(concat(encodedR, publicKey, message))) % ORDER;
      const s = (nonce + k * secret) % ORDER;
      const signature = concat(encodedR, scalar(s));
      const valid = verify(signature, message, publicKey);
      if (torsion.is0()) assert.ok(valid);
      else if (a === key) assert.ok(!valid);
    }
  }
});
