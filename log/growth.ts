/**
 * How the log has grown: at which time which size was published. A point every few
 * seconds at first; the older, the fewer: there are never more than
 * {@linkcode MAX_POINTS}, however old the log is.
 *
 * It is kept in a file that says nothing the log depends on: it is never fsynced, and
 * one that is missing or wrong is begun again.
 *
 * @module
 */

import { type Json, parseJson } from "@indelible/core";
import { renameOver } from "./storage/durable.ts";

/** A time in POSIX seconds, and the size that was published then. */
export type GrowthPoint = readonly [seconds: number, size: number];

/** The most points there are. */
export const MAX_POINTS = 1000;
/** Within so many seconds the last point moves along. */
const FINEST = 10;
/** Milliseconds between two writes of the file. */
const WRITE_EVERY = 60_000;
const MAX_FILE_BYTES = 256 * 1024;

/** What growth is kept with. */
export interface GrowthOptions {
  /** The log's origin. */
  readonly origin: string;
  /** The size that is published now. */
  readonly size: number;
  /** The file; `null` for a log that keeps none. */
  readonly file: string | null;
  /** POSIX seconds. */
  readonly now: () => number;
  /** Told when the file cannot be written or is begun again. */
  readonly onFault: (error: unknown) => void;
}

/** The growth of one log. */
export class Growth {
  readonly #options: GrowthOptions;
  readonly #points: GrowthPoint[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: GrowthOptions, points: readonly GrowthPoint[]) {
    this.#options = options;
    this.#points = [...points];
  }

  /** Opens the growth of a log. */
  static async open(options: GrowthOptions): Promise<Growth> {
    const { file, onFault } = options;
    let points: readonly GrowthPoint[] = [];
    try {
      if (file !== null) points = await readPoints(file, options);
    } catch (error) {
      onFault(error);
    }
    return new Growth(options, points);
  }

  /** The points, oldest first. */
  get points(): readonly GrowthPoint[] {
    return this.#points;
  }

  /** When a size was published first, in POSIX seconds, if that is known. */
  publishedAt(size: number): number | null {
    return this.#points.find((point) => point[1] === size)?.[0] ?? null;
  }

  /** A size is published now. */
  record(size: number): void {
    const points = this.#points;
    const now = this.#options.now();
    const last = points.at(-1);
    // The clock may have gone back; and what is published again has grown by nothing.
    if (last && (now < last[0] || size <= last[1])) return;
    const before = points.at(-2);
    if (last?.[0] === now || before && now - before[0] < FINEST) points.pop();
    points.push([now, size]);
    if (points.length > MAX_POINTS) thin(points, now);
    if (this.#options.file !== null) {
      this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY);
    }
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  /** Leaves unwritten what is not written yet. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #write(): void {
    this.abandon();
    const { file, origin, onFault } = this.#options;
    if (file === null) return;
    const text = JSON.stringify({ version: 1, origin, points: this.#points }) + "\n";
    const temporary = `${file}.new`;
    this.#writing = this.#writing.then(async () => {
      await Deno.writeTextFile(temporary, text, { mode: 0o644 });
      await renameOver(temporary, file);
    }).catch(onFault);
  }
}

/** Takes away the point whose neighbours are nearest to each other for their age. */
function thin(points: GrowthPoint[], now: number): void {
  let least = Infinity;
  let place = 1;
  for (let i = 1; i < points.length - 1; i++) {
    const [time] = points[i]!;
    const gap = points[i + 1]![0] - points[i - 1]![0];
    const weight = gap / (now - time + FINEST);
    if (weight < least) [least, place] = [weight, i];
  }
  points.splice(place, 1);
}

async function readPoints(
  file: string,
  { origin, size, now }: GrowthOptions,
): Promise<readonly GrowthPoint[]> {
  let bytes: Uint8Array;
  try {
    const info = await Deno.lstat(file);
    if (!info.isFile || info.size > MAX_FILE_BYTES) throw wrong(file);
    bytes = await Deno.readFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const kept = parseJson(bytes);
  if (typeof kept !== "object" || kept === null || Array.isArray(kept)) throw wrong(file);
  if (kept["version"] !== 1 || kept["origin"] !== origin) throw wrong(file);
  const points = kept["points"];
  if (!Array.isArray(points) || points.length > MAX_POINTS) throw wrong(file);
  let before: GrowthPoint = [-1, -1];
  return points.map((point) => {
    if (!isPoint(point) || point[0] <= before[0] || point[1] <= before[1]) throw wrong(file);
    before = point;
    return point;
    // A log that was restored from a backup has grown less.
  }).filter((point) => point[1] <= size && point[0] <= now());
}

function isPoint(point: Json): point is [number, number] {
  return Array.isArray(point) && point.length === 2 &&
    point.every((value) => Number.isSafeInteger(value));
}

function wrong(file: string): Error {
  return new Error(`Cannot use ${file}: it is not this log's; it is begun again`);
}
