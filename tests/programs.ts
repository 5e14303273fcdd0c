/**
 * Runs the project's programs as their tasks do: through the launcher, with the
 * permissions that it computes and no others.
 */

import { fileURLToPath } from "node:url";
import { type Finished, run, type Running, startProcess } from "./peers/process.ts";

const LAUNCHER = fileURLToPath(new URL("../deploy/launch.ts", import.meta.url));
const NO_SETTINGS = fileURLToPath(new URL("testdata/empty_config.json", import.meta.url));
const LAUNCH = [
  "run",
  "--quiet",
  "--no-prompt",
  "--frozen",
  "--allow-run=deno",
  "--allow-read",
  "--allow-env=INIT_CWD,HOME,INDELIBLE_CONFIG,INDELIBLE_LOG,INDELIBLE_POLICY,PIP_INDEX_URL,SIG_DIR",
  LAUNCHER,
];

/** Where and how long a program runs. */
export interface ProgramOptions {
  /** Its working folder; paths in flags are relative to it. */
  readonly cwd: string;
  /** Environment variables besides this process's own. */
  readonly env?: Record<string, string>;
  /** After how many milliseconds it is ended by force; 120,000 by default. */
  readonly limitMs?: number;
}

/**
 * Runs a program to its end.
 *
 * @param name As in `deno task NAME`.
 * @param args Its arguments.
 * @param options Where.
 */
export function runProgram(
  name: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<Finished> {
  return run(Deno.execPath(), [...LAUNCH, name, ...args], {
    ...options,
    env: environment(options),
  });
}

/**
 * Starts a program that keeps running. The launcher is only asked for the command,
 * so that the process is the program itself: its CPU time and its end are its own.
 *
 * @param name As in `deno task NAME`.
 * @param args Its arguments.
 * @param options Where, and when it is ready.
 */
export async function startProgram(
  name: string,
  args: readonly string[],
  options: ProgramOptions & { readonly ready: (output: () => string) => boolean },
): Promise<Running> {
  const [deno, ...words] = await programCommand(name, args, options);
  return await startProcess(deno!, words, { ...options, env: environment(options) });
}

/** The command that starts a program, its permissions included. */
export async function programCommand(
  name: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<string[]> {
  const { code, stdout, stderr } = await run(
    Deno.execPath(),
    [...LAUNCH, "--print", name, ...args],
    { ...options, env: environment(options) },
  );
  if (code !== 0) throw new Error(`Cannot start ${name}: ${stderr}`);
  const [, ...words] = stdout.trimEnd().split("\n");
  return [Deno.execPath(), ...words];
}

/** No colours, and the user's own settings out of the way. */
function environment({ cwd, env }: ProgramOptions): Record<string, string> {
  return { NO_COLOR: "1", INIT_CWD: cwd, INDELIBLE_CONFIG: NO_SETTINGS, ...env };
}
