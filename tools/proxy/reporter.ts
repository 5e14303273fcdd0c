/**
 * What the proxy tells its operator, on standard error: refusals and troubles, a
 * line each, as text or as JSON. What goes on being so is said once.
 *
 * @module
 */

import { type Reason, REASONS } from "./gate.ts";
import type { PageReport } from "./judge_page.ts";
import { VANISHED } from "./summary.ts";

/** Writes the lines. */
export class ProxyReporter {
  readonly #json: boolean;
  readonly #write: (line: string) => void;
  readonly #told = new Map<string, string>();
  #trouble: string | null = null;

  /**
   * @param json Whether lines are JSON.
   * @param write Writes a line; by default to standard error.
   */
  constructor(json: boolean, write: (line: string) => void = (line) => console.error(line)) {
    this.#json = json;
    this.#write = write;
  }

  /** Tells what is new about a page's files. */
  page({ project, judged, trouble, vanished }: PageReport): void {
    if (trouble === null && this.#trouble !== null) this.note("the log answers again");
    if (trouble === null) this.#trouble = null;
    // What the log's trouble refuses is the trouble's line.
    if (trouble !== null) return;
    for (const file of vanished) {
      if (this.#told.get(file) === VANISHED) continue;
      this.#told.set(file, VANISHED);
      this.#line("warning", `${file}: ${VANISHED}`, { project, file });
    }
    this.#judged(project, judged);
  }

  #judged(project: string, judged: PageReport["judged"]): void {
    const quiet = new Map<keyof typeof MORE, number>();
    let warned = 0;
    for (const { file: { filename }, passage, warnings = [] } of judged) {
      for (const { kind, text } of passage.kind === "pass" ? warnings : []) {
        if (this.#told.get(`${kind} ${filename}`) === text) continue;
        this.#told.set(`${kind} ${filename}`, text);
        // A release has many files.
        if (++warned > SHOWN) continue;
        this.#line("warning", `${filename}: ${text}`, { project, file: filename, reason: kind });
      }
      const isRefused = passage.kind === "refuse";
      if (!isRefused && passage.by !== "warning") continue;
      const [kind, reason] = isRefused
        ? ["refused", passage.reason] as const
        : ["warning", "not-in-the-log"] as const;
      if (this.#told.get(filename) === kind + reason) continue;
      this.#told.set(filename, kind + reason);
      // A project that was never logged has hundreds of files for one and the same reason.
      if (isQuiet(reason)) {
        const count = (quiet.get(reason) ?? 0) + 1;
        quiet.set(reason, count);
        if (count > SHOWN) continue;
      }
      const why = isRefused && passage.detail ? ` (${passage.detail})` : "";
      const text = `${filename}: ${REASONS[reason]}${why}`;
      this.#line(kind, text, { project, file: filename, reason });
    }
    if (warned > SHOWN) this.note(`${warned - SHOWN} more such warnings of ${project}`);
    for (const [reason, count] of quiet) {
      const more = count - SHOWN;
      if (more > 0) this.note(`${more} more files of ${project} ${MORE[reason]}`);
    }
  }

  /** Tells what keeps the log from answering. */
  trouble(error: Error): void {
    if (error.message === this.#trouble) return;
    this.#trouble = error.message;
    this.#line("trouble", error.message, {});
  }

  /** Tells what keeps the registry from answering. */
  registryTrouble(why: string): void {
    this.#line("registry", why, {});
  }

  /** Tells something else. */
  note(text: string): void {
    this.#line("note", text, {});
  }

  #line(kind: string, text: string, more: Readonly<Record<string, string>>): void {
    this.#write(this.#json ? JSON.stringify({ kind, ...more, text }) : `proxy: ${kind}: ${text}`);
  }
}

/** How many files of one project are named for one reason that is no alarm. */
const SHOWN = 3;

/** Reasons that are no alarm, and that hundreds of files of one project have at once. */
const MORE = {
  "not-in-the-log": "are not in the log",
  "provenance-missing": "have not the provenance that the policy requires",
} as const;

function isQuiet(reason: Reason): reason is keyof typeof MORE {
  return Object.hasOwn(MORE, reason);
}
