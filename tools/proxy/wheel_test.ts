import { deepEqual, equal } from "node:assert/strict";
import { strToU8, zipSync } from "fflate";
import { metadataOfWheel } from "./wheel.ts";

const METADATA = strToU8("Metadata-Version: 2.1\nName: a\nVersion: 1\n");

Deno.test("metadataOfWheel() reads the one METADATA of a wheel", () => {
  const wheel = zipSync({ "a.py": strToU8("x"), "a-1.dist-info/METADATA": METADATA });
  deepEqual(metadataOfWheel(wheel), METADATA);
});

Deno.test("metadataOfWheel() takes nothing that readers could take for another", () => {
  const two = { "a-1.dist-info/METADATA": METADATA, "b-1.dist-info/METADATA": METADATA };
  equal(metadataOfWheel(zipSync(two)), null);
  equal(metadataOfWheel(zipSync({ "x/a-1.dist-info/METADATA": METADATA })), null);
  equal(metadataOfWheel(zipSync({ "a.py": METADATA })), null);
  equal(metadataOfWheel(strToU8("no zip")), null);
  equal(metadataOfWheel(new Uint8Array(0)), null);
});

Deno.test("metadataOfWheel() does not inflate what is too large", () => {
  const bomb = zipSync({ "a-1.dist-info/METADATA": new Uint8Array(5 << 20) });
  equal(metadataOfWheel(bomb), null);
});

Deno.test("metadataOfWheel() survives every truncation of a wheel", () => {
  const wheel = zipSync({ "a.py": strToU8("x"), "a-1.dist-info/METADATA": METADATA });
  for (let length = 0; length < wheel.length; length++) {
    equal(metadataOfWheel(wheel.subarray(0, length)), null, `${length}`);
  }
});
