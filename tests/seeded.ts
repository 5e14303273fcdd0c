/** Chance that can be repeated: a failing test prints its seed. And how much of it. */

/** A die: a number from 0 to below the sides asked for. */
export type Die = (sides: number) => number;

/**
 * A die with a seed from the environment, or a new one.
 *
 * @param variable The environment variable that repeats a run.
 */
export function seeded(variable: string): { readonly seed: number; readonly die: Die } {
  const seed = Number(Deno.env.get(variable) ?? Date.now() % 1_000_000);
  return { seed, die: dieOf(seed) };
}

/** The die of a seed (xorshift, https://www.jstatsoft.org/v08/i14/). */
export function dieOf(seed: number): Die {
  let state = seed >>> 0 || 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

/**
 * How often a test that lives by chance tries: as the environment says, else
 * more where everything is required to run (`REQUIRE_PEERS=1`) than elsewhere.
 *
 * @param variable The environment variable.
 * @param defaults How often there, and how often elsewhere.
 */
export function loops(
  variable: string,
  defaults: { readonly ci: number; readonly here: number },
): number {
  const required = Deno.env.get("REQUIRE_PEERS") === "1";
  return Number(Deno.env.get(variable) ?? (required ? defaults.ci : defaults.here));
}
