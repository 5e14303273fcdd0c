/**
 * Figures: what a part of the bench measured, its median and its spread, beside what a
 * peer did in the same minute. Plain data: `report.ts` writes them as tables, `chart.ts`
 * draws them.
 *
 * @module
 */

/** A measured value: the middle one of several rounds, and how far they lay apart. */
export interface Measure {
  /** The middle value. */
  readonly median: number;
  /** The smallest. */
  readonly least: number;
  /** The largest. */
  readonly most: number;
  /** How many rounds. */
  readonly rounds: number;
  /** Its unit, if any; one that ends in `/s` is a rate. */
  readonly unit: string;
  /** How many significant digits are worth telling. */
  readonly digits: number;
}

/** One line of a table. */
export interface Figure {
  /** What was measured; `↳` at its beginning: more of the line above. */
  readonly what: string;
  /** What came of it. */
  readonly ours: Measure | string;
  /** The peer's, in the same minute. */
  readonly peer?: Measure | string;
  /** Ours divided by the peer's. */
  readonly ratio?: Measure | string;
  /** What it is to be. */
  readonly goal?: string;
  /** Whether it is. */
  readonly met?: boolean;
}

/** Measured values of one thing, a round each. */
export class Series {
  readonly #values: number[] = [];

  /** @param values Values to begin with. */
  constructor(...values: readonly number[]) {
    this.#values.push(...values);
  }

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

  /** What came of all rounds. */
  measured(unit = "", digits = 3): Measure {
    const [least, most] = this.spread;
    return { median: this.median, least, most, rounds: this.#values.length, unit, digits };
  }
}

/** The median and, in brackets, the spread. */
export function told(value: Measure | string): string {
  if (typeof value === "string") return value;
  const { least, most, rounds, digits } = value;
  const text = medianOf(value);
  if (rounds < 2) return text;
  return `${text} (${round(least, digits)}–${round(most, digits)})`;
}

/** The median, with its unit. */
export function medianOf({ median, unit, digits }: Measure): string {
  const space = unit === "" || unit === "/s" ? "" : " ";
  return `${round(median, digits)}${space}${unit}`;
}

/** The quotients of two series, round by round. */
export function ratios(over: Series, under: Series): Series {
  return new Series(...over.values.map((value, i) => value / (under.values[i] ?? NaN)));
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
