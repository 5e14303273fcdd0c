/**
 * How far a long job is: one line that is redrawn on a terminal, else a line now
 * and then. It goes to standard error, so results can be piped.
 *
 * @module
 */

const TERMINAL_INTERVAL = 100;
const PLAIN_INTERVAL = 10_000;
const BAR_WIDTH = 24;

/** Shows progress. */
export class Progress {
  readonly #name: string;
  readonly #unit: string;
  readonly #terminal = Deno.stderr.isTerminal();
  readonly #started = performance.now();
  #shown = performance.now();
  #drawn = false;

  /**
   * Starts.
   *
   * @param name What works, `import`.
   * @param unit What is counted, `lines`.
   */
  constructor(name: string, unit: string) {
    this.#name = name;
    this.#unit = unit;
  }

  /** Shows how much is done, unless it was shown just now. */
  show(done: number, total: number): void {
    const now = performance.now();
    const interval = this.#terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL;
    if (now - this.#shown < interval && !(this.#drawn && done === total)) {
      return;
    }
    this.#shown = now;
    const share = total === 0 ? 1 : Math.min(done / total, 1);
    const speed = Math.round(done / ((now - this.#started) / 1000));
    const text = `${done} of ${total} ${this.#unit}, ${
      Math.floor(share * 100)
    } %, ${speed} a second`;
    if (this.#terminal) {
      const filled = Math.round(share * BAR_WIDTH);
      const bar = "█".repeat(filled).padEnd(BAR_WIDTH, "░");
      this.#write(`\r\x1b[K${this.#name} ${bar} ${text}`);
      this.#drawn = true;
    } else {
      this.#write(`${this.#name}: ${text}\n`);
    }
  }

  /** Clears the line, so that something else can be printed. */
  clear(): void {
    if (this.#drawn) this.#write("\r\x1b[K");
    this.#drawn = false;
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}
