/**
 * `sig remote`: whose repositories are followed.
 *
 * @module
 */

import type { Command } from "@indelible/core/command";
import { isLoopback } from "../http_client.ts";
import {
  type HomeOf,
  permissionsToRead,
  permissionsToWrite,
  print,
  SIG_FLAGS,
  type SigFlags,
} from "./cli.ts";
import { homePaths, lockHome, readHome, refreshOwner, writeSettings } from "./home.ts";
import { parseRemoteName, parseRemoteUrl, withRemote } from "./settings.ts";

const NAME = { parse: parseRemoteName, placeholder: "NAME", brief: "What you call it" } as const;
const URL_OF_FOLDER = {
  parse: parseRemoteUrl,
  placeholder: "URL",
  brief: "Where its folder with repo.json and key.asc is published",
} as const;

/** The command line of `sig remote list`. */
export function remoteListCommand(homeOf: HomeOf): Command<SigFlags> {
  return {
    name: "sig remote list",
    brief: "Show the remotes",
    parameters: { flags: SIG_FLAGS },
    permissions: (flags) => permissionsToRead(flags, homeOf),
    async run(flags) {
      const { settings } = await readHome(homeOf(flags), new Date());
      const remotes = [...settings.remotes].map(([name, { href: url }]) => ({ name, url }));
      print(flags, { remotes }, remotes.map(({ name, url }) => `"${name}" ${url}`));
      return 0;
    },
  };
}

/** The command line of `sig remote add`. */
export function remoteAddCommand(homeOf: HomeOf): Command<SigFlags, [string, URL]> {
  return {
    name: "sig remote add",
    brief: "Follow a repository",
    parameters: {
      positional: { kind: "tuple", parameters: [NAME, URL_OF_FOLDER] },
      flags: SIG_FLAGS,
    },
    permissions: (flags) => permissionsToWrite(flags, homeOf),
    async run(flags, name, url) {
      const folder = homeOf(flags);
      using _ = lockHome(folder);
      const home = await readHome(folder, new Date());
      const isNew = !home.settings.remotes.has(name);
      if (isNew) {
        await writeSettings(await refreshOwner(home), withRemote(home.settings, name, url));
      }
      const told = isNew ? [] : [`A remote named "${name}" already exists. Skipping.`];
      print(flags, { name, url: url.href, changed: isNew }, told);
      warnOfHttp(url);
      return 0;
    },
  };
}

/** The command line of `sig remote remove`. */
export function remoteRemoveCommand(homeOf: HomeOf): Command<SigFlags, [string]> {
  return {
    name: "sig remote remove",
    brief: "Follow a repository no more, and forget what was fetched of it",
    parameters: {
      positional: { kind: "tuple", parameters: [NAME] },
      flags: SIG_FLAGS,
    },
    permissions: (flags) => permissionsToWrite(flags, homeOf),
    async run(flags, name) {
      const folder = homeOf(flags);
      using _ = lockHome(folder);
      const home = await readHome(folder, new Date());
      const isThere = home.settings.remotes.has(name);
      if (isThere) {
        await writeSettings(await refreshOwner(home), withRemote(home.settings, name, null));
        forget(homePaths(folder).remote(name));
      }
      const told = isThere ? [] : [`No remote named "${name}" exists. Skipping.`];
      print(flags, { name, changed: isThere }, told);
      return 0;
    },
  };
}

/** What is fetched is signed: who listens learns what is fetched, and can keep news back. */
export function warnOfHttp(url: URL): void {
  if (url.protocol !== "http:" || isLoopback(url)) return;
  console.error(`sig: warning: ${url.href} is not encrypted; who is in between can keep news back`);
}

function forget(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
