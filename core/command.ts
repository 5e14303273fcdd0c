/**
 * What every program's command line has in common: its flags, what it may touch
 * for them, and how it ends (0 done, 1 failed, 2 used wrongly). Pure: the process
 * comes in as a value. The launcher (`deploy/launch.ts`) reads the same
 * {@linkcode Command} to compute the permissions that the program then runs with.
 *
 * @module
 */

import {
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  type CommandContext,
  formatMessageForArgumentScannerError,
  run,
  type StricliProcess,
  text_en,
  type TypedCommandParameters,
} from "@stricli/core";

/** Exit code of a program that was used wrongly. */
export const EXIT_USAGE = 2;
/** Exit code of a program that failed, or whose verdict is no. */
export const EXIT_FAILURE = 1;

/** What a program may touch: the values of Deno's `--allow-…` flags; none where absent. */
export interface Permissions {
  /** Files and folders to read. */
  readonly read?: readonly string[];
  /** Files and folders to write. */
  readonly write?: readonly string[];
  /** `host:port` to listen on or connect to; `true` where users name any. */
  readonly net?: readonly string[] | true;
  /** Environment variables. */
  readonly env?: readonly string[];
  /** Programs to run. */
  readonly run?: readonly string[];
  /** System information. */
  readonly sys?: readonly string[];
}

/** A program's command line. */
export interface Command<
  Flags extends Readonly<Record<string, unknown>>,
  Args extends readonly unknown[] = [],
> {
  /** As in `deno task <name>`. */
  readonly name: string;
  /** One line on what it does, for `--help`. */
  readonly brief: string;
  /** More of it, for `--help`. */
  readonly description?: string;
  /** Flags and positional arguments, as `@stricli/core` takes them. */
  readonly parameters: TypedCommandParameters<Flags, Args, CommandContext>;
  /** What it may touch when used so. */
  permissions(flags: Flags, ...args: Args): Permissions | Promise<Permissions>;
  /** Does the work; resolves to the exit code. */
  run(flags: Flags, ...args: Args): Promise<number>;
}

/** An error in how a command was used: exit code 2. */
export class UsageError extends Error {
  /** Tells it from other errors. */
  override readonly name = "UsageError";
}

/** A stream that takes some of the bytes and says how many, as `Deno.stdout` does. */
export interface SyncWriter {
  /** Writes some of the bytes. */
  writeSync(bytes: Uint8Array): number;
}

/** The streams of a process as {@linkcode runCommand} takes them: each text is written whole. */
export function plainStreams(
  streams: { readonly stdout: SyncWriter; readonly stderr: SyncWriter },
): StricliProcess {
  const whole = (stream: SyncWriter) => ({
    write(text: string): void {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    },
  });
  return { stdout: whole(streams.stdout), stderr: whole(streams.stderr) };
}

/**
 * Parses arguments and hands them to `act`.
 *
 * @param command The command line.
 * @param args The arguments after the program's name.
 * @param process Where output goes.
 * @param act What to do with the parsed arguments; by default the command's own `run`.
 * @returns The exit code.
 */
export async function runCommand<
  Flags extends Readonly<Record<string, unknown>>,
  Args extends readonly unknown[],
>(
  command: Command<Flags, Args>,
  args: readonly string[],
  process: StricliProcess,
  act: (flags: Flags, ...args: Args) => Promise<number> = (flags, ...rest) =>
    command.run(flags, ...rest),
): Promise<number> {
  let exitCode = EXIT_USAGE;
  const spec = buildCommand({
    docs: {
      brief: command.brief,
      ...(command.description !== undefined &&
        { fullDescription: command.description }),
    },
    parameters: command.parameters as TypedCommandParameters<
      Flags,
      Args,
      CommandContext
    >,
    async func(flags: Flags, ...rest: Args) {
      try {
        exitCode = await act(flags, ...rest);
      } catch (error) {
        exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
        process.stderr.write(`${command.name}: ${message(error)}\n`);
      }
    },
  });
  const application = buildApplication(
    spec as ReturnType<typeof buildCommand>,
    {
      name: `deno task ${command.name}`,
      scanner: {
        caseStyle: "allow-kebab-for-camel",
        allowArgumentEscapeSequence: true,
      },
      documentation: { caseStyle: "convert-camel-to-kebab" },
      localization: { text: { ...text_en, exceptionWhileParsingArguments: explain(command.name) } },
    },
  );
  const outcome: { exitCode?: number | string } = {};
  await run(application, [...args], {
    process: Object.assign(outcome, process),
  });
  // Stricli's own verdict counts only when the command was not reached.
  if (outcome.exitCode === 0 || outcome.exitCode === undefined) {
    // What stands behind `--` is for another program.
    const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
    return own.some((arg) => arg === "--help" || arg === "-h") &&
        exitCode === EXIT_USAGE
      ? 0
      : exitCode;
  }
  return EXIT_USAGE;
}

/** One sentence that names the flag or argument and what was expected. */
function explain(name: string): (error: unknown) => string {
  return (error) =>
    `${name}: ${
      error instanceof ArgumentScannerError
        ? formatMessageForArgumentScannerError(error, {
          ArgumentParseError: ({ externalFlagNameOrPlaceholder: flag, input, exception }) => {
            const spelled = /^[A-Z]/.test(flag) ? flag : `--${flag}`;
            const why = message(exception);
            // A parser that knows its flag has named it already.
            if (why.startsWith("--")) return why;
            const expected = why.startsWith(`${flag} `) ? why.slice(flag.length + 1) : why;
            const told = `${spelled} ${expected.replace(/^it /, "")}`;
            // And so has one that knows what it received.
            return told.includes(': received "') ? told : `${told}: received "${input}"`;
          },
        })
        : message(error)
    }`;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export { parseDuration } from "./duration.ts";
