/**
 * One run of `recover`: what it opens, and its steps.
 *
 * @module
 */

import type { FetchResource } from "@indelible/core";
import { UsageError } from "@indelible/core/command";
import { cannot } from "../files.ts";
import { HeadFiles } from "../head_files.ts";
import { describe } from "../http_client.ts";
import { openSource } from "../log_source.ts";
import { Progress } from "../progress.ts";
import { loadTrust } from "../trust.ts";
import { type Head, SplitView, TrustedHead } from "../trusted_head.ts";
import { Pace } from "./budget.ts";
import { Keeper } from "./evidence.ts";
import { type Facts, type Finding, judge } from "./findings.ts";
import { type Places, quarantineOf, type RecoverFlags } from "./flags.ts";
import type { Scope } from "./listed_files.ts";
import { growIndex } from "./log_index.ts";
import { checkMirror, findCopies, type MirrorFinding } from "./mirror.ts";
import { planRestore } from "./plan.ts";
import { Registry } from "./registry.ts";
import type { MirrorReport, Report } from "./report.ts";
import { restore, type Restored } from "./restore.ts";
import { RecoverState } from "./state.ts";
import { sweep } from "./sweep.ts";

/**
 * Opens a run: accepts the log's checkpoint, and takes its entries.
 *
 * @param flags What the user said.
 * @param places Where things are.
 * @param signal Ends the run.
 */
export async function openRun(
  flags: RecoverFlags,
  places: Places,
  signal: AbortSignal,
): Promise<Run> {
  await requireFolders(flags);
  const policy = await loadTrust(places.trust);
  if (!policy) {
    throw new UsageError(
      "whom to trust is not said: give --policy=F, or --public-key=F for a log without witnesses",
    );
  }
  const fetch = await openSource(places.log, signal);
  const heads = new HeadFiles(places.heads);
  const trusted = new TrustedHead(policy, heads, fetch);
  let head: Head;
  try {
    head = await acceptHead(fetch, trusted);
  } catch (error) {
    if (!(error instanceof SplitView)) throw error;
    const paths = heads.evidencePaths(error.origin).join(" and ");
    throw new Error(`${error.message}. Nothing that it says counts; the evidence is in ${paths}`);
  }
  const { origin } = head.verdict.checkpoint;
  const registry = flags.index ? describe(flags.index.url) : "";
  const state = await RecoverState.open(places.states, { origin, registry });
  const run = new Run({ flags, fetch, trusted, state, signal }, head);
  try {
    await run.takeEntries();
    return run;
  } catch (error) {
    state[Symbol.dispose]();
    throw error;
  }
}

/** What is wrong with a folder is said before anything is done. */
async function requireFolders({ mirror, source = [] }: RecoverFlags): Promise<void> {
  for (const path of mirror === undefined ? source : [mirror, ...source]) {
    const flag = path === mirror ? "--mirror" : "--source";
    const there = await Deno.stat(path).catch((error) => {
      throw cannot("read", path, flag, error);
    });
    if (!there.isDirectory) throw new Error(`Cannot read ${flag} ${path}: it is no folder`);
  }
}

async function acceptHead(fetch: FetchResource, trusted: TrustedHead): Promise<Head> {
  const note = await fetch("checkpoint");
  if (!note) throw new Error("the log has no checkpoint");
  return await trusted.accept(note);
}

interface RunParts {
  readonly flags: RecoverFlags;
  readonly fetch: FetchResource;
  readonly trusted: TrustedHead;
  readonly state: RecoverState;
  readonly signal: AbortSignal;
}

/** A run under way. */
export class Run implements Disposable {
  readonly #parts: RunParts;
  readonly #registry: Registry | null;
  readonly #scope: Scope;
  #progress: Progress | null = null;
  #head: Head;
  #since = Date.now();

  /** See {@linkcode openRun}. */
  constructor(parts: RunParts, head: Head) {
    this.#parts = parts;
    this.#head = head;
    const { index, fileHost = [], project } = parts.flags;
    this.#registry = index ? new Registry(index, fileHost) : null;
    this.#scope = project ? [...new Set(project)].sort() : null;
  }

  /** Takes the entries that the head covers and that are not taken yet. */
  async takeEntries(): Promise<void> {
    const { state, fetch } = this.#parts;
    await growIndex(state.logged, this.#head.verdict.checkpoint, fetch, {
      onProgress: this.#progressOf("entries of the log"),
      onNote: (note) => this.#note(note),
    });
  }

  /** Makes a pass over the registry, or goes on with one. */
  async askRegistry(): Promise<void> {
    const { flags, state, signal, fetch, trusted } = this.#parts;
    if (!this.#registry) return;
    const { metadataOnly, filesPerMinute, maxAge, keep } = flags;
    const pass = JSON.stringify([this.#scope, metadataOnly]);
    const { since, resumed } = state.passes.beginPass(pass, Date.now(), maxAge);
    this.#since = since;
    if (resumed) this.#note(`going on with the pass since ${new Date(since).toISOString()}`);
    const deadline = flags.for === undefined ? Infinity : performance.now() + flags.for;
    const progress = {
      pages: this.#progressOf("pages"),
      files: this.#progressOf("files fetched"),
    };
    const through = await sweep({
      state,
      registry: this.#registry,
      pace: new Pace(state.passes, filesPerMinute),
      scope: this.#scope,
      since,
      withBytes: !metadataOnly,
      treeSize: Number(this.#head.verdict.checkpoint.size),
      keeper: keep === undefined ? null : new Keeper(keep),
      signal,
      mayGoOn: () => performance.now() < deadline,
      onProgress: (what, done, total) => progress[what](done, total),
      onNote: (note) => this.#note(note),
    });
    if (through) state.passes.endPass(pass);
    // What was published while we looked is in the log by now, or not logged at all.
    this.#head = await acceptHead(fetch, trusted);
    await this.takeEntries();
  }

  /**
   * Judges what is known, and sees to the mirror.
   *
   * @param interrupted Whether it has to be quick: the mirror is left alone.
   */
  async report(interrupted: boolean): Promise<Report> {
    const { flags, state } = this.#parts;
    const facts = this.#registry ? state.listed.facts(this.#scope) : [];
    const findings = facts.map((one): Finding => ({ ...one, ...judge(one) }));
    const { mirror, source = [], metadataOnly } = flags;
    const inMirror = mirror === undefined || interrupted ? [] : await checkMirror(
      mirror,
      state.logged,
      this.#scope,
      this.#progressOf("files of the mirror"),
    );
    const copies = interrupted ? new Map<string, string[]>() : await findCopies(
      wantedOf(findings, inMirror),
      mirror === undefined ? source : [...source, mirror],
      this.#progressOf("files searched"),
    );
    const served = servedRight(findings);
    const mirrorReport = mirror === undefined || interrupted
      ? null
      : await this.#restore(mirror, inMirror, copies, served);
    this.#progress?.clear();
    return {
      head: this.#head,
      registry: flags.index ? describe(flags.index.url) : null,
      projects: this.#scope,
      metadataOnly,
      since: this.#since,
      made: Date.now(),
      findings,
      copies,
      unchecked: this.#registry ? this.#unchecked(facts) : 0,
      unplaced: this.#scope ? 0 : state.logged.unplaced,
      mirror: mirrorReport,
    };
  }

  /** Closes the state. */
  [Symbol.dispose](): void {
    this.#progress?.clear();
    this.#parts.state[Symbol.dispose]();
  }

  #unchecked(facts: readonly Facts[]): number {
    const { flags, state } = this.#parts;
    const unfetched = flags.metadataOnly
      ? []
      : facts.filter(({ listed, served, page }) => listed && !served && page.trouble === null);
    return state.listed.countUnread(this.#scope) + unfetched.length;
  }

  async #restore(
    mirror: string,
    findings: readonly MirrorFinding[],
    copies: ReadonlyMap<string, readonly string[]>,
    served: ReadonlyMap<string, string>,
  ): Promise<MirrorReport> {
    const { flags, signal } = this.#parts;
    const { apply, replacedOnly } = flags;
    const plan = await planRestore({ findings, copies, served, replacedOnly });
    if (!apply) return { folder: mirror, findings, plan, restored: null };
    const quarantine = quarantineOf(flags);
    const restored: Restored[] = [];
    const show = this.#progressOf("files restored");
    for (const step of plan) {
      restored.push(await restore(step, { mirror, quarantine, registry: this.#registry, signal }));
      show(restored.length, plan.length);
    }
    return { folder: mirror, findings, plan, restored };
  }

  /** Progress of one kind of work; each has a line of its own. */
  #progressOf(unit: string): (done: number, total: number) => void {
    let progress: Progress | null = null;
    return (done, total) => {
      if (!progress) {
        this.#progress?.clear();
        this.#progress = progress = new Progress("recover", unit);
      }
      progress.show(done, total);
    };
  }

  #note(text: string): void {
    this.#progress?.clear();
    console.error(`recover: ${text}`);
  }
}

/** What good copies are looked for of. */
function wantedOf(
  findings: readonly Finding[],
  inMirror: readonly MirrorFinding[],
): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const { drift, logged, filename } of findings) {
    if (drift && logged) wanted.set(logged.sha256, filename);
  }
  for (const { kind, logged, filename } of inMirror) {
    if (kind !== "unchanged" && logged !== null) wanted.set(logged, filename);
  }
  return wanted;
}

/** Where the registry served the logged bytes, by digest. */
function servedRight(findings: readonly Finding[]): Map<string, string> {
  const urls = new Map<string, string>();
  for (const { logged, listed, served } of findings) {
    if (logged && listed && served?.kind === "bytes" && served.sha256 === logged.sha256) {
      urls.set(logged.sha256, listed.url);
    }
  }
  return urls;
}
