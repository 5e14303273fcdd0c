/**
 * `why`: the whole story of a file, told by a running proxy or found out anew.
 *
 * @module
 */

import { parseJson } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions } from "@indelible/core/command";
import { describe, hostOf, parseLogUrl, sendRequest } from "../http_client.ts";
import { asObject, text } from "../json_members.ts";
import { interruptible } from "../main.ts";
import { openProxy, type ProxyOptions } from "./open_proxy.ts";
import { JUDGING_FLAGS, type JudgingFlags, permissionsForJudging, settingsOf } from "./settings.ts";

/** Flags of `why`. */
export type WhyFlags = JudgingFlags & {
  /** A running proxy to ask. */
  readonly proxy?: URL;
};

const MAX_STORY = 1 << 20;

/**
 * The command line of `why`.
 *
 * @param openFirstSeen Opens the log of what was seen first, which is not of the tools.
 */
export function whyCommand(
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Command<WhyFlags, [string]> {
  return {
    name: "why",
    brief: "Tell why a file passes the proxy or is refused",
    description: [
      "Tells what the registry and the log say of a file, and what became of it. It asks a",
      "running proxy (--proxy), else the registry and the log themselves, with the same flags",
      "and defaults as `run`. The exit code is 0 for a file that passes.",
      "",
      "Examples:",
      "  deno task why requests-2.32.0.tar.gz --proxy=http://127.0.0.1:8082",
      "  deno task why requests-2.32.0.tar.gz --log=https://log.example --policy=log.policy",
    ].join("\n"),
    parameters: {
      positional: {
        kind: "tuple",
        parameters: [{ parse: String, placeholder: "FILE", brief: "Name of the file" }],
      },
      flags: {
        ...JUDGING_FLAGS,
        proxy: {
          kind: "parsed",
          parse: parseLogUrl,
          optional: true,
          placeholder: "URL",
          brief: "URL of a running proxy",
        },
      },
    },
    async permissions(flags): Promise<Permissions> {
      if (flags.proxy) return { net: [hostOf(flags.proxy)] };
      return await permissionsForJudging(flags);
    },
    async run(flags, filename) {
      const story = flags.proxy
        ? await askProxy(flags.proxy, filename)
        : await findOut(flags, filename, openFirstSeen);
      if (!story) {
        console.error(`why: no project's page lists ${filename}`);
        return EXIT_FAILURE;
      }
      console.log(story.lines.join("\n"));
      return story.verdict === "passes" ? 0 : EXIT_FAILURE;
    },
  };
}

interface Told {
  readonly verdict: string;
  readonly lines: readonly string[];
}

async function askProxy(proxy: URL, filename: string): Promise<Told | null> {
  const url = new URL(`why/${encodeURIComponent(filename)}`, proxy);
  const { status, body } = await sendRequest(url, {
    headers: { accept: "application/json" },
    maxBytes: MAX_STORY,
  });
  if (status === 404) return null;
  if (status !== 200) {
    const why = new TextDecoder().decode(body.subarray(0, 500)).trim();
    throw new Error(`${describe(url)} answers ${status}: ${why}`);
  }
  const story = asObject(parseJson(body), "the story");
  const { lines } = story;
  if (!Array.isArray(lines)) throw new SyntaxError('"lines" must be a list');
  return { verdict: text(story, "verdict"), lines: lines.map(String) };
}

async function findOut(
  flags: JudgingFlags,
  filename: string,
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Promise<Told | null> {
  const settings = await settingsOf(flags);
  return await interruptible(async (signal) => {
    await using proxy = await openProxy(flags, settings, {
      openFirstSeen,
      onPage: () => {},
      onRegistryTrouble: () => {},
      onTrouble: () => {},
      signal,
    });
    return await proxy.desk.why(filename);
  });
}
