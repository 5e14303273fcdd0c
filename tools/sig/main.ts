/**
 * `sig`: signed reviews of code, kept, exchanged and believed. One program of several
 * acts; each is a command of its own, so that it is given no more than it needs.
 *
 * @module
 */

import { type Command, EXIT_USAGE, runCommand } from "@indelible/core/command";
import { resolve } from "node:path";
import { processStreams } from "../main.ts";
import { attestCommand } from "./attest.ts";
import type { HomeOf } from "./cli.ts";
import { fetchCommand } from "./fetch.ts";
import { publishCommand } from "./publish.ts";
import { remoteAddCommand, remoteListCommand, remoteRemoveCommand } from "./remote.ts";
import { setupCommand } from "./setup.ts";
import { suggestCommand } from "./suggest.ts";
import { trustAddCommand, trustListCommand, trustRemoveCommand } from "./trust.ts";
import { verifyCommand } from "./verify.ts";

// deno-lint-ignore no-explicit-any -- each act has flags of its own.
type AnyCommand = Command<any, any>;

/** Where the home is: a flag says so, or the environment, which only this reads. */
const homeOf: HomeOf = ({ home }) => {
  if (home !== undefined) return resolve(home);
  const named = Deno.env.get("SIG_DIR");
  if (named) return resolve(named);
  const user = Deno.env.get("HOME");
  if (user) return resolve(user, ".signet");
  throw new Error("Cannot find the home folder: HOME is not set; name a folder with --home");
};

function act<Flags extends Readonly<Record<string, unknown>>, Args extends readonly unknown[]>(
  words: string,
  command: Command<Flags, Args>,
): [string, AnyCommand] {
  return [words, command as unknown as AnyCommand];
}

/** The acts, by their words. */
const ACTS: ReadonlyMap<string, AnyCommand> = new Map([
  act("setup", setupCommand(homeOf)),
  act("attest", attestCommand(homeOf)),
  act("verify", verifyCommand(homeOf)),
  act("remote add", remoteAddCommand(homeOf)),
  act("remote list", remoteListCommand(homeOf)),
  act("remote remove", remoteRemoveCommand(homeOf)),
  act("fetch", fetchCommand(homeOf)),
  act("publish", publishCommand(homeOf)),
  act("suggest", suggestCommand(homeOf)),
  act("trust add", trustAddCommand(homeOf)),
  act("trust list", trustListCommand(homeOf)),
  act("trust remove", trustRemoveCommand(homeOf)),
]);

/** What is run without an act, or with one that is not known. */
const overview: Command<Record<string, never>, string[]> = {
  name: "sig",
  brief: "Sign, exchange and check reviews of code",
  description: [
    "Acts:",
    ...[...ACTS].map(([act, { brief }]) => `  ${act.padEnd(14)} ${brief}`),
    `  ${"help".padEnd(14)} Show this, or the help of an act`,
    "",
    "Each takes --help.",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "array",
      parameter: { parse: String, placeholder: "ACT", brief: "What to do" },
    },
    flags: {},
  },
  permissions: () => ({}),
  run(_flags, ...words) {
    const acts = [...ACTS.keys(), "help"].join(", ");
    const told = words.length > 0 ? `: received "${words.join(" ")}"` : "";
    console.error(`sig: expected one of ${acts}${told}`);
    return Promise.resolve(EXIT_USAGE);
  },
};

/** The program without an act, as `deploy/` sees it. */
export const command: AnyCommand = overview as unknown as AnyCommand;

/** The act that words name, and what is left of them for it. */
export function route(words: readonly string[]): { command: AnyCommand; args: string[] } {
  const [first, ...rest] = words;
  if (first === "help" || first === undefined) {
    return { command: routeHelp(rest), args: ["--help"] };
  }
  for (const length of [2, 1]) {
    const act = ACTS.get(words.slice(0, length).join(" "));
    if (act) return { command: act, args: words.slice(length) };
  }
  return { command, args: [...words] };
}

function routeHelp(words: readonly string[]): AnyCommand {
  return ACTS.get(words.join(" ")) ?? command;
}

if (import.meta.main) {
  const { command, args } = route(Deno.args);
  Deno.exit(await runCommand(command, args, processStreams()));
}
