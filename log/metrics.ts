/**
 * What the log counts, as JSON for `/status` and as Prometheus text for `/metrics`.
 * Labels are the policy's witnesses only. Nothing of a request becomes a label.
 *
 * @module
 */

import type { BatchReport } from "./batch_report.ts";
import { Histogram, type Latency } from "./histogram.ts";
import type { WitnessHealth } from "./witness_client.ts";

/** Numbers that are read when they are asked for: what each means, and its value; none is left out. */
export type Gauges = Readonly<Record<string, readonly [help: string, value: number | null]>>;

/** Counters and histograms since the start. */
export class Metrics {
  /** From admitting an add to its answer. */
  readonly add = new Histogram();
  /** From closing a batch to settling it. */
  readonly batch = new Histogram();
  /** The ledger's transaction. */
  readonly commit = new Histogram();
  /** From a signed tree to its published checkpoint, witnesses included. */
  readonly publish = new Histogram();
  readonly #witness = new Map<string, Histogram>();
  #batches = 0;
  #submissions = 0;
  #added = 0;
  #conflicts = 0;
  #unpublished = 0;
  /** Failures that the hash pool recovered from. */
  #hashFailures = 0;

  /** Counts a batch. */
  count({ submissions, added, conflicts, unpublished, milliseconds }: BatchReport): void {
    this.#batches++;
    this.#submissions += submissions;
    this.#added += added;
    this.#conflicts += conflicts;
    if (unpublished !== null) this.#unpublished++;
    this.batch.observe(milliseconds);
  }

  /** Counts a failure that the hash pool recovered from. */
  countHashFailure(): void {
    this.#hashFailures++;
  }

  /** Counts how long a witness of the policy took to answer. */
  witnessed(name: string, milliseconds: number): void {
    let histogram = this.#witness.get(name);
    if (!histogram) this.#witness.set(name, histogram = new Histogram());
    histogram.observe(milliseconds);
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

  /** The histograms' quantiles, in milliseconds. */
  get latencies(): Record<"add" | "batch" | "commit" | "publish", Latency> {
    const { add, batch, commit, publish } = this;
    return {
      add: add.latency,
      batch: batch.latency,
      commit: commit.latency,
      publish: publish.latency,
    };
  }

  /** The counters and histograms, and some gauges, in Prometheus' text format. */
  toPrometheus(gauges: Gauges, witnesses: readonly WitnessHealth[] = []): string {
    const text = new PrometheusText();
    for (const [name, [help, value]] of Object.entries(gauges)) {
      if (value !== null) text.metric("gauge", name, help, [["", value]]);
    }
    const counter = (name: string, help: string, value: number): void =>
      text.metric("counter", name, help, [["", value]]);
    counter("submissions_total", "Submissions sequenced.", this.#submissions);
    counter("entries_added_total", "Entries that got a leaf.", this.#added);
    counter("conflicts_total", "Second digests refused.", this.#conflicts);
    counter("unpublished_batches_total", "Batches not published in time.", this.#unpublished);
    counter("hash_failures_total", "Failures of hash workers, made good.", this.#hashFailures);
    const histogram = (name: string, help: string, one: Histogram): void =>
      text.histogram(name, help, [["", one]]);
    histogram("add_seconds", "From admitting an add to its answer.", this.add);
    histogram("batch_seconds", "From closing a batch to settling it.", this.batch);
    histogram("commit_seconds", "The ledger's transaction.", this.commit);
    histogram("publish_seconds", "From a signed tree to its published checkpoint.", this.publish);
    if (witnesses.length === 0) return text.toString();

    const perWitness = (
      type: "gauge" | "counter",
      name: string,
      help: string,
      value: (health: WitnessHealth) => number | null,
    ): void =>
      text.metric(type, name, help, witnesses.map((health) => [labelOf(health), value(health)]));
    perWitness(
      "gauge",
      "witness_size",
      "Size a witness acknowledged last.",
      ({ size }) => size ?? 0,
    );
    perWitness(
      "gauge",
      "witness_cosigned_timestamp_seconds",
      "When a witness cosigned last, by its own clock.",
      ({ cosignedAt }) => cosignedAt === null ? null : Date.parse(cosignedAt) / 1000,
    );
    perWitness(
      "counter",
      "witness_requests_total",
      "Requests to a witness.",
      ({ requests }) => requests,
    );
    perWitness(
      "counter",
      "witness_failures_total",
      "Those without a cosignature.",
      ({ failures }) => failures,
    );
    text.histogram(
      "witness_seconds",
      "How long a witness took to answer.",
      witnesses.map((health) => [labelOf(health), this.#witness.get(health.name) ?? NEVER]),
    );
    return text.toString();
  }
}

const NEVER = new Histogram();

function labelOf({ name }: WitnessHealth): string {
  return `witness="${name.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** Writes Prometheus' text format. */
class PrometheusText {
  readonly #lines: string[] = [];

  metric(
    type: "gauge" | "counter",
    name: string,
    help: string,
    values: readonly (readonly [labels: string, value: number | null])[],
  ): void {
    this.#head(type, name, help);
    for (const [labels, value] of values) {
      if (value === null) continue;
      this.#lines.push(`indelible_${name}${labels === "" ? "" : `{${labels}}`} ${value}`);
    }
  }

  histogram(
    name: string,
    help: string,
    histograms: readonly (readonly [labels: string, histogram: Histogram])[],
  ): void {
    this.#head("histogram", name, help);
    for (const [labels, histogram] of histograms) {
      this.#lines.push(...histogram.lines(`indelible_${name}`, labels));
    }
  }

  #head(type: string, name: string, help: string): void {
    this.#lines.push(`# HELP indelible_${name} ${help}`, `# TYPE indelible_${name} ${type}`);
  }

  toString(): string {
    return this.#lines.join("\n") + "\n";
  }
}
