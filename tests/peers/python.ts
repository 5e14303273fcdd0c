/**
 * The clients that packages are installed with: pip and uv at the versions whose
 * behaviour the proxy was built on, in a virtual environment of their own, made
 * once beside the built peers. They come from the index that pip is set up with.
 */

import { join } from "node:path";
import { peersDir } from "./build.ts";
import { requirePeer } from "./peers.ts";

/** Exact versions: what a client prints on a refusal is part of the tests. */
const CLIENTS = { pip: "26.3", uv: "0.13.9" } as const;

/** The installed clients. */
export interface PythonClients {
  /** The interpreter of the environment. */
  readonly python: string;
  /** pip. */
  readonly pip: string;
  /** uv. */
  readonly uv: string;
}

/**
 * Installs pip and uv, unless they are.
 *
 * @returns Their paths, or `null` after one printed line when there is no Python.
 * @throws {Error} If they cannot be installed and `REQUIRE_PEERS` is `1`.
 */
export async function requirePythonClients(): Promise<PythonClients | null> {
  const python = await requirePeer("python3");
  if (python === null) return null;
  const folder = join(await peersDir(), `python-pip-${CLIENTS.pip}-uv-${CLIENTS.uv}`);
  const bin = (name: string) => join(folder, "bin", name);
  const clients = { python: bin("python"), pip: bin("pip"), uv: bin("uv") };
  // Test files run at the same time.
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  const done = join(folder, "installed");
  if (await exists(done)) return clients;
  try {
    await must(python, ["-m", "venv", "--clear", folder]);
    const wanted = Object.entries(CLIENTS).map(([name, version]) => `${name}==${version}`);
    await must(clients.python, ["-m", "pip", "install", "--quiet", ...wanted]);
    await Deno.writeTextFile(done, `${wanted.join("\n")}\n`);
  } catch (cause) {
    if (Deno.env.get("REQUIRE_PEERS") === "1") {
      throw new Error("Cannot run a test without pip and uv", { cause });
    }
    console.log(`skipped: needs pip and uv (${(cause as Error).message.split("\n").at(-1)})`);
    return null;
  }
  return clients;
}

/**
 * The environment for a client: this machine's, without what would lead it past
 * the index that a test names or into caches that outlive it.
 *
 * @param folder Holds its home and caches.
 */
export function clientEnvironment(folder: string): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^(?:PIP_(?:FIND_LINKS|INDEX_URL|EXTRA_INDEX_URL|CONFIG_FILE|NO_INDEX)|UV_.*|VIRTUAL_ENV)$/
      .test(name)
  );
  return {
    ...Object.fromEntries(kept),
    HOME: folder,
    XDG_CACHE_HOME: join(folder, "cache"),
    XDG_CONFIG_HOME: join(folder, "config"),
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
    NO_COLOR: "1",
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { PIP_FIND_LINKS: "", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
