/**
 * Keeps a witness from signing over what its store has forgotten: at start the
 * store is compared with the high-water file, and with what each log publishes
 * under our cosignature (`rollback.ts`).
 *
 * - A store that went back stops the witness, until the operator accepts it.
 * - Without a high-water file each log needs a URL, or nothing would show it.
 * - Without that file a log that does not answer is held back: it alone is not
 *   cosigned until it was compared, which its requests try again.
 * - A log that is added later was forgotten by nobody: it is free.
 *
 * @module
 */

import type { SignerKey } from "@indelible/core";
import { Cosigner } from "./cosigner.ts";
import type { HighWater } from "./high_water.ts";
import type { Logger } from "./logger.ts";
import type { TrustedLog } from "./logs.ts";
import { behindHighWater, compareWithLog, type Comparison, type KnownLog } from "./rollback.ts";
import type { LogRecord, WitnessStore } from "./store.ts";

/** How long a log that did not answer is left alone, in milliseconds. */
const PAUSE = 5_000;

/** What is compared, and who decides when it does not fit. */
export interface GuardParts {
  /** The store that may have gone back. */
  readonly store: WitnessStore;
  /** The witness's keys: cosignatures of these are its own. */
  readonly keys: readonly SignerKey[];
  /** The logs of the configuration; those of the store come to them. */
  readonly logs: readonly TrustedLog[];
  /** The high-water file, where there is one. */
  readonly highWater?: HighWater | null;
  /** Where the operator reads what could not be compared. */
  readonly logger: Logger;
  /** Whether the operator has accepted that the store went back. */
  readonly accepted: boolean;
  /** How the operator says so, for messages. */
  readonly accepting: string;
  /** Told when a log that was held back shows that the store went back. */
  readonly onRollback: (why: string) => void;
  /** Milliseconds that only go forward. */
  readonly clock?: () => number;
}

/** A log that was not compared yet. */
interface Held {
  readonly log: KnownLog;
  /** Why not. */
  readonly why: string;
  /** When it may be asked again, by the clock. */
  readonly again: number;
  /** The comparison under way. */
  asking: Promise<string | null> | null;
}

/** Knows which logs must not be cosigned yet. */
export class RollbackGuard {
  readonly #parts: GuardParts;
  readonly #cosigner: Cosigner;
  readonly #clock: () => number;
  readonly #held = new Map<string, Held>();

  private constructor(parts: GuardParts, cosigner: Cosigner) {
    this.#parts = parts;
    this.#cosigner = cosigner;
    this.#clock = parts.clock ?? (() => performance.now());
  }

  /**
   * Compares a store with all that may know better.
   *
   * @param parts What to compare.
   * @throws {Error} If the store went back, or if nothing would show it; not if
   *   the operator has accepted that.
   */
  static async start(parts: GuardParts): Promise<RollbackGuard> {
    const { store, highWater = null, accepted, logger } = parts;
    const guard = new RollbackGuard(parts, await Cosigner.of(parts.keys));
    const records = await store.list();
    const logs = knownLogs(records, parts.logs);
    if (!highWater && !accepted) guard.#requireUrls(logs);
    const found = highWater ? behindHighWater(records, highWater) : [];
    await Promise.all(logs.map(async (log) => {
      const comparison = await guard.#compare(log);
      if (comparison.kind === "behind") found.push(...comparison.found);
      // The file knows of every log.
      if (comparison.kind === "unknown" && !highWater && !accepted) guard.#hold(log, comparison);
    }));
    if (found.length > 0 && !accepted) throw new Error(guard.#refusal(found));
    for (const why of found) logger("warn", "rollback accepted", { why });
    if (accepted) highWater?.reset(await store.list());
    return guard;
  }

  /**
   * Why a log must not be cosigned now; `null` for one that may be. One that is
   * held back is asked again, if that was not done just now.
   */
  heldBack(origin: string): Promise<string | null> | null {
    const held = this.#held.get(origin);
    if (!held) return null;
    if (this.#clock() < held.again) return Promise.resolve(held.why);
    return held.asking ??= this.#askAgain(held.log).finally(() => held.asking = null);
  }

  async #askAgain(held: KnownLog): Promise<string | null> {
    // Whatever it was at the start, it is a log that may send requests now.
    const log = { ...held, disabled: false };
    const comparison = await this.#compare(log);
    switch (comparison.kind) {
      case "fits":
        this.#held.delete(log.origin);
        return null;
      case "unknown":
        return this.#hold(log, comparison);
      case "behind": {
        const why = this.#refusal(comparison.found);
        this.#held.set(log.origin, { log, why, again: Infinity, asking: null });
        this.#parts.onRollback(why);
        return why;
      }
    }
  }

  async #compare(log: KnownLog): Promise<Comparison> {
    const comparison = await compareWithLog(log, this.#parts.store, this.#cosigner);
    if (comparison.kind === "unknown" && log.url !== null && !log.disabled) {
      const { origin } = log;
      this.#parts.logger("warn", "log not compared", { origin, why: comparison.why });
    }
    return comparison;
  }

  #hold(log: KnownLog, { why }: Extract<Comparison, { kind: "unknown" }>): string {
    const reason = `The witness cannot know yet that it forgot nothing of this log: ${why}`;
    const again = log.disabled ? -Infinity : this.#clock() + PAUSE;
    this.#held.set(log.origin, { log, why: reason, again, asking: null });
    return reason;
  }

  #requireUrls(logs: readonly KnownLog[]): void {
    const silent = logs.filter(({ url, disabled }) => url === null && !disabled);
    if (silent.length === 0) return;
    throw new Error(
      "Nothing would show that the witness's store went back: there is no high-water file, and " +
        `no URL to ask what is published by ${silent.map(({ origin }) => origin).join(", ")}. ` +
        "Give the URL, by witness-add-key --url or in the log list, or a --high-water-path; " +
        `${this.#parts.accepting} goes on without, at the risk that these logs fork unnoticed`,
    );
  }

  #refusal(found: readonly string[]): string {
    return `The witness's store is older than what was cosigned: ${found.join("; ")}. ` +
      `Restore the newest one, or accept with ${this.#parts.accepting} that logs may fork below that`;
  }
}

/** Every log that the witness may be asked about at its start. */
function knownLogs(
  records: readonly LogRecord[],
  configured: readonly TrustedLog[],
): KnownLog[] {
  const known = new Map<string, KnownLog>(
    records.map(({ origin, url, disabled }) => [origin, { origin, url, disabled }]),
  );
  for (const { origin, url } of configured) {
    const { url: stored = null, disabled = false } = known.get(origin) ?? {};
    known.set(origin, { origin, url: url ?? stored, disabled });
  }
  return [...known.values()];
}
