// Where the SHA-256 kernel keeps its bytes in the shared memory, and the few scalar pieces both builds
// (SIMD and scalar) need. AssemblyScript, not TypeScript: `deno task build:wasm` compiles it. Not for `deno fmt`, which
// takes @inline off.
// FIPS 180-4 section 4.2.2 and 5.3.3 (constants), RFC 6962 section 2.1 (the two prefixes).
//
// Two regions are shared by every instance and always receive the same bytes, so writing them again is harmless:
//   0 .. HEAP_BASE        constants, written when a module is instantiated
//   TABLE .. 64 KiB       the schedule table, written by init()
// One region belongs to a single instance: SCRATCH_BYTES from the offset given to init().

/** Round constants (FIPS 180-4 section 4.2.2). */
export const K = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** Initial hash value (FIPS 180-4 section 5.3.3). */
export const IV = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Start of the schedule table: it fills the reserved page to its end. */
export const TABLE: i32 = 16384;

/** Bytes of one row: K[t] + W[t] for t = 16..63. */
export const ROW_BYTES: i32 = 192;

/** Bit length of a node's message, 65 bytes: the last word of its second block. */
export const NODE_BITS: i32 = 520;

/** First offset of the caller's scratch area; set by init(), one per instance (a WASM global is not shared). */
export let scratch: i32 = 0;

@inline
function sigma0(x: u32): u32 {
  return rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >> 3);
}

@inline
function sigma1(x: u32): u32 {
  return rotr<u32>(x, 17) ^ rotr<u32>(x, 19) ^ (x >> 10);
}

/** Extends the 16 words at `w` to 64 (FIPS 180-4 section 6.2.2 step 1). */
export function expand(w: i32): void {
  for (let t = 64; t < 256; t += 4) {
    const p = w + t;
    store<u32>(
      p,
      sigma1(load<u32>(p - 8)) + load<u32>(p - 28) + sigma0(load<u32>(p - 60)) + load<u32>(p - 64),
    );
  }
}

/**
 * Binds this instance to its scratch area and fills the schedule table.
 *
 * The second block of a node is one data byte and padding, so it has only 256 possible message schedules; all of them,
 * with the round constants added, take 48 KiB. A row is written once, from values computed in the scratch area: an
 * instance that writes the table while another one reads it stores the bytes that are there already.
 */
export function init(scratchOffset: i32): void {
  scratch = scratchOffset;
  const w = scratchOffset;
  for (let byte = 0; byte < 256; byte++) {
    memory.fill(w, 0, 64);
    store<u32>(w, (byte << 24) | 0x800000);
    store<u32>(w, NODE_BITS, 60);
    expand(w);
    const row = TABLE + byte * ROW_BYTES;
    for (let t = 64; t < 256; t += 4) {
      store<u32>(row + t - 64, load<u32>(K + t) + load<u32>(w + t));
    }
  }
}

/** First byte after the constants, which must not reach TABLE. */
export function heapBase(): i32 {
  return <i32> __heap_base;
}
