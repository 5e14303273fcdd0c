/**
 * A worker of `fsck`. It runs with `permissions: "none"`: it sees the
 * bytes of the log and the fingerprints, and gives one answer for each message but the first.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { type EntriesSeen, EntryCheck, type EntryFingerprints } from "./fsck_entries.ts";
import type { Slice } from "./fsck_slice.ts";
import { type CheckedSlice, SliceCheck } from "./fsck_slice_check.ts";
import {
  findRepeats,
  rehearse,
  type Repeats,
  SLICES_BEFORE_REHEARSAL,
} from "./identifier_table.ts";

/** What a worker is asked: to begin, to check a slice, or to go through a part of the identifiers. */
export type FsckTask =
  | {
    readonly kind: "begin";
    readonly fingerprints: EntryFingerprints;
    /** Where it counts the slices that it has checked. */
    readonly checked: Int32Array<SharedArrayBuffer>;
  }
  | { readonly kind: "slice"; readonly slice: Slice }
  | { readonly kind: "repeats"; readonly part: number; readonly parts: number };

/** What it answers. */
export type FsckAnswer = CheckedSlice | Repeats;

declare const self: DedicatedWorkerGlobalScope;

let fingerprints: EntryFingerprints;
let checked: Int32Array<SharedArrayBuffer>;
let slices: SliceCheck<EntriesSeen>;

self.onmessage = ({ data: task }: MessageEvent<FsckTask>) => {
  switch (task.kind) {
    case "begin":
      ({ fingerprints, checked } = task);
      slices = new SliceCheck(new EntryCheck(fingerprints));
      break;
    case "slice": {
      const verdict = slices.check(task.slice);
      const count = Atomics.add(checked, 0, 1) + 1;
      self.postMessage(verdict);
      if (count === SLICES_BEFORE_REHEARSAL) rehearse(fingerprints.words);
      break;
    }
    case "repeats": {
      const repeats = findRepeats(fingerprints.words, task.part, task.parts);
      self.postMessage(repeats, [repeats.pairs.buffer, repeats.orphans.buffer]);
      break;
    }
    default:
      task satisfies never;
  }
};
