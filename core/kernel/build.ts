// Compiles the kernel from AssemblyScript to the committed WebAssembly files (`deno task build:wasm`).
// With --check it compiles to memory and fails when the committed bytes are not the ones the source gives.
// Run at build time only: the log loads the files through kernel.ts.

import asc from "assemblyscript/asc";

const SOURCE_FOLDER = new URL("./assembly/", import.meta.url);

/** Source file to committed file, with the WebAssembly features it may use besides shared memory. */
const BUILDS = [
  {
    source: "sha256_simd.ts",
    target: "sha256_kernel.wasm",
    features: ["--enable", "simd"],
  },
  {
    source: "sha256_scalar.ts",
    target: "sha256_scalar.wasm",
    features: ["--disable", "simd"],
  },
  {
    source: "entry_scan.ts",
    target: "entry_scan.wasm",
    features: ["--disable", "simd"],
  },
];

async function compile(
  source: string,
  features: string[],
): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  // The compiler sees names, not paths, so its output does not depend on where the checkout lies.
  const { error, stderr } = await asc.main(
    [
      source,
      "--outFile",
      "out.wasm",
      "-O3",
      "--converge",
      "--runtime",
      "stub",
      "--noAssert",
      "--importMemory",
      "--noExportMemory",
      "--sharedMemory",
      "--initialMemory",
      "1",
      "--maximumMemory",
      "65536",
      "--enable",
      "threads",
      "--enable",
      "bulk-memory",
      ...features,
    ],
    {
      readFile: (name: string) => readSource(name),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== "string") wasm = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !wasm) {
    throw new Error(`Cannot compile ${source}: ${stderr.toString()}`, {
      cause: error,
    });
  }
  return wasm;
}

function readSource(name: string): string | null {
  try {
    return Deno.readTextFileSync(new URL(name, SOURCE_FOLDER));
  } catch (error) {
    // The compiler probes several names for one import.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  let stale = false;
  for (const { source, target, features } of BUILDS) {
    const wasm = await compile(source, features);
    const url = new URL(target, import.meta.url);
    if (!check) {
      Deno.writeFileSync(url, wasm);
      console.log(`${target}: ${wasm.length} bytes`);
    } else if (!sameBytes(wasm, Deno.readFileSync(url))) {
      stale = true;
      console.error(
        `${target} is not what ${source} compiles to: run deno task build:wasm`,
      );
    }
  }
  if (stale) Deno.exit(1);
}
