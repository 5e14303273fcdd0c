/**
 * The verifying proxy as people have it: the real program before a registry on this
 * machine and a real log, and real pip and uv behind it.
 */

import { formatSkey, formatVkey, type SignerKey } from "@indelible/core";
import { ok } from "node:assert/strict";
import { join } from "node:path";
import { type Log, openLog, readLogKeys } from "../log/mod.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import type { Running } from "./peers/process.ts";
import { clientEnvironment, type PythonClients } from "./peers/python.ts";
import { startProgram } from "./programs.ts";
import { type LoggedFile, newKey } from "./running_log.ts";

/** A log at one URL, which can go away, or become another one under the same key. */
export class ReplaceableLog implements AsyncDisposable {
  /** Its key. */
  readonly key: SignerKey = newKey("log.test/proxied");
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #port = 0;
  #log: Log | null = null;
  /** Answers in place of the log, or leaves it to it with `null`. */
  fault: (request: Request) => Response | null | Promise<Response | null> = () => null;

  /** Starts a log with some files. */
  static async start(files: readonly LoggedFile[]): Promise<ReplaceableLog> {
    const door = new ReplaceableLog();
    await door.replace(files);
    door.come();
    return door;
  }

  /** Its URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Its public key. */
  get vkey(): string {
    return formatVkey(this.key);
  }

  /** Puts a log with other files in its place, under the same key. */
  async replace(files: readonly LoggedFile[]): Promise<void> {
    await this.#log?.stop();
    this.#log = await openLog({
      keys: readLogKeys([formatSkey(this.key)], [formatVkey(this.key)], () => 1n),
      ledger: openMemoryLedger(),
      objects: openMemoryObjects(),
      batchInterval: 1,
    });
    await this.add(files);
  }

  /** Logs files. */
  async add(files: readonly LoggedFile[]): Promise<void> {
    const response = await this.#log!.handler(
      new Request("http://localhost/admin/bulk/append?proofs=false", {
        method: "POST",
        headers: { "content-type": "application/x-ndjson", host: "localhost" },
        body: files.map((file) => JSON.stringify(file) + "\n").join(""),
      }),
    );
    const text = await response.text();
    ok(response.status === 200 && !text.includes('"error"'), text);
  }

  /** What the log itself answers. */
  async answer(request: Request): Promise<Response> {
    return await this.#log!.handler(request);
  }

  /** Goes away: connections are refused. */
  async leave(): Promise<void> {
    await this.#server?.shutdown();
    this.#server = null;
  }

  /** Comes back. */
  come(): void {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: this.#port, onListen: () => {} },
      async (request) => await this.fault(request) ?? await this.answer(request),
    );
    this.#port = this.#server.addr.port;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    await this.#log?.stop();
  }
}

/** A proxy under way. */
export interface RunningProxy extends AsyncDisposable, Running {
  /** Its root, with a slash at the end. */
  readonly url: string;
}

/** Writes the log's key into a folder and gives the flags that trust it. */
export async function trustFlags(folder: string, log: ReplaceableLog): Promise<string[]> {
  await Deno.writeTextFile(join(folder, "log.key"), `${log.vkey}\n`);
  return [`--log=${log.url}`, "--public-key=log.key"];
}

/** Starts `deno task proxy` in a folder, where its state is kept, too. */
export async function startProxy(
  folder: string,
  upstream: string,
  flags: readonly string[],
): Promise<RunningProxy> {
  const ready = /^proxy of \S+ by .* at (http:\S+\/)simple\/$/m;
  const isSaid = (name: string) => flags.some((flag) => flag.startsWith(`${name}=`));
  const running = await startProgram("proxy", [
    ...(isSaid("--port") ? [] : ["--port=0"]),
    "--state-dir=state",
    ...(isSaid("--cache-dir") ? [] : ["--cache-dir=cache"]),
    `--upstream=${upstream}`,
    ...flags,
  ], { cwd: folder, ready: (output) => ready.test(output()) });
  const url = ready.exec(running.output())![1]!;
  return { ...running, url, [Symbol.asyncDispose]: () => running.stop() };
}

/** What a client did. */
export interface Installed {
  /** Its exit code. */
  readonly code: number;
  /** What it printed, with the proxy's usual port in place of the test's. */
  readonly output: string;
  /** The files it installed. */
  readonly files: readonly string[];
}

/** pip and uv, each with a home of its own in a folder. */
export class Clients {
  readonly #clients: PythonClients;
  readonly #folder: string;
  #runs = 0;

  /**
   * @param clients Where they are.
   * @param folder For what they install and keep.
   */
  constructor(clients: PythonClients, folder: string) {
    this.#clients = clients;
    this.#folder = folder;
  }

  /** `pip install` from an index into a new folder. */
  pip(simple: string, ...args: string[]): Promise<Installed> {
    return this.#install(this.#clients.pip, ["install", `--index-url=${simple}`], args);
  }

  /** `uv pip install` from an index into a new folder. */
  uv(simple: string, ...args: string[]): Promise<Installed> {
    const python = `--python=${this.#clients.python}`;
    const own = ["pip", "install", python, `--default-index=${simple}`];
    return this.#install(this.#clients.uv, own, args);
  }

  /** Both, one after the other. */
  async both(simple: string, ...args: string[]): Promise<[pip: Installed, uv: Installed]> {
    return [await this.pip(simple, ...args), await this.uv(simple, ...args)];
  }

  async #install(program: string, own: string[], args: string[]): Promise<Installed> {
    const home = join(this.#folder, `run-${this.#runs++}`);
    const target = join(home, "target");
    await Deno.mkdir(target, { recursive: true });
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...own, `--target=${target}`, ...args],
      env: clientEnvironment(home),
      clearEnv: true,
      cwd: home,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    const output = (text.decode(stdout) + text.decode(stderr))
      .replaceAll(/127\.0\.0\.1:[0-9]+/g, "127.0.0.1:8082");
    const names = [...Deno.readDirSync(target)].map(({ name }) => name).sort();
    const files = names.filter((name) => name !== ".lock"); // uv's own.
    return { code, output, files };
  }
}
