/**
 * Where alerts go: what the outbox asks of each way of telling somebody.
 *
 * @module
 */

import type { Alert } from "./alert.ts";

/** An alert as a channel tells it: its evidence is a file by then. */
export interface Notice extends Omit<Alert, "evidence"> {
  /** The evidence file's name in the evidence folder. */
  readonly evidenceFile?: string;
}

/** What a delivery may need besides its alert. */
export interface Delivery {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** The latest alerts, newest first, this one among them unless it is older. */
  recent(count: number): readonly Notice[];
}

/** One way of telling somebody. */
export interface Channel {
  /** Its name in the outbox, for ever: what it has still to deliver is kept under it. */
  readonly name: string;
  /**
   * Tells one alert. It may be told again with the same id if the process dies before
   * the outbox has recorded the delivery, so a channel passes the id on.
   *
   * @throws If it was not delivered; the outbox tries again later.
   */
  deliver(notice: Notice, delivery: Delivery): Promise<void>;
  /** Lets go of files and connections. */
  close?(): void;
}
