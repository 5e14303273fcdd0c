/** A log in a process of its own, which the test may end in any way. */

import { fileURLToPath } from "node:url";
import type { CrashPlan } from "./crash_log.ts";
import { programCommand } from "./programs.ts";

const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));
const CRASH_LOG = fileURLToPath(new URL("./crash_log.ts", import.meta.url));

/** How a process ended. */
export interface Ended {
  /** Its exit code. */
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal: string | null;
  /** What it wrote to standard error. */
  readonly output: string;
}

/** A log under way. */
export class LogProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** How it ended. */
  readonly ended: Promise<Ended>;
  /** Its URL, or `null` when it ended before it had one. */
  readonly url: Promise<string | null>;
  #dead = false;

  private constructor(command: readonly string[], cwd?: string) {
    const [program, ...args] = command;
    this.#child = new Deno.Command(program!, {
      args,
      ...(cwd !== undefined && { cwd }),
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.url = this.#readUrl();
    this.ended = this.#end();
  }

  /** Starts a log that kills itself where the plan says. */
  static crashing(plan: CrashPlan, under: readonly string[] = []): LogProcess {
    const flags = ["run", "--quiet", "--no-check", "--allow-all", `--config=${CONFIG}`];
    return new LogProcess([...under, Deno.execPath(), ...flags, CRASH_LOG, JSON.stringify(plan)]);
  }

  /**
   * Starts `deno task log` on `data`, `private.key` and `public.key` in a folder,
   * with the permissions that the launcher computes.
   *
   * @param folder The folder.
   * @param flags Further flags.
   * @param under A command to run it under, with its arguments.
   */
  static async program(
    folder: string,
    flags: readonly string[] = [],
    under: readonly string[] = [],
  ): Promise<LogProcess> {
    const own = ["--storage-dir=data", "--private-key=private.key", "--public-key=public.key"];
    if (!flags.some((flag) => flag.startsWith("--port="))) own.push("--port=0");
    const command = await programCommand("log", [...own, ...flags], { cwd: folder });
    return new LogProcess([...under, ...command], folder);
  }

  /** Whether it has ended. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends it a signal, if it still runs. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Ends it, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }

  async #readUrl(): Promise<string | null> {
    let text = "";
    let url: string | null = null;
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      url = /http:\S+(?=\n)/.exec(text)?.[0] ?? null;
      if (url !== null) break;
    }
    return url;
  }

  async #end(): Promise<Ended> {
    const output = await new Response(this.#child.stderr).text();
    const { signal, code } = await this.#child.status;
    this.#dead = true;
    return { code, signal, output };
  }
}
