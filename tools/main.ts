/**
 * How every program ends: its command is run with the real process, and the exit
 * code is the command's. The only place of `tools/` that reads `Deno.args`.
 *
 * @module
 */

import { type Command, runCommand } from "@indelible/core/command";

/** Where a command's own messages go: help and usage errors, in colour on a terminal only. */
export function processStreams(): Parameters<typeof runCommand>[2] {
  return {
    stdout: writableTo(Deno.stdout),
    stderr: writableTo(Deno.stderr),
  };
}

const COLOUR_DEPTH = 8;
const NO_COLOUR = 1;

function writableTo(stream: typeof Deno.stdout | typeof Deno.stderr) {
  return {
    write: (text: string): void => writeAll(stream, text),
    getColorDepth: (): number => stream.isTerminal() && !Deno.noColor ? COLOUR_DEPTH : NO_COLOUR,
  };
}

function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += stream.writeSync(bytes.subarray(at));
  }
}

/**
 * Runs a program to its end: parses `Deno.args`, does the work, exits.
 *
 * @param command The program's command line.
 */
export async function runMain<
  Flags extends Readonly<Record<string, unknown>>,
  Args extends readonly unknown[],
>(command: Command<Flags, Args>): Promise<never> {
  Deno.exit(await runCommand(command, Deno.args, processStreams()));
}

/** The work was ended by SIGINT or SIGTERM, in good order. */
export class Interrupted extends Error {
  /** Tells it from other errors. */
  override readonly name = "Interrupted";

  /** Makes the error; what is left to say is up to the program. */
  constructor(message = "interrupted") {
    super(message);
  }
}

/**
 * Runs long work that may be interrupted: SIGINT and SIGTERM abort the signal
 * that the work is given, once. A launcher and the terminal may both send them,
 * so a second one is ignored.
 *
 * @param work What to do; it ends soon after its signal aborts.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Interrupted());
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) Deno.addSignalListener(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    // Once interrupted, the program is about to end: a second signal must not end it otherwise.
    if (!controller.signal.aborted) {
      for (const name of signals) Deno.removeSignalListener(name, stop);
    }
  }
}
