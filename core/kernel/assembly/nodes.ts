// Node hashes, five at a time: four in the lanes of i32x4 vectors, and the fifth in plain integers. A core has ports
// for integers that vectors cannot use, so the fifth costs little (README.md has the measurements). FIPS 180-4 section
// 6.2.2, RFC 6962 section 2.1. AssemblyScript, not TypeScript: `deno task build:wasm` compiles it. Not for `deno fmt`,
// which takes @inline off.

import {
  add,
  high32,
  high64,
  low32,
  low64,
  reversal,
  sigma0,
  sigma1,
  swap,
  t1,
  t2,
} from "./lanes";
import { IV, K, NODE_BITS, ROW_BYTES, scratch, TABLE } from "./layout";

const NODE: i32 = 64;
const HASH: i32 = 32;

// Scratch area: up to four nodes, and the hashes of what was hashed with them. The byte before a node is read.
const REST: i32 = 16;
const REST_HASHES: i32 = REST + 5 * NODE;

// The fifth message's versions of lanes.ts. Rotations nest: each then needs no copy of what it rotates.

@inline
function u1(e: u32, f: u32, g: u32, h: u32, kw: u32): u32 {
  const sum1 = rotr<u32>(rotr<u32>(rotr<u32>(e, 14) ^ e, 5) ^ e, 6);
  return h + kw + (sum1 + (g ^ (e & (f ^ g))));
}

@inline
function u2(a: u32, b: u32, ab: u32, bc: u32): u32 {
  return rotr<u32>(rotr<u32>(rotr<u32>(a, 9) ^ a, 11) ^ a, 2) + (b ^ (ab & bc));
}

@inline
function v0(x: u32): u32 {
  return rotr<u32>(rotr<u32>(x, 11) ^ x, 7) ^ (x >> 3);
}

@inline
function v1(x: u32): u32 {
  return rotr<u32>(rotr<u32>(x, 2) ^ x, 17) ^ (x >> 10);
}

// Constants, for four messages and for one: word i of those at `k`, and with word i of the schedule added.

@inline
function keys(k: usize, i: i32): v128 {
  return v128.load32_splat(k + 4 * i);
}

@inline
function key(k: usize, i: i32): u32 {
  return load<u32>(k + 4 * i);
}

@inline
function kw(k: usize, i: i32, w: v128): v128 {
  return add(keys(k, i), w);
}

@inline
function ku(k: usize, i: i32, w: u32): u32 {
  return key(k, i) + w;
}

/** Word t + 16 of four schedules, from their words t, t + 1, t + 9 and t + 14 (FIPS 180-4 section 6.2.2 step 1). */
@inline
function next(w: v128, w1: v128, w9: v128, w14: v128): v128 {
  return add(add(w, sigma0(w1)), add(w9, sigma1(w14)));
}

/** Four words of the fifth message or its hash as they stand in memory. */
@inline
function pack(p: u32, q: u32, r: u32, s: u32): v128 {
  const low = <i64> (<u64> p | (<u64> q << 32)), high = <i64> (<u64> r | (<u64> s << 32));
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/**
 * Five node hashes. A round of SHA-256 is two lines: the fifth message's in capitals, that of the other four in small
 * letters. Instead of moving the working variables they rename them, and x and y take turns at holding a ^ b for the
 * next round. All is read before anything is written.
 */
function hashFive(src: i32, dst: i32): void {
  const order = reversal();
  let k0: v128, k1: v128, k2: v128, k3: v128, l0: v128, l1: v128, h0: v128, h1: v128;

  // The first block's words. The prefix makes the message start one byte before the node: in the first word that byte
  // is masked out and 0x01 put in its place.
  k0 = v128.load(src - 1, 0 * NODE), k1 = v128.load(src - 1, 1 * NODE);
  k2 = v128.load(src - 1, 2 * NODE), k3 = v128.load(src - 1, 3 * NODE);
  l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
  let w0 = v128.or(v128.and(swap(low64(l0, l1), order), i32x4.splat(0x00ffffff)), i32x4.splat(0x01000000));
  let w1 = swap(high64(l0, l1), order), w2 = swap(low64(h0, h1), order), w3 = swap(high64(h0, h1), order);
  k0 = swap(v128.load(src - 1, 4 * NODE), order);
  const m0 = i64x2.extract_lane(k0, 0), m1 = i64x2.extract_lane(k0, 1);
  let W0: u32 = (<u32> m0 & 0x00ffffff) | 0x01000000, W1 = <u32> (m0 >> 32), W2 = <u32> m1, W3 = <u32> (m1 >> 32);
  k0 = v128.load(src - 1, 0 * NODE + 16), k1 = v128.load(src - 1, 1 * NODE + 16);
  k2 = v128.load(src - 1, 2 * NODE + 16), k3 = v128.load(src - 1, 3 * NODE + 16);
  l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
  let w4 = swap(low64(l0, l1), order), w5 = swap(high64(l0, l1), order);
  let w6 = swap(low64(h0, h1), order), w7 = swap(high64(h0, h1), order);
  k0 = swap(v128.load(src - 1, 4 * NODE + 16), order);
  const m2 = i64x2.extract_lane(k0, 0), m3 = i64x2.extract_lane(k0, 1);
  let W4: u32 = <u32> m2, W5 = <u32> (m2 >> 32), W6 = <u32> m3, W7 = <u32> (m3 >> 32);
  k0 = v128.load(src - 1, 0 * NODE + 32), k1 = v128.load(src - 1, 1 * NODE + 32);
  k2 = v128.load(src - 1, 2 * NODE + 32), k3 = v128.load(src - 1, 3 * NODE + 32);
  l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
  let w8 = swap(low64(l0, l1), order), w9 = swap(high64(l0, l1), order);
  let w10 = swap(low64(h0, h1), order), w11 = swap(high64(h0, h1), order);
  k0 = swap(v128.load(src - 1, 4 * NODE + 32), order);
  const m4 = i64x2.extract_lane(k0, 0), m5 = i64x2.extract_lane(k0, 1);
  let W8: u32 = <u32> m4, W9 = <u32> (m4 >> 32), W10 = <u32> m5, W11 = <u32> (m5 >> 32);
  k0 = v128.load(src - 1, 0 * NODE + 48), k1 = v128.load(src - 1, 1 * NODE + 48);
  k2 = v128.load(src - 1, 2 * NODE + 48), k3 = v128.load(src - 1, 3 * NODE + 48);
  l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
  let w12 = swap(low64(l0, l1), order), w13 = swap(high64(l0, l1), order);
  let w14 = swap(low64(h0, h1), order), w15 = swap(high64(h0, h1), order);
  k0 = swap(v128.load(src - 1, 4 * NODE + 48), order);
  const m6 = i64x2.extract_lane(k0, 0), m7 = i64x2.extract_lane(k0, 1);
  let W12: u32 = <u32> m6, W13 = <u32> (m6 >> 32), W14 = <u32> m7, W15 = <u32> (m7 >> 32);
  // The 65th byte, which is all of the message that the second block holds.
  const b0 = <i32> load<u8>(src, NODE - 1), b1 = <i32> load<u8>(src, 2 * NODE - 1);
  const b2 = <i32> load<u8>(src, 3 * NODE - 1), b3 = <i32> load<u8>(src, 4 * NODE - 1);
  const b4 = <i32> load<u8>(src, 5 * NODE - 1);

  let a = keys(IV, 0), b = keys(IV, 1), c = keys(IV, 2), d = keys(IV, 3);
  let e = keys(IV, 4), f = keys(IV, 5), g = keys(IV, 6), h = keys(IV, 7);
  let A = key(IV, 0), B = key(IV, 1), C = key(IV, 2), D = key(IV, 3);
  let E = key(IV, 4), F = key(IV, 5), G = key(IV, 6), H = key(IV, 7);
  let x: v128 = c, y = v128.xor(b, c), X: u32 = C, Y: u32 = B ^ C;
  H = u1(E, F, G, H, ku(K, 0, W0)), D += H, X = A ^ B, H += u2(A, B, X, Y);
  h = t1(e, f, g, h, kw(K, 0, w0)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  G = u1(D, E, F, G, ku(K, 1, W1)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
  g = t1(d, e, f, g, kw(K, 1, w1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  F = u1(C, D, E, F, ku(K, 2, W2)), B += F, X = G ^ H, F += u2(G, H, X, Y);
  f = t1(c, d, e, f, kw(K, 2, w2)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  E = u1(B, C, D, E, ku(K, 3, W3)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
  e = t1(b, c, d, e, kw(K, 3, w3)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  D = u1(A, B, C, D, ku(K, 4, W4)), H += D, X = E ^ F, D += u2(E, F, X, Y);
  d = t1(a, b, c, d, kw(K, 4, w4)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  C = u1(H, A, B, C, ku(K, 5, W5)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
  c = t1(h, a, b, c, kw(K, 5, w5)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  B = u1(G, H, A, B, ku(K, 6, W6)), F += B, X = C ^ D, B += u2(C, D, X, Y);
  b = t1(g, h, a, b, kw(K, 6, w6)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  A = u1(F, G, H, A, ku(K, 7, W7)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
  a = t1(f, g, h, a, kw(K, 7, w7)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  H = u1(E, F, G, H, ku(K, 8, W8)), D += H, X = A ^ B, H += u2(A, B, X, Y);
  h = t1(e, f, g, h, kw(K, 8, w8)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  G = u1(D, E, F, G, ku(K, 9, W9)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
  g = t1(d, e, f, g, kw(K, 9, w9)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  F = u1(C, D, E, F, ku(K, 10, W10)), B += F, X = G ^ H, F += u2(G, H, X, Y);
  f = t1(c, d, e, f, kw(K, 10, w10)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  E = u1(B, C, D, E, ku(K, 11, W11)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
  e = t1(b, c, d, e, kw(K, 11, w11)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  D = u1(A, B, C, D, ku(K, 12, W12)), H += D, X = E ^ F, D += u2(E, F, X, Y);
  d = t1(a, b, c, d, kw(K, 12, w12)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  C = u1(H, A, B, C, ku(K, 13, W13)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
  c = t1(h, a, b, c, kw(K, 13, w13)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  B = u1(G, H, A, B, ku(K, 14, W14)), F += B, X = C ^ D, B += u2(C, D, X, Y);
  b = t1(g, h, a, b, kw(K, 14, w14)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  A = u1(F, G, H, A, ku(K, 15, W15)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
  a = t1(f, g, h, a, kw(K, 15, w15)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  for (let k = K + 64; k < K + 256; k += 64) {
    W0 += v0(W1) + W9 + v1(W14);
    H = u1(E, F, G, H, ku(k, 0, W0)), D += H, X = A ^ B, H += u2(A, B, X, Y);
    w0 = next(w0, w1, w9, w14);
    h = t1(e, f, g, h, kw(k, 0, w0)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
    W1 += v0(W2) + W10 + v1(W15);
    G = u1(D, E, F, G, ku(k, 1, W1)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
    w1 = next(w1, w2, w10, w15);
    g = t1(d, e, f, g, kw(k, 1, w1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
    W2 += v0(W3) + W11 + v1(W0);
    F = u1(C, D, E, F, ku(k, 2, W2)), B += F, X = G ^ H, F += u2(G, H, X, Y);
    w2 = next(w2, w3, w11, w0);
    f = t1(c, d, e, f, kw(k, 2, w2)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
    W3 += v0(W4) + W12 + v1(W1);
    E = u1(B, C, D, E, ku(k, 3, W3)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
    w3 = next(w3, w4, w12, w1);
    e = t1(b, c, d, e, kw(k, 3, w3)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
    W4 += v0(W5) + W13 + v1(W2);
    D = u1(A, B, C, D, ku(k, 4, W4)), H += D, X = E ^ F, D += u2(E, F, X, Y);
    w4 = next(w4, w5, w13, w2);
    d = t1(a, b, c, d, kw(k, 4, w4)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
    W5 += v0(W6) + W14 + v1(W3);
    C = u1(H, A, B, C, ku(k, 5, W5)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
    w5 = next(w5, w6, w14, w3);
    c = t1(h, a, b, c, kw(k, 5, w5)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
    W6 += v0(W7) + W15 + v1(W4);
    B = u1(G, H, A, B, ku(k, 6, W6)), F += B, X = C ^ D, B += u2(C, D, X, Y);
    w6 = next(w6, w7, w15, w4);
    b = t1(g, h, a, b, kw(k, 6, w6)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
    W7 += v0(W8) + W0 + v1(W5);
    A = u1(F, G, H, A, ku(k, 7, W7)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
    w7 = next(w7, w8, w0, w5);
    a = t1(f, g, h, a, kw(k, 7, w7)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
    W8 += v0(W9) + W1 + v1(W6);
    H = u1(E, F, G, H, ku(k, 8, W8)), D += H, X = A ^ B, H += u2(A, B, X, Y);
    w8 = next(w8, w9, w1, w6);
    h = t1(e, f, g, h, kw(k, 8, w8)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
    W9 += v0(W10) + W2 + v1(W7);
    G = u1(D, E, F, G, ku(k, 9, W9)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
    w9 = next(w9, w10, w2, w7);
    g = t1(d, e, f, g, kw(k, 9, w9)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
    W10 += v0(W11) + W3 + v1(W8);
    F = u1(C, D, E, F, ku(k, 10, W10)), B += F, X = G ^ H, F += u2(G, H, X, Y);
    w10 = next(w10, w11, w3, w8);
    f = t1(c, d, e, f, kw(k, 10, w10)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
    W11 += v0(W12) + W4 + v1(W9);
    E = u1(B, C, D, E, ku(k, 11, W11)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
    w11 = next(w11, w12, w4, w9);
    e = t1(b, c, d, e, kw(k, 11, w11)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
    W12 += v0(W13) + W5 + v1(W10);
    D = u1(A, B, C, D, ku(k, 12, W12)), H += D, X = E ^ F, D += u2(E, F, X, Y);
    w12 = next(w12, w13, w5, w10);
    d = t1(a, b, c, d, kw(k, 12, w12)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
    W13 += v0(W14) + W6 + v1(W11);
    C = u1(H, A, B, C, ku(k, 13, W13)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
    w13 = next(w13, w14, w6, w11);
    c = t1(h, a, b, c, kw(k, 13, w13)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
    W14 += v0(W15) + W7 + v1(W12);
    B = u1(G, H, A, B, ku(k, 14, W14)), F += B, X = C ^ D, B += u2(C, D, X, Y);
    w14 = next(w14, w15, w7, w12);
    b = t1(g, h, a, b, kw(k, 14, w14)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
    W15 += v0(W0) + W8 + v1(W13);
    A = u1(F, G, H, A, ku(k, 15, W15)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
    w15 = next(w15, w0, w8, w13);
    a = t1(f, g, h, a, kw(k, 15, w15)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  }
  a = add(a, keys(IV, 0)), A += key(IV, 0);
  b = add(b, keys(IV, 1)), B += key(IV, 1);
  c = add(c, keys(IV, 2)), C += key(IV, 2);
  d = add(d, keys(IV, 3)), D += key(IV, 3);
  e = add(e, keys(IV, 4)), E += key(IV, 4);
  f = add(f, keys(IV, 5)), F += key(IV, 5);
  g = add(g, keys(IV, 6)), G += key(IV, 6);
  h = add(h, keys(IV, 7)), H += key(IV, 7);

  // The second block: its schedules stand in the TABLE.
  const pa = a, pb = b, pc = c, pd = d, pe = e, pf = f, pg = g, ph = h;
  const PA = A, PB = B, PC = C, PD = D, PE = E, PF = F, PG = G, PH = H;
  x = c, y = v128.xor(b, c), X = C, Y = B ^ C;
  let word = i32x4.splat(b0);
  word = i32x4.replace_lane(word, 1, b1);
  word = i32x4.replace_lane(word, 2, b2);
  word = i32x4.replace_lane(word, 3, b3);
  const first = add(keys(K, 0), v128.or(i32x4.shl(word, 24), i32x4.splat(0x800000)));
  const FIRST = key(K, 0) + ((b4 << 24) | 0x800000);
  const sixteenth = add(keys(K, 15), i32x4.splat(NODE_BITS)), SIXTEENTH = key(K, 15) + NODE_BITS;
  H = u1(E, F, G, H, FIRST), D += H, X = A ^ B, H += u2(A, B, X, Y);
  h = t1(e, f, g, h, first), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  G = u1(D, E, F, G, key(K, 1)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
  g = t1(d, e, f, g, keys(K, 1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  F = u1(C, D, E, F, key(K, 2)), B += F, X = G ^ H, F += u2(G, H, X, Y);
  f = t1(c, d, e, f, keys(K, 2)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  E = u1(B, C, D, E, key(K, 3)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
  e = t1(b, c, d, e, keys(K, 3)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  D = u1(A, B, C, D, key(K, 4)), H += D, X = E ^ F, D += u2(E, F, X, Y);
  d = t1(a, b, c, d, keys(K, 4)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  C = u1(H, A, B, C, key(K, 5)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
  c = t1(h, a, b, c, keys(K, 5)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  B = u1(G, H, A, B, key(K, 6)), F += B, X = C ^ D, B += u2(C, D, X, Y);
  b = t1(g, h, a, b, keys(K, 6)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  A = u1(F, G, H, A, key(K, 7)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
  a = t1(f, g, h, a, keys(K, 7)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  H = u1(E, F, G, H, key(K, 8)), D += H, X = A ^ B, H += u2(A, B, X, Y);
  h = t1(e, f, g, h, keys(K, 8)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
  G = u1(D, E, F, G, key(K, 9)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
  g = t1(d, e, f, g, keys(K, 9)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
  F = u1(C, D, E, F, key(K, 10)), B += F, X = G ^ H, F += u2(G, H, X, Y);
  f = t1(c, d, e, f, keys(K, 10)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
  E = u1(B, C, D, E, key(K, 11)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
  e = t1(b, c, d, e, keys(K, 11)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
  D = u1(A, B, C, D, key(K, 12)), H += D, X = E ^ F, D += u2(E, F, X, Y);
  d = t1(a, b, c, d, keys(K, 12)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
  C = u1(H, A, B, C, key(K, 13)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
  c = t1(h, a, b, c, keys(K, 13)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
  B = u1(G, H, A, B, key(K, 14)), F += B, X = C ^ D, B += u2(C, D, X, Y);
  b = t1(g, h, a, b, keys(K, 14)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
  A = u1(F, G, H, A, SIXTEENTH), E += A, Y = B ^ C, A += u2(B, C, Y, X);
  a = t1(f, g, h, a, sixteenth), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
  let r0 = TABLE + b0 * ROW_BYTES, r1 = TABLE + b1 * ROW_BYTES, r2 = TABLE + b2 * ROW_BYTES;
  let r3 = TABLE + b3 * ROW_BYTES, r4 = TABLE + b4 * ROW_BYTES;
  for (let t = 0; t < ROW_BYTES; t += 32) {
    k0 = v128.load(r0), k1 = v128.load(r1), k2 = v128.load(r2), k3 = v128.load(r3);
    l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
    H = u1(E, F, G, H, key(r4, 0)), D += H, X = A ^ B, H += u2(A, B, X, Y);
    h = t1(e, f, g, h, low64(l0, l1)), d = add(d, h), x = v128.xor(a, b), h = add(h, t2(a, b, x, y));
    G = u1(D, E, F, G, key(r4, 1)), C += G, Y = H ^ A, G += u2(H, A, Y, X);
    g = t1(d, e, f, g, high64(l0, l1)), c = add(c, g), y = v128.xor(h, a), g = add(g, t2(h, a, y, x));
    F = u1(C, D, E, F, key(r4, 2)), B += F, X = G ^ H, F += u2(G, H, X, Y);
    f = t1(c, d, e, f, low64(h0, h1)), b = add(b, f), x = v128.xor(g, h), f = add(f, t2(g, h, x, y));
    E = u1(B, C, D, E, key(r4, 3)), A += E, Y = F ^ G, E += u2(F, G, Y, X);
    e = t1(b, c, d, e, high64(h0, h1)), a = add(a, e), y = v128.xor(f, g), e = add(e, t2(f, g, y, x));
    k0 = v128.load(r0, 16), k1 = v128.load(r1, 16), k2 = v128.load(r2, 16), k3 = v128.load(r3, 16);
    l0 = low32(k0, k1), l1 = low32(k2, k3), h0 = high32(k0, k1), h1 = high32(k2, k3);
    D = u1(A, B, C, D, key(r4, 4)), H += D, X = E ^ F, D += u2(E, F, X, Y);
    d = t1(a, b, c, d, low64(l0, l1)), h = add(h, d), x = v128.xor(e, f), d = add(d, t2(e, f, x, y));
    C = u1(H, A, B, C, key(r4, 5)), G += C, Y = D ^ E, C += u2(D, E, Y, X);
    c = t1(h, a, b, c, high64(l0, l1)), g = add(g, c), y = v128.xor(d, e), c = add(c, t2(d, e, y, x));
    B = u1(G, H, A, B, key(r4, 6)), F += B, X = C ^ D, B += u2(C, D, X, Y);
    b = t1(g, h, a, b, low64(h0, h1)), f = add(f, b), x = v128.xor(c, d), b = add(b, t2(c, d, x, y));
    A = u1(F, G, H, A, key(r4, 7)), E += A, Y = B ^ C, A += u2(B, C, Y, X);
    a = t1(f, g, h, a, high64(h0, h1)), e = add(e, a), y = v128.xor(b, c), a = add(a, t2(b, c, y, x));
    r0 += 32, r1 += 32, r2 += 32, r3 += 32, r4 += 32;
  }
  a = add(a, pa), A += PA;
  b = add(b, pb), B += PB;
  c = add(c, pc), C += PC;
  d = add(d, pd), D += PD;
  e = add(e, pe), E += PE;
  f = add(f, pf), F += PF;
  g = add(g, pg), G += PG;
  h = add(h, ph), H += PH;

  l0 = low32(a, b), l1 = low32(c, d), h0 = high32(a, b), h1 = high32(c, d);
  v128.store(dst, swap(low64(l0, l1), order));
  v128.store(dst, swap(high64(l0, l1), order), 1 * HASH);
  v128.store(dst, swap(low64(h0, h1), order), 2 * HASH);
  v128.store(dst, swap(high64(h0, h1), order), 3 * HASH);
  v128.store(dst, swap(pack(A, B, C, D), order), 4 * HASH);
  l0 = low32(e, f), l1 = low32(g, h), h0 = high32(e, f), h1 = high32(g, h);
  v128.store(dst, swap(low64(l0, l1), order), 16);
  v128.store(dst, swap(high64(l0, l1), order), 1 * HASH + 16);
  v128.store(dst, swap(low64(h0, h1), order), 2 * HASH + 16);
  v128.store(dst, swap(high64(h0, h1), order), 3 * HASH + 16);
  v128.store(dst, swap(pack(E, F, G, H), order), 4 * HASH + 16);
}

/**
 * Node hashes of consecutive pairs (RFC 6962 section 2.1): for i in 0..count,
 * dst[32 i ..] = SHA-256(0x01 || src[64 i .. 64 i + 64]).
 *
 * Five nodes are read before any of them is written, in ascending order: the regions may overlap when dst <= src.
 */
export function hashNodes(src: i32, dst: i32, count: i32): void {
  for (; count >= 5; count -= 5) {
    hashFive(src, dst);
    src += 5 * NODE;
    dst += 5 * HASH;
  }
  if (count > 0) {
    // Fewer than five stand beside whatever the scratch area holds; nobody reads the hashes of that.
    const rest = scratch + REST;
    memory.copy(rest, src, count * NODE);
    hashFive(rest, scratch + REST_HASHES);
    memory.copy(dst, scratch + REST_HASHES, count * HASH);
  }
}
