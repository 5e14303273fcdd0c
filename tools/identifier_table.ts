/**
 * Which identifiers a log has had so far, in 24 bytes each: an open-addressing
 * table of fingerprints. They are keyed by a secret of this run, so a log cannot
 * choose entries that collide; where two do, the caller reads the entry itself.
 *
 * @module
 */

import { concat, type Hash } from "@indelible/core";
import { hashAll } from "./hash_all.ts";

/** 64 secret-keyed bits of an identifier and of a digest. */
export interface Fingerprint {
  /** Of the identifier. */
  readonly key: readonly [number, number];
  /** Of the digest. */
  readonly tag: readonly [number, number];
}

/** Makes fingerprints that nobody else can predict. */
export class Fingerprinter {
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));

  /** The fingerprints of identifiers with their digests. */
  of(
    items: readonly {
      readonly identifier: Uint8Array;
      readonly digest: Hash;
    }[],
  ): Fingerprint[] {
    const hashes = hashAll(items.flatMap(({ identifier, digest }) => [
      concat(this.#secret, identifier),
      concat(this.#secret, digest),
    ]));
    return items.map((_, i) => ({
      key: words(hashes[2 * i]!),
      tag: words(hashes[2 * i + 1]!),
    }));
  }
}

function words(hash: Hash): [number, number] {
  const view = new DataView(hash.buffer, hash.byteOffset, 8);
  return [view.getUint32(0), view.getUint32(4)];
}

const FIRST_CAPACITY = 1 << 12;
const KEY_WORDS = 2;
const TAG_WORDS = 2;

/**
 * Fingerprints with the leaf index of their first entry. At most two thirds of
 * the slots are taken; a free slot has leaf index -1.
 */
export class IdentifierTable {
  #capacity = FIRST_CAPACITY;
  #keys = new Uint32Array(FIRST_CAPACITY * KEY_WORDS);
  #tags = new Uint32Array(FIRST_CAPACITY * TAG_WORDS);
  #indices = new Float64Array(FIRST_CAPACITY).fill(-1);
  #size = 0;

  /** How many identifiers it holds. */
  get size(): number {
    return this.#size;
  }

  /** The slots whose identifier has this fingerprint; almost always none or one. */
  candidates([high, low]: Fingerprint["key"]): number[] {
    const slots: number[] = [];
    for (
      let slot = low & (this.#capacity - 1);
      this.#indices[slot]! >= 0;
      slot = (slot + 1) & (this.#capacity - 1)
    ) {
      if (this.#keys[2 * slot] === high && this.#keys[2 * slot + 1] === low) {
        slots.push(slot);
      }
    }
    return slots;
  }

  /** Whether a slot's digest has this fingerprint. */
  hasTag(slot: number, [high, low]: Fingerprint["tag"]): boolean {
    return this.#tags[2 * slot] === high && this.#tags[2 * slot + 1] === low;
  }

  /** The leaf index of a slot's first entry. */
  leafIndex(slot: number): number {
    return this.#indices[slot]!;
  }

  /** Adds an identifier that is not there yet. Slots are other ones afterwards. */
  add({ key, tag }: Fingerprint, leafIndex: number): void {
    if ((this.#size + 1) * 3 > this.#capacity * 2) this.#grow();
    this.#place(key[0], key[1], tag[0], tag[1], leafIndex);
    this.#size++;
  }

  #place(
    keyHigh: number,
    keyLow: number,
    tagHigh: number,
    tagLow: number,
    leafIndex: number,
  ): void {
    let slot = keyLow & (this.#capacity - 1);
    while (this.#indices[slot]! >= 0) slot = (slot + 1) & (this.#capacity - 1);
    this.#keys[2 * slot] = keyHigh;
    this.#keys[2 * slot + 1] = keyLow;
    this.#tags[2 * slot] = tagHigh;
    this.#tags[2 * slot + 1] = tagLow;
    this.#indices[slot] = leafIndex;
  }

  #grow(): void {
    const [keys, tags, indices] = [this.#keys, this.#tags, this.#indices];
    this.#capacity *= 2;
    this.#keys = new Uint32Array(this.#capacity * KEY_WORDS);
    this.#tags = new Uint32Array(this.#capacity * TAG_WORDS);
    this.#indices = new Float64Array(this.#capacity).fill(-1);
    indices.forEach((leafIndex, slot) => {
      if (leafIndex < 0) return;
      this.#place(
        keys[2 * slot]!,
        keys[2 * slot + 1]!,
        tags[2 * slot]!,
        tags[2 * slot + 1]!,
        leafIndex,
      );
    });
  }
}
