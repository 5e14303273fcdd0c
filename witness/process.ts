/**
 * The only place of `witness/` that reads `Deno.args`: how its programs end.
 *
 * @module
 */

import { type Command, plainStreams, runCommand } from "@indelible/core/command";

/**
 * Runs a program to its end: parses `Deno.args`, does the work, exits.
 *
 * @param command The program's command line.
 */
export async function runMain<
  Flags extends Readonly<Record<string, unknown>>,
  Args extends readonly unknown[],
>(command: Command<Flags, Args>): Promise<never> {
  Deno.exit(await runCommand(command, Deno.args, plainStreams(Deno)));
}

/**
 * Reads a file that a flag named.
 *
 * @param path The file.
 * @param flag The flag, for the message.
 * @throws {Error} If it cannot be read, in one sentence.
 */
export async function readFile(
  path: string,
  flag: string,
): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    throw new Error(`Cannot read ${flag} ${path}: ${why}`);
  }
}

/**
 * Reads a file that a flag named, and parses it.
 *
 * @param path The file.
 * @param flag The flag, for the message.
 * @param parse What makes of its text, without the white space at its end.
 * @throws {Error} If it cannot be read or parsed, in one sentence.
 */
export async function parseFile<T>(
  path: string,
  flag: string,
  parse: (text: string) => T,
): Promise<T> {
  const text = new TextDecoder().decode(await readFile(path, flag));
  try {
    return parse(text.trimEnd());
  } catch (error) {
    throw new Error(`Cannot use ${flag} ${path}: ${(error as Error).message}`);
  }
}
