/**
 * What a migration tells: how far it is, how it ended, and always whether it has written
 * anything, so that nobody has to guess after a failure.
 *
 * @module
 */

import { type Checkpoint, encodeHex } from "@indelible/core";
import { describe } from "./http_client.ts";
import { Interrupted } from "./main.ts";
import type { SourceLog } from "./migrate_source.ts";
import { Progress } from "./progress.ts";

/** Tells what happens. */
export class MigrationReport {
  readonly #log: URL;
  readonly #json: boolean;
  #progress = new Progress("import", "entries read and checked");
  /** Entries that were acknowledged in this run. */
  #added = 0;
  #phase: "nothing sent" | "waiting for an answer" | "answered" = "nothing sent";

  /**
   * @param log The target.
   * @param json Whether to print the result as JSON.
   */
  constructor(log: URL, json: boolean) {
    this.#log = log;
    this.#json = json;
  }

  /** So many of all entries are checked. */
  checked(entries: number, total: number): void {
    this.#progress.show(entries, total);
  }

  /** A request is about to be sent. */
  sending(): void {
    if (this.#phase === "nothing sent") {
      this.#progress.clear();
      this.#progress = new Progress("import", "entries taken over");
    }
    this.#phase = "waiting for an answer";
  }

  /** More entries are acknowledged; so many of all are now. */
  copied(more: number, entries: number, total: number): void {
    this.#added += more;
    this.#phase = "answered";
    this.#progress.show(entries, total);
  }

  /** The log cannot now, and is asked again. */
  waits(error: Error, seconds: number): void {
    this.#progress.clear();
    console.error(`import: ${error.message}; again in ${seconds} s`);
  }

  /** It has ended well: the target has the source's tree. */
  done({ size, verdict: { checkpoint, cosigned } }: SourceLog, head: Checkpoint): void {
    this.#progress.clear();
    const witnesses = cosigned.map(({ witness }) => witness.name);
    const root = encodeHex(checkpoint.root);
    if (this.#json) {
      const source = { source: checkpoint.origin, treeSize: size, root, witnesses };
      const target = { log: head.origin, logTreeSize: Number(head.size), added: this.#added };
      console.log(JSON.stringify({ ok: true, ...source, ...target }));
      return;
    }
    console.log(
      `${describe(this.#log)}: ${size} entries of ${checkpoint.origin} taken over, ` +
        `${this.#added} of them now`,
    );
    console.log(`  both trees of size ${size} have the root hash ${root}`);
    const by = witnesses.length > 0 ? witnesses.join(", ") : "nobody";
    console.log(`  ${checkpoint.origin} is witnessed by ${by}`);
    if (head.size > size) console.log(`  ${head.size - BigInt(size)} entries follow it since`);
  }

  /** It has failed, or was interrupted. */
  failed(error: Error): void {
    this.#progress.clear();
    const [why, advice] = error instanceof Interrupted
      ? ["interrupted in good order", "; run it again to go on"]
      : [error.message, ""];
    const text = `${why}; ${this.#written()}${advice}`;
    if (this.#json) console.log(JSON.stringify({ ok: false, added: this.#added, error: text }));
    else console.error(`import: ${text}`);
  }

  #written(): string {
    if (this.#phase === "nothing sent") return "nothing was written";
    const more = this.#phase === "answered" ? "" : ", and more may have been";
    return `${this.#added} entries were written${more}`;
  }
}
