/**
 * `compile`: builds one binary a program, with its permissions baked in. It runs
 * `deno compile`, which fetches a runtime stub; where that cannot be reached,
 * `--print` shows the commands that would be run.
 *
 * @module
 */

import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runMain } from "../tools/main.ts";
import { moduleUrl, PROGRAMS } from "./programs.ts";

/** Flags of `compile`. */
export type CompileFlags = {
  /** Whether to print the commands in place of running them. */
  readonly print: boolean;
  /** The folder for the binaries. */
  readonly output: string;
};

const ROOT = fileURLToPath(moduleUrl("../"));

/**
 * The arguments of `deno` that build a program's binary; paths are relative to
 * the project's folder.
 *
 * @param name The program.
 * @param output The folder for the binary.
 */
export function compileArguments(name: string, output: string): string[] {
  const program = PROGRAMS.get(name)!;
  const path = (relative: string) => fileURLToPath(moduleUrl(relative)).slice(ROOT.length);
  return [
    "compile",
    "--no-prompt",
    "--frozen",
    "--config=deno.json",
    ...program.compiled,
    ...(program.include ?? []).map((file) => `--include=${path(file)}`),
    `--output=${join(output, program.binary ?? `indelible-${name.replaceAll(" ", "-")}`)}`,
    path(program.module),
  ];
}

function parseProgram(name: string): string {
  if (PROGRAMS.has(name)) return name;
  throw new SyntaxError(`it must be one of ${[...PROGRAMS.keys()].join(", ")}`);
}

/** The command line of `compile`. */
export const command: Command<CompileFlags, string[]> = {
  name: "compile",
  brief: "Build one binary a program, with its permissions baked in",
  description: [
    "Builds a binary for each program, or for those that are named, with `deno compile`.",
    "A binary cannot compute permissions from its flags: it gets the kinds of access that",
    "its program needs (verify has no network, keygen neither network nor environment).",
    "",
    "Examples:",
    "  deno task compile",
    "  deno task compile --print verify",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "array",
      parameter: {
        parse: parseProgram,
        placeholder: "PROGRAM",
        brief: "Programs to build (default: all)",
      },
    },
    flags: {
      print: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the commands, run nothing",
      },
      output: {
        kind: "parsed",
        parse: String,
        default: "dist",
        brief: "Folder for the binaries, relative to the project's",
      },
    },
  },
  permissions: () => ({ run: ["deno"] }),
  async run({ print, output }, ...names) {
    for (const name of names.length > 0 ? names : PROGRAMS.keys()) {
      const args = compileArguments(name, output);
      if (print) {
        console.log(["deno", ...args].join(" "));
        continue;
      }
      const { success } = await new Deno.Command("deno", { args, cwd: ROOT }).spawn().status;
      if (!success) return EXIT_FAILURE;
    }
    return 0;
  },
};

if (import.meta.main) await runMain(command);
