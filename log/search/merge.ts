/**
 * Merges neighbouring segments into one, a chunk at a time: memory is that of one chunk
 * for each, whatever their size.
 *
 * @module
 */

import { CHUNK, type Segment } from "./segment.ts";

/** A segment that is read from its start to its end. */
class Reader {
  readonly #segment: Segment;
  /** What its leaf indices grow by: they are counted from the merged segment's first. */
  readonly #shift: number;
  readonly #words: Uint32Array;
  #read = 0;
  #at = 0;
  #end = 0;
  /** The upper half of the next posting; beyond every posting at the end. */
  high = 0;
  /** The lower half. */
  low = 0;

  constructor(segment: Segment, first: number) {
    this.#segment = segment;
    this.#shift = segment.from - first;
    this.#words = new Uint32Array(2 * Math.min(CHUNK, segment.count));
    this.next();
  }

  next(): void {
    if (this.#at === this.#end && !this.#fill()) {
      this.high = Infinity;
      return;
    }
    // Leaf indices stay within their 24 bits, so nothing is carried.
    this.low = this.#words[this.#at]! + this.#shift;
    this.high = this.#words[this.#at + 1]!;
    this.#at += 2;
  }

  #fill(): boolean {
    const count = Math.min(CHUNK, this.#segment.count - this.#read);
    if (count === 0) return false;
    this.#segment.read(this.#read, this.#words.subarray(0, 2 * count));
    this.#read += count;
    this.#at = 0;
    this.#end = 2 * count;
    return true;
  }
}

/**
 * The postings of some segments in ascending order.
 *
 * @param segments Neighbours, the first leaves first.
 * @param pace Waited for between two chunks.
 */
export async function* mergedPostings(
  segments: readonly Segment[],
  pace: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const readers = segments.map((segment) => new Reader(segment, segments[0]!.from));
  const total = segments.reduce((sum, { count }) => sum + count, 0);
  const words = new Uint32Array(2 * Math.min(CHUNK, total));
  for (let done = 0; done < total; done += CHUNK) {
    const end = 2 * Math.min(CHUNK, total - done);
    for (let at = 0; at < end; at += 2) {
      let least = readers[0]!;
      for (let i = 1; i < readers.length; i++) {
        const other = readers[i]!;
        if (other.high < least.high || other.high === least.high && other.low < least.low) {
          least = other;
        }
      }
      words[at] = least.low;
      words[at + 1] = least.high;
      least.next();
    }
    yield new Uint8Array(words.buffer, 0, 4 * end);
    await pace();
  }
}
