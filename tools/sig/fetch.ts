/**
 * `sig fetch`: gets what remotes have published.
 *
 * @module
 */

import { type Command, EXIT_FAILURE, UsageError } from "@indelible/core/command";
import { describe } from "../http_client.ts";
import {
  type HomeOf,
  hostsOfRemotes,
  permissionsToRead,
  print,
  SIG_FLAGS,
  type SigFlags,
} from "./cli.ts";
import { type Home, lockHome, readHome } from "./home.ts";
import { describeKey } from "./keyring.ts";
import { warnOfHttp } from "./remote.ts";
import { fetchRemote } from "./remotes.ts";
import { parseRemoteName } from "./settings.ts";

/** The command line of `sig fetch`. */
export function fetchCommand(homeOf: HomeOf): Command<SigFlags, string[]> {
  return {
    name: "sig fetch",
    brief: "Get what remotes have published",
    description: [
      "Gets all remotes, or those that are named. One that fails does not keep back the others;",
      "what was seen last of it stays as it was.",
    ].join("\n"),
    parameters: {
      positional: {
        kind: "array",
        parameter: { parse: parseRemoteName, placeholder: "NAME", brief: "Remotes (default: all)" },
      },
      flags: SIG_FLAGS,
    },
    permissions(flags) {
      const home = homeOf(flags);
      const permissions = permissionsToRead(flags, homeOf);
      return { ...permissions, write: [home], net: hostsOfRemotes(home) };
    },
    async run(flags, ...names) {
      const folder = homeOf(flags);
      using _ = lockHome(folder);
      let home = await readHome(folder, new Date());
      const { remotes } = home.settings;
      const unknown = names.find((name) => !remotes.has(name));
      if (unknown !== undefined) throw new UsageError(`no remote is named "${unknown}"`);
      const results: Result[] = [];
      for (const name of names.length > 0 ? names : remotes.keys()) {
        const result = await fetchOne(flags, home, name);
        home = result.home;
        results.push(result);
      }
      const json = results.map(({ home: _, ...result }) => result);
      print(flags, { remotes: json }, []);
      return results.every(({ error }) => error === null) ? 0 : EXIT_FAILURE;
    },
  };
}

interface Result {
  readonly home: Home;
  readonly name: string;
  readonly error: string | null;
  readonly isNew: boolean;
  readonly imported: readonly string[];
}

async function fetchOne(flags: SigFlags, home: Home, name: string): Promise<Result> {
  warnOfHttp(home.settings.remotes.get(name)!);
  const imported: string[] = [];
  const tell = (line: string): void => flags.json ? undefined : console.log(line);
  const newKeys: Promise<void>[] = [];
  const result = { home, name, error: null, isNew: false, imported };
  try {
    const fetched = await fetchRemote(home, name, (event) => {
      if (event.kind === "got") tell(`GET ${describe(event.url)}... done.`);
      else newKeys.push(describeKey(event.key).then((user) => void imported.push(user)));
    });
    await Promise.all(newKeys);
    for (const user of imported) tell(`Imported ${user}.`);
    return { ...result, home: fetched.home, isNew: fetched.isNew };
  } catch (error) {
    const why = `Cannot fetch remote "${name}": ${(error as Error).message}`;
    console.error(`sig: ${why}`);
    return { ...result, error: why };
  }
}
