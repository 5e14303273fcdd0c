/**
 * What the witness counts, in Prometheus's text form.
 *
 * @module
 */

const PREFIX = "indelible_witness";

/** A counter with labels. */
class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #values = new Map<string, number>();

  constructor(name: string, help: string, labels: readonly string[]) {
    this.#name = `${PREFIX}_${name}`;
    this.#help = help;
    this.#labels = labels;
  }

  /** Counts one; the labels are spelled out when they are read. */
  add(...values: readonly string[]): void {
    const key = values.join("\n");
    this.#values.set(key, (this.#values.get(key) ?? 0) + 1);
  }

  lines(): string[] {
    const samples = [...this.#values].map(([key, value]) => {
      const values = key.split("\n");
      const labels = this.#labels.map((label, i) => `${label}="${escapeLabel(values[i] ?? "")}"`);
      const name = labels.length === 0 ? this.#name : `${this.#name}{${labels.join(",")}}`;
      return `${name} ${value}`;
    });
    if (samples.length === 0 && this.#labels.length === 0) {
      samples.push(`${this.#name} 0`);
    }
    return [
      `# HELP ${this.#name} ${this.#help}`,
      `# TYPE ${this.#name} counter`,
      ...samples,
    ];
  }
}

/** The witness's counters. Their labels are bounded by its routes and its logs. */
export class Metrics {
  /** Requests by route and status. */
  readonly requests: Counter = new Counter("requests_total", "Requests.", [
    "route",
    "status",
  ]);
  /** Cosigned checkpoints by origin. */
  readonly cosigned: Counter = new Counter(
    "cosigned_total",
    "Cosigned checkpoints.",
    ["origin"],
  );
  /** Signed heads that were refused, by origin and kind. */
  readonly evidence: Counter = new Counter(
    "evidence_total",
    "Heads that a log signed and the witness refused.",
    ["origin", "kind"],
  );
  /** Swaps that another request or witness won. */
  readonly lostSwaps: Counter = new Counter(
    "lost_swaps_total",
    "Checkpoints that were judged again because another one was stored first.",
    [],
  );
  /** Requests answered with 429. */
  readonly limited: Counter = new Counter(
    "rate_limited_total",
    "Requests of addresses with too many failed ones.",
    [],
  );
  /** Failures of the store. */
  readonly storeErrors: Counter = new Counter(
    "store_errors_total",
    "Failures of the store.",
    [],
  );

  /** All of it as text. */
  text(): string {
    const counters = [
      this.requests,
      this.cosigned,
      this.evidence,
      this.lostSwaps,
      this.limited,
      this.storeErrors,
    ];
    return counters.flatMap((counter) => counter.lines()).join("\n") + "\n";
  }
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"]/g, "\\$&");
}
