/**
 * What the log counts, as JSON for `/status` and as Prometheus text for
 * `/metrics`. Labels are the policy's witnesses only.
 * Nothing of a request becomes a label.
 *
 * @module
 */

import type { BatchReport } from "./batch_report.ts";
import type { WitnessHealth } from "./witness_client.ts";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counters since the start. */
export class Metrics {
  #batches = 0;
  #submissions = 0;
  #added = 0;
  #conflicts = 0;
  #unpublished = 0;
  #seconds = 0;
  readonly #buckets = BUCKETS.map(() => 0);

  /** Counts a batch. */
  count({ submissions, added, conflicts, unpublished, milliseconds }: BatchReport): void {
    this.#batches++;
    this.#submissions += submissions;
    this.#added += added;
    this.#conflicts += conflicts;
    if (unpublished !== null) this.#unpublished++;
    const seconds = milliseconds / 1000;
    this.#seconds += seconds;
    BUCKETS.forEach((bound, i) => {
      if (seconds <= bound) this.#buckets[i]!++;
    });
  }

  /** The counters as JSON members. */
  toJSON(): Record<string, number> {
    return {
      batches: this.#batches,
      submissions: this.#submissions,
      added: this.#added,
      conflicts: this.#conflicts,
      unpublishedBatches: this.#unpublished,
    };
  }

  /** The counters, and some gauges, in Prometheus' text format. */
  toPrometheus(
    gauges: Readonly<Record<string, readonly [help: string, value: number]>>,
    witnesses: readonly WitnessHealth[] = [],
  ): string {
    const lines: string[] = [];
    const metric = (type: string, name: string, help: string, value: number) => {
      lines.push(`# HELP indelible_${name} ${help}`, `# TYPE indelible_${name} ${type}`);
      lines.push(`indelible_${name} ${value}`);
    };
    for (const [name, [help, value]] of Object.entries(gauges)) metric("gauge", name, help, value);
    metric("counter", "submissions_total", "Submissions sequenced.", this.#submissions);
    metric("counter", "entries_added_total", "Entries that got a leaf.", this.#added);
    metric("counter", "conflicts_total", "Second digests refused.", this.#conflicts);
    metric(
      "counter",
      "unpublished_batches_total",
      "Batches not published in time.",
      this.#unpublished,
    );
    const name = "indelible_batch_seconds";
    lines.push(`# HELP ${name} From closing a batch to settling it.`, `# TYPE ${name} histogram`);
    BUCKETS.forEach((bound, i) => lines.push(`${name}_bucket{le="${bound}"} ${this.#buckets[i]}`));
    lines.push(`${name}_bucket{le="+Inf"} ${this.#batches}`);
    lines.push(`${name}_sum ${this.#seconds}`, `${name}_count ${this.#batches}`);
    const perWitness = (name: string, help: string, value: (health: WitnessHealth) => number) => {
      if (witnesses.length === 0) return;
      const type = name.endsWith("_total") ? "counter" : "gauge";
      lines.push(`# HELP indelible_${name} ${help}`, `# TYPE indelible_${name} ${type}`);
      for (const health of witnesses) {
        const label = health.name.replace(/[\\"]/g, "\\$&");
        lines.push(`indelible_${name}{witness="${label}"} ${value(health)}`);
      }
    };
    perWitness("witness_size", "Size a witness acknowledged last.", ({ size }) => size ?? 0);
    perWitness("witness_requests_total", "Requests to a witness.", ({ requests }) => requests);
    perWitness(
      "witness_failures_total",
      "Those without a cosignature.",
      ({ failures }) => failures,
    );
    return lines.join("\n") + "\n";
  }
}
