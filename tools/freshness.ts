/**
 * How old a proof's witnessing is. A cosignature older than the verifier allows,
 * or from its future, says nothing; what remains must still meet the quorum.
 *
 * @module
 */

import { type Cosigned, type Policy, type PolicyVerdict, quorumHolds } from "@indelible/core";

/** How far a witness's clock may be ahead of ours, in seconds. */
const CLOCK_SKEW = 300;

/**
 * Refuses an accepted checkpoint whose cosignatures are stale.
 *
 * @param verdict What the policy says.
 * @param policy The policy.
 * @param now The time, in POSIX seconds.
 * @param maxAge How old a cosignature may be, in seconds; any age when `undefined`.
 */
export function requireFresh(
  verdict: PolicyVerdict,
  policy: Policy,
  now: number,
  maxAge: number | undefined,
): PolicyVerdict {
  if (verdict.kind === "refused") return verdict;
  const fresh = verdict.cosigned.filter(({ time }) => isFresh(time, now, maxAge));
  const names = new Set(fresh.map(({ witness }) => witness.name));
  const dated = maxAge === undefined || fresh.length > 0;
  if (dated && quorumHolds(policy, names)) {
    return { ...verdict, cosigned: fresh };
  }
  return {
    kind: "refused",
    why: explain(verdict.cosigned, fresh, now, maxAge),
  };
}

/**
 * Whether a cosignature's time is neither too old nor in the future.
 *
 * @param time The time, in POSIX seconds.
 * @param now What time it is, likewise.
 * @param maxAge How old it may be, in seconds; any age when `undefined`.
 */
export function isFresh(time: bigint, now: number, maxAge: number | undefined): boolean {
  return time <= BigInt(now + CLOCK_SKEW) && (maxAge === undefined || time >= BigInt(now - maxAge));
}

function explain(
  cosigned: readonly Cosigned[],
  fresh: readonly Cosigned[],
  now: number,
  maxAge: number | undefined,
): string {
  if (cosigned.length === 0) {
    return "stale: no witness of the policy says when it saw the checkpoint, so --max-age cannot be met";
  }
  const reasons = cosigned.filter((one) => !fresh.includes(one)).map(
    ({ witness, time }) =>
      time > BigInt(now + CLOCK_SKEW)
        ? `${witness.name}'s cosignature is from the future (${formatTime(time)})`
        : `${witness.name}'s is from ${formatTime(time)}`,
  );
  const limit = maxAge === undefined ? "" : `, allowed are ${maxAge} s`;
  return `stale: ${reasons.join(", ")}${limit}`;
}

/** A cosignature's time for people: ISO 8601 in UTC. */
export function formatTime(time: bigint): string {
  const milliseconds = Number(time) * 1000;
  return milliseconds <= 8.64e15
    ? new Date(milliseconds).toISOString().replace(".000Z", "Z")
    : `${time} s after 1970`;
}
