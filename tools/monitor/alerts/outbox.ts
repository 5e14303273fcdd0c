/**
 * The outbox: what is raised is on disk before {@linkcode Outbox.raise} returns, and
 * stays there until each channel has delivered it. An alert of an id that was raised
 * before is told to nobody again, also after a restart.
 *
 * A delivery is recorded after it succeeded. A process that dies between the two tells
 * that one alert once more when it starts again; the channels pass the id on, so that
 * the other side can drop the repeat.
 *
 * @module
 */

import { encodeEvidence, type EvidenceFile } from "@indelible/core";
import type { Logger } from "@logtape/logtape";
import { join } from "node:path";
import { replaceFile } from "../../files.ts";
import type { Alert } from "./alert.ts";
import type { Channel, Notice } from "./channel.ts";
import { Courier } from "./courier.ts";
import { OutboxDatabase } from "./outbox_database.ts";

/** Past so many deliveries outstanding of one channel, raising waits. */
const MAX_PENDING = 100_000;
/** How many evidence files are kept; the oldest go first, some never. */
const EVIDENCE_KEPT = 10_000;
/** How many alerts lie between two passes over them. */
const EVIDENCE_PASS = 50;
/** Evidence that is kept for ever: what the log itself did wrong. */
const KEPT_FOR_EVER: readonly EvidenceFile["kind"][] = ["fork", "second-digest", "root-mismatch"];

/** How deliveries stand. */
export interface OutboxState {
  /** Alerts raised, all time. */
  readonly raised: number;
  /** Deliveries outstanding, by channel. */
  readonly pending: Readonly<Record<string, number>>;
  /** Failed attempts since the start, by channel. */
  readonly failures: Readonly<Record<string, number>>;
}

/** How to open an outbox. */
export interface OutboxOptions {
  /** The monitor's state folder: `outbox.sqlite` and `evidence/` are made in it. */
  readonly state: string;
  /** Where alerts go. */
  readonly channels: readonly Channel[];
  /** Where failed deliveries are told. */
  readonly logger: Logger;
  /** The time, milliseconds since 1970; by default this machine's. */
  readonly now?: () => number;
}

/** Alerts on their way. */
export class Outbox implements AsyncDisposable {
  readonly #evidence: string;
  readonly #database: OutboxDatabase;
  readonly #couriers: readonly Courier[];
  #closed = false;

  private constructor(evidence: string, database: OutboxDatabase, couriers: readonly Courier[]) {
    this.#evidence = evidence;
    this.#database = database;
    this.#couriers = couriers;
  }

  /**
   * Opens the outbox and begins to deliver what is outstanding.
   *
   * @throws {Error} If it is damaged, or in use by another process.
   */
  static async open(
    { state, channels, logger, now = Date.now }: OutboxOptions,
  ): Promise<Outbox> {
    const evidence = evidenceFolder(state);
    await Deno.mkdir(evidence, { recursive: true, mode: 0o755 });
    const database = new OutboxDatabase(join(state, "outbox.sqlite"));
    const couriers = channels.map((channel) => new Courier(channel, database, logger, now));
    return new Outbox(evidence, database, couriers);
  }

  /**
   * Takes an alert, and its evidence; both are on disk when this returns. It waits while
   * too much is outstanding.
   *
   * @returns Whether it is new.
   */
  async raise({ evidence, ...alert }: Alert): Promise<boolean> {
    if (this.#database.has(alert.id)) return false;
    await this.#room();
    const notice: Notice = {
      ...alert,
      ...(evidence && { evidenceFile: evidenceName(alert) }),
    };
    // First the evidence: an alert never names a file that is not there.
    if (evidence) this.#keep(evidence, notice.evidenceFile!);
    const forgettable = evidence !== undefined && !KEPT_FOR_EVER.includes(evidence.kind);
    const isNew = this.#database.take(notice, this.#couriers.map(({ name }) => name), forgettable);
    // Looked for now and then, as it takes a pass over all that are kept.
    if (forgettable && this.#database.taken % EVIDENCE_PASS === 0) {
      for (const name of this.#database.surplusEvidence(EVIDENCE_KEPT)) this.#forget(name);
    }
    for (const courier of this.#couriers) courier.wake();
    return isNew;
  }

  /** Whether an alert of this id was ever raised. */
  has(id: string): boolean {
    return this.#database.has(id);
  }

  /**
   * Tries everything outstanding once more, at once: for `--once`. What fails stays for
   * the next run.
   *
   * @returns Whether nothing is outstanding.
   */
  async settle(): Promise<boolean> {
    await Promise.all(this.#couriers.map((courier) => courier.settle()));
    return this.#couriers.every(({ name }) => this.#pendingOf(name) === 0);
  }

  /** How deliveries stand. */
  state(): OutboxState {
    return {
      raised: this.#database.taken,
      pending: {
        ...Object.fromEntries(this.#couriers.map(({ name }) => [name, 0])),
        ...Object.fromEntries(this.#database.pending),
      },
      failures: Object.fromEntries(this.#couriers.map(({ name, failures }) => [name, failures])),
    };
  }

  /** Stops delivering; what is outstanding is delivered by the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#couriers.map((courier) => courier.stop()));
    this.#database[Symbol.dispose]();
  }

  async #room(): Promise<void> {
    for (;;) {
      const full = this.#couriers.some(({ name }) => this.#pendingOf(name) >= MAX_PENDING);
      if (!full || this.#closed) return;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }

  #pendingOf(channel: string): number {
    return this.#database.pending.get(channel) ?? 0;
  }

  #keep(evidence: EvidenceFile, name: string): void {
    replaceFile(join(this.#evidence, name), encodeEvidence(evidence), 0o644);
    using folder = Deno.openSync(this.#evidence);
    folder.syncSync();
  }

  #forget(name: string): void {
    try {
      Deno.removeSync(join(this.#evidence, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The folder of a state's evidence files. */
export function evidenceFolder(state: string): string {
  return join(state, "evidence");
}

/** The name of an alert's evidence file. */
export function evidenceName({ kind, id }: Pick<Alert, "kind" | "id">): string {
  return `${kind}-${id.slice(0, 16)}.json`;
}
