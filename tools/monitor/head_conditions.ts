/**
 * What an accepted checkpoint tells besides its tree: how old its cosignatures are, which
 * witness is missing, and whether the log grows.
 *
 * @module
 */

import type { Policy } from "@indelible/core";
import { formatTime } from "../freshness.ts";
import type { Accepted } from "../trusted_head.ts";
import type { Conditions } from "./conditions.ts";
import { type EvidenceBase, ofCheckpoint } from "./evidence_of.ts";
import type { StateFile, WitnessState } from "./state.ts";

/** When to worry; all in milliseconds. */
export interface Limits {
  /** How old the newest cosignature may be. */
  readonly maxAge: number;
  /** How long the log may be as large as it is. */
  readonly stallAfter: number;
  /** How long heads may lack the cosignature of a witness. */
  readonly silentAfter: number;
  /** How long the log may be out of reach, or show an old checkpoint. */
  readonly unreachableAfter: number;
  /** How long ago the last pass may have come through. */
  readonly lagAfter: number;
}

/** What is judged with. */
export interface HeadParts {
  /** The state. */
  readonly file: StateFile;
  /** What holds. */
  readonly conditions: Conditions;
  /** Whom to trust. */
  readonly policy: Policy;
  /** When to worry. */
  readonly limits: Limits;
  /** What evidence has in common. */
  readonly base: EvidenceBase;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Judges.
 *
 * @param verdict What the policy says of the checkpoint.
 * @param note Its signed note.
 * @param parts What it is judged with.
 */
export async function judgeHead(
  { checkpoint: { size }, cosigned }: Accepted,
  note: Uint8Array,
  { file, conditions, policy, limits, base, now }: HeadParts,
): Promise<void> {
  const { maxAge, stallAfter, silentAfter } = limits;
  const newest = cosigned.reduce((last, { time }) => time > last ? time : last, 0n);
  const isStale = policy.witnesses.length > 0 &&
    BigInt(Math.floor((now() - maxAge) / 1000)) > newest;
  await conditions.set(isStale, { kind: "checkpoint-stale" }, () => {
    const summary = newest === 0n
      ? `no witness says when it saw the log's checkpoint of size ${size}`
      : `the newest cosignature of the log's checkpoint of size ${size} is from ${
        formatTime(newest)
      }`;
    return {
      summary,
      facts: { size: `${size}`, ...newest > 0n && { cosignedAt: formatTime(newest) } },
      evidence: ofCheckpoint(base, "checkpoint-stale", summary, note),
    };
  });

  const { grownAt } = file.state;
  await conditions.set(now() - grownAt > stallAfter, { kind: "log-stalled" }, () => {
    const since = new Date(grownAt).toISOString();
    const summary = `the log has had ${size} entries since ${since}`;
    return {
      summary,
      facts: { size: `${size}`, grownAt: since },
      evidence: ofCheckpoint(base, "log-stalled", summary, note),
    };
  });

  const witnesses: Record<string, WitnessState> = {};
  for (const { name } of policy.witnesses) {
    const known = Object.hasOwn(file.state.witnesses, name) && file.state.witnesses[name];
    const before = known || { cosignedAt: 0, missingSince: null };
    const line = cosigned.find(({ witness }) => witness.name === name);
    witnesses[name] = line
      ? { cosignedAt: Math.max(before.cosignedAt, Number(line.time)), missingSince: null }
      : { ...before, missingSince: before.missingSince ?? now() };
  }
  if (JSON.stringify(witnesses) !== JSON.stringify(file.state.witnesses)) {
    await file.swap({ witnesses });
  }
  for (const [name, { cosignedAt, missingSince }] of Object.entries(witnesses)) {
    const silent = missingSince !== null && now() - missingSince >= silentAfter;
    await conditions.set(silent, { kind: "witness-silent", subject: name }, () => {
      const last = cosignedAt === 0
        ? "it was never seen"
        : `its last is from ${formatTime(BigInt(cosignedAt))}`;
      const since = new Date(missingSince!).toISOString();
      const summary =
        `the log's checkpoints have had no cosignature of ${name} since ${since}: ${last}`;
      return {
        summary,
        facts: { witness: name, size: `${size}` },
        evidence: ofCheckpoint(base, "witness-silent", summary, note, name),
      };
    });
  }
}
