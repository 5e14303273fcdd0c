/**
 * Compares an installed distribution with the wheel that it says it is, file by
 * file and by the bytes of both. The installed RECORD is not believed: whoever
 * changes a file can change that, too.
 *
 * What an installer makes by itself is in no wheel and cannot be compared:
 * byte code, scripts for entry points, its own notes. It is counted.
 *
 * @module
 */

import { concat, equalBytes, type Hash } from "@indelible/core";
import { createHash } from "node:crypto";
import { basename, dirname, join, normalize, relative } from "node:path";
import { digestFile } from "../digest.ts";
import type { Distribution } from "./distribution.ts";
import type { Environment } from "./environment.ts";
import type { ZipFile, ZipMember } from "./zip_file.ts";

/** A file that is not as the wheel has it. */
export interface Difference {
  /** Its path, relative to the environment. */
  readonly path: string;
  /** How it differs. */
  readonly how: "changed" | "missing" | "added";
}

/** What came of a comparison. */
export interface Comparison {
  /** How many files are as the wheel has them. */
  readonly same: number;
  /** The others. */
  readonly differences: readonly Difference[];
  /** Files that the installer made. */
  readonly made: number;
  /** Every path that is the distribution's, absolute. */
  readonly claimed: ReadonlySet<string>;
}

/** Written by installers into the `.dist-info` folder. */
const NOTES = new Set([
  "INSTALLER",
  "REQUESTED",
  "RECORD",
  "direct_url.json",
  "uv_cache.json",
  "uv_build.json",
]);
/** In the wheel about the wheel itself; installers write their own. */
const OF_WHEEL = /\.dist-info\/RECORD(?:\.jws|\.p7s)?$/;
const PLACEHOLDER = new TextEncoder().encode("#!python");
/** The first line of a script as installers write it. */
const INTERPRETER = /^#!"?([^"\n]*\/python[0-9.w]*)"?\n$/;
/** The same for a path that is long or has spaces: a detour by the shell. */
const BY_SHELL =
  /^#!\/bin\/sh\n'''exec' ["']*([^"'\n]*\/python[0-9.w]*)["']* "\$0" "\$@"\n' '''\n$/;
/** The largest script whose first line may have been written anew. */
const MAX_SCRIPT = 16 << 20;

/**
 * Compares an installed distribution with a wheel.
 *
 * @param installed The distribution.
 * @param wheel The wheel.
 * @param environment Where it is installed.
 */
export async function compareWithWheel(
  installed: Distribution,
  wheel: ZipFile,
  environment: Environment,
): Promise<Comparison> {
  const { prefix } = environment;
  const scripts = join(prefix, scriptsFolder(installed));
  const differences: Difference[] = [];
  const claimed = new Set<string>();
  let same = 0;
  for (const member of wheel.members) {
    if (OF_WHEEL.test(member.name)) continue;
    const place = placeOf(member.name, installed, environment);
    claimed.add(place.path);
    const how = await differs(wheel, member, place, scripts);
    if (how === null) same++;
    else differences.push({ path: relative(prefix, place.path), how });
  }
  let made = 0;
  const isMade = await madeBy(installed, environment);
  for (const path of recordedPlaces(installed)) {
    if (claimed.has(path)) continue;
    claimed.add(path);
    if (isMade(path)) made++;
    else if (await exists(path)) differences.push({ path: relative(prefix, path), how: "added" });
  }
  return { same, differences, made, claimed };
}

/** The paths that a distribution's RECORD lists, absolute. */
export function recordedPlaces({ folder, recorded }: Distribution): string[] {
  return recorded.map((path) => normalize(join(folder, path)));
}

interface Place {
  readonly path: string;
  /** Whether the installer writes the first line of a script for this machine. */
  readonly isScript: boolean;
}

/** Where a member is installed (PEP 427: `.data/<scheme>/…` goes elsewhere). */
function placeOf(name: string, installed: Distribution, { prefix }: Environment): Place {
  const spread = /^[^/]+\.data\/([^/]+)\/(.+)$/s.exec(name);
  if (!spread) return { path: join(installed.folder, name), isScript: false };
  const [, scheme, path] = spread as unknown as [string, string, string];
  switch (scheme) {
    case "purelib":
    case "platlib":
      return { path: join(installed.folder, path), isScript: false };
    case "scripts":
      return { path: join(prefix, scriptsFolder(installed), path), isScript: true };
    case "headers": {
      // Where headers go differs between installers; the RECORD says it.
      const recorded = recordedPlaces(installed).find((place) => place.endsWith(`/${path}`));
      return { path: recorded ?? join(prefix, "include", path), isScript: false };
    }
    default:
      return { path: join(prefix, path), isScript: false };
  }
}

function scriptsFolder({ folder }: Distribution): string {
  return folder.includes("/Lib/") ? "Scripts" : "bin";
}

async function differs(
  wheel: ZipFile,
  member: ZipMember,
  { path, isScript }: Place,
  scripts: string,
): Promise<"changed" | "missing" | null> {
  if (!await exists(path)) return "missing";
  const size = (await Deno.stat(path)).size;
  if (isScript && member.size <= MAX_SCRIPT && size <= MAX_SCRIPT) {
    const packed = concat(...await Array.fromAsync(wheel.read(member)));
    return await sameScript(packed, await Deno.readFile(path), scripts) ? null : "changed";
  }
  if (size !== member.size) return "changed";
  return equalBytes(await digestMember(wheel, member), await digestFile(path)) ? null : "changed";
}

async function digestMember(wheel: ZipFile, member: ZipMember): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const piece of wheel.read(member)) hash.update(piece);
  return new Uint8Array(hash.digest());
}

/** `#!python` becomes the path of this environment's Python, in one line or in three. */
async function sameScript(
  packed: Uint8Array,
  installed: Uint8Array,
  scripts: string,
): Promise<boolean> {
  if (!equalBytes(packed.subarray(0, PLACEHOLDER.length), PLACEHOLDER)) {
    return equalBytes(packed, installed);
  }
  const body = packed.subarray(packed.indexOf(0x0a) + 1);
  const end = installed.length - body.length;
  if (end <= 0 || !equalBytes(installed.subarray(end), body)) return false;
  const head = new TextDecoder().decode(installed.subarray(0, end));
  const python = (INTERPRETER.exec(head) ?? BY_SHELL.exec(head))?.[1];
  if (python === undefined) return false;
  // One outside of the environment may not be looked at, and is not the right one.
  return await Deno.realPath(dirname(python)).catch(() => null) === scripts;
}

/** Tells which files an installer makes by itself. */
async function madeBy(
  installed: Distribution,
  { prefix }: Environment,
): Promise<(path: string) => boolean> {
  const info = join(installed.folder, installed.info);
  const scripts = join(prefix, scriptsFolder(installed));
  const entryPoints = await readEntryPoints(join(info, "entry_points.txt"));
  return (path) => {
    if (isByteCode(path)) return true;
    if (dirname(path) === info) return NOTES.has(basename(path));
    if (dirname(path) !== scripts) return false;
    const name = basename(path).replace(/(?:\.exe|-script\.pyw?)$/, "");
    // pip makes itself scripts with the version of Python in their names.
    return entryPoints.has(name) || entryPoints.has(name.replace(/[0-9]+(?:\.[0-9]+)?$/, ""));
  };
}

/** The names of the scripts that installers make; this file was compared with the wheel's. */
async function readEntryPoints(path: string): Promise<Set<string>> {
  if (!await exists(path)) return new Set();
  const lines = (await Deno.readTextFile(path)).split(/\r?\n/);
  return new Set(lines.flatMap((line) => /^\s*([^\s=#;[][^=]*?)\s*=/.exec(line)?.[1] ?? []));
}

/** Whether Python makes such a file when it runs. */
export function isByteCode(path: string): boolean {
  return /\/__pycache__\/[^/]+\.pyc$/.test(path);
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
