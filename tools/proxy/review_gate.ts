/**
 * The third gate: of the files that pass the others, which the consumer's home of Signet
 * lets pass. A file that a trusted key marked bad never passes; of the projects that must
 * be reviewed only what enough trusted keys say is ok. If the home cannot be read,
 * nothing passes: it may hold a no.
 *
 * @module
 */

import type { Home } from "../sig/home.ts";
import type { Judged as Opinion } from "../sig/verify.ts";
import type { Judged } from "./page.ts";

/** What {@linkcode ReviewGate} works with. */
export interface ReviewGateParts {
  /** Reads the home, its signatures checked. */
  readonly readHome: (now: Date) => Promise<Home>;
  /** Judges what is said of an identity. */
  readonly judgeIdentity: (home: Home, id: string, now: Date) => Promise<Opinion>;
  /** Who signed, for people. */
  readonly describeSigner: (
    home: Home,
    standing: Opinion["judgement"]["standings"][number],
  ) => Promise<string>;
  /** Whether a project, by its normalised name, must be reviewed. */
  readonly isRequired: (project: string) => boolean;
  /** The time, in milliseconds. */
  readonly now: () => number;
}

/** How long what was read of the home counts, in milliseconds: long enough for one install. */
const FRESH_FOR = 10_000;

/** Judges files that passed the other gates. */
export class ReviewGate {
  readonly #parts: ReviewGateParts;
  #home: { readonly read: Promise<Home>; readonly at: number } | null = null;

  /** @param parts What it works with. */
  constructor(parts: ReviewGateParts) {
    this.#parts = parts;
  }

  /**
   * Judges a project's files once more.
   *
   * @param project The project, normalised.
   * @param judged Its files and what became of them.
   */
  async judge(project: string, judged: readonly Judged[]): Promise<Judged[]> {
    const isRequired = this.#parts.isRequired(project);
    const results: Judged[] = [];
    for (const one of judged) results.push(await this.#judgeOne(one, isRequired));
    return results;
  }

  async #judgeOne(judged: Judged, isRequired: boolean): Promise<Judged> {
    const { passage } = judged;
    if (passage.kind === "refuse") return judged;
    const { sha256, by } = passage;
    const logged = by === "log" ? sha256 : null;
    const { judgeIdentity, describeSigner, now } = this.#parts;
    try {
      const home = await this.#readHome();
      const opinion = await judgeIdentity(home, `sha256:${sha256}`, new Date(now()));
      const { judgement: { kind, standings }, threshold } = opinion;
      if (kind === "bad") {
        const no = standings.find((standing) => standing.kind === "not-ok")!;
        const { comment } = no.review;
        const detail = `${await describeSigner(home, no)} says that it is not ok` +
          (comment === undefined ? "" : `: ${comment}`);
        return { ...judged, passage: { kind: "refuse", reason: "marked-bad", logged, detail } };
      }
      if (kind === "ok" || !isRequired) return judged;
      const yes = standings.filter((standing) => standing.kind === "ok").length;
      const detail = `${yes} of ${threshold} trusted keys say that it is ok`;
      return { ...judged, passage: { kind: "refuse", reason: "unreviewed", logged, detail } };
    } catch (error) {
      const detail = (error as Error).message;
      return { ...judged, passage: { kind: "refuse", reason: "unreviewed", logged, detail } };
    }
  }

  #readHome(): Promise<Home> {
    const now = this.#parts.now();
    if (!this.#home || now - this.#home.at >= FRESH_FOR) {
      this.#home = { read: this.#parts.readHome(new Date(now)), at: now };
      this.#home.read.catch(() => this.#home = null);
    }
    return this.#home.read;
  }
}
