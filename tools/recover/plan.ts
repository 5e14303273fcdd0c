/**
 * The restore plan of a mirror, file by file: what is put where, from which good copy,
 * and what is moved aside. Nothing is done here.
 *
 * @module
 */

import { blake2b } from "@noble/hashes/blake2.js";
import { type Layout, placeIn } from "./layout.ts";
import type { MirrorFinding } from "./mirror_table.ts";

/** Where right bytes are. */
export type Copy =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "registry"; readonly url: string };

/** What is to be done about one file of a mirror. */
export interface RestoreStep {
  /**
   * `restore` puts the right bytes in their place, after moving aside what is there;
   * `quarantine` moves aside what nobody logged; `stuck` is where no copy is known.
   */
  readonly action: "restore" | "quarantine" | "stuck";
  /** What was found. */
  readonly finding: MirrorFinding;
  /** Its place in the mirror; `null` only where it is missing and stuck. */
  readonly path: string | null;
  /** The SHA-256 that is right, in hex; `null` for what is not logged. */
  readonly sha256: string | null;
  /** Where the bytes come from. */
  readonly from: Copy | null;
}

/** What a step is planned with. */
export interface PlanParts {
  /** A file with these bytes, by SHA-256 in hex. */
  readonly copyOf: (sha256: string) => string | null;
  /** Where the registry serves the right bytes of a file, by its name. */
  readonly servedAt: (filename: string) => string | null;
  /** Where a project's files are. */
  readonly layoutOf: (project: string) => Layout;
  /** Whether files that are missing stay so. */
  readonly replacedOnly: boolean;
}

/** Plans what is done about a file that is not as logged; `null` if nothing is. */
export async function planStep(
  finding: MirrorFinding,
  { copyOf, servedAt, layoutOf, replacedOnly }: PlanParts,
): Promise<RestoreStep | null> {
  const { kind, path, filename, project, logged: sha256 } = finding;
  if (kind === "missing" && replacedOnly) return null;
  if (sha256 === null) return { action: "quarantine", finding, path, sha256, from: null };
  const copy = copyOf(sha256);
  const url = copy === null ? servedAt(filename) : null;
  const from: Copy | null = copy !== null
    ? { kind: "file", path: copy }
    : url === null
    ? null
    : { kind: "registry", url };
  const file = { filename, project, sha256 };
  const place = path ?? (from && await placeOf(layoutOf(project), file, from));
  return from && place !== null
    ? { action: "restore", finding, path: place, sha256, from }
    : { action: "stuck", finding, path, sha256, from: null };
}

async function placeOf(
  layout: Layout,
  file: { readonly filename: string; readonly project: string; readonly sha256: string },
  from: Copy,
): Promise<string | null> {
  const digest = layout.kind === "blake2b" ? await blake2bOf(from) : null;
  return placeIn(layout, { ...file, blake2b: digest });
}

/** The BLAKE2b-256 of a copy; of one at the registry, the one in its URL. */
async function blake2bOf(from: Copy): Promise<string | null> {
  if (from.kind === "registry") {
    const match = /\/([0-9a-f]{2})\/([0-9a-f]{2})\/([0-9a-f]{60})\/[^/]+$/.exec(
      new URL(from.url).pathname,
    );
    return match && match.slice(1).join("");
  }
  const hash = blake2b.create({ dkLen: 32 });
  using file = await Deno.open(from.path);
  const piece = new Uint8Array(1 << 20);
  for (let read; (read = await file.read(piece)) !== null;) hash.update(piece.subarray(0, read));
  return hash.digest().toHex();
}
