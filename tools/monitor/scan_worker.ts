/**
 * A worker of the monitor. It runs with `permissions: "none"`: it sees the bytes of a log
 * and the rules, and gives one answer for each message but the first.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import type { Slice } from "../fsck_slice.ts";
import { SliceCheck, type SliceVerdict } from "../fsck_slice_check.ts";
import { type EntriesScanned, type ScanOptions, StatementScan } from "./scan.ts";

/** What a worker is told: how to scan, then slices. */
export type ScanTask =
  | { readonly kind: "begin"; readonly options: ScanOptions }
  | { readonly kind: "slice"; readonly slice: Slice };

/** What it answers. */
export type ScannedSlice = SliceVerdict & EntriesScanned;

declare const self: DedicatedWorkerGlobalScope;

let check: SliceCheck<EntriesScanned>;

self.onmessage = ({ data: task }: MessageEvent<ScanTask>) => {
  switch (task.kind) {
    case "begin":
      check = new SliceCheck(new StatementScan(task.options));
      break;
    case "slice": {
      const scanned = check.check(task.slice);
      self.postMessage(scanned, [scanned.records.buffer]);
      break;
    }
    default:
      task satisfies never;
  }
};
