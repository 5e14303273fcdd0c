import { concat } from "@indelible/core";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { holdBack } from "./held_back.ts";

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

/** The bytes in pieces of a size; an empty one before each. */
async function* pieces(size: number, bytes = BYTES): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield new Uint8Array(0);
    yield bytes.slice(at, at + size);
  }
}

for (const size of [1, 7, 100, 999, 1000, 5000]) {
  for (const heldBack of [1, 50, 1000, 5000]) {
    Deno.test(`holdBack() of ${heldBack} bytes passes pieces of ${size} on, all of them`, async () => {
      const expected = { sha256: SHA256, size: 1000 };
      const out = concat(...await Array.fromAsync(holdBack(pieces(size), expected, heldBack)));
      deepEqual(out, BYTES);
    });

    Deno.test(`holdBack() of ${heldBack} bytes lets no more than the rest go of pieces of ${size} that differ`, async () => {
      let passed = 0;
      await rejects(async () => {
        const expected = { sha256: SHA256, size: null };
        const changed = BYTES.with(999, 0);
        for await (const piece of holdBack(pieces(size, changed), expected, heldBack)) {
          passed += piece.length;
        }
      }, { name: "BytesDiffer" });
      equal(passed <= Math.max(0, 1000 - heldBack), true, `${passed}`);
    });
  }
}

Deno.test("holdBack() refuses bytes of another length, before their digest is known", async () => {
  for (const size of [999, 1001]) {
    const all = Array.fromAsync(holdBack(pieces(100), { sha256: SHA256, size }, 100));
    await rejects(all, { name: "BytesDiffer" });
  }
});

Deno.test("holdBack() passes nothing as nothing", async () => {
  const sha256 = createHash("sha256").digest("hex");
  deepEqual(await Array.fromAsync(holdBack(pieces(1, new Uint8Array(0)), { sha256, size: 0 })), []);
});
