import assert from "node:assert/strict";
import fc from "fast-check";
import { RUNS } from "./_testing.ts";
import { concat, utf8 } from "./bytes.ts";
import { halfSipHash, identifierFingerprint, identifierFingerprintOf } from "./fingerprint.ts";

// From the reference implementation (veorq/SipHash, vectors.h, CC0): the key is the bytes
// 00 01 … 07, message n the bytes 00 01 … n - 1.
const VECTORS: Readonly<Record<number, string>> = {
  0: "218d1f59b9b83cc8",
  1: "be552412f8387315",
  2: "064f39ef7c50eb57",
  3: "ce0f1a45f7060679",
  4: "d5e78a175be52ea1",
  5: "cb9d7c3f2f3db580",
  6: "ce3e91358aa2bc25",
  7: "ff202728b07bc684",
  8: "edfee820bce4858c",
  60: "d6762890bf26e460",
  61: "313563a4b7ed5cf3",
  62: "f90b3ab572d46693",
  63: "2ea63c71bf326087",
};
const SEED = Uint32Array.of(0x03020100, 0x07060504);

/** What a fingerprint function writes, as 16 hexadecimal digits. */
function written(write: (into: Uint32Array, at: number) => void): string {
  const into = new Uint32Array(4).fill(0x5a5a5a5a);
  write(into, 1);
  assert.deepEqual([into[0], into[3]], [0x5a5a5a5a, 0x5a5a5a5a]);
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, into[1]!, true);
  bytes.setUint32(4, into[2]!, true);
  return new Uint8Array(bytes.buffer).toHex();
}

for (const [length, result] of Object.entries(VECTORS)) {
  Deno.test(`halfSipHash() of ${length} bytes is the reference's`, () => {
    const message = Uint8Array.from({ length: 64 }, (_, i) => i);
    assert.equal(
      written((into, at) => halfSipHash(message, Number(length), SEED, into, at)),
      result,
    );
  });
}

const text = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."abcdefgXYZ019.-_+!~"), minLength: 1, maxLength });
const SEEDS = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).map((seed) =>
  Uint32Array.from(seed)
);

Deno.test("identifierFingerprint() is over ecosystem LF file, as text and as bytes", () => {
  fc.assert(
    fc.property(text(32), text(255), SEEDS, fc.nat(9), (ecosystem, file, seed, before) => {
      const message = utf8(`${ecosystem}\n${file}`);
      const plain = written((into, at) => halfSipHash(message, message.length, seed, into, at));
      assert.equal(
        written((into, at) => identifierFingerprint(ecosystem, file, seed, into, at)),
        plain,
      );
      const bytes = concat(new Uint8Array(before + 1), message);
      const ecosystemEnd = before + 1 + ecosystem.length;
      const range = {
        ecosystemStart: before + 1,
        ecosystemEnd,
        fileStart: ecosystemEnd + 1,
        fileEnd: bytes.length,
      };
      assert.equal(
        written((into, at) => identifierFingerprintOf(bytes, range, seed, into, at)),
        plain,
      );
      assert.equal(
        written((into, at) =>
          identifierFingerprintOf(
            bytes,
            { ...range, ecosystemStart: 0, ecosystemEnd: 0 },
            seed,
            into,
            at,
          )
        ),
        written((into, at) => identifierFingerprint("pypi", file, seed, into, at)),
      );
    }),
    { numRuns: RUNS * 5 },
  );
});

Deno.test("identifierFingerprint() differs with the ecosystem, the file and the seed", () => {
  const seeds = [SEED, Uint32Array.of(0x03020101, 0x07060504), Uint32Array.of(0x03020100, 1)];
  const fingerprints = seeds.flatMap((seed) =>
    [["pypi", "a"], ["npm", "a"], ["pypi", "A"], ["pyp", "ia"]].map(([ecosystem, file]) =>
      written((into, at) => identifierFingerprint(ecosystem!, file!, seed, into, at))
    )
  );
  assert.equal(new Set(fingerprints).size, fingerprints.length);
});
