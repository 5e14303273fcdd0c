/** A log as a witness sees it: it grows, proves, signs, and can fork. */

import {
  appendLeafHash,
  EMPTY_EDGE,
  EMPTY_ROOT,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVkey,
  type Hash,
  KeyType,
  leafHash,
  type NoteSigner,
  proveConsistency,
  rootHash,
  sha256,
  type SignerKey,
  signerKey,
  signerOf,
  signNote,
  utf8,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { MemoryTree, syntheticEntry } from "./synthetic_log.ts";

/** What a request may have otherwise than it should. */
export interface RequestChanges {
  readonly oldSize?: number;
  readonly proof?: readonly Hash[];
  readonly root?: Hash;
  readonly extensions?: readonly string[];
  readonly signers?: readonly NoteSigner[];
}

/** A key that a test can make again. */
export function testKey(name: string, type: KeyType = KeyType.ed25519): SignerKey {
  return signerKey(name, type, sha256(utf8(`${name} ${type}`)));
}

/** A growing log; two with one origin and different labels are a fork. */
export class GrowingLog {
  readonly origin: string;
  readonly key: SignerKey;
  readonly #label: string;
  readonly #tree = new MemoryTree();
  readonly #roots: Hash[] = [EMPTY_ROOT];
  #edge = EMPTY_EDGE;

  /**
   * @param origin Its origin and key name.
   * @param label Which entries it has.
   * @param like The log that it is a fork of, and up to which size it agrees with it.
   */
  constructor(origin: string, label = origin, like?: { log: GrowingLog; size: number }) {
    this.origin = origin;
    this.key = testKey(origin);
    this.#label = label;
    for (let i = 0; i < (like?.size ?? 0); i++) this.#append(like!.log.#label, i);
  }

  /** The vkey of its key. */
  get vkey(): string {
    return formatVkey(this.key);
  }

  /** As the configuration of a witness. */
  get trusted(): { origin: string; vkeys: string[] } {
    return { origin: this.origin, vkeys: [this.vkey] };
  }

  #append(label: string, i: number): void {
    // Never empty, so that two labels differ from the first entry on.
    const entry = utf8(`${label} ${syntheticEntry(label, i).toHex()}`);
    this.#tree.append(entry);
    this.#edge = appendLeafHash(this.#edge, leafHash(entry));
    this.#roots.push(rootHash(this.#edge));
  }

  /** Its root hash at a size. */
  root(size: number): Hash {
    while (this.#roots.length <= size) this.#append(this.#label, this.#roots.length - 1);
    return this.#roots[size]!;
  }

  /** Proves one size consistent with another. */
  async prove(oldSize: number, size: number): Promise<Hash[]> {
    this.root(size);
    return await proveConsistency(BigInt(oldSize), BigInt(size), this.#tree.read);
  }

  /** Its signed checkpoint. */
  checkpoint(size: number, changes: RequestChanges = {}): Uint8Array<ArrayBuffer> {
    const text = formatCheckpoint({
      origin: this.origin,
      size: BigInt(size),
      root: changes.root ?? this.root(size),
      extensions: changes.extensions ?? [],
    });
    return signNote(text, changes.signers ?? [signerOf(this.key, () => 0n, nativeEd25519)]);
  }

  /** The body of `add-checkpoint`. */
  async request(
    oldSize: number,
    size: number,
    changes: RequestChanges = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return formatAddCheckpoint({
      oldSize: BigInt(changes.oldSize ?? oldSize),
      proof: changes.proof ?? (oldSize <= size ? await this.prove(oldSize, size) : []),
      checkpoint: this.checkpoint(size, changes),
    });
  }
}
