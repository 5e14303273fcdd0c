/**
 * Where a Python environment keeps its distributions, found by the shape of its
 * folders. Its Python is never run: whoever could change a package could have it
 * run anything.
 *
 * @module
 */

import { join } from "node:path";

/** An environment. */
export interface Environment {
  /** Its folder: `bin` and `lib` are in it. */
  readonly prefix: string;
  /** Its folders of distributions. */
  readonly folders: readonly string[];
}

const LIBRARIES = ["lib", "lib64", "local/lib"];
const PYTHON = /^(?:python|pypy)[0-9.]*$/;
const PACKAGES = ["site-packages", "dist-packages"];

/**
 * Finds the folders of an environment.
 *
 * @param prefix Its folder.
 * @throws {Error} If it has none.
 */
export async function findEnvironment(prefix: string): Promise<Environment> {
  const candidates = [join(prefix, "Lib", "site-packages")];
  for (const library of LIBRARIES) {
    for (const python of await namesIn(join(prefix, library))) {
      if (!PYTHON.test(python)) continue;
      candidates.push(...PACKAGES.map((name) => join(prefix, library, python, name)));
    }
  }
  const folders = new Set<string>();
  for (const candidate of candidates) {
    // `lib64` is often a link to `lib`.
    const real = await Deno.realPath(candidate).catch(() => null);
    if (real !== null) folders.add(real);
  }
  if (folders.size > 0) return { prefix: await Deno.realPath(prefix), folders: [...folders] };
  throw new Error(`There is no Python environment in ${prefix}: it has no site-packages`);
}

/** The names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) names.push(name);
    return names.sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
