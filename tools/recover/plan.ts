/**
 * The restore plan of a mirror: which file is put where, from which good copy, and
 * what is moved aside. Nothing is done here.
 *
 * @module
 */

import { blake2b } from "@noble/hashes/blake2.js";
import { type Layout, layoutOf, placeIn } from "./layout.ts";
import type { MirrorFinding } from "./mirror.ts";

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

/** What a plan is made with. */
export interface PlanParts {
  /** What was found in the mirror. */
  readonly findings: readonly MirrorFinding[];
  /** Files with right bytes, by SHA-256 in hex. */
  readonly copies: ReadonlyMap<string, readonly string[]>;
  /** Where the registry serves right bytes, likewise. */
  readonly served: ReadonlyMap<string, string>;
  /** Whether files that are missing stay so. */
  readonly replacedOnly: boolean;
}

/** Makes the plan. */
export async function planRestore(parts: PlanParts): Promise<RestoreStep[]> {
  const { findings, copies, served, replacedOnly } = parts;
  const steps: RestoreStep[] = [];
  const layouts = new Layouts(findings);
  for (const finding of findings) {
    const { kind, path, filename, project, logged: sha256 } = finding;
    if (kind === "unchanged" || (kind === "missing" && replacedOnly)) continue;
    if (sha256 === null) {
      steps.push({ action: "quarantine", finding, path, sha256, from: null });
      continue;
    }
    const from = copyOf(sha256, copies, served);
    const file = { filename, project, sha256 };
    const place = path ?? (from && await placeOf(layouts.of(project), file, from));
    steps.push(
      from && place !== null
        ? { action: "restore", finding, path: place, sha256, from }
        : { action: "stuck", finding, path, sha256, from: null },
    );
  }
  return steps;
}

function copyOf(
  sha256: string,
  copies: PlanParts["copies"],
  served: PlanParts["served"],
): Copy | null {
  const [path] = copies.get(sha256) ?? [];
  if (path !== undefined) return { kind: "file", path };
  const url = served.get(sha256);
  return url === undefined ? null : { kind: "registry", url };
}

/** Where files belong, by where the others are. */
class Layouts {
  readonly #byProject = new Map<string, Layout>();
  #any: Layout = { kind: "folder", folder: "" };

  constructor(findings: readonly MirrorFinding[]) {
    for (const { path, project, logged } of findings) {
      // Whoever added a file that is not logged does not say how the mirror is laid out.
      if (path === null || logged === null || this.#byProject.has(project)) continue;
      const layout = layoutOf(path, project);
      this.#byProject.set(project, layout);
      this.#any = layout;
    }
  }

  of(project: string): Layout {
    return this.#byProject.get(project) ?? this.#any;
  }
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
