/** The parts of the bench, in the order of the report. */

import { benchAddLoad } from "./add_load.ts";
import { benchBulk } from "./bulk.ts";
import type { Figure } from "./figures.ts";
import { benchFsck } from "./fsck.ts";
import { benchGrowth } from "./growth.ts";
import { benchImport } from "./import.ts";
import { benchKernel } from "./kernel.ts";
import { benchLatency } from "./latency.ts";
import { benchPool } from "./pool.ts";
import { benchProxy } from "./proxy.ts";
import { benchReads } from "./reads.ts";
import { benchWitness } from "./witness.ts";
import { benchWitnessMemory } from "./witness_memory.ts";

/** A part of the bench. */
export interface Part {
  /** What it is about. */
  readonly title: string;
  /**
   * Measures.
   *
   * @param short A quick look: few rounds, small logs.
   * @param huge Logs of ten million entries too.
   * @returns Figures; none when a peer is missing without which they say nothing.
   */
  measure(short: boolean, huge: boolean): Promise<Figure[]>;
}

/** Every part by its name. */
export const PARTS: ReadonlyMap<string, Part> = new Map(
  Object.entries<Part>({
    kernel: { title: "Hashing", measure: benchKernel },
    pool: { title: "Hashing on all cores", measure: benchPool },
    add: { title: "Adding under load", measure: benchAddLoad },
    latency: { title: "How long one add takes", measure: benchLatency },
    bulk: { title: "Bulk appends", measure: benchBulk },
    import: { title: "Importing a registry's history", measure: benchImport },
    growth: { title: "Growth", measure: benchGrowth },
    reads: { title: "Reading", measure: benchReads },
    proxy: { title: "Installing through the verifying proxy", measure: benchProxy },
    witness: { title: "Witnessing", measure: benchWitness },
    "witness-memory": { title: "A witness's memory", measure: benchWitnessMemory },
    fsck: { title: "Auditing a whole log", measure: benchFsck },
  }),
);
