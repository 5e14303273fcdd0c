/**
 * `proxy`: serves pip and uv a package index whose every file is proven first.
 *
 * @module
 */

import { type Command, UsageError } from "@indelible/core/command";
import { describe, hostOf } from "../http_client.ts";
import { interruptible } from "../main.ts";
import { listen } from "./listener.ts";
import { openProxy, type ProxyOptions } from "./open_proxy.ts";
import { ProxyReporter } from "./reporter.ts";
import { JUDGING_FLAGS, type JudgingFlags, permissionsForJudging, settingsOf } from "./settings.ts";

/** Flags of `proxy`. */
export type ProxyFlags = JudgingFlags & {
  /** Whether it serves the files themselves, too. */
  readonly stream: boolean;
  /** Hosts that files may come from. */
  readonly fileHost?: readonly string[];
  /** The address to listen on. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** Whether to tell in JSON lines. */
  readonly json: boolean;
};

/** The port of the proxy, unless it is said. */
export const DEFAULT_PORT = 8082;

function parsePort(text: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Infinity;
  if (port <= 65_535) return port;
  throw new SyntaxError("it must be a port: a whole number from 0 to 65535");
}

function parseHost(text: string): string {
  if (/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i.test(text)) return text.toLowerCase();
  throw new SyntaxError("it must be a host, or a host and a port, such as files.example:443");
}

/**
 * The command line of `proxy`.
 *
 * @param openFirstSeen Opens the log of what was seen first, which is not of the tools.
 */
export function proxyCommand(
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Command<ProxyFlags> {
  return {
    name: "proxy",
    brief: "Serve pip and uv a package index whose every file is proven first",
    description: [
      "Serves the package index that pip is set up with (or --upstream), with each file's",
      "SHA-256 the one that the log proves. pip and uv then fetch the files where they always",
      "are and check the bytes themselves. A file that the log does not vouch for stays listed",
      "and leads to a refusal (403) whose URL says why; `deno task why FILE` tells the rest.",
      "With --stream the files, too, come through here and are hashed on the way.",
      "",
      "Examples:",
      "  deno task proxy --log=https://log.example --policy=log.policy",
      "  deno task proxy --tofu",
      "  pip install --index-url=http://127.0.0.1:8082/simple/ requests",
    ].join("\n"),
    parameters: {
      flags: {
        ...JUDGING_FLAGS,
        stream: {
          kind: "boolean",
          default: false,
          withNegated: false,
          brief: "Serve the files, too, and hash them on the way",
        },
        fileHost: {
          kind: "parsed",
          parse: parseHost,
          optional: true,
          variadic: ",",
          placeholder: "HOST",
          brief: "With --stream: where files come from (default: any public address)",
        },
        host: {
          kind: "parsed",
          parse: String,
          default: "127.0.0.1",
          brief: "Address to listen on",
        },
        port: {
          kind: "parsed",
          parse: parsePort,
          default: String(DEFAULT_PORT),
          brief: "Port to listen on; 0 picks a free one",
        },
        json: {
          kind: "boolean",
          default: false,
          withNegated: false,
          brief: "Print refusals and troubles as JSON lines",
        },
      },
    },
    async permissions(flags) {
      const { net = [], ...others } = await permissionsForJudging(flags);
      const host = flags.host.includes(":") ? `[${flags.host}]` : flags.host;
      if (flags.fileHost && !flags.stream) throw new UsageError("--file-host goes with --stream");
      // Which hosts files come from, the registry's pages say.
      const anyHost = net === true || (flags.stream && !flags.fileHost);
      const hosts = [...net === true ? [] : net, `${host}:${flags.port}`, ...flags.fileHost ?? []];
      return { ...others, net: anyHost ? true : hosts };
    },
    run: (flags) => serveProxy(flags, openFirstSeen),
  };
}

async function serveProxy(
  flags: ProxyFlags,
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Promise<number> {
  const settings = await settingsOf(flags);
  const reporter = new ProxyReporter(flags.json);
  return await interruptible(async (signal) => {
    await using proxy = await openProxy(flags, settings, {
      openFirstSeen,
      onPage: (page) => reporter.page(page),
      onRegistryTrouble: (why) => reporter.registryTrouble(why),
      onTrouble: (error) => reporter.trouble(error),
      ...(flags.stream && {
        stream: {
          fileHosts: flags.fileHost ?? [],
          onTrouble: (error: Error) => reporter.note(error.message),
        },
      }),
      signal,
    });
    if (hostOf(proxy.index.url) === `${flags.host}:${flags.port}`) {
      throw new Error(
        "pip is set up with this very proxy: name the registry with --upstream=URL",
      );
    }
    await using listening = listen(
      proxy,
      { hostname: flags.host, port: flags.port },
      (error) => reporter.note(String(error)),
    );
    const trusted = settings.trust ? describe(settings.trust.log) : "what is seen first";
    console.log(`proxy of ${describe(proxy.index.url)} by ${trusted} at ${listening.simple}`);
    const ready = proxy.warmUp();
    if (signal.aborted) return 0;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await ready;
    return 0;
  });
}
