// SHA-256 on four messages at once, word by word in the lanes of i32x4 vectors: the pieces that nodes.ts and
// sha256_simd.ts are made of. FIPS 180-4 sections 4.1.2 and 6.2.2. AssemblyScript, not TypeScript:
// `deno task build:wasm` compiles it. Not for `deno fmt`, which takes @inline off.

// Reverses the bytes of each word. In memory, as V8 would put a constant together anew each time.
const REVERSE = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]);

@inline
export function add(x: v128, y: v128): v128 {
  return i32x4.add(x, y);
}

@inline
function rotr4(x: v128, n: i32): v128 {
  return v128.or(i32x4.shr_u(x, n), i32x4.shl(x, 32 - n));
}

@inline
export function sigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotr4(x, 7), rotr4(x, 18)), i32x4.shr_u(x, 3));
}

@inline
export function sigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotr4(x, 17), rotr4(x, 19)), i32x4.shr_u(x, 10));
}

/** First temporary of a round; `kw` is K[t] + W[t]. */
@inline
export function t1(e: v128, f: v128, g: v128, h: v128, kw: v128): v128 {
  const sum1 = v128.xor(v128.xor(rotr4(e, 6), rotr4(e, 11)), rotr4(e, 25));
  const choose = v128.xor(g, v128.and(e, v128.xor(f, g)));
  return add(add(h, kw), add(sum1, choose));
}

/** Second temporary of a round; `ab` is a ^ b and `bc` is b ^ c, which was the round before's a ^ b. */
@inline
export function t2(a: v128, b: v128, ab: v128, bc: v128): v128 {
  const sum0 = v128.xor(v128.xor(rotr4(a, 2), rotr4(a, 13)), rotr4(a, 22));
  return add(sum0, v128.xor(b, v128.and(ab, bc)));
}

// The four steps of a 4 x 4 transposition.

@inline
export function low32(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 0, 4, 1, 5);
}

@inline
export function high32(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 2, 6, 3, 7);
}

@inline
export function low64(x: v128, y: v128): v128 {
  return v128.shuffle<i64>(x, y, 0, 2);
}

@inline
export function high64(x: v128, y: v128): v128 {
  return v128.shuffle<i64>(x, y, 1, 3);
}

/** What {@linkcode swap} reverses bytes by. */
@inline
export function reversal(): v128 {
  return v128.load(REVERSE);
}

/** Reverses the bytes of each word. */
@inline
export function swap(x: v128, reversal: v128): v128 {
  return v128.swizzle(x, reversal);
}
