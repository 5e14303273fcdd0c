/**
 * `--check-artifacts`: fetches what the registry serves under the names that are logged,
 * and compares digests. Of a log with rules those entries that meet one, else all, one
 * after the other and then again from the first; so many a minute, over restarts.
 *
 * @module
 */

import {
  type Entry,
  type FetchResource,
  formatChecksum,
  LogReader,
  parseCheckpoint,
  parseEntry,
  parseNote,
  projectOf,
  TILE_WIDTH,
} from "@indelible/core";
import { listedSha256 } from "../proxy/gate.ts";
import type { Pace } from "../recover/budget.ts";
import type { Registry } from "../recover/registry.ts";
import { makeAlert } from "./alerts/alert.ts";
import type { ArtifactState } from "./artifact_state.ts";
import type { Raise } from "./conditions.ts";
import { type EvidenceBase, ofEntry, proofOf } from "./evidence_of.ts";

/** What a check works with. */
export interface ArtifactParts {
  /** How far it is. */
  readonly state: ArtifactState;
  /** Who is asked. */
  readonly registry: Registry;
  /** How quickly. */
  readonly pace: Pace;
  /** Whether only watched entries are looked at. */
  readonly watchedOnly: boolean;
  /** What evidence has in common. */
  readonly base: EvidenceBase;
  /** Who is told. */
  readonly raise: Raise;
  /** Told of what could not be found out. */
  readonly onTrouble: (file: string, why: string) => void;
}

/** The tree whose entries are looked at. */
export interface ArtifactTree {
  /** Its signed note. */
  readonly note: Uint8Array;
  /** Reads the log. */
  readonly fetch: FetchResource;
}

/** What is wrong with a file that is served. */
interface Wrong {
  readonly kind: "artifact-differs" | "artifact-missing";
  readonly why: string;
  readonly url: string;
  readonly sha256?: string;
}

/** Checks artifacts of one log. */
export class ArtifactCheck {
  readonly #parts: ArtifactParts;

  /** @param parts What it works with. */
  constructor(parts: ArtifactParts) {
    this.#parts = parts;
  }

  /**
   * Looks at the next file.
   *
   * @param tree Where entries are read.
   * @param before What was looked at since then is left out, milliseconds since 1970.
   * @param signal Ends it; then the file is looked at again.
   * @returns Whether there was one; else all were looked at lately.
   */
  async next(tree: ArtifactTree, before: number, signal: AbortSignal): Promise<boolean> {
    const { state, watchedOnly, base } = this.#parts;
    const head = parseCheckpoint(parseNote(tree.note).text);
    if (watchedOnly) {
      const leafIndex = state.nextWatched(before);
      if (leafIndex === null || leafIndex >= Number(head.size)) return false;
      await this.#look(leafIndex, tree, new LogReader(head, tree.fetch), signal);
      state.checked(leafIndex, base.now());
      return true;
    }
    let { next, began } = state.roll;
    if (next >= Number(head.size)) {
      if (began > before || head.size === 0n) return false;
      next = 0;
    }
    if (next === 0) began = base.now();
    await this.#look(next, tree, new LogReader(head, tree.fetch), signal);
    state.roll = { next: next + 1, began };
    return true;
  }

  async #look(
    leafIndex: number,
    { note }: ArtifactTree,
    reader: LogReader,
    signal: AbortSignal,
  ): Promise<void> {
    const entries = await reader.readEntries(BigInt(Math.floor(leafIndex / TILE_WIDTH)));
    const bytes = entries[leafIndex % TILE_WIDTH]!;
    const entry = entryIn(bytes);
    const project = entry && projectOf(entry);
    if (!entry || entry.event !== "publish" || entry.ecosystem !== "pypi" || !project) return;
    let wrong: Wrong | null;
    try {
      wrong = await this.#ask(entry, project, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#parts.onTrouble(entry.file, (error as Error).message);
      return;
    }
    if (!wrong) return;
    const { base, raise } = this.#parts;
    const { kind, why, url, sha256 } = wrong;
    const checksum = formatChecksum(entry.digest);
    const summary = `${entry.file} is logged with ${checksum}, but ${why}`;
    const time = new Date(base.now()).toISOString();
    await raise(makeAlert({
      kind,
      origin: base.origin,
      now: base.now(),
      summary,
      identity: { leafIndex, ...sha256 !== undefined && { sha256 } },
      facts: { file: entry.file, project, checksum, url, why },
      evidence: ofEntry(base, kind, summary, {
        entry: await proofOf({ leafIndex, bytes }, reader, note),
        artifact: { url, ...sha256 !== undefined && { sha256 }, time },
      }),
    }));
  }

  /** Asks the registry; `null` if it serves what is logged. */
  async #ask({ file, digest }: Entry, project: string, signal: AbortSignal): Promise<Wrong | null> {
    const { registry, pace } = this.#parts;
    await pace.turn(signal);
    const page = await registry.page(project, signal);
    const listed = page.kind === "page"
      ? page.listing.files.filter(({ filename }) => filename === file)
      : [];
    const where = registry.pageUrl(project).href;
    if (listed.length === 0) {
      const why = "the registry does not list it";
      return { kind: "artifact-missing", why, url: where };
    }
    const logged = digest.toHex();
    for (const one of listed) {
      const sha256 = listedSha256(one);
      if (sha256 !== null && sha256 !== logged) {
        const why = `the registry lists it with sha256:${sha256}`;
        return { kind: "artifact-differs", why, url: where, sha256 };
      }
      await pace.turn(signal);
      const served = await registry.file(one.url, signal);
      const url = `${one.url.origin}${one.url.pathname}`;
      if (served.kind === "unreachable") throw new Error(served.why);
      if (served.kind !== "bytes") {
        return { kind: "artifact-missing", why: `it is gone: ${served.why}`, url };
      }
      if (served.sha256 !== logged) {
        const why = `the registry serves sha256:${served.sha256}`;
        return { kind: "artifact-differs", why, url, sha256: served.sha256 };
      }
    }
    return null;
  }
}

function entryIn(bytes: Uint8Array): Entry | null {
  try {
    return parseEntry(bytes);
  } catch {
    return null;
  }
}
