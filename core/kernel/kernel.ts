/**
 * The bulk SHA-256 kernel of the hash workers: leaf and node hashes of RFC 6962
 * section 2.1, thousands per call, over a shared memory. Below it is
 * WebAssembly that reads and writes nothing but that memory; above it are the
 * workers of the hash pool, which run with `permissions: "none"` and so cannot
 * read a file: the modules come in as source phase imports, which Deno loads
 * with the worker's own code.
 *
 * The memory's first {@linkcode KERNEL_RESERVED_BYTES} bytes belong to the
 * kernel. Every instance over one memory needs {@linkcode SCRATCH_BYTES} of its
 * own; instances of one build share nothing else that they write with different
 * bytes, so a worker may start while others hash.
 *
 * @module
 */

/** First offset of the memory that callers may use. */
export const KERNEL_RESERVED_BYTES = 65536;

/** Size of the scratch area that each instance needs for itself. */
export const SCRATCH_BYTES = 1024;

/**
 * An instance of the kernel, for one thread. It does not check that offsets and
 * counts stay inside the memory and off the reserved bytes; an access outside
 * the memory throws a `WebAssembly.RuntimeError`.
 */
export interface Kernel {
  /**
   * Hashes consecutive pairs: for each i below `count`, `dst[32 i ..] = SHA-256(0x01 || src[64 i .. 64 i + 64])`.
   *
   * The regions may overlap when `dst <= src`, so a level can be reduced in place with `dst === src`.
   *
   * @param src Offset of `64 * count` bytes, from {@linkcode KERNEL_RESERVED_BYTES} on.
   * @param dst Offset of `32 * count` bytes.
   * @param count Number of nodes.
   */
  hashNodes(src: number, dst: number, count: number): void;

  /**
   * Hashes entries: for each i below `count`, `dst[32 i ..] = SHA-256(0x00 || src[offsets[i] .. offsets[i + 1] - gap])`.
   *
   * `dst` must not overlap the entries or the offsets.
   *
   * @param src Offset of the entries' bytes, from {@linkcode KERNEL_RESERVED_BYTES} on.
   * @param offsets Offset of `count + 1` ascending little-endian uint32, relative to `src`.
   * @param dst Offset of `32 * count` bytes.
   * @param count Number of entries.
   * @param gap Bytes between an entry and the next, such as the lengths of an entry bundle; none by default.
   */
  hashLeaves(src: number, offsets: number, dst: number, count: number, gap?: number): void;
}

/** What the module exports; the host makes a `gap` that is not given 0. */
interface KernelExports extends Kernel {
  init(scratchOffset: number): void;
}

/** A module of one function that returns i8x16.popcnt(i8x16.splat(0)): valid only where there is SIMD. */
// deno-fmt-ignore
const SIMD_PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0,
  10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

// Asked beforehand, because the error of a refused source phase import does not
// tell a host without SIMD from a damaged file.
const MODULE = await (WebAssembly.validate(SIMD_PROBE) ? loadSimdModule() : loadScalarModule());

/**
 * Loads the build with SIMD, for tests and benchmarks: others call {@linkcode kernelModule}.
 *
 * @returns The module.
 * @throws {TypeError} If the host's WebAssembly has no SIMD.
 */
export function loadSimdModule(): Promise<WebAssembly.Module> {
  // @ts-ignore: TypeScript 6 does not know source phase imports; Deno does.
  return import.source("./sha256_kernel.wasm");
}

/**
 * Loads the build without SIMD, for tests and benchmarks: others call {@linkcode kernelModule}.
 *
 * @returns The module.
 */
export function loadScalarModule(): Promise<WebAssembly.Module> {
  // @ts-ignore: TypeScript 6 does not know source phase imports; Deno does.
  return import.source("./sha256_scalar.wasm");
}

/**
 * Gives the compiled kernel: with SIMD, or the scalar build on a host whose WebAssembly has none.
 *
 * @returns The module.
 */
export function kernelModule(): WebAssembly.Module {
  return MODULE;
}

/**
 * Makes an instance of the kernel over a shared memory, for one thread.
 *
 * @param memory Memory made with `shared: true`, at least {@linkcode KERNEL_RESERVED_BYTES} large.
 * @param scratchOffset Offset of {@linkcode SCRATCH_BYTES} bytes for this instance alone, a multiple of 16.
 * @param module The build to use, {@linkcode kernelModule} unless given.
 * @returns The instance.
 * @throws {RangeError} If the scratch area is not aligned, in the reserved bytes or outside the memory.
 */
export function instantiateKernel(
  memory: WebAssembly.Memory,
  scratchOffset: number,
  module: WebAssembly.Module = kernelModule(),
): Kernel {
  if (
    scratchOffset % 16 !== 0 || scratchOffset < KERNEL_RESERVED_BYTES ||
    scratchOffset + SCRATCH_BYTES > memory.buffer.byteLength
  ) {
    throw new RangeError(
      `Cannot instantiate the kernel: scratch offset must be a multiple of 16 from ${KERNEL_RESERVED_BYTES} on ` +
        `and its area inside the memory: received ${scratchOffset}`,
    );
  }
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { init, hashNodes, hashLeaves } = instance
    .exports as unknown as KernelExports;
  init(scratchOffset);
  return { hashNodes, hashLeaves };
}
