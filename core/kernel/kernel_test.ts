// Both builds of the kernel against node:crypto, against the roots of the shared vectors, and against each other in two
// workers over one memory.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  instantiateKernel,
  type Kernel,
  KERNEL_RESERVED_BYTES,
  kernelModule,
  loadScalarModule,
  loadSimdModule,
  SCRATCH_BYTES,
} from "./kernel.ts";
import type { Job, Outcome } from "./kernel_test_worker.ts";

const MEBIBYTE = 1 << 20;
const SRC = MEBIBYTE;
const OFFSETS = 8 * MEBIBYTE;
const DST = 9 * MEBIBYTE;
const MEMORY_BYTES = 10 * MEBIBYTE;

const BUILDS = {
  simd: await loadSimdModule(),
  scalar: await loadScalarModule(),
};

class Fixture {
  readonly memory = new WebAssembly.Memory({
    shared: true,
    initial: MEMORY_BYTES / 65536,
    maximum: MEMORY_BYTES / 65536,
  });
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly kernel: Kernel;

  constructor(module: WebAssembly.Module) {
    // Whatever stands in the scratch area at first must not matter.
    this.bytes.fill(0xa5);
    this.kernel = instantiateKernel(
      this.memory,
      KERNEL_RESERVED_BYTES,
      module,
    );
  }

  /** Lays entries out at `src`, hashes them, compares. */
  checkLeaves(entries: Uint8Array[], src = SRC, dst = DST, gap = 0): void {
    const offsets = new DataView(this.memory.buffer, OFFSETS);
    let end = 0;
    entries.forEach((entry, i) => {
      this.bytes.set(entry, src + end);
      offsets.setUint32(4 * i, end, true);
      end += entry.length + gap;
      offsets.setUint32(4 * i + 4, end, true);
    });
    const after = this.#fence(dst, entries.length);
    if (gap > 0) this.kernel.hashLeaves(src, OFFSETS, dst, entries.length, gap);
    else this.kernel.hashLeaves(src, OFFSETS, dst, entries.length);
    entries.forEach((entry, i) => {
      assert.deepEqual(
        this.bytes.slice(dst + 32 * i, dst + 32 * i + 32),
        sha256(Uint8Array.of(0), entry),
        `entry ${i} of ${entries.length}, ${entry.length} bytes`,
      );
    });
    after();
  }

  /** Lays pairs out at `src`, hashes them, compares. */
  checkNodes(pairs: Uint8Array, src = SRC, dst = DST): void {
    const count = pairs.length / 64;
    this.bytes.set(pairs, src);
    const after = dst >= src + pairs.length ? this.#fence(dst, count) : () => {};
    this.kernel.hashNodes(src, dst, count);
    for (let i = 0; i < count; i++) {
      assert.deepEqual(
        this.bytes.slice(dst + 32 * i, dst + 32 * i + 32),
        sha256(Uint8Array.of(1), pairs.subarray(64 * i, 64 * i + 64)),
        `node ${i} of ${count}`,
      );
    }
    after();
  }

  /** Checks later that nothing was written on either side of the results. */
  #fence(dst: number, count: number): () => void {
    const end = Math.min(dst + 32 * count + 128, this.bytes.length);
    this.bytes.fill(0xee, dst - 128, end);
    return () => {
      for (let at = dst - 128; at < end; at++) {
        if (at >= dst && at < dst + 32 * count) continue;
        assert.equal(this.bytes[at], 0xee, `byte ${at - dst} was written`);
      }
    };
  }
}

for (const [build, module] of Object.entries(BUILDS)) {
  Deno.test(`hashLeaves() of the ${build} build gives every length from 0 to 1024`, () => {
    const fixture = new Fixture(module);
    const entries = Array.from({ length: 1025 }, (_, n) => randomBytes(n, n));
    fixture.checkLeaves(entries);
    fixture.checkLeaves(entries.toReversed());
    // Equal lengths keep the lanes in step, a path of its own.
    for (let n = 0; n <= 260; n++) {
      fixture.checkLeaves(
        Array.from({ length: 5 }, (_, i) => randomBytes(n, 5 * n + i)),
      );
    }
  });

  Deno.test(`hashLeaves() and hashNodes() of the ${build} build take every count from 0 to 33`, () => {
    const fixture = new Fixture(module);
    for (let count = 0; count <= 33; count++) {
      fixture.checkLeaves(
        Array.from({ length: count }, (_, i) => randomBytes(100, i)),
      );
      fixture.checkLeaves(
        Array.from({ length: count }, (_, i) => randomBytes(37 * i % 200, i)),
      );
      fixture.checkNodes(randomBytes(64 * count, count));
    }
  });

  Deno.test(`hashLeaves() of the ${build} build leaves out the gaps between entries`, () => {
    const fixture = new Fixture(module);
    const entries = Array.from({ length: 300 }, (_, n) => randomBytes(n, n));
    for (const gap of [1, 2, 3, 64, 100]) {
      fixture.checkLeaves(entries, SRC + gap, DST, gap);
      fixture.checkLeaves(entries.toReversed(), SRC, DST, gap);
    }
  });

  Deno.test(`hashLeaves() of the ${build} build takes mixed batches with entries of 65535 bytes and more`, () => {
    const fixture = new Fixture(module);
    const random = numbers(7);
    const lengths = [65535, 0, 65536, 1, 65534, 200_001, 55, 56, 63, 64];
    for (let batch = 0; batch < 6; batch++) {
      const entries = lengths.map((n, i) => randomBytes(n, 100 * batch + i));
      for (let i = 0; i < 90; i++) {
        entries.push(randomBytes(random() % 700, i));
      }
      shuffle(entries, random);
      fixture.checkLeaves(entries, SRC + batch);
    }
  });

  Deno.test(`hashNodes() of the ${build} build hashes random nodes and every last byte`, () => {
    const fixture = new Fixture(module);
    for (let round = 0; round < 4; round++) {
      const pairs = randomBytes(64 * 1024, round);
      // The last byte chooses the schedule of the second block.
      for (let i = 0; i < 1024; i++) pairs[64 * i + 63] = i & 255;
      fixture.checkNodes(pairs, SRC + round, DST + round);
    }
  });

  Deno.test(`hashNodes() of the ${build} build reduces in place`, () => {
    const fixture = new Fixture(module);
    for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 31, 256, 1001]) {
      const pairs = randomBytes(64 * count, count);
      fixture.checkNodes(pairs, SRC, SRC);
      for (const back of [1, 32, 63, 64, 200]) {
        fixture.checkNodes(pairs, SRC, SRC - back);
      }
    }
  });

  Deno.test(`the ${build} build works up to the last byte of the memory`, () => {
    const fixture = new Fixture(module);
    for (let n = 0; n <= 200; n++) {
      fixture.checkLeaves([randomBytes(n, n)], MEMORY_BYTES - n);
    }
    for (let count = 1; count <= 11; count++) {
      fixture.checkNodes(randomBytes(64 * count, count), MEMORY_BYTES - 64 * count);
    }
    fixture.checkLeaves(
      [randomBytes(99, 2), randomBytes(3, 3)],
      SRC,
      MEMORY_BYTES - 64,
    );
  });

  Deno.test(`the ${build} build gives the roots of the Merkle vectors`, () => {
    const { memory, bytes, kernel } = new Fixture(module);
    for (const [size, root] of ROOTS) {
      const offsets = new DataView(memory.buffer, OFFSETS);
      let end = 0;
      for (let i = 0; i < size; i++) {
        const entry = sha256(new TextEncoder().encode(`${LABEL}:${i}`))
          .subarray(0, i % 33);
        bytes.set(entry, SRC + end);
        offsets.setUint32(4 * i, end, true);
        end += entry.length;
        offsets.setUint32(4 * i + 4, end, true);
      }
      kernel.hashLeaves(SRC, OFFSETS, DST, size);
      for (let width = size; width > 1; width = Math.ceil(width / 2)) {
        const pairs = Math.floor(width / 2);
        kernel.hashNodes(DST, DST, pairs);
        // A lone last hash goes up as it is (RFC 6962 section 2.1).
        if (width % 2 === 1) {
          const last = DST + 32 * (width - 1);
          bytes.copyWithin(DST + 32 * pairs, last, last + 32);
        }
      }
      assert.equal(bytes.slice(DST, DST + 32).toBase64(), root, `size ${size}`);
    }
  });

  Deno.test(`the ${build} build stays within the bytes it is given`, () => {
    const fixture = new Fixture(module);
    const { memory, bytes } = fixture;
    const { heapBase } = new WebAssembly.Instance(module, { env: { memory } })
      .exports as { heapBase(): number };
    const table = 16384;
    assert.ok(heapBase() <= table);
    const end = KERNEL_RESERVED_BYTES + SCRATCH_BYTES;
    for (let count = 1; count <= 11; count++) {
      fixture.checkNodes(randomBytes(64 * count, count));
      fixture.checkLeaves(Array.from({ length: count }, (_, i) => randomBytes(63 * i, i)));
    }
    assert.ok(bytes.subarray(heapBase(), table).every((b) => b === 0xa5));
    assert.ok(bytes.subarray(end, end + 4096).every((b) => b === 0xa5));
  });
}

Deno.test("two workers without permissions share a memory and do not disturb each other", async () => {
  const memory = new WebAssembly.Memory({
    shared: true,
    initial: 160,
    maximum: 160,
  });
  const bytes = new Uint8Array(memory.buffer);
  const count = 61;
  const jobs = [false, true].map((renew, n): Job => {
    const base = (1 + n) * MEBIBYTE;
    const job = {
      memory,
      scratch: KERNEL_RESERVED_BYTES + n * SCRATCH_BYTES,
      src: base,
      offsets: base + 65536,
      nodes: base + 2 * 65536,
      leaves: base + 3 * 65536,
      count,
      rounds: 150,
      renew,
    };
    bytes.set(randomBytes(64 * count, n), job.src);
    const offsets = new DataView(memory.buffer, job.offsets);
    for (let i = 0; i <= count; i++) offsets.setUint32(4 * i, i * i, true);
    return job;
  });
  const outcomes = await Promise.all(jobs.map(runJob));
  jobs.forEach((job, n) => {
    assert.deepEqual(outcomes[n], { differing: 0, canRead: false });
    for (let i = 0; i < count; i++) {
      const node = bytes.slice(job.src + 64 * i, job.src + 64 * i + 64);
      const entry = bytes.slice(job.src + i * i, job.src + (i + 1) * (i + 1));
      assert.deepEqual(
        bytes.slice(job.nodes + 32 * i, job.nodes + 32 * i + 32),
        sha256(Uint8Array.of(1), node),
      );
      assert.deepEqual(
        bytes.slice(job.leaves + 32 * i, job.leaves + 32 * i + 32),
        sha256(Uint8Array.of(0), entry),
      );
    }
  });
});

Deno.test("kernelModule() picks SIMD where there is SIMD", () => {
  assert.equal(kernelModule(), BUILDS.simd);
});

Deno.test("instantiateKernel() refuses a scratch area that is not the caller's to give", () => {
  const memory = new WebAssembly.Memory({
    shared: true,
    initial: 2,
    maximum: 2,
  });
  for (
    const offset of [
      0,
      KERNEL_RESERVED_BYTES - 16,
      KERNEL_RESERVED_BYTES + 8,
      2 * 65536 - SCRATCH_BYTES + 16,
      2 ** 32,
      NaN,
    ]
  ) {
    assert.throws(() => instantiateKernel(memory, offset), RangeError);
  }
});

function runJob(job: Job): Promise<Outcome> {
  const worker = new Worker(
    new URL("./kernel_test_worker.ts", import.meta.url),
    {
      type: "module",
      deno: { permissions: "none" },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  worker.onmessage = (event: MessageEvent<Outcome>) => resolve(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(job);
  return promise.finally(() => worker.terminate());
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** A repeatable source of numbers (xorshift32), so that a failure can be seen again. */
function numbers(seed: number): () => number {
  let x = (seed + 1) * 0x9e3779b9 >>> 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>>= 0;
  };
}

function randomBytes(length: number, seed: number): Uint8Array {
  const random = numbers(seed);
  return Uint8Array.from({ length }, () => random() >>> 7 & 255);
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    const item = items[i] as T;
    items[i] = items[j] as T;
    items[j] = item;
  }
}

// From tests/vectors/merkle.json, "roots-0-to-300": entry(i) is the first (i mod 33) bytes of SHA-256(label + ":" + i).
const LABEL = "274926271152";
const ROOTS: [number, string][] = [
  [1, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="],
  [2, "52U5H6/WeJ8f3YDzLC0GreTJCAg8EPAB5b3R2Qc1IiA="],
  [3, "m6qOhEF+RXhb54TDWIAs97Evv3xnpcLP0pBnPL8WTKI="],
  [7, "In+Wix6BEJxw1UKGIAR8IkmbEOBCco7chcRQB/empzo="],
  [64, "1nnM9r1CFg4foAQrzhSsJhEhZdifP4XkyTR56aXFT/Y="],
  [100, "3S4oLtcrCR893RHdi7MYtDHRuD5d7+iIH3ll94qO7EI="],
  [255, "wHg37wQzwWk00OzWsY3MMF+QGZNj24NrfIvatx3qH/s="],
  [256, "vrFIB48pTG7JmIrB+dwp6lM/skBp/elkINzNHYvFuos="],
  [257, "Dssic+g8U5iFobjC2MoLIe51kySDqn4y23bjrON6Q1k="],
  [300, "TjxaxDuJqTR+vTE8gdGHqWOc74SqQI4v8DNgm1mRXaM="],
];
