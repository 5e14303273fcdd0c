// Bulk SHA-256 over shared memory: leaf hashes, four messages at a time in the lanes of i32x4 vectors; node hashes are
// in nodes.ts. FIPS 180-4 section 6.2.2, RFC 6962 section 2.1. Hash workers call it through kernel.ts; README.md has
// the measurements behind its shape. AssemblyScript, not TypeScript: `deno task build:wasm` compiles it. Not for
// `deno fmt`, which takes @inline off.

import { add, high32, high64, low32, low64, reversal, sigma0, sigma1, swap, t1, t2 } from "./lanes";
import { IV, K, scratch } from "./layout";
export { heapBase, init } from "./layout";
export { hashNodes } from "./nodes";

// Scratch area of this build; the schedule's 16 vectors stand at its start. A "vector of word t" holds word t of the
// four lanes.
const STATE: i32 = 256; // 8 vectors: the running hash values
const STAGE: i32 = 384; // 4 x 64 bytes: the block each lane is about to compress
const LANES: i32 = 640; // 4 x LANE_BYTES: where each lane stands in its entry
const EDGE: i32 = 768; // 64 bytes: copy of a block too close to the end of the memory

// A lane: its next block's address, bytes of the message from there on (may be negative), bytes of the whole message,
// address of the result.
const LANE_BYTES: i32 = 32;
const LANE_LEFT: i32 = 8;
const LANE_TOTAL: i32 = 16;
const LANE_DST: i32 = 24;

// Sliding windows over a block of 64 bytes: the 64 bytes from KEEP + 64 - n keep the block's first n, and those from
// PAD + 64 - n have 0x80 at byte n, or nowhere when n is 64.
// Their bytes are in the module, not written by init(): another instance may be reading them.
const KEEP = memory.data<u64>([
  0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
  0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
  0, 0, 0, 0, 0, 0, 0, 0,
]);
const PAD = memory.data<u64>([0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);

/** K[t] + W[t], where `k` points at K[t - i] and `w` at the vector of word t - i. */
@inline
function kw(k: i32, w: i32, i: i32): v128 {
  return add(v128.load32_splat(k + 4 * i), v128.load(w + 16 * i));
}

/** Replaces the vector of word t by that of word t + 16, where t is `i` modulo 16 (FIPS 180-4 section 6.2.2 step 1). */
@inline
function schedule(w: i32, i: i32): void {
  const near = add(v128.load(w + 16 * i), sigma0(v128.load(w + 16 * ((i + 1) & 15))));
  const far = add(v128.load(w + 16 * ((i + 9) & 15)), sigma1(v128.load(w + 16 * ((i + 14) & 15))));
  v128.store(w + 16 * i, add(near, far));
}

/**
 * Compresses the block in the schedule's vectors into the running hash values. A round is one line; instead of moving
 * the working variables it renames them, and x and y take turns at holding a ^ b for the next round.
 */
function compress(): void {
  const w = scratch;
  const s = w + STATE;
  let a = v128.load(s), b = v128.load(s, 16), c = v128.load(s, 32), d = v128.load(s, 48);
  let e = v128.load(s, 64), f = v128.load(s, 80), g = v128.load(s, 96), h = v128.load(s, 112);
  let x: v128 = c, y = v128.xor(b, c);
  let k = K;
  for (; k < K + 192; k += 64) {
    h = t1(e, f, g, h, kw(k, w, 0)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y)); schedule(w, 0);
    g = t1(d, e, f, g, kw(k, w, 1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x)); schedule(w, 1);
    f = t1(c, d, e, f, kw(k, w, 2)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y)); schedule(w, 2);
    e = t1(b, c, d, e, kw(k, w, 3)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x)); schedule(w, 3);
    d = t1(a, b, c, d, kw(k, w, 4)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y)); schedule(w, 4);
    c = t1(h, a, b, c, kw(k, w, 5)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x)); schedule(w, 5);
    b = t1(g, h, a, b, kw(k, w, 6)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y)); schedule(w, 6);
    a = t1(f, g, h, a, kw(k, w, 7)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x)); schedule(w, 7);
    h = t1(e, f, g, h, kw(k, w, 8)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y)); schedule(w, 8);
    g = t1(d, e, f, g, kw(k, w, 9)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x)); schedule(w, 9);
    f = t1(c, d, e, f, kw(k, w, 10)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y)); schedule(w, 10);
    e = t1(b, c, d, e, kw(k, w, 11)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x)); schedule(w, 11);
    d = t1(a, b, c, d, kw(k, w, 12)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y)); schedule(w, 12);
    c = t1(h, a, b, c, kw(k, w, 13)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x)); schedule(w, 13);
    b = t1(g, h, a, b, kw(k, w, 14)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y)); schedule(w, 14);
    a = t1(f, g, h, a, kw(k, w, 15)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x)); schedule(w, 15);
  }
  h = t1(e, f, g, h, kw(k, w, 0)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  g = t1(d, e, f, g, kw(k, w, 1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  f = t1(c, d, e, f, kw(k, w, 2)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  e = t1(b, c, d, e, kw(k, w, 3)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  d = t1(a, b, c, d, kw(k, w, 4)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  c = t1(h, a, b, c, kw(k, w, 5)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  b = t1(g, h, a, b, kw(k, w, 6)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  a = t1(f, g, h, a, kw(k, w, 7)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  h = t1(e, f, g, h, kw(k, w, 8)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  g = t1(d, e, f, g, kw(k, w, 9)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  f = t1(c, d, e, f, kw(k, w, 10)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  e = t1(b, c, d, e, kw(k, w, 11)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  d = t1(a, b, c, d, kw(k, w, 12)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  c = t1(h, a, b, c, kw(k, w, 13)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  b = t1(g, h, a, b, kw(k, w, 14)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  a = t1(f, g, h, a, kw(k, w, 15)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  v128.store(s, add(v128.load(s), a));
  v128.store(s, add(v128.load(s, 16), b), 16);
  v128.store(s, add(v128.load(s, 32), c), 32);
  v128.store(s, add(v128.load(s, 48), d), 48);
  v128.store(s, add(v128.load(s, 64), e), 64);
  v128.store(s, add(v128.load(s, 80), f), 80);
  v128.store(s, add(v128.load(s, 96), g), 96);
  v128.store(s, add(v128.load(s, 112), h), 112);
}

/** Turns 16 bytes of each of four lanes into four vectors of big-endian words at `w`. */
@inline
function spread(w: i32, k0: v128, k1: v128, k2: v128, k3: v128): void {
  const order = reversal();
  const l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
  v128.store(w, swap(low64(l0, l1), order));
  v128.store(w, swap(high64(l0, l1), order), 16);
  v128.store(w, swap(low64(h0, h1), order), 32);
  v128.store(w, swap(high64(h0, h1), order), 48);
}

/** Gives every lane of `mask` the initial hash value; the other lanes keep theirs. */
function startLanes(mask: v128): void {
  const s = scratch + STATE;
  for (let t = 0; t < 8; t++) {
    const p = s + 16 * t;
    v128.store(p, v128.bitselect(v128.load32_splat(IV + 4 * t), v128.load(p), mask));
  }
}

/** Writes each lane's hash value to its address, but for lanes whose address is 0. */
function finishLanes(d0: i32, d1: i32, d2: i32, d3: i32): void {
  const s = scratch + STATE;
  const order = reversal();
  for (let half = 0; half < 32; half += 16) {
    const p = s + 4 * half;
    const k0 = v128.load(p), k1 = v128.load(p, 16), k2 = v128.load(p, 32), k3 = v128.load(p, 48);
    const l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
    if (d0) v128.store(d0 + half, swap(low64(l0, l1), order));
    if (d1) v128.store(d1 + half, swap(high64(l0, l1), order));
    if (d2) v128.store(d2 + half, swap(low64(h0, h1), order));
    if (d3) v128.store(d3 + half, swap(high64(h0, h1), order));
  }
}

/** Puts the entry at `from` into a lane. Its message is the prefix 0x00 and the entry: it starts one byte earlier. */
function enter(lane: i32, from: i32, length: u32, dst: i32): void {
  store<i32>(lane, from - 1);
  store<i64>(lane, <i64> length + 1, LANE_LEFT);
  store<i64>(lane, <i64> length + 1, LANE_TOTAL);
  store<i32>(lane, dst, LANE_DST);
}

/**
 * Copies a lane's next block to `to`, with the prefix, padding and length that belong in it.
 *
 * Returns the address to write the hash to when this block is the last one, otherwise 0.
 */
function stage(lane: i32, to: i32): i32 {
  const total = load<i64>(lane, LANE_TOTAL);
  const left = load<i64>(lane, LANE_LEFT);
  let p = load<i32>(lane);
  store<i64>(lane, left - 64, LANE_LEFT);
  store<i32>(lane, p + 64);
  // The byte before the entry is not ours: it becomes the prefix 0x00.
  const own = i32x4.replace_lane(i32x4.splat(-1), 0, left == total ? 0xffffff00 : -1);
  if (left >= 64) {
    v128.store(to, v128.and(v128.load(p), own));
    v128.store(to, v128.load(p, 16), 16);
    v128.store(to, v128.load(p, 32), 32);
    v128.store(to, v128.load(p, 48), 48);
    return 0;
  }
  // Negative when the message and its 0x80 were over before this block.
  const n = <i32> left;
  if (<u64> <u32> p + 64 > (<u64> <u32> memory.size()) << 16) {
    // A whole block from here would leave the memory: read a copy of what is inside.
    if (n > 0) memory.copy(scratch + EDGE, p, n);
    p = scratch + EDGE;
  }
  const keep = KEEP + 64 - max<i32>(n, 0), pad = PAD + (n < 0 ? 0 : 64 - n);
  const v0 = v128.and(v128.and(v128.load(p), v128.load(keep)), own);
  v128.store(to, v128.or(v0, v128.load(pad)));
  v128.store(to, v128.or(v128.and(v128.load(p, 16), v128.load(keep, 16)), v128.load(pad, 16)), 16);
  v128.store(to, v128.or(v128.and(v128.load(p, 32), v128.load(keep, 32)), v128.load(pad, 32)), 32);
  const v3 = v128.or(v128.and(v128.load(p, 48), v128.load(keep, 48)), v128.load(pad, 48));
  if (n > 55) {
    v128.store(to, v3, 48);
    return 0;
  }
  const bits = i64x2.replace_lane(i64x2.splat(0), 1, bswap<i64>(total << 3));
  v128.store(to, v128.or(v3, bits), 48);
  return load<i32>(lane, LANE_DST);
}

/** A vector of four addresses. */
@inline
function lanes(l0: i32, l1: i32, l2: i32, l3: i32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(l0), 1, l1), 2, l2), 3, l3);
}

/**
 * Leaf hashes (RFC 6962 section 2.1): entry i is the bytes src + offsets[i] .. src + offsets[i + 1] - gap, where
 * offsets are count + 1 ascending little-endian u32; dst[32 i ..] = SHA-256(0x00 || entry i).
 *
 * A lane that is done with its entry takes the next one, so entries of any lengths keep all four lanes busy. Entries
 * are finished out of order: dst must overlap neither src nor offsets.
 */
export function hashLeaves(src: i32, offsets: i32, dst: i32, count: i32, gap: i32): void {
  const w = scratch;
  const lane0 = w + LANES, lane1 = lane0 + LANE_BYTES, lane2 = lane1 + LANE_BYTES, lane3 = lane2 + LANE_BYTES;
  const to = w + STAGE;
  let next = 0;
  let busy = 0; // a bit for each lane that has an entry
  let d0 = 1, d1 = 1, d2 = 1, d3 = 1; // not 0: the lane's entry is over, or it has not had one
  while (true) {
    if (d0 | d1 | d2 | d3) {
      const over = i32x4.ne(lanes(d0, d1, d2, d3), i32x4.splat(0));
      startLanes(over);
      for (let n = 0; n < 4; n++) {
        if (!(i32x4.bitmask(over) >> n & 1)) continue;
        if (next == count) {
          busy &= ~(1 << n);
          continue;
        }
        const p = offsets + 4 * next;
        const from = load<u32>(p), end = load<u32>(p, 4) - gap;
        enter(lane0 + n * LANE_BYTES, src + from, end - from, dst + 32 * next);
        busy |= 1 << n;
        next++;
      }
      if (!busy) return;
    }
    // An idle lane compresses what its stage still holds, and nobody reads the result.
    d0 = busy & 1 ? stage(lane0, to) : 0;
    d1 = busy & 2 ? stage(lane1, to + 64) : 0;
    d2 = busy & 4 ? stage(lane2, to + 128) : 0;
    d3 = busy & 8 ? stage(lane3, to + 192) : 0;
    for (let j = 0; j < 64; j += 16) {
      const p = to + j;
      spread(w + 4 * j, v128.load(p), v128.load(p, 64), v128.load(p, 128), v128.load(p, 192));
    }
    compress();
    if (d0 | d1 | d2 | d3) finishLanes(d0, d1, d2, d3);
  }
}
