/**
 * `run`: one command of pip or uv with a proxy of its own, which ends with it.
 *
 * @module
 */

import { type Command, UsageError } from "@indelible/core/command";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { replaceFile } from "../files.ts";
import { clientEnvironment, leadsPast, READ_VARIABLES } from "./client_environment.ts";
import { listen, type Listening } from "./listener.ts";
import { type OpenProxy, openProxy, type ProxyOptions } from "./open_proxy.ts";
import { JUDGING_FLAGS, type JudgingFlags, permissionsForJudging, settingsOf } from "./settings.ts";
import { summaryLines } from "./summary.ts";

const HOST = "127.0.0.1";
/** The shell's codes for a command that cannot be run, or found. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/**
 * The command line of `run`.
 *
 * @param openFirstSeen Opens the log of what was seen first, which is not of the tools.
 */
export function runCommandLine(
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Command<JudgingFlags, string[]> {
  return {
    name: "run",
    brief: "Run a command of pip or uv so that it gets only what the log vouches for",
    description: [
      "Starts a verifying proxy on a port of this machine, leads pip and uv to it with the",
      "variables that they read, runs the command, and says what it was shown. Further indexes",
      "and find-links of the environment and of pip's configuration are set aside. The exit",
      "code is the command's.",
      "",
      "Log and policy come from the flags, else from INDELIBLE_LOG and INDELIBLE_POLICY, else",
      "from ~/.config/indelible/config.json.",
      "",
      "Examples:",
      "  deno task run --log=https://log.example --policy=log.policy -- pip install requests",
      "  deno task run -- uv pip install requests",
    ].join("\n"),
    parameters: {
      positional: {
        kind: "array",
        minimum: 1,
        parameter: { parse: String, placeholder: "COMMAND", brief: "The command, after --" },
      },
      flags: JUDGING_FLAGS,
    },
    async permissions(flags, ...words) {
      const { net = [], env = [], run = [], ...others } = await permissionsForJudging(flags);
      return {
        ...others,
        // A port of this machine that is picked when it starts.
        net: net === true ? true : [...net, HOST],
        env: [...env, ...READ_VARIABLES],
        run: [...run, words[0]!],
      };
    },
    run: (flags, ...words) => runBehindProxy(flags, words, openFirstSeen),
  };
}

async function runBehindProxy(
  flags: JudgingFlags,
  words: readonly string[],
  openFirstSeen: ProxyOptions["openFirstSeen"],
): Promise<number> {
  const past = leadsPast(words);
  if (past !== null) {
    throw new UsageError(`${past} would lead past the proxy: leave it out, or use --upstream`);
  }
  const settings = await settingsOf(flags);
  const say = (line: string) => console.error(`run: ${line}`);
  const alarms: string[] = [];
  const ended = new AbortController();
  await using proxy = await openProxy(flags, settings, {
    openFirstSeen,
    // What is left of it at the end stands in the summary.
    onPage: () => {},
    onRegistryTrouble: () => {},
    onTrouble: () => {},
    signal: ended.signal,
  });
  await using listening = listenAsBefore(
    proxy,
    settings.stateDir,
    (error) => alarms.push(error.message),
  );
  // The command takes a while to start: that time is free.
  const ready = proxy.warmUp();
  const noFiles = join(settings.stateDir, "no-files");
  await Deno.mkdir(noFiles, { recursive: true, mode: 0o700 });
  const { variables, setAside } = clientEnvironment(
    listening.simple,
    pathToFileURL(noFiles),
    (name) => Deno.env.get(name),
  );
  if (setAside.length > 0) {
    say(`set aside, since nothing of it would be verified: ${setAside.join(", ")}`);
  }
  const code = await runChild(words, variables);
  for (const line of [...alarms, ...summaryLines(proxy.desk.status(), Date.now())]) say(line);
  ended.abort();
  await ready;
  return code;
}

/** uv keeps what it has fetched by the index's URL: the port of the last time serves best. */
function listenAsBefore(
  proxy: OpenProxy,
  stateDir: string,
  onFault: (error: Error) => void,
): Listening {
  const path = join(stateDir, "run-port");
  const before = portIn(path);
  if (before !== null) {
    try {
      return listen(proxy, { hostname: HOST, port: before }, onFault);
    } catch (error) {
      if (!((error as Error).cause instanceof Deno.errors.AddrInUse)) throw error;
      // Another `run` is at it.
      return listen(proxy, { hostname: HOST, port: 0 }, onFault);
    }
  }
  const listening = listen(proxy, { hostname: HOST, port: 0 }, onFault);
  Deno.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  replaceFile(path, new TextEncoder().encode(`${listening.url.port}\n`), 0o600);
  return listening;
}

function portIn(path: string): number | null {
  try {
    const port = Number(Deno.readTextFileSync(path));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Runs the command on our own standard streams; resolves to its exit code. */
async function runChild(
  [program, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program!, {
      args,
      env: { ...env },
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const why = missing ? "there is no such program" : (error as Error).message;
    console.error(`run: Cannot run ${program}: ${why}`);
    return missing ? NOT_FOUND : CANNOT_RUN;
  }
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const forward = new Map(signals.map((name) => [name, () => {
    // From a terminal the command has got it already, as one of the same group.
    if (name === "SIGINT" && Deno.stdin.isTerminal()) return;
    try {
      child.kill(name);
    } catch {
      // It has ended already.
    }
  }]));
  for (const [name, listener] of forward) Deno.addSignalListener(name, listener);
  try {
    return (await child.status).code;
  } finally {
    for (const [name, listener] of forward) Deno.removeSignalListener(name, listener);
  }
}
