/**
 * Numbers, times and names for people. English, as the rest of the page.
 *
 * @module
 */

const COUNT = new Intl.NumberFormat("en");

/** A number with its thousands apart. */
export function formatCount(count: bigint | number): string {
  return COUNT.format(count);
}

/** `entries` or `entry`, with their number. */
export function formatEntries(count: bigint | number): string {
  return `${formatCount(count)} ${BigInt(count) === 1n ? "entry" : "entries"}`;
}

/** A span of time in its largest unit: `40 seconds`, `3 hours`. */
export function formatAge(seconds: number): string {
  const units: [string, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  for (const [unit, length] of units) {
    if (seconds >= 2 * length || (unit !== "day" && seconds >= length)) {
      return plural(Math.floor(seconds / length), unit);
    }
  }
  return plural(Math.max(0, Math.floor(seconds)), "second");
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A moment: `2026-11-22 17:30:05 UTC`. */
export function formatMoment(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "an impossible time";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listNames(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** A number of bytes: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return plural(bytes, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
