/**
 * The second gate: of the files that the log vouches for, which the consumer's
 * provenance policy lets pass, and what the log's history says against them.
 *
 * @module
 */

import { releaseIn } from "../lock/release.ts";
import { type Publication, type Warning, warningsOf } from "../provenance/history.ts";
import type { ProvenanceDesk } from "../provenance/provenance_desk.ts";
import type { Said } from "./gate.ts";
import type { Judged } from "./page.ts";

/** What {@linkcode ProvenanceGate} works with. */
export interface ProvenanceGateParts {
  /** Judges by the policy; `null` when there is none. */
  readonly desk: Pick<ProvenanceDesk, "judge"> | null;
  /** Whether what the history warns of is refused. */
  readonly strict: boolean;
  /** The time, in milliseconds. */
  readonly now: () => number;
}

/** Judges files that passed the gate. */
export class ProvenanceGate {
  readonly #parts: ProvenanceGateParts;

  /** @param parts What it works with. */
  constructor(parts: ProvenanceGateParts) {
    this.#parts = parts;
  }

  /**
   * Judges a project's files once more.
   *
   * @param project The project, normalised.
   * @param judged Its files and what became of them.
   * @param said What the log says of each, in order; empty when it was not asked.
   */
  async judge(
    project: string,
    judged: readonly Judged[],
    said: readonly Said[],
  ): Promise<Judged[]> {
    return this.#byHistory(project, await this.#byPolicy(project, judged, said), said);
  }

  async #byPolicy(
    project: string,
    judged: readonly Judged[],
    said: readonly Said[],
  ): Promise<readonly Judged[]> {
    const { desk } = this.#parts;
    if (!desk) return judged;
    const candidates = judged.flatMap(({ file: { filename, members }, passage }, at) => {
      if (passage.kind === "refuse") return [];
      const url = members["provenance"];
      const provenance = typeof url === "string" ? url : null;
      return [{ at, filename, sha256: passage.sha256, provenance, logged: publisherIn(said[at]) }];
    });
    const verdicts = await desk.judge(project, candidates);
    if (!verdicts) return judged;
    const result = [...judged];
    for (const [i, verdict] of verdicts.entries()) {
      const { at, sha256 } = candidates[i]!;
      const { file, passage } = judged[at]!;
      if (verdict.kind === "pass") {
        result[at] = { file, passage, proven: verdict.proven };
        continue;
      }
      const { reason, detail } = verdict;
      const logged = said[at]?.kind === "vouched" ? sha256 : null;
      result[at] = { file, passage: { kind: "refuse", reason, logged, detail } };
    }
    return result;
  }

  #byHistory(
    project: string,
    judged: readonly Judged[],
    said: readonly Said[],
  ): Judged[] {
    const publications = judged.flatMap(({ file: { filename, members } }, i): Publication[] => {
      const one = said[i];
      if (one?.kind !== "vouched" || one.by !== "log") return [];
      const uploaded = members["upload-time"];
      const time = typeof uploaded === "string" ? Date.parse(uploaded) : NaN;
      return [{
        filename,
        version: releaseIn(filename, project) ?? filename,
        index: one.index,
        publisher: one.publisher ?? null,
        uploaded: Number.isNaN(time) ? null : time,
      }];
    });
    const warnings = warningsOf(publications, this.#parts.now());
    return judged.map((one): Judged => {
      const found = warnings.get(one.file.filename);
      return found ? this.#warned(one, found) : one;
    });
  }

  #warned(judged: Judged, warnings: readonly Warning[]): Judged {
    const { file, passage } = judged;
    if (passage.kind === "refuse" || !this.#parts.strict) return { ...judged, warnings };
    const [{ kind: reason, text: detail }] = warnings as [Warning];
    return {
      file,
      passage: { kind: "refuse", reason, logged: passage.sha256, detail },
      warnings,
    };
  }
}

function publisherIn(said: Said | undefined) {
  return said?.kind === "vouched" ? said.publisher ?? null : null;
}
