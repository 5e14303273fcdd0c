// How fast the kernel hashes nodes (65 bytes with the prefix) and leaves of 100 bytes on this host, beside the ways it
// replaces: hash-wasm and node:crypto, one call per hash. `deno run core/kernel/kernel_bench.ts [rounds]`.
// The contestants take turns, so that another load on the host slows all of them; read the ratios, not the rates.

import { createHash } from "node:crypto";
import { createSHA256 } from "hash-wasm";
import {
  instantiateKernel,
  KERNEL_RESERVED_BYTES,
  loadScalarModule,
  loadSimdModule,
  SCRATCH_BYTES,
} from "./kernel.ts";

const COUNT = 8192;
const LEAF_BYTES = 100;
const SRC = 1 << 20;
const OFFSETS = 2 << 20;
const DST = 3 << 20;
const WARM_UP_ROUNDS = 5;

const memory = new WebAssembly.Memory({
  shared: true,
  initial: 64,
  maximum: 64,
});
const bytes = new Uint8Array(memory.buffer);
for (let i = 0; i < 1 << 20; i++) bytes[SRC + i] = Math.random() * 256;
const offsets = new DataView(memory.buffer, OFFSETS);
for (let i = 0; i <= COUNT; i++) offsets.setUint32(4 * i, LEAF_BYTES * i, true);

const simd = instantiateKernel(
  memory,
  KERNEL_RESERVED_BYTES,
  await loadSimdModule(),
);
const scalar = instantiateKernel(
  memory,
  KERNEL_RESERVED_BYTES + SCRATCH_BYTES,
  await loadScalarModule(),
);
const hashWasm = await createSHA256();

/** Runs `hash` over messages of a prefix and `length` bytes, one call for each. */
function each(
  prefix: number,
  length: number,
  hash: (message: Uint8Array) => Uint8Array,
): void {
  const message = new Uint8Array(1 + length);
  message[0] = prefix;
  for (let i = 0; i < COUNT; i++) {
    const from = SRC + length * i;
    message.set(bytes.subarray(from, from + length), 1);
    bytes.set(hash(message), DST + 32 * i);
  }
}

const perCall = {
  "hash-wasm": (message: Uint8Array) => hashWasm.init().update(message).digest("binary"),
  "node:crypto": (message: Uint8Array) => createHash("sha256").update(message).digest(),
};

const contests: Record<string, Record<string, () => void>> = {
  "nodes": {
    "kernel (SIMD)": () => simd.hashNodes(SRC, DST, COUNT),
    "kernel (scalar)": () => scalar.hashNodes(SRC, DST, COUNT),
    "hash-wasm": () => each(1, 64, perCall["hash-wasm"]),
    "node:crypto": () => each(1, 64, perCall["node:crypto"]),
  },
  "leaves of 100 bytes": {
    "kernel (SIMD)": () => simd.hashLeaves(SRC, OFFSETS, DST, COUNT),
    "kernel (scalar)": () => scalar.hashLeaves(SRC, OFFSETS, DST, COUNT),
    "hash-wasm": () => each(0, LEAF_BYTES, perCall["hash-wasm"]),
    "node:crypto": () => each(0, LEAF_BYTES, perCall["node:crypto"]),
  },
};

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

if (import.meta.main) {
  const rounds = Number(Deno.args[0] ?? 25);
  for (const [contest, contestants] of Object.entries(contests)) {
    const times: Record<string, number[]> = {};
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const [name, run] of Object.entries(contestants)) {
        const start = performance.now();
        run();
        const time = performance.now() - start;
        if (round >= 0) (times[name] ??= []).push(time);
      }
    }
    const kernel = times["kernel (SIMD)"] ?? [];
    console.log(`${contest}: median of ${rounds} rounds of ${COUNT}`);
    for (const [name, own] of Object.entries(times)) {
      const rate = COUNT / median(own) / 1000;
      // Of each round's ratio, so that a slow moment of the host is in both terms.
      const ratio = median(own.map((time, i) => time / (kernel[i] ?? NaN)));
      console.log(
        `  ${name.padEnd(16)} ${rate.toFixed(2).padStart(6)} M/s` +
          `   the SIMD kernel is ${ratio.toFixed(2)} times as fast`,
      );
    }
  }
}
