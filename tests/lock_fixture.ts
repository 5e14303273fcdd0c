/** A registry, a log that has its files, and clients that install from it. */

import { join } from "node:path";
import type { Finished } from "./peers/process.ts";
import { clientEnvironment } from "./peers/python.ts";
import { runProgram } from "./programs.ts";
import { ReplaceableLog, trustFlags } from "./proxy_fixture.ts";
import { Registry } from "./registry.ts";
import type { LoggedFile } from "./running_log.ts";

/** What a test has around it. */
export class LockScene implements AsyncDisposable {
  /** The folder that everything runs in. */
  readonly folder: string;
  /** `alpha`, which requires `beta`, and `beta`, which has an sdist, too: two versions each. */
  readonly registry: Registry;
  /** The log; it has all that the registry had when the scene was set. */
  readonly log: ReplaceableLog;
  /** Whom to trust. */
  readonly trust = "--public-key=log.key";

  private constructor(folder: string, registry: Registry, log: ReplaceableLog) {
    this.folder = folder;
    this.registry = registry;
    this.log = log;
  }

  /** Sets the scene. */
  static async set(folder: string): Promise<LockScene> {
    const registry = new Registry();
    for (const version of ["1.0", "2.0"]) {
      registry.publishWheel("beta", version);
      registry.publishWheel("alpha", version, { requires: ["beta"] });
      // What nobody here would install is locked all the same.
      const sdist = new TextEncoder().encode(`the source of ${version}`);
      registry.publish("beta", `beta-${version}.tar.gz`, sdist);
    }
    const log = await ReplaceableLog.start(filesOf(registry));
    await trustFlags(folder, log);
    return new LockScene(folder, registry, log);
  }

  /** Runs one of our programs in the folder. */
  tool(name: string, ...args: string[]): Promise<Finished> {
    return runProgram(name, args, { cwd: this.folder });
  }

  /** Runs it with the flags that name the log and the user's folders. */
  online(name: string, ...args: string[]): Promise<Finished> {
    const places = [`--log=${this.log.url}`, "--state-dir=state"];
    return this.tool(name, ...args, ...places, this.trust);
  }

  /** Runs a client in the folder. */
  async client(program: string, ...args: string[]): Promise<Finished> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: this.folder,
      env: clientEnvironment(this.folder),
      clearEnv: true,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }

  /** Has uv lock a project that needs `alpha` and `beta` 1.0. */
  async lockWithUv(uv: string): Promise<Finished> {
    const project = '[project]\nname = "demo"\nversion = "0.1.0"\nrequires-python = ">=3.9"\n';
    const needs = 'dependencies = ["alpha==1.0", "beta==1.0"]\n';
    await this.write("pyproject.toml", project + needs);
    return await this.client(uv, "lock", `--default-index=${this.registry.simple}`);
  }

  /** The text of a file of the folder. */
  read(name: string): Promise<string> {
    return Deno.readTextFile(join(this.folder, name));
  }

  /** Writes a file of the folder. */
  write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(join(this.folder, name), text);
  }

  /** Ends log and registry. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

/** What a registry has, as a log takes it. */
export function filesOf(registry: Registry): LoggedFile[] {
  return registry.importLines().trimEnd().split("\n").map((line) => JSON.parse(line));
}
