// How fast the kernel hashes nodes (65 bytes with the prefix) and leaves of 100 bytes on this host, beside the ways it
// replaces, hash-wasm and node:crypto, and beside Go. `deno run core/kernel/kernel_bench.ts [rounds] [nodehash]`, where
// the second is the program that tests/peers builds under this name; pin both to one core, with taskset.
//
// In each round every contestant has its turn. A turn is the fastest of several runs, so that it says little about what
// else was running; read the ratios, not the rates.

import { createHash } from "node:crypto";
import { createSHA256 } from "hash-wasm";
import {
  instantiateKernel,
  KERNEL_RESERVED_BYTES,
  loadScalarModule,
  loadSimdModule,
} from "./kernel.ts";

const COUNT = 8192;
const LEAF_BYTES = 100;
const SRC = 1 << 20;
const OFFSETS = 2 << 20;
const DST = 3 << 20;
const WARM_UP_ROUNDS = 3;
const RUNS = 7;

/** A kernel over a memory of its own, with the same messages as the others: builds lay their constants out in their own ways. */
function kernelOver(module: WebAssembly.Module) {
  const memory = new WebAssembly.Memory({ shared: true, initial: 64, maximum: 64 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(MESSAGES, SRC);
  const offsets = new DataView(memory.buffer, OFFSETS);
  for (let i = 0; i <= COUNT; i++) offsets.setUint32(4 * i, LEAF_BYTES * i, true);
  return { ...instantiateKernel(memory, KERNEL_RESERVED_BYTES, module), bytes };
}

const MESSAGES = Uint8Array.from({ length: LEAF_BYTES * COUNT }, () => Math.random() * 256);
const simd = kernelOver(await loadSimdModule());
const scalar = kernelOver(await loadScalarModule());
const { bytes } = simd;
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

/** Hashes all messages once; gives the milliseconds it took. */
type Contestant = () => number | Promise<number>;

function timed(hash: () => void): Contestant {
  return () => {
    const start = performance.now();
    hash();
    return performance.now() - start;
  };
}

/** The peer's program over the same nodes: it times itself, and proves that it hashed the same. */
class NodeHash implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(program: string) {
    this.#child = new Deno.Command(program, {
      args: [`-count=${COUNT}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#input.write(bytes.slice(SRC, SRC + 64 * COUNT));
    this.#answers = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async time(): Promise<number> {
    await this.#input.write(Uint8Array.of(10));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("Cannot compare with the peer: it has ended");
      this.#rest += value;
    }
    const [nanoseconds, digest] = this.#rest.split(/\s/);
    this.#rest = "";
    simd.hashNodes(SRC, DST, COUNT);
    const own = createHash("sha256").update(bytes.slice(DST, DST + 32 * COUNT)).digest("hex");
    if (digest !== own) throw new Error("Cannot compare with the peer: its hashes are others");
    return Number(nanoseconds) / 1e6;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
  }
}

function contestsWith(peer: NodeHash | null): Record<string, Record<string, Contestant>> {
  return {
    "nodes": {
      "kernel (SIMD)": timed(() => simd.hashNodes(SRC, DST, COUNT)),
      ...(peer && { "Go sha256.Sum256": () => peer.time() }),
      "kernel (scalar)": timed(() => scalar.hashNodes(SRC, DST, COUNT)),
      "hash-wasm": timed(() => each(1, 64, perCall["hash-wasm"])),
      "node:crypto": timed(() => each(1, 64, perCall["node:crypto"])),
    },
    "leaves of 100 bytes": {
      "kernel (SIMD)": timed(() => simd.hashLeaves(SRC, OFFSETS, DST, COUNT)),
      "kernel (scalar)": timed(() => scalar.hashLeaves(SRC, OFFSETS, DST, COUNT)),
      "hash-wasm": timed(() => each(0, LEAF_BYTES, perCall["hash-wasm"])),
      "node:crypto": timed(() => each(0, LEAF_BYTES, perCall["node:crypto"])),
    },
  };
}

async function turn(contestant: Contestant): Promise<number> {
  let fastest = Infinity;
  for (let run = 0; run < RUNS; run++) fastest = Math.min(fastest, await contestant());
  return fastest;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

if (import.meta.main) {
  const rounds = Number(Deno.args[0] ?? 25);
  await using peer = Deno.args[1] === undefined ? null : new NodeHash(Deno.args[1]);
  for (const [contest, contestants] of Object.entries(contestsWith(peer))) {
    const times: Record<string, number[]> = {};
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const [name, contestant] of Object.entries(contestants)) {
        const time = await turn(contestant);
        if (round >= 0) (times[name] ??= []).push(time);
      }
    }
    const kernel = times["kernel (SIMD)"] ?? [];
    console.log(`${contest}: median of ${rounds} rounds of ${COUNT}`);
    for (const [name, own] of Object.entries(times)) {
      const rate = COUNT / median(own) / 1000;
      // Of each round's ratio, so that a slow moment of the host is in both terms.
      const ratios = own.map((time, i) => time / (kernel[i] ?? NaN));
      const [ratio, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)];
      console.log(
        `  ${name.padEnd(16)} ${rate.toFixed(2).padStart(6)} M/s   the SIMD kernel is ` +
          `${ratio.toFixed(2)} times as fast (${least.toFixed(2)}–${most.toFixed(2)})`,
      );
    }
  }
}
