/**
 * Starts a peer that keeps running, waits until it serves, and ends it by its id.
 * Nothing is ever ended by name: other tests run the same programs.
 */

/** A process under way. */
export interface Running {
  /** Its process id. */
  readonly pid: number;
  /** What it has written so far, standard output and error together. */
  output(): string;
  /**
   * Asks it to end, then forces it, and waits until it is gone.
   *
   * @returns Nothing, once the process is gone; again at once if it already was.
   */
  stop(): Promise<void>;
  /** Forces it to end at once, as a crash would (SIGKILL). */
  kill(): Promise<void>;
  /** Resolves to its exit code when it has ended, by itself or not. */
  readonly ended: Promise<number>;
}

/** How to start a process with {@linkcode startProcess}. */
export interface StartOptions {
  /** Extra environment variables. */
  env?: Record<string, string>;
  /** Working folder. */
  cwd?: string;
  /**
   * Asked again and again until true; a rejection counts as "not yet". Where ports are
   * concerned it must recognise this very process: another may have taken the port.
   */
  ready: (output: () => string) => Promise<boolean> | boolean;
  /** The polite signal of {@linkcode Running.stop} (default SIGTERM). */
  stopSignal?: Deno.Signal;
}

/** How long a peer may take to serve, or to end when asked, before it is given up. */
const PATIENCE_MS = 30_000;

/**
 * Finds a TCP port on 127.0.0.1 that is free now. Another program may take it before
 * it is used, so {@linkcode startServer} tries again.
 *
 * @returns The port.
 */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/**
 * Starts a process and waits until it is ready.
 *
 * @param command The program.
 * @param args Its arguments.
 * @param options When it is ready, and the rest.
 * @returns The running process.
 * @throws {Error} If it ends, or is not ready in time; the message ends with its output.
 */
export async function startProcess(
  command: string,
  args: string[],
  options: StartOptions,
): Promise<Running> {
  const child = new Deno.Command(command, {
    args,
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  let ended = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (
      const part of stream.pipeThrough(
        new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
      )
    ) text += part;
  };
  const gone = Promise.all([child.status, read(child.stdout), read(child.stderr)]).then(
    ([{ code }]) => {
      ended = true;
      return code;
    },
  );
  const signal = (name: Deno.Signal) => {
    try {
      if (!ended) child.kill(name);
    } catch (error) {
      // Gone between the look and the signal.
      if (
        !(error instanceof Deno.errors.NotFound || error instanceof TypeError)
      ) throw error;
    }
  };
  const kill = async () => {
    signal("SIGKILL");
    await gone;
  };
  const stop = async () => {
    signal(options.stopSignal ?? "SIGTERM");
    const force = setTimeout(() => signal("SIGKILL"), PATIENCE_MS);
    await gone;
    clearTimeout(force);
  };
  const output = () => text;
  const limit = performance.now() + PATIENCE_MS;
  while (!(await attempt(() => options.ready(output)))) {
    if (ended || performance.now() > limit) {
      await kill();
      throw new Error(
        `Cannot start ${command}: ${ended ? "it ended" : "not ready"}:\n${text}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { pid: child.pid, output, stop, kill, ended: gone };
}

async function attempt(
  ready: () => Promise<boolean> | boolean,
): Promise<boolean> {
  try {
    return await ready();
  } catch {
    return false;
  }
}

/**
 * Starts a process that listens on a port of ours, on another one if that was taken.
 *
 * @param command The program.
 * @param args Makes its arguments from the address, `127.0.0.1:PORT`.
 * @param options As {@linkcode startProcess}; `ready` is given the base URL too.
 * @returns The running process and its base URL, without a slash at the end.
 * @throws {Error} If it does not start.
 */
export async function startServer(
  command: string,
  args: (address: string) => string[],
  options: Omit<StartOptions, "ready"> & {
    ready: (url: string, output: () => string) => Promise<boolean> | boolean;
  },
): Promise<Running & { url: string }> {
  for (let left = 5;; left--) {
    const address = `127.0.0.1:${freePort()}`;
    const url = `http://${address}`;
    try {
      const running = await startProcess(command, args(address), {
        ...options,
        ready: (output) => options.ready(url, output),
      });
      return { ...running, url };
    } catch (error) {
      if (left === 0 || !String(error).includes("address already in use")) {
        throw error;
      }
    }
  }
}

/**
 * Reads a text over HTTP.
 *
 * @param url What to GET.
 * @returns The body.
 * @throws {Error} If the status is not 2xx.
 */
export async function get(url: string): Promise<string> {
  const response = await fetch(url);
  const body = await response.text();
  if (!response.ok) {
    throw new Error(`Cannot get ${url}: ${response.status}: ${body}`);
  }
  return body;
}

/** What a program that ran to its end left behind. */
export interface Finished {
  /** Its exit code, or `null` if it was ended because it took too long. */
  code: number | null;
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

/**
 * Runs a program to its end.
 *
 * @param command The program.
 * @param args Its arguments.
 * @param options Environment, working folder, and after how many milliseconds to end it
 *   by force (default 120,000).
 * @returns Exit code and output.
 */
export async function run(
  command: string,
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; limitMs?: number } = {},
): Promise<Finished> {
  const child = new Deno.Command(command, {
    args,
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    try {
      child.kill("SIGKILL");
    } catch {
      // Gone just now; its output is still being read.
    }
  }, options.limitMs ?? 120_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(limit);
  const text = new TextDecoder();
  return {
    code: late ? null : code,
    stdout: text.decode(stdout),
    stderr: text.decode(stderr),
  };
}
