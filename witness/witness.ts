/**
 * The witness: reads a request, judges it, signs, commits, and only then lets
 * the signature go. Nothing here knows HTTP; `http.ts` is its face.
 *
 * @module
 */

import { openNote, type SignerKey, utf8 } from "@indelible/core";
import { Cosigner } from "./cosigner.ts";
import {
  type EvidenceKind,
  judge,
  malformed,
  openRequest,
  openSubmission,
  originLine,
  readOwnForm,
  type Refusal,
  type Submission,
  unknownLog,
} from "./judge.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { type TrustedLog, TrustedLogs } from "./logs.ts";
import { Metrics } from "./metrics.ts";
import { type Cosigned, type KeptEvidence, logId, StoreLost, type WitnessStore } from "./store.ts";
import { checkSubtree, isSubtree, parseSignSubtree } from "./subtree.ts";

/** What a witness is made of. */
export interface WitnessParts {
  /** Where it keeps its state. */
  readonly store: WitnessStore;
  /** Its secret keys: Ed25519, ML-DSA-44, or one of each. */
  readonly keys: readonly SignerKey[];
  /** Logs to witness besides those registered in the store. */
  readonly logs?: readonly TrustedLog[];
  /** POSIX seconds. */
  readonly now?: () => bigint;
  /** Where events go; nowhere by default. */
  readonly logger?: Logger;
  /**
   * Told of every commit, before the signature is released. When it throws, the
   * signature is not.
   */
  readonly onCommitted?: (origin: string, size: bigint) => void;
  /**
   * Why a log must not be cosigned yet, `null` for one that may be; by default all
   * may. Asked once the log's signature is verified.
   */
  readonly heldBack?: (origin: string) => Promise<string | null> | null;
  /** Called once when the store's state became unknown: the process must end. */
  readonly onLost?: (error: StoreLost) => void;
}

/** What came of a request. */
export type Outcome =
  | { readonly kind: "cosigned"; readonly lines: string }
  | Refusal;

/**
 * How often a request is judged when other requests for its log are stored
 * first. Each further round means that another one was cosigned meanwhile.
 */
const MAX_ROUNDS = 1_000;

/** One witness. Holds no state of a log: that is the store's. */
export class Witness {
  /** Signs. */
  readonly cosigner: Cosigner;
  /** Counts. */
  readonly metrics: Metrics = new Metrics();
  readonly #store: WitnessStore;
  readonly #logs: TrustedLogs;
  readonly #now: () => bigint;
  readonly #logger: Logger;
  readonly #onCommitted: (origin: string, size: bigint) => void;
  readonly #heldBack: (origin: string) => Promise<string | null> | null;
  readonly #onLost: (error: StoreLost) => void;
  readonly #reported = new WeakSet<Error>();
  #lost = false;

  private constructor(parts: WitnessParts, cosigner: Cosigner) {
    this.cosigner = cosigner;
    this.#store = parts.store;
    this.#now = parts.now ?? (() => BigInt(Math.floor(Date.now() / 1_000)));
    this.#logger = parts.logger ?? silentLogger;
    this.#onCommitted = parts.onCommitted ?? (() => {});
    this.#heldBack = parts.heldBack ?? (() => null);
    this.#onLost = parts.onLost ?? (() => {});
    this.#logs = new TrustedLogs(cosigner);
    this.#logs.configure(parts.logs ?? []);
  }

  /**
   * Makes a witness.
   *
   * @param parts What it is made of.
   * @throws {Error} If the keys are not those of one witness, a log may not be
   *   witnessed, or the store is that of a witness of another name.
   */
  static async of(parts: WitnessParts): Promise<Witness> {
    const cosigner = await Cosigner.of(parts.keys);
    const witness = new Witness(parts, cosigner);
    const bound = await parts.store.bindName(null);
    if (bound !== null && bound !== cosigner.name) {
      throw new Error(
        `The store is that of the witness ${bound}, the key is named ${cosigner.name}`,
      );
    }
    for (const { origin } of await parts.store.list()) {
      if (origin !== cosigner.name) continue;
      throw new Error(
        `The origin "${origin}" in the store is the witness's own name: a witness does not witness itself`,
      );
    }
    if (bound === null) await parts.store.bindName(cosigner.name);
    return witness;
  }

  /**
   * Takes another list of configured logs in place of the last.
   *
   * @throws {Error} If one may not be witnessed; then the last list stays.
   */
  configure(logs: readonly TrustedLog[]): void {
    this.#logs.configure(logs);
  }

  /** The logs of the configuration. */
  get configured(): TrustedLog[] {
    return this.#logs.configured;
  }

  /** Whether the store can still be used. */
  get healthy(): boolean {
    return !this.#lost;
  }

  /** Judges and cosigns a checkpoint: `add-checkpoint`. */
  async addCheckpoint(body: Uint8Array): Promise<Outcome> {
    const opened = openRequest(body);
    if ("kind" in opened) return opened;
    const { origin } = opened;
    const id = logId(origin);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const record = await this.#ask((store) => store.read(id));
      const verifiers = this.#logs.verifiersFor(origin, record);
      if (verifiers.length === 0) return unknownLog(origin);
      const submission = openSubmission(opened, verifiers);
      if ("kind" in submission) return submission;
      const heldBack = this.#heldBack(origin);
      const why = heldBack && await heldBack;
      if (why) return { kind: "unavailable", why };
      const held = record?.cosigned ?? null;
      const now = this.#now();
      const verdict = judge(held, submission, now);
      if (verdict.kind !== "cosign") {
        if ("evidence" in verdict && verdict.evidence && held) {
          await this.#keep(verdict.evidence, submission, held, now);
        }
        return verdict;
      }
      const { checkpoint, text, logLines } = submission;
      const lines = await this.cosigner.cosign(text, checkpoint, now);
      const next = {
        size: checkpoint.size,
        root: checkpoint.root,
        time: now,
        note: utf8(`${text}\n${logLines}${lines}`),
      };
      // Commit point. Until the swap holds, durably, the signature stays here:
      // a slower request must not take back what a faster one was promised.
      if (await this.#ask((store) => store.swap(origin, held, next))) {
        this.#onCommitted(origin, checkpoint.size);
        this.metrics.cosigned.add(origin);
        return { kind: "cosigned", lines };
      }
      this.metrics.lostSwaps.add();
    }
    return {
      kind: "unavailable",
      why: "Too many other checkpoints of this log are being stored",
    };
  }

  /** Cosigns a subtree of a tree that was cosigned: `sign-subtree`. */
  async signSubtree(body: Uint8Array): Promise<Outcome> {
    let request;
    try {
      request = parseSignSubtree(body);
    } catch (error) {
      return malformed(error, "request");
    }
    const { start, end, hash, proof } = request;
    const range = `[${start}, ${end})`;
    if (!isSubtree(start, end)) {
      const why = `${range} is no subtree: it starts at no multiple of its width`;
      return { kind: "malformed", why, field: "subtree" };
    }
    const origin = originLine(request.checkpoint);
    if (origin === null) {
      return malformed(
        new SyntaxError("The checkpoint has no first line"),
        "checkpoint",
      );
    }
    const record = await this.#ask((store) => store.read(logId(origin)));
    if (this.#logs.verifiersFor(origin, record).length === 0) {
      return unknownLog(origin);
    }
    let checkpoint;
    try {
      const note = openNote(request.checkpoint, this.cosigner.verifiers);
      if (note.kind !== "verified") {
        const why = "The checkpoint carries no valid cosignature of this witness";
        return { kind: "untrusted", why };
      }
      ({ checkpoint } = readOwnForm(note.text, origin));
    } catch (error) {
      return malformed(error, "checkpoint");
    }
    const { size, root } = checkpoint;
    if (end > size) {
      const why = `${range} ends after the checkpoint's size ${size}`;
      return { kind: "malformed", why, field: "subtree" };
    }
    if (!checkSubtree(start, end, size, hash, root, proof)) {
      const why = `The consistency proof of ${range} in size ${size} does not verify`;
      return { kind: "inconsistent", why, field: "proof" };
    }
    const subtree = { time: 0n, origin, start, end, hash };
    const lines = await this.cosigner.cosignSubtree(subtree);
    return { kind: "cosigned", lines };
  }

  /** The latest cosigned checkpoint of a log, by its ID; `null` for none. */
  async checkpoint(id: string): Promise<Uint8Array | null> {
    const record = await this.#ask((store) => store.read(id));
    return record?.cosigned?.note ?? null;
  }

  /** The evidence that is kept, newest first. */
  async evidence(limit: number): Promise<KeptEvidence[]> {
    return await this.#ask((store) => store.evidence(limit));
  }

  /** Reports why a request failed, unless it was the store and is reported. */
  reportFailure(error: unknown): void {
    if (error instanceof Error && this.#reported.has(error)) return;
    this.#logger("error", "request failed", {
      error: error instanceof Error ? error.stack ?? error.message : `${error}`,
    });
  }

  async #keep(
    kind: EvidenceKind,
    { checkpoint, text, logLines }: Submission,
    held: Cosigned,
    time: bigint,
  ): Promise<void> {
    const { origin, size, root } = checkpoint;
    this.metrics.evidence.add(origin, kind);
    const kept = await this.#ask((store) =>
      store.keepEvidence({
        origin,
        kind,
        size,
        root,
        note: utf8(`${text}\n${logLines}`),
        held: held.note,
        time,
      })
    );
    if (kept === "repeated") return;
    this.#logger(kind === "fork" ? "error" : "warn", `evidence: ${kind}`, {
      origin,
      size,
      root: root.toBase64(),
      heldSize: held.size,
      heldRoot: held.root.toBase64(),
      kept,
    });
  }

  /** Asks the store, noting when it can no longer be used. */
  async #ask<T>(ask: (store: WitnessStore) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#store);
    } catch (error) {
      this.metrics.storeErrors.add();
      if (error instanceof Error) this.#reported.add(error);
      this.#logger("error", "store failed", {
        error: (error as Error).message,
      });
      if (error instanceof StoreLost && !this.#lost) {
        this.#lost = true;
        this.#onLost(error);
      }
      throw error;
    }
  }
}
