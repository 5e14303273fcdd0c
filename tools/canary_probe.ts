/**
 * The steps of the canary: one entry on its way from the publishing side to whoever
 * installs, looked at from outside. Each step throws when something is not as it
 * must be, else says what it found; later ones use what earlier ones learnt.
 *
 * Nothing is believed: checkpoints count by the policy, entries by a proof that leads
 * to a checkpoint, the tree's growth by a proof made from its tiles.
 *
 * @module
 */

import {
  ARTIFACT_V2,
  checkConsistency,
  checkInclusion,
  type Checkpoint,
  EMPTY_ROOT,
  type Entry,
  equalBytes,
  formatChecksum,
  formatEntry,
  leafHash,
  LogReader,
  parseTlogProof,
  type Policy,
  sha256,
  type TlogProof,
  utf8,
} from "@indelible/core";
import { type AddAnswer, requestAdd, type Submission } from "./add_request.ts";
import { requireFresh } from "./freshness.ts";
import { describe } from "./http_client.ts";
import { PublicSide } from "./public_side.ts";
import { retrying } from "./retry.ts";
import { checkStatement } from "./statement.ts";

/** The ecosystem of canary entries: no registry's, so they are nobody's packages. */
export const CANARY_ECOSYSTEM = "canary";

/** A log from outside, and what is expected of it. */
export interface ProbeParts {
  /** The publishing side. */
  readonly log: URL;
  /** The public side; the same URL where there is one side only. */
  readonly publicUrl: URL;
  /** Header fields for the publishing side, such as the token's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whom to trust. */
  readonly policy: Policy;
  /** Milliseconds that each step may take. */
  readonly timeout: number;
  /** How old cosignatures may be, in seconds; any age when `undefined`. */
  readonly maxAge: number | undefined;
  /** The time, in POSIX seconds. */
  readonly now: () => number;
  /** The name of this run's entry: one that was never logged. */
  readonly filename: string;
}

/** What a step found. */
export type Finding = { readonly found: string } | { readonly skipped: string };

type Step = (signal: AbortSignal) => Promise<Finding>;

/** Milliseconds between two looks at a checkpoint that is to change. */
const POLL = 500;

/** One run of the canary. */
export class Probe {
  readonly #parts: ProbeParts;
  readonly #public: PublicSide;
  readonly #submission: Submission;
  /** The entry as it must be logged, byte for byte. */
  readonly #entry: Uint8Array;
  #before: Checkpoint | null = null;
  #after: Checkpoint | null = null;
  #receipt: { readonly index: bigint; readonly checkpoint: Checkpoint } | null = null;

  /** @param parts What is probed. */
  constructor(parts: ProbeParts) {
    this.#parts = parts;
    const { filename, publicUrl, policy, timeout } = parts;
    this.#public = new PublicSide(publicUrl, policy, timeout);
    const digest = sha256(utf8(filename));
    this.#submission = { ecosystem: CANARY_ECOSYSTEM, filename, digest };
    const entry: Entry = {
      format: ARTIFACT_V2,
      ecosystem: CANARY_ECOSYSTEM,
      event: "publish",
      file: filename,
      digest,
    };
    this.#entry = formatEntry(entry);
  }

  /** The leaf index of this run's entry, once it is logged. */
  get index(): bigint | null {
    return this.#receipt?.index ?? null;
  }

  /** The tree size that the public side shows in the end. */
  get size(): bigint | null {
    return this.#after?.size ?? null;
  }

  /** The steps by name, in the order in which they are to be made. */
  get steps(): readonly (readonly [name: string, step: Step])[] {
    return [
      ["checkpoint before", (signal) => this.#readBefore(signal)],
      ["submission", (signal) => this.#submit(signal)],
      ["the same again", (signal) => this.#submitAgain(signal)],
      ["another digest", (signal) => this.#submitAnother(signal)],
      ["public checkpoint", (signal) => this.#awaitPublic(signal)],
      ["growth", (signal) => this.#checkGrowth(signal)],
      ["bundle", (signal) => this.#checkBundle(signal)],
      ["tiles", (signal) => this.#checkTiles(signal)],
      ["public writes", (signal) => this.#writePublic(signal)],
    ];
  }

  async #readBefore(signal: AbortSignal): Promise<Finding> {
    const verdict = await this.#public.checkpoint(signal);
    this.#before = verdict?.checkpoint ?? null;
    return { found: verdict ? `size ${verdict.checkpoint.size}` : "nothing is published yet" };
  }

  async #submit(signal: AbortSignal): Promise<Finding> {
    const answer = await this.#add(this.#submission, signal);
    if (answer.kind === "conflict") throw new Error("the new entry is refused as a second digest");
    const checkpoint = this.#check(answer.proof);
    const { index } = answer.proof;
    const size = this.#before?.size ?? 0n;
    if (index < size) {
      throw new Error(`the new entry got index ${index}, in a tree that had ${size} entries`);
    }
    this.#receipt = { index, checkpoint };
    return { found: `entry ${index}, ${this.#submission.filename}` };
  }

  async #submitAgain(signal: AbortSignal): Promise<Finding> {
    const { index } = this.#receipt!;
    const answer = await this.#add(this.#submission, signal);
    if (answer.kind === "conflict") throw new Error("it is refused as a second digest");
    this.#check(answer.proof);
    if (answer.proof.index !== index) {
      throw new Error(`it got index ${answer.proof.index}, its first was ${index}`);
    }
    return { found: `entry ${index} again` };
  }

  async #submitAnother(signal: AbortSignal): Promise<Finding> {
    const { index } = this.#receipt!;
    const digest = sha256(this.#submission.digest);
    const answer = await this.#add({ ...this.#submission, digest }, signal);
    if (answer.kind === "logged") {
      throw new Error(`a second digest was logged for it, as entry ${answer.proof.index}`);
    }
    if (!answer.proof) throw new Error("it is refused without a proof of the entry that stands");
    this.#check(answer.proof);
    if (answer.proof.index !== index) {
      throw new Error(`entry ${answer.proof.index} is said to stand, not ${index}`);
    }
    return { found: `refused, with proof of entry ${index}` };
  }

  async #awaitPublic(signal: AbortSignal): Promise<Finding> {
    const { policy, maxAge, timeout, now, publicUrl } = this.#parts;
    const wanted = this.#receipt!.checkpoint.size;
    const deadline = performance.now() + timeout - POLL;
    for (;;) {
      const verdict = await this.#public.checkpoint(signal);
      const size = verdict?.checkpoint.size ?? 0n;
      if (verdict && size >= wanted) {
        const fresh = requireFresh(verdict, policy, now(), maxAge);
        if (fresh.kind === "refused") throw new Error(fresh.why);
        this.#after = verdict.checkpoint;
        const by = verdict.cosigned.map(({ witness }) => witness.name).join(", ");
        return { found: `size ${size}${by && `, cosigned by ${by}`}` };
      }
      if (performance.now() > deadline) {
        throw new Error(
          `${describe(publicUrl)} still serves size ${size} after ${timeout / 1000} s, ` +
            `the receipt is of size ${wanted}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  }

  async #checkGrowth(signal: AbortSignal): Promise<Finding> {
    const reader = this.#reader(signal);
    const empty = { size: 0n, root: EMPTY_ROOT };
    const earlier = [this.#before ?? empty, this.#receipt!.checkpoint];
    const { size, root } = this.#after!;
    for (const old of earlier) {
      const proof = await reader.proveConsistency(old.size);
      if (checkConsistency(old.size, size, old.root, root, proof)) continue;
      throw new Error(`the tree of size ${old.size} is NOT a prefix of the tree of size ${size}`);
    }
    return { found: `from ${earlier[0]!.size} to ${size}, nothing before changed` };
  }

  async #checkBundle(signal: AbortSignal): Promise<Finding> {
    const { filename } = this.#submission;
    const path = `bundle/${encodeURIComponent(filename)}?ecosystem=${CANARY_ECOSYSTEM}`;
    const bytes = await this.#public.get(path, signal);
    if (!bytes) throw new Error(`the public side has no ${path}`);
    const proof = parseTlogProof(bytes);
    const { size } = this.#check(proof);
    const { index } = this.#receipt!;
    if (proof.index !== index) throw new Error(`it proves entry ${proof.index}, not ${index}`);
    return { found: `proves entry ${index} in a tree of ${size}` };
  }

  async #checkTiles(signal: AbortSignal): Promise<Finding> {
    const { index } = this.#receipt!;
    const { size, root } = this.#after!;
    const reader = this.#reader(signal);
    const proof = await reader.proveInclusion(index);
    if (!checkInclusion(index, size, leafHash(this.#entry), proof, root)) {
      throw new Error(`the tiles do not lead from the entry to the root hash of size ${size}`);
    }
    const entries = await reader.readEntries(index / 256n);
    if (!equalBytes(entries[Number(index % 256n)]!, this.#entry)) {
      throw new Error(`entry ${index} in its entry bundle is another one`);
    }
    return { found: `prove entry ${index} in a tree of ${size}` };
  }

  /** Without the token, which is the publishing side's alone. */
  async #writePublic(signal: AbortSignal): Promise<Finding> {
    const { log, publicUrl } = this.#parts;
    if (publicUrl.href === log.href) return { skipped: "there is no side but the log's own" };
    const { ecosystem, filename, digest } = this.#submission;
    // Were it taken, it would be a repeat and change nothing.
    const body = utf8(JSON.stringify({ ecosystem, filename, checksum: formatChecksum(digest) }));
    const refusals: string[] = [];
    for (
      const [path, type] of [
        ["add", "application/json"],
        ["admin/bulk/append", "application/x-ndjson"],
      ] as const
    ) {
      const status = await this.#public.post(path, type, body, signal);
      // 409 and 429 are answers of someone who would have taken it.
      const refused = status === 501 ||
        status >= 400 && status < 500 && ![408, 409, 429].includes(status);
      if (!refused) {
        throw new Error(`/${path} does not refuse writes: it answers ${status}`);
      }
      refusals.push(`${path} ${status}`);
    }
    return { found: `refused: ${refusals.join(", ")}` };
  }

  #reader(signal: AbortSignal): LogReader {
    return new LogReader(this.#after!, (path) => this.#public.get(path, signal));
  }

  /** Checks that a proof is of this run's entry; gives the checkpoint that it leads to. */
  #check(proof: TlogProof): Checkpoint {
    const statement = checkStatement(proof, this.#submission, this.#parts.policy);
    if (statement.kind === "refused") throw new Error(statement.why);
    if (!equalBytes(proof.extra!, this.#entry)) {
      throw new Error("the entry is not the one that was submitted");
    }
    return statement.verdict.checkpoint;
  }

  #add(submission: Submission, signal: AbortSignal): Promise<AddAnswer> {
    const { log, headers, timeout } = this.#parts;
    const attempt = () => requestAdd(log, submission, headers, signal);
    return retrying(attempt, { patience: timeout, signal });
  }
}
