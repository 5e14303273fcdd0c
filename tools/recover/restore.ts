/**
 * Restores a mirror by its plan. Nothing is deleted: what was replaced, and what
 * nobody logged, is moved into the quarantine folder, at the same path. Right bytes
 * are written beside their place, hashed on the way, and renamed into it, so that
 * whoever reads the mirror meanwhile gets the old file, none, or the right one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { cannot } from "../files.ts";
import { writeAll } from "./evidence.ts";
import { digestWithin } from "./mirror.ts";
import type { Copy, RestoreStep } from "./plan.ts";
import type { Registry } from "./registry.ts";

/** What became of a step. */
export interface Restored {
  /** The step. */
  readonly step: RestoreStep;
  /** Where what was there before is now; `null` if nothing was. */
  readonly quarantined: string | null;
  /** Why it was not done; `null` when it was, and the place holds the right bytes. */
  readonly error: string | null;
}

/** What restoring works with. */
export interface RestoreParts {
  /** The mirror. */
  readonly mirror: string;
  /** Where what is moved aside goes; on the same file system. */
  readonly quarantine: string;
  /** Where bytes may come from besides files. */
  readonly registry: Registry | null;
  /** Ends the work between two files. */
  readonly signal: AbortSignal;
}

/** Does one step, unless it is stuck. */
export async function restore(step: RestoreStep, parts: RestoreParts): Promise<Restored> {
  const { action, path } = step;
  let quarantined: string | null = null;
  try {
    if (action === "stuck" || path === null) throw new Error("no good copy of it is known");
    await requireWithin(parts.mirror, dirname(path));
    if (action === "quarantine") {
      quarantined = await moveAside(path, parts);
      return { step, quarantined, error: null };
    }
    const place = join(parts.mirror, path);
    await Deno.mkdir(dirname(place), { recursive: true });
    const temporary = `${place}.restoring`;
    try {
      await writeRight(temporary, step, parts);
      quarantined = await moveAside(path, parts);
      await Deno.rename(temporary, place);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    // Whoever tampered with the mirror may still be there.
    if (await digestWithin(parts.mirror, path) !== step.sha256) {
      throw new Error("it holds other bytes again: someone else is writing to the mirror");
    }
    return { step, quarantined, error: null };
  } catch (error) {
    parts.signal.throwIfAborted();
    return { step, quarantined, error: (error as Error).message };
  }
}

/** Refuses a folder that a symbolic link leads out of the mirror. */
async function requireWithin(mirror: string, folder: string): Promise<void> {
  const root = await Deno.realPath(mirror);
  let at = join(mirror, folder);
  for (;;) {
    try {
      const real = await Deno.realPath(at);
      if (real === root || real.startsWith(join(root, "/"))) return;
      throw new Error(`its folder ${folder} leads out of the mirror`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    at = dirname(at);
  }
}

/** Writes bytes that are right, and only such. */
async function writeRight(
  path: string,
  { from, sha256 }: RestoreStep,
  { registry, signal }: RestoreParts,
): Promise<void> {
  // One that a killed process left goes; a link that someone put there is not followed.
  if (await isThere(path)) await Deno.remove(path);
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o644 });
  const found = await copyInto(file, from!, registry, signal);
  if (found !== sha256) throw new Error(`${placeOf(from!)} gives other bytes now: sha256:${found}`);
  await file.sync();
}

async function copyInto(
  file: Deno.FsFile,
  from: Copy,
  registry: Registry | null,
  signal: AbortSignal,
): Promise<string> {
  if (from.kind === "registry") {
    const served = await registry!.file(new URL(from.url), signal, () => {
      file.truncateSync();
      file.seekSync(0, Deno.SeekMode.Start);
      return (piece) => writeAll(file, piece);
    });
    if (served.kind !== "bytes") throw new Error(served.why);
    return served.sha256;
  }
  using source = await Deno.open(from.path).catch((error) => {
    throw cannot("read", from.path, "copy", error);
  });
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  for (let read; (read = await source.read(piece)) !== null;) {
    signal.throwIfAborted();
    hash.update(piece.subarray(0, read));
    writeAll(file, piece.subarray(0, read));
  }
  return hash.digest("hex");
}

/** Moves what is at a path into quarantine, where nothing is overwritten either. */
async function moveAside(
  path: string,
  { mirror, quarantine }: RestoreParts,
): Promise<string | null> {
  const from = join(mirror, path);
  if (!await isThere(from)) return null;
  const wanted = join(quarantine, path);
  await Deno.mkdir(dirname(wanted), { recursive: true, mode: 0o700 });
  let to = wanted;
  for (let n = 1; await isThere(to); n++) to = `${wanted}.${n}`;
  try {
    await Deno.rename(from, to);
  } catch (error) {
    throw new Error(
      `Cannot move ${from} to ${to}: ${(error as Error).message}; ` +
        "--quarantine must be on the mirror's file system",
    );
  }
  return to;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Where a copy is, for people. */
export function placeOf(copy: Copy): string {
  return copy.kind === "file" ? copy.path : copy.url;
}
