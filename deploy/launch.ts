/**
 * The launcher: starts a program with the narrowest permissions that its flags
 * need. It reads the same command line as the program, asks the command what it
 * may touch, and runs `deno` by name (that is what `--allow-run=deno` permits).
 * Help and usage errors are answered here, before anything is started.
 *
 * `--print` before the program's name prints the command, a word a line.
 *
 * @module
 */

import { EXIT_FAILURE, EXIT_USAGE, runCommand } from "@indelible/core/command";
import { fileURLToPath as fromFileUrl } from "node:url";
import { processStreams } from "../tools/main.ts";
import { permissionFlags } from "./permission_flags.ts";
import { loadCommand, moduleUrl, type Program, PROGRAMS } from "./programs.ts";

const CONFIG = fromFileUrl(moduleUrl("../deno.json"));
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * The arguments of `deno` that start a program.
 *
 * @param program The program.
 * @param flags Its permission flags.
 * @param args Its own arguments.
 */
export function denoArguments(
  program: Program,
  flags: readonly string[],
  args: readonly string[],
): string[] {
  const module = fromFileUrl(moduleUrl(program.module));
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--frozen",
    `--config=${CONFIG}`,
    ...flags,
    module,
    ...args,
  ];
}

/** Runs `deno` here and now, passing signals on; resolves to its exit code. */
async function runDeno(args: readonly string[]): Promise<number> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("deno", {
      args: [...args],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable
    ) {
      throw new Error(
        "Cannot start: there is no deno on the PATH; use `npx -y deno@2.9.6 task …` or add deno's folder to PATH",
      );
    }
    throw error;
  }
  for (const signal of FORWARDED) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    });
  }
  return (await child.status).code;
}

/** Launches a program: `args` are its name and its arguments. */
async function launch(args: readonly string[]): Promise<number> {
  const print = args[0] === "--print";
  const words = print ? args.slice(1) : args;
  const act = words.slice(0, 2).join(" ");
  const name = PROGRAMS.has(act) ? act : words[0] ?? "";
  const rest = words.slice(name.split(" ").length);
  const program = PROGRAMS.get(name);
  if (!program) {
    const names = [...PROGRAMS.keys()].join(", ");
    console.error(`launch: no program is named "${name}", expected ${names}`);
    return EXIT_USAGE;
  }
  // `deno task` runs in the project's folder; paths are relative to the user's.
  Deno.chdir(Deno.env.get("INIT_CWD") ?? Deno.cwd());
  const { command, args: own } = await loadCommand(program, rest);
  return await runCommand(
    command,
    own,
    processStreams(),
    async (flags: object, ...positional: unknown[]) => {
      const hosts = await program.prepare?.(flags, ...positional) ?? [];
      const { net = [], ...others } = await command.permissions(flags, ...positional);
      const permissions = { ...others, net: net === true ? net : [...net, ...hosts] };
      const deno = denoArguments(
        program,
        permissionFlags(permissions, Deno.cwd()),
        rest,
      );
      if (!print) return await runDeno(deno);
      console.log(["deno", ...deno].join("\n"));
      return 0;
    },
  );
}

if (import.meta.main) {
  try {
    Deno.exit(await launch(Deno.args));
  } catch (error) {
    console.error(
      `launch: ${error instanceof Error ? error.message : String(error)}`,
    );
    Deno.exit(EXIT_FAILURE);
  }
}
