/**
 * The desk for provenance: finds what the policy requires of a project's files,
 * and judges it. Only the policy's projects are looked at, and only provenance
 * that is required is fetched: from the registry's own host, some at once, within
 * limits. What was verified is kept; what was refused is looked at again after a
 * while.
 *
 * @module
 */

import type { Publisher } from "@indelible/core";
import { describe, sendRequest } from "../http_client.ts";
import type { PackageIndex } from "../package_index.ts";
import { inParallel } from "../parallel.ts";
import { MAX_PROVENANCE, parseProvenance } from "./attestation.ts";
import type { Claims } from "./claims.ts";
import { type Found, judgeProvenance, type ProvenanceVerdict } from "./judge.ts";
import { type ProvenancePolicy, type Rule, ruleFor } from "./policy.ts";
import type { TrustedRoot } from "./trusted_root.ts";
import { keyOf, type VerifiedClaims, type VerifiedFolder } from "./verified_folder.ts";
import { NotVerified, verifyAttestation } from "./verify_attestation.ts";

/** What {@linkcode ProvenanceDesk} works with. */
export interface ProvenanceDeskParts {
  /** Whom the consumer trusts. */
  readonly policy: ProvenancePolicy;
  /** Whose certificates and logs verify attestations. */
  readonly root: TrustedRoot;
  /** The registry. */
  readonly index: PackageIndex;
  /** Where verified claims are kept between runs. */
  readonly verified: VerifiedFolder;
  /** The time, in milliseconds. */
  readonly now: () => number;
  /** Told when claims cannot be kept: they are then fetched again. */
  readonly onTrouble: (error: Error) => void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** A file to judge. */
export interface CandidateFile {
  /** Its name. */
  readonly filename: string;
  /** Its SHA-256, in hex. */
  readonly sha256: string;
  /** The URL of its provenance, as listed; `null` when none is. */
  readonly provenance: string | null;
  /** The publisher that the log's entry names, if it names one. */
  readonly logged: Publisher | null;
}

/** How many are fetched at once, for all pages together. */
const AT_ONCE = 8;
/** How long the registry may take over one, in milliseconds. */
const DEADLINE = 15_000;
/** How long all of a project's may take, in milliseconds: someone waits for the page. */
const PAGE_DEADLINE = 45_000;
/** How long a refusal stands before provenance is fetched again, in milliseconds. */
const REFUSED_FOR = 60_000;
/** How many projects' claims, and how many refusals, are kept in memory. */
const MAX_KEPT = 10_000;

const ACCEPT = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5";

/** Judges files by their provenance. */
export class ProvenanceDesk {
  readonly #parts: ProvenanceDeskParts;
  readonly #verified = new Map<string, Promise<VerifiedClaims>>();
  readonly #turns = new Turns(AT_ONCE);
  readonly #refused = new Map<string, { verdict: ProvenanceVerdict; at: number }>();

  /** @param parts What it works with. */
  constructor(parts: ProvenanceDeskParts) {
    this.#parts = parts;
  }

  /**
   * Judges files of a project.
   *
   * @param project The project, normalised.
   * @param files Its files.
   * @returns For each, in order; `null` when the policy says nothing of the project.
   */
  async judge(
    project: string,
    files: readonly CandidateFile[],
  ): Promise<readonly ProvenanceVerdict[] | null> {
    const rule = ruleFor(this.#parts.policy, project);
    if (!rule) return null;
    if (rule.required.size === 0) {
      return files.map(({ logged }) => judgeProvenance(rule, { kind: "none" }, logged));
    }
    const verified = await this.#verifiedOf(project);
    const before = new Map(verified);
    const page = AbortSignal.timeout(PAGE_DEADLINE);
    const signal = AbortSignal.any([this.#parts.signal, page]);
    const verdicts = await inParallel(
      files,
      AT_ONCE,
      (file) => this.#judgeFile(rule, file, verified, signal),
    );
    if ([...verified].some(([key, claims]) => before.get(key) !== claims)) {
      await this.#parts.verified.save(project, verified).catch(this.#parts.onTrouble);
    }
    return verdicts;
  }

  async #judgeFile(
    rule: Rule,
    file: CandidateFile,
    verified: VerifiedClaims,
    signal: AbortSignal,
  ): Promise<ProvenanceVerdict> {
    const key = keyOf(file);
    const claims = verified.get(key);
    if (claims) {
      const verdict = judgeProvenance(rule, { kind: "checked", claims, failures: [] }, file.logged);
      if (verdict.kind === "pass") return verdict;
    }
    const refused = this.#refused.get(`${key} ${file.provenance}`);
    if (refused && Math.abs(this.#parts.now() - refused.at) < REFUSED_FOR) return refused.verdict;
    const found = await this.#find(file, signal);
    if (found.kind === "checked" && found.claims.length > 0) verified.set(key, found.claims);
    const verdict = judgeProvenance(rule, found, file.logged);
    if (verdict.kind === "refuse" && found.kind !== "none" && !signal.aborted) {
      this.#refused.set(`${key} ${file.provenance}`, { verdict, at: this.#parts.now() });
      for (const oldest of this.#refused.keys()) {
        if (this.#refused.size <= MAX_KEPT) break;
        this.#refused.delete(oldest);
      }
    }
    return verdict;
  }

  async #find(file: CandidateFile, signal: AbortSignal): Promise<Found> {
    if (file.provenance === null) return { kind: "none" };
    try {
      const bytes = await this.#turns.take(() => this.#fetch(file.provenance!, signal));
      return bytes ? checkProvenance(bytes, file, this.#parts.root) : { kind: "none" };
    } catch (error) {
      if (this.#parts.signal.aborted) throw error;
      const why = signal.aborted
        ? "the registry takes too long over the provenance of all files of the project"
        : (error as Error).message;
      return { kind: "unavailable", why };
    }
  }

  async #fetch(listed: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const { index } = this.#parts;
    const url = URL.canParse(listed) ? new URL(listed) : null;
    // What a page says must not lead us anywhere but to where the page is from.
    if (url?.origin !== index.url.origin || url.username !== "" || url.password !== "") {
      throw new Error("the registry lists provenance that is not at the index's own host");
    }
    const { status, body } = await sendRequest(url, {
      headers: { accept: ACCEPT, ...index.headers },
      maxBytes: MAX_PROVENANCE,
      deadline: DEADLINE,
      signal,
    });
    if (status === 404 || status === 410) return null;
    if (status !== 200) throw new Error(`${describe(url)} answers ${status}`);
    return body;
  }

  #verifiedOf(project: string): Promise<VerifiedClaims> {
    let verified = this.#verified.get(project);
    if (!verified) {
      verified = this.#parts.verified.load(project).catch((error) => {
        this.#parts.onTrouble(error);
        return new Map();
      });
      this.#verified.set(project, verified);
      const [oldest] = this.#verified.keys();
      if (this.#verified.size > MAX_KEPT) this.#verified.delete(oldest!);
    }
    return verified;
  }
}

/** Lets some work at once, and the rest wait. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free--;
    try {
      return await work();
    } finally {
      this.#free++;
      this.#waiting.shift()?.();
    }
  }
}

/** What a file's provenance proves, and why the rest of it does not. */
export function checkProvenance(
  bytes: Uint8Array,
  file: { readonly filename: string; readonly sha256: string },
  root: TrustedRoot,
): Found {
  const claims: Claims[] = [];
  const failures: string[] = [];
  try {
    for (const attestation of parseProvenance(bytes)) {
      try {
        claims.push(verifyAttestation(attestation, file, root));
      } catch (error) {
        if (!(error instanceof NotVerified)) throw error;
        failures.push(error.message);
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    failures.push(`its provenance is malformed: ${error.message}`);
  }
  return { kind: "checked", claims, failures };
}
