/**
 * What `import` tells: problems line by line, how far it is, and the sum.
 *
 * @module
 */

import { EXIT_FAILURE } from "@indelible/core/command";
import { describe } from "./http_client.ts";
import type { ImportSource } from "./import_line.ts";
import type { ImportCounts } from "./import_run.ts";
import type { SourceProgress, ToldProblem } from "./import_state.ts";
import { Progress } from "./progress.ts";

/** Tells what happens, and adds it up. */
export class Reporter {
  readonly #json: boolean;
  readonly #progress = new Progress("import", "lines");
  readonly #sum = { added: 0, repeated: 0, problems: 0, skipped: 0 };
  /** How many of the problems are of earlier runs. */
  #earlier = 0;
  #incomplete = false;

  /** @param json Whether to print JSON lines. */
  constructor(json: boolean) {
    this.#json = json;
  }

  /** Says something in passing. */
  note(text: string): void {
    this.#progress.clear();
    console.error(`import: ${text}`);
  }

  /** A line that is not logged, by its number from 1. */
  problem(source: ImportSource, line: number, error: string): void {
    this.#progress.clear();
    if (this.#json) {
      console.log(JSON.stringify({ source: source.name, line, error }));
    } else {
      console.error(`import: ${source.name}: line ${line}: ${error}`);
    }
  }

  /** The problems of earlier runs: they still stand, and are told again. */
  earlier(source: ImportSource, { problems }: SourceProgress, told: readonly ToldProblem[]): void {
    this.#earlier += problems;
    for (const { line, error } of told) {
      this.problem(source, line, `${error} (in an earlier run)`);
    }
    const more = problems - told.length;
    if (more > 0) this.note(`${source.name}: ${more} more lines were not logged in an earlier run`);
  }

  /** A source that could not be read. */
  failed(name: string, error: string): void {
    this.#incomplete = true;
    this.#progress.clear();
    if (this.#json) console.log(JSON.stringify({ source: name, error }));
    else console.error(`import: ${name}: ${error}`);
  }

  /** How far a source is. */
  progress(source: ImportSource, lines: number): void {
    this.#progress.show(lines, source.total);
  }

  /** What became of a source. */
  counted(counts: ImportCounts): void {
    this.#sum.added += counts.added;
    this.#sum.repeated += counts.repeated;
    this.#sum.problems += counts.problems;
    this.#sum.skipped += counts.skipped;
  }

  /** The user stopped it. */
  interrupted(): void {
    this.#incomplete = true;
    this.note("interrupted in good order; run it again to go on");
  }

  /** Prints the sum; gives the exit code. */
  end(log: URL): number {
    this.#progress.clear();
    const { added, repeated, problems, skipped } = this.#sum;
    const complete = !this.#incomplete;
    if (this.#json) {
      console.log(JSON.stringify({ ...this.#sum, complete }));
    } else {
      const now = problems - this.#earlier;
      const earlier = skipped === 0
        ? ""
        : `; ${skipped} lines in an earlier run, ${this.#earlier} of them not logged`;
      console.log(
        `${describe(log)}: ${added} logged, ${repeated} logged before, ${now} not logged${earlier}`,
      );
    }
    return problems === 0 && complete ? 0 : EXIT_FAILURE;
  }
}
