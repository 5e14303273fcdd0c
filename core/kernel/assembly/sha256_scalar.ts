// Bulk SHA-256 for hosts whose WebAssembly has no SIMD: one message at a time, the contract of sha256_simd.ts.
// FIPS 180-4 section 6.2.2, RFC 6962 section 2.1. AssemblyScript, not TypeScript: `deno task build:wasm` compiles it.
// Not for `deno fmt`, which takes @inline off.

import { expand, IV, K, NODE_BITS, ROW_BYTES, scratch, TABLE } from "./layout";
export { heapBase, init } from "./layout";

// Scratch area of this build: the 64 words of the schedule, the running hash value, one block being padded.
const STATE: i32 = 256;
const BLOCK: i32 = 288;

@inline
function t1(e: u32, f: u32, g: u32, h: u32, kw: u32): u32 {
  return h + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + (g ^ (e & (f ^ g))) + kw;
}

@inline
function t2(a: u32, b: u32, c: u32): u32 {
  return (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) | (c & (a | b)));
}

/** Runs the 64 rounds; `kw` is where K[t] + W[t] stand for t = 0..15 (`head`) and t = 16..63 (`tail`). */
function rounds(head: i32, tail: i32): void {
  const state = scratch + STATE;
  let a = load<u32>(state), b = load<u32>(state, 4), c = load<u32>(state, 8), d = load<u32>(state, 12);
  let e = load<u32>(state, 16), f = load<u32>(state, 20), g = load<u32>(state, 24), h = load<u32>(state, 28);
  let p = head;
  let end = head + 64;
  while (true) {
    h = t1(e, f, g, h, load<u32>(p)), d += h, h += t2(a, b, c);
    g = t1(d, e, f, g, load<u32>(p, 4)), c += g, g += t2(h, a, b);
    f = t1(c, d, e, f, load<u32>(p, 8)), b += f, f += t2(g, h, a);
    e = t1(b, c, d, e, load<u32>(p, 12)), a += e, e += t2(f, g, h);
    d = t1(a, b, c, d, load<u32>(p, 16)), h += d, d += t2(e, f, g);
    c = t1(h, a, b, c, load<u32>(p, 20)), g += c, c += t2(d, e, f);
    b = t1(g, h, a, b, load<u32>(p, 24)), f += b, b += t2(c, d, e);
    a = t1(f, g, h, a, load<u32>(p, 28)), e += a, a += t2(b, c, d);
    p += 32;
    if (p != end) continue;
    if (end != head + 64) break;
    p = tail;
    end = tail + 192;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}

/** Compresses the block whose 16 words stand, in host order, at the start of the scratch area. */
function compress(): void {
  const w = scratch;
  expand(w);
  for (let t = 0; t < 256; t += 4) {
    store<u32>(w + t, load<u32>(w + t) + load<u32>(K + t));
  }
  rounds(w, w + 64);
}

/** Puts the 64 bytes at `from` into the schedule, big-endian. */
function loadWords(from: i32): void {
  const w = scratch;
  for (let t = 0; t < 64; t += 4) {
    store<u32>(w + t, bswap<u32>(load<u32>(from + t)));
  }
}

function start(): void {
  memory.copy(scratch + STATE, IV, 32);
}

function finish(dst: i32): void {
  const state = scratch + STATE;
  for (let t = 0; t < 32; t += 4) {
    store<u32>(dst + t, bswap<u32>(load<u32>(state + t)));
  }
}

/** See sha256_simd.ts. */
export function hashNodes(src: i32, dst: i32, count: i32): void {
  const w = scratch;
  for (let i = 0; i < count; i++) {
    start();
    const last = <u32> load<u8>(src, 63);
    loadWords(src - 1);
    store<u32>(w, (load<u32>(w) & 0x00ffffff) | 0x01000000);
    compress();
    memory.copy(w, K, 64);
    store<u32>(w, load<u32>(w) + ((last << 24) | 0x800000));
    store<u32>(w, load<u32>(w, 60) + NODE_BITS, 60);
    rounds(w, TABLE + <i32> last * ROW_BYTES);
    finish(dst);
    src += 64;
    dst += 32;
  }
}

/** See sha256_simd.ts. */
export function hashLeaves(src: i32, offsets: i32, dst: i32, count: i32, gap: i32): void {
  const w = scratch;
  const block = scratch + BLOCK;
  for (let i = 0; i < count; i++) {
    const from = src + load<i32>(offsets);
    const length: u32 = load<u32>(offsets, 4) - gap - load<u32>(offsets);
    start();
    // The message is the prefix 0x00 and the entry, so it starts one byte before the entry; that byte is masked out.
    let p = from - 1;
    const total: u64 = <u64> length + 1;
    let left: u64 = total;
    while (left >= 64) {
      loadWords(p);
      if (left == total) store<u32>(w, load<u32>(w) & 0x00ffffff);
      compress();
      p += 64;
      left -= 64;
    }
    memory.fill(block, 0, 64);
    if (left == total) memory.copy(block + 1, from, length);
    else memory.copy(block, p, <i32> left);
    store<u8>(block + <i32> left, 0x80);
    if (left > 55) {
      loadWords(block);
      compress();
      memory.fill(block, 0, 64);
    }
    store<u64>(block, bswap<u64>(total << 3), 56);
    loadWords(block);
    compress();
    finish(dst);
    offsets += 4;
    dst += 32;
  }
}
