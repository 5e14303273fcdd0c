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
import { letIn } from "../package_index.ts";
import { Progress } from "../progress.ts";
import { indexOfVariable } from "../proxy/settings.ts";
import { loadTrust } from "../trust.ts";
import { type Head, SplitView, TrustedHead } from "../trusted_head.ts";
import { Pace } from "./budget.ts";
import { judged } from "./drift_table.ts";
import { Keeper } from "./evidence.ts";
import { type Places, quarantineOf, type RecoverFlags } from "./flags.ts";
import type { Scope } from "./listed_files.ts";
import { growIndex } from "./log_index.ts";
import { checkMirror, findCopies } from "./mirror.ts";
import { planStep } from "./plan.ts";
import { Registry } from "./registry.ts";
import type { Report } from "./report.ts";
import { restore } from "./restore.ts";
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
    this.#registry = index ? new Registry(letIn(index, indexOfVariable()), fileHost) : null;
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
    const facts = () => this.#registry ? state.listed.facts(this.#scope) : [];
    const tally = state.drift.judge(facts());
    const { mirror, metadataOnly } = flags;
    if (!interrupted) await this.#lookAround();
    this.#progress?.clear();
    const unread = this.#registry ? state.listed.countUnread(this.#scope) : 0;
    return {
      head: this.#head,
      registry: flags.index ? describe(flags.index.url) : null,
      projects: this.#scope,
      metadataOnly,
      since: this.#since,
      made: Date.now(),
      tally,
      findings: () => judged(facts()),
      table: state.drift,
      unchecked: unread + (metadataOnly ? 0 : tally.unfetched),
      unplaced: this.#scope ? 0 : state.logged.unplaced,
      mirror: mirror === undefined || interrupted
        ? null
        : { folder: mirror, table: state.mirror, applied: flags.apply },
    };
  }

  /** Closes the state. */
  [Symbol.dispose](): void {
    this.#progress?.clear();
    this.#parts.state[Symbol.dispose]();
  }

  /** Holds the mirror against the log, looks for good copies, and sees to the mirror. */
  async #lookAround(): Promise<void> {
    const { flags: { mirror, source = [] }, state } = this.#parts;
    if (mirror !== undefined) {
      const show = this.#progressOf("files of the mirror");
      await checkMirror(mirror, state.logged, this.#scope, state.mirror, show);
      for (const { finding: { logged, filename } } of state.mirror.drifted()) {
        if (logged !== null) state.drift.want(logged, filename);
      }
    }
    const folders = mirror === undefined ? source : [...source, mirror];
    await findCopies(state.drift, folders, this.#progressOf("files searched"));
    if (mirror !== undefined) await this.#restore(mirror);
  }

  /** Plans what is done about each file of the mirror, and does it if that is wanted. */
  async #restore(mirror: string): Promise<void> {
    const { flags, signal, state } = this.#parts;
    const { apply, replacedOnly } = flags;
    const quarantine = quarantineOf(flags);
    const registry = this.#registry;
    for (const { id, finding } of state.mirror.drifted()) {
      const step = await planStep(finding, {
        copyOf: (sha256) => state.drift.copiesOf(sha256)[0] ?? null,
        servedAt: (file) => registry && state.listed.servedRight(file),
        layoutOf: (project) => state.mirror.layoutOf(project),
        replacedOnly,
      });
      if (step) state.mirror.setStep(id, step);
    }
    if (!apply) return;
    const show = this.#progressOf("files restored");
    const total = state.mirror.steps;
    let done = 0;
    for (const { id, step } of state.mirror.planned()) {
      state.mirror.setOutcome(id, await restore(step, { mirror, quarantine, registry, signal }));
      show(++done, total);
    }
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
