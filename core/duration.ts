/**
 * Durations as flags spell them: `250ms`, `90s`, `15m`, `24h`, `7d`.
 *
 * @module
 */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Parses a duration into milliseconds.
 *
 * @throws {SyntaxError} If it is not a whole number, not 0, with a unit.
 */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^([1-9][0-9]{0,8})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new SyntaxError(
      "must be a whole number and a unit, such as 250ms, 90s, 15m, 24h or 7d",
    );
  }
  return Number(digits) * UNITS[unit]!;
}
