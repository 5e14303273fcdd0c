/** `wrk`: reads one URL over many connections for some seconds, as fast as they are answered. */

import { requirePeer } from "./peers.ts";
import { run } from "./process.ts";

/** What came of it. */
export interface WrkResult {
  /** Requests that were answered, whatever the status. */
  readonly answered: number;
  /** Requests that were answered 2xx or 3xx and read without an error. */
  readonly ok: number;
  /** Good answers a second. */
  readonly perSecond: number;
}

/**
 * Loads a server from one thread.
 *
 * @param url What to GET.
 * @param connections How many at once.
 * @param seconds For how long.
 * @returns The result, or `null` if wrk is not installed.
 * @throws {Error} If it does not say how it went.
 */
export async function wrk(
  url: string,
  connections: number,
  seconds: number,
): Promise<WrkResult | null> {
  const program = await requirePeer("wrk");
  if (program === null) return null;
  const { stdout, stderr } = await run(program, [
    "--threads=1",
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    url,
  ]);
  const sum = /(\d+) requests in ([0-9.]+)(m?s)/.exec(stdout);
  if (!sum) throw new Error(`Cannot run wrk: ${stderr || stdout}`);
  const [, requests, amount, unit] = sum;
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = [...stdout.matchAll(/Socket errors: (.*)/g)]
    .flatMap(([, kinds]) => [...kinds!.matchAll(/\d+/g)].map(Number))
    .reduce((all, one) => all + one, 0);
  const ok = Number(requests) - refused - broken;
  const taken = unit === "ms" ? Number(amount) / 1000 : Number(amount);
  return { answered: Number(requests), ok, perSecond: ok / taken };
}
