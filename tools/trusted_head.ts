/**
 * The latest checkpoint of a log that this user has accepted. It moves only
 * forward, and only by a proven consistency: a log that shows another history
 * than before is caught here, with both signed heads kept as evidence, and nothing
 * that it says is accepted from then on (faults C2, C3).
 *
 * @module
 */

import {
  checkConsistency,
  type Checkpoint,
  checkPolicy,
  equalBytes,
  type FetchResource,
  type Hash,
  LogMismatch,
  LogReader,
  parseCheckpoint,
  parseNote,
  type Policy,
  type PolicyVerdict,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { requireFresh } from "./freshness.ts";

/** A checkpoint that the policy accepts. */
export type Accepted = Extract<PolicyVerdict, { kind: "accepted" }>;

/** An accepted checkpoint with its signed note. */
export interface Head {
  /** The signed note, verbatim. */
  readonly note: Uint8Array;
  /** What the policy says of it. */
  readonly verdict: Accepted;
}

/** The log showed two histories: proof of misbehaviour, to be kept. */
export class SplitView extends Error {
  /** Tells it from other errors. */
  override readonly name = "SplitView";
  /** The log's origin. */
  readonly origin: string;
  /** The signed head that was accepted before. */
  readonly held: Uint8Array;
  /** The signed head that does not go with it. */
  readonly shown: Uint8Array;
  /** What its consistency proof from the held one's size would have to be. */
  readonly proof: readonly Hash[];

  /** Names both sizes. */
  constructor(held: Uint8Array, shown: Uint8Array, proof: readonly Hash[]) {
    const [before, after] = [held, shown].map((note) => checkpointIn(note));
    super(
      `${after!.origin} shows two histories: its checkpoint of size ${after!.size} ` +
        `is not consistent with the one of size ${before!.size} accepted before`,
    );
    this.origin = after!.origin;
    this.held = held;
    this.shown = shown;
    this.proof = proof;
  }
}

/** The checkpoint is not one to rely on. */
export class NotAccepted extends Error {
  /** Tells it from other errors. */
  override readonly name: string = "NotAccepted";
}

/** The log does not serve the tree of its checkpoint, so that nothing can be proven. */
export class TreeNotServed extends NotAccepted {
  /** Tells it from other errors. */
  override readonly name = "TreeNotServed";
}

/** The checkpoint is older than one accepted before; with a newer answer meanwhile, no harm. */
export class OlderThanHead extends NotAccepted {
  /** Tells it from other errors. */
  override readonly name = "OlderThanHead";
}

/** Where the head is kept between runs. */
export interface HeadStore {
  /** The note kept for an origin; `null` before the first. */
  load(origin: string): Promise<Uint8Array | null>;
  /**
   * Keeps a note, if the one kept is still `before`.
   *
   * @returns Whether it was.
   */
  swap(origin: string, before: Uint8Array | null, note: Uint8Array): Promise<boolean>;
  /** Keeps the evidence of a split view, for ever. */
  keepEvidence(evidence: SplitView): Promise<void>;
  /** The evidence kept against an origin; `null` if there is none. */
  evidence(origin: string): Promise<SplitView | null>;
}

/** Judges a log's signed checkpoints, each against the policy and against the last. */
export class TrustedHead {
  readonly #policy: Policy;
  readonly #store: HeadStore;
  readonly #fetch: FetchResource;
  readonly #now: () => number;
  readonly #maxAge: number | undefined;

  /**
   * @param policy Whom the user trusts.
   * @param store Where the head is kept.
   * @param fetch Reads the log's tiles, for consistency proofs.
   * @param freshness `now`: POSIX seconds, this machine's by default; `maxAge`: how old
   * cosignatures may be, in seconds, by default any age. None may be from the future.
   */
  constructor(
    policy: Policy,
    store: HeadStore,
    fetch: FetchResource,
    freshness: { readonly now?: () => number; readonly maxAge?: number } = {},
  ) {
    this.#policy = policy;
    this.#store = store;
    this.#fetch = fetch;
    this.#now = freshness.now ?? (() => Math.floor(Date.now() / 1000));
    this.#maxAge = freshness.maxAge;
  }

  /**
   * Accepts a checkpoint, as new head or as the one already held.
   *
   * @param note The signed note as the log served it.
   * @throws {NotAccepted} If the policy refuses it or its cosignatures are stale.
   * @throws {OlderThanHead} If it is older than the head.
   * @throws {SplitView} If it is no extension of the head, now or ever before.
   */
  async accept(note: Uint8Array): Promise<Head> {
    const shown = this.#judge(note);
    const { origin, size } = shown.verdict.checkpoint;
    const evidence = await this.#store.evidence(origin);
    if (evidence) throw evidence;
    // Another process may move the head meanwhile: then what it accepted is compared with.
    for (;;) {
      const kept = await this.#store.load(origin);
      if (kept) {
        if (equalBytes(kept, note)) return shown;
        const held = checkpointIn(kept);
        await this.#requireExtension({ held, kept }, shown);
        if (held.size === size) return shown;
      }
      if (await this.#store.swap(origin, kept, note)) return shown;
    }
  }

  #judge(note: Uint8Array): Head {
    let verdict: PolicyVerdict;
    try {
      const signed = checkPolicy(this.#policy, note, nativeEd25519);
      verdict = requireFresh(signed, this.#policy, this.#now(), this.#maxAge);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new NotAccepted(error.message);
    }
    if (verdict.kind === "refused") throw new NotAccepted(verdict.why);
    return { note, verdict };
  }

  async #requireExtension(
    { held: before, kept }: { held: Checkpoint; kept: Uint8Array },
    { note, verdict: { checkpoint: after } }: Head,
  ): Promise<void> {
    if (after.size < before.size) {
      throw new OlderThanHead(
        `${after.origin} shows a checkpoint of size ${after.size}, older than one of size ${before.size} accepted before`,
      );
    }
    let proof: Hash[] = [];
    if (after.size > before.size) {
      try {
        proof = await new LogReader(after, this.#fetch).proveConsistency(before.size);
      } catch (error) {
        // Tiles that are not those of the signed root prove nothing against anybody.
        if (!(error instanceof LogMismatch)) throw error;
        throw new TreeNotServed(
          `${after.origin} does not serve the tree it signed: ${error.message}`,
        );
      }
    }
    if (checkConsistency(before.size, after.size, before.root, after.root, proof)) return;
    const split = new SplitView(kept, note, proof);
    await this.#store.keepEvidence(split);
    throw split;
  }
}

/** What a note that was accepted before says; whoever signed it then need not be trusted now. */
function checkpointIn(note: Uint8Array): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}

/** Keeps heads for as long as the process runs. */
export class HeadMemory implements HeadStore {
  readonly #notes = new Map<string, Uint8Array>();
  readonly #evidence = new Map<string, SplitView>();

  /** The note kept for an origin. */
  load(origin: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.#notes.get(origin) ?? null);
  }

  /** Keeps a note, if the one kept is still `before`. */
  swap(origin: string, before: Uint8Array | null, note: Uint8Array): Promise<boolean> {
    const kept = this.#notes.get(origin) ?? null;
    const same = kept === before || (kept !== null && before !== null && equalBytes(kept, before));
    if (same) this.#notes.set(origin, note);
    return Promise.resolve(same);
  }

  /** Keeps the first evidence against an origin. */
  keepEvidence(evidence: SplitView): Promise<void> {
    if (!this.#evidence.has(evidence.origin)) this.#evidence.set(evidence.origin, evidence);
    return Promise.resolve();
  }

  /** The evidence kept against an origin. */
  evidence(origin: string): Promise<SplitView | null> {
    return Promise.resolve(this.#evidence.get(origin) ?? null);
  }
}
