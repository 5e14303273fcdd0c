/**
 * From an integrated batch to a published checkpoint. Step 4 of `sequencer.ts`:
 *
 * 1. **second opinion** on the bytes to be stored, in another worker;
 * 2. **sign**, verify the signature, prove the new tree consistent with the last;
 * 3. **commit** to the ledger: the commit point;
 * 4. **apply** the objects: durable, never overwritten with other bytes;
 * 5. **cosign** by the witnesses, until the policy's quorum is met;
 * 6. **publish**: swap `checkpoint`, then drop what was staged. Without a quorum
 *    only the latter: entries stay integrated, and the next publish covers them.
 *
 * Receipts need not wait for the ledger to record what is published and to drop what
 * was staged: the entries are committed, the checkpoint that proves them is durable. A
 * crash in between is one that start-up knows, the objects a checkpoint ahead of the
 * ledger's record.
 *
 * Before the commit a crash forgets the batch; after it, start-up runs 4–6 again.
 * Anything that disagrees in 1–2 throws, and the process stops unsigned.
 *
 * @module
 */

import {
  checkConsistency,
  concat,
  encodeBase64,
  equalBytes,
  formatCheckpoint,
  formatSignatureLine,
  type Hash,
  type NoteSignature,
  parseNote,
  proveConsistency,
  signNote,
  utf8,
} from "@indelible/core";
import type { Integrated } from "./integrate.ts";
import { type LogKeys, openOwn } from "./log_keys.ts";
import type { Opinion } from "./second_opinion_face.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { Objects, StoredObject, WriteOptions } from "./storage/objects.ts";
import type { StoredLog } from "./stored_log.ts";
import { hashAt, type Tree } from "./tree.ts";
import type { Witnesses } from "./witnesses.ts";

/** A tree and the checkpoint that the log signed for it. */
export interface SignedTree {
  /** The tree. */
  readonly tree: Tree;
  /** The checkpoint, signed by the log alone. */
  readonly note: Uint8Array;
}

/** The checkpoint that the world sees. */
export interface Published {
  /** Its tree size. */
  readonly size: number;
  /** Its root hash. */
  readonly root: Hash;
  /** The signed note with its cosignatures. */
  readonly note: Uint8Array;
  /** The same in base64, as receipts carry it. */
  readonly base64: string;
}

/** What {@linkcode Publication} works with. */
export interface PublicationParts {
  /** The log's keys. */
  readonly keys: LogKeys;
  /** The transactional store. */
  readonly ledger: Ledger;
  /** The public store. */
  readonly objects: Objects;
  /** Reads the public store back, for consistency proofs. */
  readonly stored: StoredLog;
  /** Recomputes roots elsewhere. */
  readonly opinion: Opinion;
  /** `null` for a log without witnesses. */
  readonly witnesses: Witnesses | null;
  /** Publish without a quorum: loud, off by default. */
  readonly failOpen: boolean;
  /** Told of witnesses that did not cosign. */
  readonly onWitnessFailure: (
    failures: readonly string[],
    quorum: boolean,
  ) => void;
  /** Told when a late cosignature could not be published. */
  readonly onLateFailure: (error: unknown) => void;
  /** Told of every checkpoint that the world sees from now on. */
  readonly onPublished?: (published: Published) => void;
  /** Told how many milliseconds a commit to the ledger took, and a publication. */
  readonly onTime?: (act: "commit" | "publish", milliseconds: number) => void;
}

/** Publishes trees; owns the published checkpoint. */
export class Publication {
  readonly #parts: PublicationParts;
  #published: Published | null;
  /** What is stored as published; without the quorum of today's policy it is not shown. */
  #held: Published | null;
  /** The swap under way. */
  #swapping: Promise<unknown> = Promise.resolve();
  /** The ledger's records that nobody has waited for. */
  #recording: Promise<unknown> = Promise.resolve();

  /**
   * @param parts What it works with.
   * @param published The checkpoint published last, if any.
   */
  constructor(parts: PublicationParts, published: Published | null) {
    this.#parts = parts;
    this.#held = published;
    const { witnesses, failOpen } = parts;
    const shown = published && (!witnesses || failOpen || witnesses.holds(published.note));
    this.#published = shown ? published : null;
  }

  /** The checkpoint published last; `null` before the first. */
  get published(): Published | null {
    return this.#published;
  }

  /**
   * Steps 1–3. After it the batch is part of the log for ever.
   *
   * @throws {NotStored} If the ledger refused and the batch is forgotten.
   * @throws {Error} For anything else: the process must stop.
   */
  async commit(
    before: Tree,
    { tree, objects, rows }: Integrated,
  ): Promise<SignedTree> {
    const { keys, ledger, opinion, witnesses } = this.#parts;
    witnesses?.checkNotBehind();

    // 1. Second opinion.
    const root = await opinion.rootOf(before.size, tree.size, objects);
    if (!equalBytes(root, tree.root)) {
      throw new Error(
        `Refusing to sign size ${tree.size}: the second opinion on the root hash differs`,
      );
    }

    // 2. Sign what both found; trust the signature only once it verifies.
    const note = signTree(tree, keys);
    const signed = openOwn(note, keys, "the checkpoint just signed");
    if (signed.size !== BigInt(tree.size) || !equalBytes(signed.root, root)) {
      throw new Error(`Refusing to commit size ${tree.size}: what was signed is another tree`);
    }
    const nodeAt = (height: number, index: number): Hash => {
      const { first, hashes } = rows[height]!;
      return hashAt(hashes, index - first);
    };
    const proof = await proveConsistency(
      BigInt(before.size),
      signed.size,
      (nodes) =>
        Promise.resolve(
          nodes.map(({ height, index }) => nodeAt(height, Number(index))),
        ),
    );
    if (
      !checkConsistency(
        BigInt(before.size),
        signed.size,
        before.root,
        signed.root,
        proof,
      )
    ) {
      throw new Error(
        `Refusing to commit size ${tree.size}: it is not consistent with size ${before.size}`,
      );
    }

    // 3. Commit point. Nothing signed has left the process before it.
    const started = performance.now();
    await ledger.commit({
      oldSize: before.size,
      next: { size: tree.size, checkpoint: note },
      staged: objects,
    });
    this.#parts.onTime?.("commit", performance.now() - started);
    return { tree, note };
  }

  /** Step 4. Calling it again with the same objects is harmless. */
  apply(
    objects: readonly StoredObject[],
    options?: WriteOptions,
  ): Promise<void> {
    return this.#parts.objects.write(objects, options);
  }

  /**
   * Resolves when the ledger has recorded what was published last; to be awaited before
   * the next batch.
   *
   * @throws What the ledger throws, once.
   */
  async recorded(): Promise<void> {
    const recording = this.#recording;
    this.#recording = Promise.resolve();
    await recording;
  }

  /**
   * Steps 5–6, but for the ledger's record of it: see {@linkcode Publication.recorded}.
   *
   * @returns `null` when published, else why not: the next call covers it.
   * @throws {LogBehindWitness} If a witness holds a larger tree: the process must stop.
   */
  async publish(signed: SignedTree): Promise<string | null> {
    const started = performance.now();
    const why = await this.#publish(signed);
    if (why === null) this.#parts.onTime?.("publish", performance.now() - started);
    return why;
  }

  async #publish({ tree, note }: SignedTree): Promise<string | null> {
    const { keys, ledger, stored, witnesses, failOpen, onWitnessFailure } = this.#parts;
    if (!witnesses) {
      await this.#swap(tree, () => note);
      return null;
    }
    const checkpoint = openOwn(note, keys, "the checkpoint to be cosigned");
    const prove = (oldSize: number) => stored.proveConsistency(oldSize, tree.size);
    const { cosignatures, failures } = await witnesses.cosign(
      { note, checkpoint, prove },
      (line) => this.#mergeLate(tree, line),
    );
    // Published before, it may have cosignatures that are missing now.
    const held = this.#held?.size === tree.size ? witnesses.linesIn(this.#held.note) : [];
    const published = withLines(note, mergeLines(held, cosignatures));
    const quorum = witnesses.holds(published);
    if (failures.length > 0) onWitnessFailure(failures, quorum);
    if (!quorum && !failOpen) {
      await ledger.applied(tree.size);
      return "the witnesses' quorum was not reached";
    }
    await this.#swap(tree, () => published);
    return null;
  }

  /**
   * Signs the committed tree again, when a key was added or replaced: the same
   * size and root hash, with the signatures of today's keys.
   */
  async resign({ tree, note }: SignedTree): Promise<SignedTree> {
    const { keys, ledger } = this.#parts;
    const signed = parseNote(note).signatures;
    const complete = keys.signers.every(({ name, keyId }) =>
      signed.some((line) => line.name === name && line.keyId === keyId)
    );
    if (complete) return { tree, note };
    const resigned = signTree(tree, keys);
    openOwn(resigned, keys, "the checkpoint just signed");
    await ledger.commit({
      oldSize: tree.size,
      next: { size: tree.size, checkpoint: resigned },
      staged: [],
    });
    return { tree, note: resigned };
  }

  /**
   * Step 6: the checkpoint that the world sees from now on. One swap at a time;
   * what to show is decided when its turn has come.
   */
  #swap({ size, root }: Tree, show: () => Uint8Array | null): Promise<void> {
    const { ledger, objects, onPublished } = this.#parts;
    const swapped = this.#swapping.then(async () => {
      const note = show();
      if (!note) return;
      await objects.replace("checkpoint", note);
      this.#published = this.#held = { size, root, note, base64: encodeBase64(note) };
      this.#recording = Promise.all([this.#recording, ledger.publish(note, size)]);
      onPublished?.(this.#published);
    });
    this.#swapping = swapped.then(() => this.#recording).catch(() => {});
    return swapped;
  }

  /**
   * A cosignature that came after the quorum: more is better, while this is
   * still the head. The next checkpoint drops it, so a failure costs nothing but
   * an outcome that is unknown, which the sequencer meets at its next write.
   */
  #mergeLate(tree: Tree, line: NoteSignature): void {
    const { witnesses, onLateFailure } = this.#parts;
    const merged = () => {
      const held = this.#published;
      if (held?.size !== tree.size || !witnesses) return null;
      const known = witnesses.linesIn(held.note);
      const own = held.note.subarray(0, held.note.length - withLines(NOTHING, known).length);
      return withLines(own, mergeLines(known, [line]));
    };
    this.#swap(tree, merged).then(() => this.recorded()).catch(onLateFailure);
  }
}

const NOTHING = new Uint8Array(0);

function withLines(note: Uint8Array, lines: readonly NoteSignature[]): Uint8Array {
  return concat(note, utf8(lines.map(formatSignatureLine).join("")));
}

/** Cosignatures old and new, one for each key: the newer one. */
function mergeLines(
  old: readonly NoteSignature[],
  fresh: readonly NoteSignature[],
): NoteSignature[] {
  const lines = new Map<string, NoteSignature>();
  for (const line of [...old, ...fresh]) lines.set(`${line.name}+${line.keyId}`, line);
  return [...lines.values()];
}

/** Signs the checkpoint of a tree. */
export function signTree(
  { size, root }: Pick<Tree, "size" | "root">,
  keys: LogKeys,
): Uint8Array {
  const { origin, signers } = keys;
  return signNote(
    formatCheckpoint({ origin, size: BigInt(size), root, extensions: [] }),
    signers,
  );
}
