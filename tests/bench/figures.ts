/** Figures: medians, spreads and how they are written. */

/** Measured values of one thing, a round each. */
export class Series {
  readonly #values: number[] = [];

  /** Adds a round's value. */
  push(value: number): void {
    this.#values.push(value);
  }

  /** The values, in the order of the rounds. */
  get values(): readonly number[] {
    return this.#values;
  }

  /** The middle value. */
  get median(): number {
    return quantile(this.#values, 0.5);
  }

  /** The smallest and the largest value. */
  get spread(): readonly [number, number] {
    return [Math.min(...this.#values), Math.max(...this.#values)];
  }

  /** The median and, in brackets, the spread; with so many significant digits. */
  format(unit = "", digits = 3): string {
    const [least, most] = this.spread;
    const text = `${round(this.median, digits)}${unit && ` ${unit}`}`;
    if (this.#values.length < 2) return text;
    return `${text} (${round(least, digits)}–${round(most, digits)})`;
  }
}

/** The quotients of two series, round by round. */
export function ratios(over: Series, under: Series): Series {
  const series = new Series();
  over.values.forEach((value, i) => series.push(value / (under.values[i] ?? NaN)));
  return series;
}

/** The value that a share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  if (share === 0.5 && sorted.length % 2 === 0) {
    const half = sorted.length / 2;
    return (sorted[half - 1]! + sorted[half]!) / 2;
  }
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? NaN;
}

/** A number with so many significant digits, thousands separated. */
export function round(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "–";
  return Number(value.toPrecision(digits)).toLocaleString("en-US", {
    maximumFractionDigits: 3,
  });
}

/** One line of the table. */
export interface Figure {
  /** What was measured. */
  readonly what: string;
  /** What came of it. */
  readonly ours: string;
  /** The peer's, in the same minute. */
  readonly peer?: string;
  /** Ours divided by the peer's. */
  readonly ratio?: string;
  /** What it is to be. */
  readonly goal?: string;
  /** Whether it is. */
  readonly met?: boolean;
}

/** The table in Markdown. */
export function markdown(figures: readonly Figure[]): string {
  const head = ["", "Indelible", "peer", "ratio", "goal", ""];
  const rows = figures.map(({ what, ours, peer, ratio, goal, met }) => [
    what,
    ours,
    peer ?? "",
    ratio ?? "",
    goal ?? "",
    met === undefined ? "" : met ? "met" : "**missed**",
  ]);
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
