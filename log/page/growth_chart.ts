/**
 * The growth of the log, drawn. Sizes over time are the log's word: nobody signs
 * them; only the last point, the head, is proven.
 *
 * @module
 */

import type { Json } from "@indelible/core";
import uPlot from "uplot";
import { element, fill } from "./dom.ts";
import { formatCount, formatEntries, formatMoment } from "./format.ts";
import { listOf, numberOf, objectOf } from "./status.ts";

/** Points of time, in POSIX seconds, and sizes. */
export type Growth = readonly [times: number[], sizes: number[]];

/** Reads `/growth`: points in order of time; those that are none are left out. */
export function parseGrowth(json: Json | null): Growth {
  const times: number[] = [];
  const sizes: number[] = [];
  for (const point of listOf(objectOf(json)["points"]).slice(-2000)) {
    const [time, size] = listOf(point).map(numberOf);
    if (typeof time !== "number" || typeof size !== "number") continue;
    if (times.length > 0 && time <= times.at(-1)!) continue;
    times.push(time);
    sizes.push(size);
  }
  return [times, sizes];
}

/** What the chart shows, in a sentence. */
export function growthSentence([times, sizes]: Growth): string {
  const span = `From ${formatMoment(times[0]!)} to ${formatMoment(times.at(-1)!)}`;
  return `${span}: from ${formatCount(sizes[0]!)} to ${formatEntries(sizes.at(-1)!)}.`;
}

/** Draws growth into a box, again whenever the box or the colours change. */
export class GrowthChart {
  readonly #box: HTMLElement;
  #growth: Growth = [[], []];
  #plot: uPlot | null = null;

  /** @param box Where to draw. */
  constructor(box: HTMLElement) {
    this.#box = box;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Shows other points. */
  show(growth: Growth): void {
    const changed = JSON.stringify(growth) !== JSON.stringify(this.#growth);
    this.#growth = growth;
    if (changed || !this.#plot) this.#draw();
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(200, Math.floor(this.#box.clientWidth)), height: 180 };
  }

  #draw(): void {
    this.#plot?.destroy();
    this.#plot = null;
    const [times, sizes] = this.#growth;
    if (times.length < 2) {
      fill(this.#box, element("p", { class: "quiet" }, "Not enough points to draw yet."));
      return;
    }
    const frame = element("div", { role: "img", label: growthSentence(this.#growth) });
    fill(this.#box, frame);
    const colour = (name: string) => getComputedStyle(this.#box).getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    this.#plot = new uPlot(
      {
        ...this.#size(),
        cursor: { show: false },
        legend: { show: false },
        padding: [8, 28, 0, 0],
        scales: { y: { range: (_, min, max) => flat(min, max) } },
        axes: [{ ...axis, space: 80, values: (_, values) => timeLabels(values) }, {
          ...axis,
          size: 64,
          values: (_, values) => values.map((value) => Number.isInteger(value) ? short(value) : ""),
        }],
        series: [{}, {
          stroke: colour("--accent"),
          width: 2,
          fill: colour("--accent-wash"),
          points: { show: false },
        }],
      },
      [times, sizes],
      frame,
    );
  }
}

/** A line that does not grow still needs a scale with some height. */
function flat(min: number, max: number): [number, number] {
  const room = Math.max(1, (max - min) * 0.08);
  return [Math.max(0, min - room), max + room];
}

/** Dates where they are days apart, else times of the day. */
function timeLabels(times: readonly number[]): string[] {
  const step = (times[1] ?? 0) - (times[0] ?? 0);
  const [from, to] = step >= 86_400 ? [0, 10] : step >= 60 ? [11, 16] : [11, 19];
  return times.map((time) => new Date(time * 1000).toISOString().slice(from, to));
}

function short(value: number): string {
  return new Intl.NumberFormat("en", { notation: "compact" }).format(value);
}
