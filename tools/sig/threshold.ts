/**
 * How many trusted keys it takes, as a flag of every program that asks for reviews.
 *
 * @module
 */

/** The flag, as a command takes it. */
export const THRESHOLD_FLAG = {
  kind: "parsed",
  parse: parseThreshold,
  optional: true,
  placeholder: "N",
  brief: "How many trusted keys must say that it is ok (default: the settings', first 1)",
} as const;

function parseThreshold(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new SyntaxError("it must be a number from 1 to 9999");
}
