/**
 * From what a command says it may touch to the `--allow-…` flags of `deno run`.
 * Paths become absolute, as the program will ask for them and as they really
 * are: Deno compares names, so a path through a symbolic link has two.
 *
 * @module
 */

import { type Permissions, UsageError } from "@indelible/core/command";
import { basename, dirname, resolve } from "node:path";

/**
 * The permission flags of a program.
 *
 * @param permissions What it may touch; relative paths are relative to `cwd`.
 * @param cwd The folder that the program will run in.
 * @throws {UsageError} If a path or name cannot be spelled in a flag.
 */
export function permissionFlags(
  permissions: Permissions,
  cwd: string,
): string[] {
  const flags: string[] = [];
  const add = (kind: string, values: readonly string[] | undefined): void => {
    const unique = [...new Set(values)];
    unique.forEach(checkSpelling);
    if (unique.length > 0) flags.push(`--allow-${kind}=${unique.join(",")}`);
  };
  const names = (path: string) => namesOf(path, cwd);
  add("read", permissions.read?.flatMap(names));
  add("write", permissions.write?.flatMap(names));
  if (permissions.net === true) flags.push("--allow-net");
  else add("net", permissions.net);
  add("env", permissions.env);
  add("run", permissions.run);
  add("sys", permissions.sys);
  return flags;
}

/** The names of one path: absolute, and with symbolic links resolved. */
function namesOf(path: string, cwd: string): string[] {
  if (path === "") {
    throw new UsageError("Cannot use a path: it must not be empty");
  }
  const absolute = resolve(cwd, path);
  return [absolute, realPath(absolute)];
}

/** The real path of a file that need not exist: its nearest existing folder decides. */
function realPath(absolute: string): string {
  try {
    return Deno.realPathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : resolve(realPath(parent), basename(absolute));
  }
}

/** Deno separates the values of a flag by commas and has no way to quote one. */
function checkSpelling(value: string): void {
  if (value === "" || value.includes(",")) {
    throw new UsageError(
      `Cannot permit "${value}": a name with a comma cannot be told to Deno, rename it or use another folder`,
    );
  }
}
