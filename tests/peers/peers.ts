/**
 * Finds the peer a test needs, and lets the test end quietly where it is missing:
 *
 * ```ts ignore
 * const check = await requirePeer("check");
 * if (check === null) return; // printed "skipped: needs check"
 * ```
 *
 * With `REQUIRE_PEERS=1`, as in CI, a missing peer is an error.
 */

import { delimiter, join } from "node:path";
import { buildPeer, isBuiltPeer, peersDir } from "./build.ts";

const found = new Map<string, Promise<string>>();
const told = new Set<string>();

/**
 * Finds a program: built from our Go module if it is one of its peers, else looked
 * up in `PATH` (`go`, `python3`, `pip`, `uv`, `nginx`, `strace`, `ssh-agent`, …).
 *
 * @param name The peer or command.
 * @returns Its absolute path, or `null` after one printed line `skipped: needs NAME`.
 * @throws {Error} If it is missing and `REQUIRE_PEERS` is `1`.
 */
export async function requirePeer(name: string): Promise<string | null> {
  let search = found.get(name);
  if (search === undefined) found.set(name, search = find(name));
  try {
    return await search;
  } catch (cause) {
    if (Deno.env.get("REQUIRE_PEERS") === "1") {
      throw new Error(`Cannot run a test without its peer ${name}`, { cause });
    }
    if (!told.has(name)) {
      told.add(name);
      const why = cause instanceof Deno.errors.NotFound
        ? ""
        : ` (${String((cause as Error).message).split("\n").at(-1)})`;
      console.log(`skipped: needs ${name}${why}`);
    }
    return null;
  }
}

/**
 * Finds several programs.
 *
 * @param names The peers or commands.
 * @returns The path of each, or `null` if any is missing.
 * @throws {Error} If one is missing and `REQUIRE_PEERS` is `1`.
 */
export async function requirePeers<Name extends string>(
  ...names: Name[]
): Promise<Record<Name, string> | null> {
  const paths: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = await requirePeer(name);
    if (path === null) return null;
    paths[name] = path;
  }
  return paths as Record<Name, string>;
}

async function find(name: string): Promise<string> {
  if (!isBuiltPeer(name)) return await which(name);
  await which("go");
  return await buildPeer(name, await peersDir());
}

async function which(command: string): Promise<string> {
  for (const dir of (Deno.env.get("PATH") ?? "").split(delimiter)) {
    const path = join(dir || ".", command);
    const stat = await Deno.stat(path).catch(() => null);
    if (stat?.isFile && ((stat.mode ?? 0) & 0o111) !== 0) return path;
  }
  throw new Deno.errors.NotFound(`No "${command}" in PATH`);
}
