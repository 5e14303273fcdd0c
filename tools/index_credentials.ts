/**
 * User and password of a package index, where pip would take them from: the URL itself,
 * else the netrc file, else, for a user whom the URL names, the `keyring` program.
 *
 * Asking keyring means running it, and a netrc file has passwords for other hosts as
 * well, so the launcher runs this module by itself: the index comes and goes as
 * `PIP_INDEX_URL`, and the program that needs it gets nothing else.
 *
 * @module
 */

import { join } from "node:path";
import { findLogin, type Login } from "./netrc.ts";
import { INDEX_VARIABLE } from "./pip_index.ts";

/** The program that is asked. */
export const KEYRING = "keyring";
/** Variables that say where the netrc file is. */
export const NETRC_VARIABLES = ["NETRC", "HOME"] as const;

/** How long keyring may take, in milliseconds: somebody may have to unlock it. */
const PATIENCE = 60_000;

/** The URL of an index with user and password, as far as they are known. */
async function withCredentials(index: string): Promise<string> {
  const url = URL.canParse(index) ? new URL(index) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.password !== "") return index;
  const login = await loginOfNetrc(url) ?? await loginOfKeyring(url);
  if (!login) return index;
  url.username = encodeURIComponent(login.user);
  url.password = encodeURIComponent(login.password);
  return url.href;
}

async function loginOfNetrc({ hostname }: URL): Promise<Login | null> {
  const home = Deno.env.get("HOME");
  const chosen = Deno.env.get("NETRC");
  const paths = chosen
    ? [chosen]
    : home
    ? [".netrc", "_netrc"].map((name) => join(home, name))
    : [];
  for (const path of paths) {
    try {
      return findLogin(await Deno.readTextFile(path), hostname.replace(/^\[(.*)\]$/, "$1"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      // As pip does; but silence would leave one guessing.
      console.error(`Cannot use the netrc file ${path}: ${(error as Error).message}`);
      return null;
    }
  }
  return null;
}

async function loginOfKeyring(url: URL): Promise<Login | null> {
  const user = decodeURIComponent(url.username);
  if (user === "") return null;
  const bare = new URL(url);
  bare.username = "";
  for (const service of [bare.href, url.host]) {
    const password = await askKeyring(service, user);
    if (password !== null) return { user, password };
  }
  return null;
}

async function askKeyring(service: string, user: string): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(KEYRING, {
      args: ["get", service, user],
      env: { PYTHONIOENCODING: "utf-8" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      signal: AbortSignal.timeout(PATIENCE),
    }).output();
    const password = new TextDecoder().decode(stdout).replace(/\r?\n$/, "");
    return success && password !== "" ? password : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

if (import.meta.main) console.log(await withCredentials(Deno.env.get(INDEX_VARIABLE) ?? ""));
