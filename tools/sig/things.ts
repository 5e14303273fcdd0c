/**
 * What the user names to `attest` and `verify`, identified: files and folders by their
 * bytes, packages by the digests that the log has of their files.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { resolve } from "node:path";
import { identify } from "./identify.ts";
import type { OpenLog } from "./log_settings.ts";
import { parseRelease, releaseFiles, type ReleaseFlags } from "./release.ts";

/** Something to be attested or verified. */
export interface Thing {
  /** As the user named it. */
  readonly name: string;
  /** What it is to the user. */
  readonly kind: "file" | "folder" | "package";
  /** Its parts that have an identity: itself, or a package's files. */
  readonly parts: readonly Part[];
}

/** What one identity stands for. */
export interface Part {
  /** What it is. */
  readonly kind: "file" | "folder";
  /** For people: a path, or the name of a package's file. */
  readonly label: string;
  /** Its identity. */
  readonly id: string;
}

/** Names that are paths. */
export function pathsIn(names: readonly string[]): string[] {
  return names.filter((name) => parseRelease(name) === null);
}

/**
 * Identifies what the user named.
 *
 * @param names Paths and packages.
 * @param flags Which files of packages.
 * @param log Opens the log; called for packages only.
 */
export async function identifyAll(
  names: readonly string[],
  flags: ReleaseFlags,
  log: () => Promise<OpenLog>,
): Promise<Thing[]> {
  const things: Thing[] = [];
  for (const name of names) {
    const release = parseRelease(name);
    if (!release) {
      const { kind, id } = await identify(name);
      things.push({ name, kind, parts: [{ kind, label: resolve(name), id }] });
      continue;
    }
    const files = await releaseFiles(flags, release, await log(), (sentence) => {
      console.error(`sig: warning: ${excerpt(name, 200)}: ${sentence}`);
    });
    const parts = files.map(({ filename: label, id }): Part => ({ kind: "file", label, id }));
    things.push({ name, kind: "package", parts });
  }
  return things;
}
