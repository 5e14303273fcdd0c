/**
 * The desk of the proxy: fetches a project's page from the registry, asks the log
 * about all of its files at once, and lets the gate decide on each. It remembers
 * what was decided, for `why` and for the summary.
 *
 * @module
 */

import { normalizeProject, projectOf, PYPI_V1 } from "@indelible/core";
import type { PackageIndex } from "../package_index.ts";
import { isPassing } from "../retry.ts";
import type { ListedFile, Listing } from "../simple/listing.ts";
import type { Head } from "../trusted_head.ts";
import { type GateRules, judgeFile, listedSha256, type Passage, type Reason } from "./gate.ts";
import { type FileUrl, type Judged, rewritePage } from "./page.ts";
import type { ProvenanceGate } from "./provenance_gate.ts";
import type { ReviewGate } from "./review_gate.ts";
import { type DescribedHead, describeHead, type Facts, type Story, tell } from "./story.ts";
import { fetchPage, PageCache } from "./upstream.ts";
import type { Answered, Vouching } from "./vouching.ts";

/** What {@linkcode PageDesk} works with. */
export interface DeskParts {
  /** The registry. */
  readonly index: PackageIndex;
  /** What the log says. */
  readonly vouching: Vouching;
  /** What the user chose. */
  readonly rules: GateRules;
  /** How old a file must be to be listed, in milliseconds; any age when 0. */
  readonly cooldown: number;
  /** The time, in milliseconds. */
  readonly now: () => number;
  /** Where files that pass are fetched. */
  readonly fileUrl: FileUrl;
  /** What was found out about bytes that were fetched, if any were. */
  readonly found?: FoundBytes;
  /** Judges who published and built what the log vouches for. */
  readonly provenance: Pick<ProvenanceGate, "judge">;
  /** Judges what people said of it; without one nobody is asked. */
  readonly reviews?: Pick<ReviewGate, "judge">;
  /** Told of every page that was judged. */
  readonly onPage: (page: PageReport) => void;
  /** Told what kept the registry from answering. */
  readonly onRegistryTrouble: (why: string) => void;
}

/** What was found out about the bytes of files. */
export interface FoundBytes {
  /** Why the bytes that the registry serves are refused; `null` if they are not. */
  refusalOf(filename: string, sha256: string): Reason | null;
  /** The SHA-256 in hex of a file's own metadata, if the registry lists the same. */
  metadataOf(file: ListedFile, sha256: string): string | null;
}

/** What became of a page, for logs and summaries. */
export interface PageReport {
  /** The project. */
  readonly project: string;
  /** Its files and what became of them. */
  readonly judged: readonly Judged[];
  /** What kept the log from answering, if anything did. */
  readonly trouble: string | null;
  /** Files that were listed and vouched for before, and are not listed any more. */
  readonly vanished: readonly string[];
}

/** A page to serve, or what there is in its place. */
export type PageOutcome =
  | { readonly kind: "page"; readonly listing: Listing }
  | { readonly kind: "no-such-project" }
  | {
    readonly kind: "trouble";
    /** What happened. */
    readonly why: string;
    /** Whether it may work a moment later. */
    readonly passing: boolean;
  };

/** What has been served so far. */
export interface Status {
  /** Projects whose pages were served. */
  readonly projects: number;
  /** The latest files on them, at most 30,000. */
  readonly files: number;
  /** How many of them passed, by whose word. */
  readonly passed: Readonly<Record<Extract<Passage, { kind: "pass" }>["by"], number>>;
  /** How many were refused. */
  readonly refused: number;
  /** How many were left out as too new. */
  readonly leftOut: number;
  /** What the log's history says against files, as `<file>: <what>`. */
  readonly warnings: readonly string[];
  /** Refusals that a client ran into, as `<reason>/<file>`. */
  readonly met: readonly string[];
  /** Files that the log has and the registry listed before, but no longer. */
  readonly vanished: readonly string[];
  /** The checkpoint. */
  readonly checkpoint: DescribedHead | null;
  /** What keeps the log from answering now, if anything does. */
  readonly trouble: string | null;
  /** What kept the registry from answering, for each project where it still does. */
  readonly registryTroubles: readonly string[];
}

/** How many files are remembered, and how many refusals; a file takes a few KiB. */
const MAX_REMEMBERED = 30_000;

/** Judges pages. */
export class PageDesk {
  readonly #parts: DeskParts;
  readonly #files = new Map<string, Facts>();
  readonly #projects = new Set<string>();
  readonly #pages = new PageCache();
  readonly #met = new Set<string>();
  readonly #vanished = new Set<string>();
  #head: Head | null = null;
  #trouble: string | null = null;
  readonly #registryTroubles = new Map<string, string>();

  /** @param parts What it works with. */
  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /**
   * A project's page, judged.
   *
   * @param project Its name, normalised.
   */
  async page(project: string): Promise<PageOutcome> {
    const { index, fileUrl, found, onPage, onRegistryTrouble } = this.#parts;
    let listing: Listing;
    try {
      const answer = await fetchPage(index, project, this.#pages);
      if (answer.kind === "no-such-project") return answer;
      listing = answer.listing;
    } catch (error) {
      const why = (error as Error).message;
      this.#registryTroubles.set(project, why);
      onRegistryTrouble(why);
      return { kind: "trouble", why, passing: isPassing(error) };
    }
    const { answered, judged: passed } = await this.#judge(project, listing.files);
    const all = await this.#parts.reviews?.judge(project, passed) ?? passed;
    const judged = all.filter(({ file }) => this.#isOldEnough(file));
    this.#remember(project, all, new Set(judged), answered);
    const { trouble, vanished } = answered;
    onPage({ project, judged, trouble, vanished });
    const metadataOf = (file: ListedFile, sha256: string) =>
      found?.metadataOf(file, sha256) ?? null;
    return { kind: "page", listing: rewritePage(listing, judged, { fileUrl, metadataOf }) };
  }

  async #judge(
    project: string,
    files: readonly ListedFile[],
  ): Promise<{ answered: Answered; judged: Judged[] }> {
    const { vouching, rules, found, provenance } = this.#parts;
    const { onMissing } = rules;
    // A private name is nobody's business, the log's neither.
    if (rules.isExempt(project)) {
      const judged = files.map((file) => ({ file, passage: judgeFile(file, "exempt", onMissing) }));
      const answered = { said: [], head: null, trouble: null, vanished: [] };
      return { answered, judged: await provenance.judge(project, judged, []) };
    }
    const asked = files.map((file) => ({ filename: file.filename, listed: listedSha256(file) }));
    const answered = await vouching.ask(project, asked);
    const judged = files.map((file, i): Judged => {
      const passage = judgeFile(file, answered.said[i]!, onMissing);
      const reason = passage.kind === "pass" && found?.refusalOf(file.filename, passage.sha256);
      return reason
        ? { file, passage: { kind: "refuse", reason, logged: passage.sha256 } }
        : { file, passage };
    });
    return { answered, judged: await provenance.judge(project, judged, answered.said) };
  }

  #isOldEnough({ members }: ListedFile): boolean {
    const { cooldown, now } = this.#parts;
    if (cooldown === 0) return true;
    const uploaded = members["upload-time"];
    const time = typeof uploaded === "string" ? Date.parse(uploaded) : NaN;
    // As uv's --exclude-newer: what does not say its age is not old.
    return time <= now() - cooldown;
  }

  #remember(
    project: string,
    all: readonly Judged[],
    shown: ReadonlySet<Judged>,
    { head, trouble, vanished }: Answered,
  ): void {
    this.#projects.add(project);
    this.#registryTroubles.delete(project);
    this.#head = head ?? this.#head;
    this.#trouble = trouble;
    for (const judged of all) {
      this.#files.delete(judged.file.filename);
      const leftOut = !shown.has(judged);
      this.#files.set(judged.file.filename, { ...judged, project, leftOut, head, trouble });
    }
    for (const filename of this.#files.keys()) {
      if (this.#files.size <= MAX_REMEMBERED) break;
      this.#files.delete(filename);
    }
    if (this.#vanished.size < MAX_REMEMBERED) {
      for (const filename of vanished) this.#vanished.add(filename);
    }
  }

  /** Notes that a client ran into a refusal. */
  met(reason: Reason, filename: string): void {
    if (this.#met.size < MAX_REMEMBERED) this.#met.add(`${reason}/${filename}`);
  }

  /** What is known of a file: remembered, else found out from its project's page. */
  async factsOf(filename: string): Promise<Facts | null> {
    const known = this.#files.get(filename);
    if (known) return known;
    const project = projectOfFile(filename);
    if (project !== null) await this.page(project);
    return this.#files.get(filename) ?? null;
  }

  /** The story of a file, judged anew; `null` when no project's page has it. */
  async why(filename: string): Promise<Story | null> {
    const project = this.#files.get(filename)?.project ?? projectOfFile(filename);
    if (project === null) return null;
    const outcome = await this.page(project);
    if (outcome.kind === "trouble") throw new Error(outcome.why);
    const facts = this.#files.get(filename);
    return facts ? tell(facts) : null;
  }

  /** How many files passed and were refused, and under which checkpoint. */
  status(): Status {
    const passed = { log: 0, "first-seen": 0, exemption: 0, warning: 0 };
    let refused = 0;
    let leftOut = 0;
    const warned: string[] = [];
    for (const { file, passage, leftOut: isLeftOut, warnings = [] } of this.#files.values()) {
      if (!isLeftOut) warned.push(...warnings.map(({ text }) => `${file.filename}: ${text}`));
      if (isLeftOut) leftOut++;
      else if (passage.kind === "refuse") refused++;
      else passed[passage.by]++;
    }
    return {
      projects: this.#projects.size,
      files: this.#files.size,
      passed,
      refused,
      leftOut,
      warnings: warned,
      met: [...this.#met],
      vanished: [...this.#vanished],
      checkpoint: this.#head && describeHead(this.#head),
      trouble: this.#trouble,
      registryTroubles: [...new Set(this.#registryTroubles.values())],
    };
  }
}

/** The project that a file's name tells, if it does. */
function projectOfFile(file: string): string | null {
  const digest = new Uint8Array(32);
  const project = projectOf({ format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest });
  return project === null || project === "" ? null : normalizeProject(project);
}
