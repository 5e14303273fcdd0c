/**
 * `proxy install` and `proxy uninstall`: lead all of pip and uv on a machine, or of
 * one user, to the proxy, and back.
 *
 * @module
 */

import type { Command, Permissions } from "@indelible/core/command";
import { utf8 } from "@indelible/core";
import { dirname } from "node:path";
import { userFolder } from "../defaults.ts";
import { cannot, pathsToReplace, replaceFile } from "../files.ts";
import { parseLogUrl } from "../http_client.ts";
import { INDEX_VARIABLE } from "../pip_index.ts";
import { isInstalled, uninstall } from "./client_config.ts";
import { type ClientFileFlags, clientFiles, XDG_UV_CONFIG } from "./client_files.ts";
import { installedPath, readInstalled } from "./installed.ts";
import { DEFAULT_PORT } from "./proxy_command.ts";

/** Flags of both. */
export type InstallFlags = ClientFileFlags & {
  /** Where it is noted which index pip had before. */
  readonly stateDir?: string;
};

const FLAGS = {
  user: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "For this user only, not for the whole system",
  },
  pipConfig: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "pip's configuration, where it is another file",
  },
  uvConfig: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "uv's configuration, where it is another file",
  },
  stateDir: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "DIR",
    brief: "Folder that notes which index pip had before (default: ~/.local/state/indelible)",
  },
} as const;

/** The command line of `proxy install`. */
export const installCommand: Command<InstallFlags & { readonly proxy: URL }> = {
  name: "proxy install",
  brief: "Lead pip and uv to the proxy, by their configuration files",
  description: [
    "Writes the proxy into the configuration of pip and of uv, for the whole system or, with",
    "--user, for this user. Other settings stay as they are; an index that is set already is",
    "set aside as a comment. `deno task proxy` then serves what pip was set up with before,",
    "and `deno task proxy uninstall` gives the files back as they were.",
    "",
    "Examples:",
    "  deno task proxy install --user",
    "  deno task proxy uninstall --user",
  ].join("\n"),
  parameters: {
    flags: {
      ...FLAGS,
      proxy: {
        kind: "parsed",
        parse: parseLogUrl,
        default: `http://127.0.0.1:${DEFAULT_PORT}`,
        placeholder: "URL",
        brief: "URL of the proxy",
      },
    },
  },
  permissions: permissionsFor,
  async run(flags) {
    const simple = new URL("simple/", flags.proxy);
    const stateDir = stateDirOf(flags);
    const edits = clientFiles(flags).map((file) => {
      const before = readText(file.path);
      try {
        return { ...file, before, after: file.editor.install(before ?? "", simple) };
      } catch (error) {
        // Nothing is written unless all can be.
        throw new Error(`Cannot edit ${file.path}: ${(error as Error).message}`);
      }
    });
    const upstream = Deno.env.get(INDEX_VARIABLE) ?? "";
    const made = new Set(readInstalled(stateDir)?.made);
    for (const { path } of edits) for (const one of missing(path)) made.add(one);
    await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
    const note = JSON.stringify({ simple: simple.href, upstream, made: [...made] });
    replaceFile(installedPath(stateDir), utf8(`${note}\n`), 0o600);
    for (const { client, path, after, editor } of edits) {
      write(path, after);
      console.log(`${client}: ${path} leads to ${simple}`);
      for (const name of editor.leadsPast(after)) {
        console.error(`proxy install: ${path} also has ${name}: nothing of it is verified`);
      }
    }
    warnOfOverrides(flags);
    console.log("Start the proxy with `deno task proxy`; without it pip and uv find nothing.");
    return 0;
  },
};

/** The command line of `proxy uninstall`. */
export const uninstallCommand: Command<InstallFlags> = {
  name: "proxy uninstall",
  brief: "Take back what `proxy install` wrote",
  description: [
    "Takes the proxy out of the configuration of pip and of uv: the files are as they were,",
    "also where they have been edited since, and those that were made are removed.",
    "",
    "Example:",
    "  deno task proxy uninstall --user",
  ].join("\n"),
  parameters: { flags: FLAGS },
  permissions: permissionsFor,
  async run(flags) {
    const stateDir = stateDirOf(flags);
    const made = readInstalled(stateDir)?.made ?? [];
    for (const { client, path } of clientFiles(flags)) {
      const text = readText(path);
      if (text === null || !isInstalled(text)) {
        console.log(`${client}: ${path} does not lead to a proxy`);
        continue;
      }
      const before = uninstall(text);
      if (before === "" && made.includes(path)) Deno.removeSync(path);
      else write(path, before);
      console.log(`${client}: ${path} is as it was`);
    }
    for (const path of [...made].reverse()) removeIfEmpty(path);
    await Deno.remove(installedPath(stateDir)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    return 0;
  },
};

function permissionsFor(flags: InstallFlags): Permissions {
  const stateDir = stateDirOf(flags);
  const files = clientFiles(flags).flatMap(({ path }) => [
    ...pathsToReplace(path),
    // Folders that are to be made, or were.
    ...missing(path),
  ]);
  const made = readInstalled(stateDir)?.made ?? [];
  const overriding = flags.user ? [] : clientFiles({ user: true }).map(({ path }) => path);
  const own = [...files, stateDir, ...made];
  return {
    read: [...own, ...overriding, ...(flags.user ? [] : [XDG_UV_CONFIG])],
    write: own,
    env: ["HOME", INDEX_VARIABLE],
    sys: ["uid", "gid"],
  };
}

function stateDirOf({ stateDir }: InstallFlags): string {
  return stateDir ?? userFolder(".local/state/indelible", "--state-dir");
}

/** A file and the folders above it that are not there, outermost first. */
function missing(path: string): string[] {
  if (exists(path)) return [];
  const parent = dirname(path);
  return [...parent === path ? [] : missing(parent), path];
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // What was there when the launcher looked is not for us to look at.
    if (error instanceof Deno.errors.NotCapable) return true;
    throw error;
  }
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw cannot("read", path, "configuration", error);
  }
}

/** Replaces a file, its permission bits and its owner kept. */
function write(path: string, text: string): void {
  try {
    if (!exists(dirname(path))) Deno.mkdirSync(dirname(path), { recursive: true });
    const before = exists(path) ? Deno.statSync(path) : null;
    replaceFile(path, utf8(text), (before?.mode ?? 0o644) & 0o777);
    const moved = before && (before.uid !== Deno.uid() || before.gid !== Deno.gid());
    if (moved) Deno.chownSync(path, before.uid, before.gid);
  } catch (error) {
    const denied = error instanceof Deno.errors.PermissionDenied;
    throw denied
      ? new Error(`Cannot write ${path}: the system does not permit it; use --user, or be root`)
      : cannot("write", path, "configuration", error);
  }
}

function removeIfEmpty(path: string): void {
  try {
    // Not recursive: a folder with anything in it stays, and so does a file with more than ours.
    if (Deno.lstatSync(path).isDirectory) Deno.removeSync(path);
  } catch (error) {
    const stays = error instanceof Deno.errors.NotFound || /not empty/i.test(String(error));
    if (!stays) throw error;
  }
}

/** What a user sets wins over what the system does. */
function warnOfOverrides(flags: InstallFlags): void {
  if (flags.user) return;
  for (const { client, path } of clientFiles({ user: true })) {
    const text = readText(path);
    if (text === null || !/^\s*(?:index-url|\[\[index\]\])/m.test(text)) continue;
    console.error(`proxy install: ${path} sets an index, which wins for ${client} and this user`);
  }
}
