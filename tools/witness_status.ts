/**
 * `witness-status`: who has cosigned a log's published checkpoint, how fresh that
 * is, and which single witness lost would break the quorum. It reads what was
 * signed and asks no witness: a witness that died since looks as it did.
 *
 * @module
 */

import { checkPolicy, type Policy, quorumHolds } from "@indelible/core";
import {
  type Command,
  EXIT_FAILURE,
  parseDuration,
  type Permissions,
} from "@indelible/core/command";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { formatTime, isFresh } from "./freshness.ts";
import { type LogSource, openSource, parseLogSource, permissionsForSource } from "./log_source.ts";
import { interruptible, runMain } from "./main.ts";
import { loadTrust } from "./trust.ts";

/** Flags of `witness-status`. */
export type WitnessStatusFlags = {
  /** The policy whose witnesses are asked about. */
  readonly policy: string;
  /** The log. */
  readonly log: LogSource;
  /** How old the quorum's cosignatures may be, in milliseconds. */
  readonly maxAge?: number;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** How one witness stands. */
export interface WitnessStanding {
  /** Its name in the policy. */
  readonly name: string;
  /** When it cosigned the published checkpoint, in POSIX seconds; `null` if it did not. */
  readonly time: bigint | null;
  /** Whether it counts: it cosigned, and not too long ago. */
  readonly fresh: boolean;
  /** Whether the quorum would not hold any more without it. */
  readonly needed: boolean;
}

/** How a checkpoint stands with the witnesses of a policy. */
export interface QuorumStanding {
  /** The tree size of the checkpoint. */
  readonly size: bigint;
  /** Whether the quorum holds by the cosignatures that count. */
  readonly holds: boolean;
  /** Every witness of the policy. */
  readonly witnesses: readonly WitnessStanding[];
}

/**
 * Finds out how a published checkpoint stands.
 *
 * @param policy The log and its witnesses.
 * @param note The checkpoint.
 * @param now The time, in POSIX seconds.
 * @param maxAge How old a cosignature may be to count, in seconds; any age when `undefined`.
 * @throws {Error} If no log of the policy signed it, or a listed key's line does not verify.
 */
export function quorumStanding(
  policy: Policy,
  note: Uint8Array,
  now: number,
  maxAge?: number,
): QuorumStanding {
  // Whoever cosigned counts, whether or not the quorum is met.
  const verdict = checkPolicy({ ...policy, quorum: null }, note, nativeEd25519);
  if (verdict.kind === "refused") throw new Error(`The checkpoint is refused: ${verdict.why}`);
  const times = new Map(verdict.cosigned.map(({ witness, time }) => [witness.name, time]));
  const counts = ([, time]: [string, bigint]) => isFresh(time, now, maxAge);
  const holding = new Set([...times].filter(counts).map(([name]) => name));
  const holds = quorumHolds(policy, holding);
  return {
    size: verdict.checkpoint.size,
    holds,
    witnesses: policy.witnesses.map(({ name }) => ({
      name,
      time: times.get(name) ?? null,
      fresh: holding.has(name),
      needed: holds && !quorumHolds(policy, new Set([...holding].filter((one) => one !== name))),
    })),
  };
}

/** The command line of `witness-status`. */
export const command: Command<WitnessStatusFlags> = {
  name: "witness-status",
  brief: "Show who cosigned a log, how fresh that is, and whom the quorum cannot lose",
  description: [
    "Reads a log's published checkpoint and shows each witness of the policy: when it cosigned,",
    "and whether losing it alone would break the quorum. Ends with 0 when the quorum holds.",
    "",
    "It shows history: the witnesses themselves are not asked, and one that died since looks as",
    "it did. A log that grows is cosigned all the time, so --max-age tells: only cosignatures that",
    "are not older count then. A log that stands still is cosigned no more, and looks stale.",
    "",
    "Examples:",
    "  deno task witness-status --policy=log.policy --log=https://log.example.com",
    "  deno task witness-status --policy=log.policy --log=https://log.example.com --max-age=1h",
  ].join("\n"),
  parameters: {
    flags: {
      policy: { kind: "parsed", parse: String, brief: "Policy file: the log and its witnesses" },
      log: {
        kind: "parsed",
        parse: parseLogSource,
        brief: "URL of the log, or the folder that it keeps",
      },
      maxAge: {
        kind: "parsed",
        parse: parseDuration,
        optional: true,
        brief: "How old the quorum's cosignatures may be, such as 15m or 24h",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  permissions({ policy, log }): Permissions {
    const { read = [], net = [] } = permissionsForSource(log);
    return { read: [policy, ...read], net };
  },
  async run({ policy: path, log, maxAge, json }) {
    const policy = (await loadTrust({ policy: path }))!;
    const note = await interruptible(async (signal) =>
      await (await openSource(log, signal))("checkpoint")
    );
    if (!note) throw new Error("The log has not published a checkpoint yet");
    const now = Math.floor(Date.now() / 1000);
    // Cosignatures have whole seconds.
    const seconds = maxAge === undefined ? undefined : Math.ceil(maxAge / 1000);
    const standing = quorumStanding(policy, note, now, seconds);
    console.log(json ? toJson(standing) : describe(standing, BigInt(now), seconds));
    return standing.holds ? 0 : EXIT_FAILURE;
  },
};

function describe(
  { size, holds, witnesses }: QuorumStanding,
  now: bigint,
  maxAge: number | undefined,
): string {
  const width = Math.max(...witnesses.map(({ name }) => name.length), 0);
  const lines = witnesses.map(({ name, time, fresh, needed }) => {
    const seen = time === null
      ? "has not cosigned this checkpoint"
      : `cosigned ${ago(now - time)} (${formatTime(time)})${fresh ? "" : ", which does not count"}`;
    return `  ${name.padEnd(width)}  ${seen}${needed ? "; the quorum needs it" : ""}`;
  });
  const needed = witnesses.filter((witness) => witness.needed).map(({ name }) => name);
  const loss = !holds
    ? maxAge === undefined
      ? "the quorum does NOT hold: installers refuse this checkpoint"
      : `the quorum does NOT hold by cosignatures of the last ${maxAge} s`
    : needed.length === 0
    ? "the quorum holds, and would without any one witness"
    : `the quorum holds, and would break without ${needed.join(" or without ")}`;
  return [`checkpoint of size ${size}`, ...lines, loss].join("\n");
}

function ago(seconds: bigint): string {
  return seconds < 0n ? `${-seconds} s in the future` : `${seconds} s ago`;
}

function toJson({ size, holds, witnesses }: QuorumStanding): string {
  return JSON.stringify({
    size: size.toString(),
    quorum: holds,
    witnesses: witnesses.map(({ name, time, fresh, needed }) => ({
      name,
      cosigned: time === null ? null : formatTime(time),
      fresh,
      needed,
    })),
  });
}

if (import.meta.main) await runMain(command);
