/**
 * One witness as the log knows it (C2SP tlog-witness, the log's side): the size
 * it acknowledged last, one request at a time, a deadline for each, and patience
 * with one that fails. Only lines that verify under its key over our text are
 * taken from its answers.
 *
 * @module
 */

import {
  type Checkpoint,
  concat,
  cosignatureTime,
  formatAddCheckpoint,
  formatVkey,
  type Hash,
  type NoteSignature,
  type NoteVerifier,
  parseDecimal,
  parseNote,
  parseUtf8,
  type PolicyWitness,
  utf8,
  verifierOf,
  WITNESS_SIZE_TYPE,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";

/** A checkpoint to be cosigned. */
export interface CosignRequest {
  /** The checkpoint, signed by the log. */
  readonly note: Uint8Array;
  /** What it says. */
  readonly checkpoint: Checkpoint;
  /** Proves it consistent with an earlier size. */
  readonly prove: (oldSize: number) => Promise<Hash[]>;
}

/** A witness has cosigned a larger tree of this log than the log has. */
export class LogBehindWitness extends Error {
  /** Tells it from other errors. */
  override readonly name = "LogBehindWitness";
}

/** How a witness is doing, for `/status` and `/metrics`. */
export interface WitnessHealth {
  /** Its name in the policy. */
  readonly name: string;
  /** Its verifier key. */
  readonly vkey: string;
  /** Its submission prefix. */
  readonly url: string;
  /** The size it acknowledged last; `null` before the first answer. */
  readonly size: number | null;
  /** The size it cosigned last; `null` when none is known. */
  readonly cosignedSize: number | null;
  /** When, by its own clock, in RFC 3339. */
  readonly cosignedAt: string | null;
  /** How many requests it was sent. */
  readonly requests: number;
  /** How many of them brought no cosignature. */
  readonly failures: number;
  /** What the last one failed of; `null` when it did not. */
  readonly lastFailure: string | null;
  /** The same, while there is one. */
  readonly lastError?: string;
}

/** What a client works with. */
export interface WitnessClientOptions {
  /** Milliseconds that the witness has to answer. */
  readonly timeout: number;
  /** The size it is believed to have cosigned last; its 409 corrects it. */
  readonly expectedSize: number;
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number;
  /** Told how many milliseconds a witness took, whatever came of it. */
  readonly onAnswer?: (name: string, milliseconds: number) => void;
}

const MAX_ANSWER = 64 * 1024;
const FIRST_PAUSE = 1000;
const MAX_PAUSE = 10_000;
// 403 and 404 mean that the witness does not know the log: somebody has to act first.
const CONFIGURATION_PAUSE = 60_000;
const CORRECTIONS = 2;

/** Asks one witness. */
export class WitnessClient {
  /** The witness, as the policy knows it. */
  readonly witness: PolicyWitness;
  readonly #options: WitnessClientOptions;
  readonly #verifier: NoteVerifier;
  #size: bigint;
  #acknowledged = false;
  /** The request under way; the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The request that came last: those that wait behind it are outdated. */
  #latest: CosignRequest | undefined;
  #pausedUntil = -Infinity;
  #failuresInARow = 0;
  #requests = 0;
  #failures = 0;
  #lastFailure: string | null = null;
  #cosigned: { readonly size: number; readonly time: bigint } | null = null;

  /**
   * Makes the client of a witness that the policy gives a URL.
   *
   * @param witness The witness.
   * @param options What the client works with.
   */
  constructor(witness: PolicyWitness, options: WitnessClientOptions) {
    this.witness = witness;
    this.#options = options;
    this.#size = BigInt(options.expectedSize);
    this.#verifier = verifierOf(witness.key, nativeEd25519);
  }

  /** How the witness is doing. */
  get health(): WitnessHealth {
    return {
      name: this.witness.name,
      vkey: formatVkey(this.witness.key),
      url: this.witness.url!,
      size: this.#acknowledged ? Number(this.#size) : null,
      cosignedSize: this.#cosigned?.size ?? null,
      cosignedAt: this.#cosigned && rfc3339(this.#cosigned.time),
      requests: this.#requests,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
      ...(this.#lastFailure !== null && { lastError: this.#lastFailure }),
    };
  }

  /** It has cosigned a tree of this size: its line, verified, says when. */
  cosigned(size: number, { signature }: NoteSignature): void {
    this.#cosigned = { size, time: cosignatureTime(signature) };
  }

  /**
   * Asks for a cosignature.
   *
   * @throws {LogBehindWitness} If the witness holds a larger tree.
   * @throws {Error} If there is none: one sentence says why.
   */
  cosign(request: CosignRequest): Promise<NoteSignature> {
    this.#latest = request;
    const answer = this.#turn.then(() => {
      if (this.#latest !== request) throw new Error("a later checkpoint is to be cosigned");
      const pause = this.#pausedUntil - this.#options.monotonic();
      if (pause > 0) {
        throw new Error(`left alone for a while: ${this.#lastFailure}`);
      }
      return this.#ask(request);
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #ask(request: CosignRequest): Promise<NoteSignature> {
    this.#requests++;
    const { monotonic, onAnswer } = this.#options;
    const asked = monotonic();
    try {
      const line = await this.#submit(request);
      this.cosigned(Number(request.checkpoint.size), line);
      this.#failuresInARow = 0;
      this.#lastFailure = null;
      return line;
    } catch (error) {
      this.#failures++;
      this.#lastFailure = (error as Error).message;
      const misconfigured = error instanceof NotTrusted;
      const pause = misconfigured ? CONFIGURATION_PAUSE : FIRST_PAUSE * 2 ** this.#failuresInARow++;
      this.#pausedUntil = this.#options.monotonic() +
        (misconfigured ? pause : Math.min(pause, MAX_PAUSE));
      throw error;
    } finally {
      onAnswer?.(this.witness.name, monotonic() - asked);
    }
  }

  async #submit({ note, checkpoint, prove }: CosignRequest): Promise<NoteSignature> {
    const { url, name } = this.witness;
    const signal = AbortSignal.timeout(this.#options.timeout);
    for (let corrections = 0;; corrections++) {
      const oldSize = this.#size > checkpoint.size ? checkpoint.size : this.#size;
      const proof = oldSize === checkpoint.size ? [] : await prove(Number(oldSize));
      const { status, type, body } = await post(
        `${url!.replace(/\/$/, "")}/add-checkpoint`,
        formatAddCheckpoint({ oldSize, proof, checkpoint: note }),
        signal,
      );
      if (status === 200) {
        const line = this.#lineOf(note, body);
        this.#acknowledge(checkpoint.size);
        return line;
      }
      if (status === 403 || status === 404) {
        throw new NotTrusted(`answered ${status}: it does not trust this log's key or origin`);
      }
      if (status !== 409 || type !== WITNESS_SIZE_TYPE || corrections === CORRECTIONS) {
        throw new Error(`answered ${status}`);
      }
      const held = parseDecimal(parseUtf8(body).replace(/\n$/, ""), "the witness's size");
      if (held > checkpoint.size) {
        throw new LogBehindWitness(
          `The witness ${name} has cosigned size ${held} of this log, whose size is ` +
            `${checkpoint.size}: the log's storage is older than what it has published`,
        );
      }
      this.#acknowledge(held);
    }
  }

  #acknowledge(size: bigint): void {
    this.#size = size;
    this.#acknowledged = true;
  }

  /** The one line of an answer that verifies over our text under the witness's key. */
  #lineOf(note: Uint8Array, answer: Uint8Array): NoteSignature {
    const { text } = parseNote(note);
    const { name, keyId } = this.#verifier;
    // An answer is signature lines alone; behind a text they make a note.
    const { signatures } = parseNote(concat(utf8(`${text}\n`), answer));
    const line = signatures.find((line) =>
      line.name === name && line.keyId === keyId && this.#verifier.verify(text, line.signature)
    );
    if (!line) throw new Error("answered without a valid cosignature");
    return line;
  }
}

class NotTrusted extends Error {}

/** POSIX seconds as RFC 3339; `null` for what no calendar has. */
function rfc3339(seconds: bigint): string | null {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(".000Z", "Z");
}

async function post(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal) {
  const response = await fetch(url, { method: "POST", body, redirect: "error", signal })
    // What it says itself is "fetch failed".
    .catch((error) => Promise.reject(error.cause instanceof Error ? error.cause : error));
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_ANSWER) throw new Error(`answered with over ${MAX_ANSWER} bytes`);
    parts.push(part);
  }
  return {
    status: response.status,
    type: response.headers.get("Content-Type"),
    body: concat(...parts),
  };
}
