/**
 * What the storage tests share: a temporary folder, a small real disk that can
 * be full or read-only, and a second process. Disks need root; without it those
 * tests say so in one line, and with `REQUIRE_PEERS=1` they fail.
 *
 * @module
 */

/**
 * Says in one visible line that a test did not run, or fails it when everything
 * that tests need was promised to be there.
 *
 * @param why What is missing.
 */
export function skip(why: string): void {
  if (Deno.env.get("REQUIRE_PEERS") === "1") {
    throw new Error(`Cannot run this test: ${why}`);
  }
  console.log(`SKIP: ${why}`);
}

/** A folder that goes away. */
export class TemporaryFolder implements AsyncDisposable {
  /** Its path. */
  readonly path = Deno.makeTempDirSync({ prefix: "indelible-storage-" });

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A mounted tmpfs. */
export class SmallDisk implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  /** Where it is mounted. */
  readonly path = this.#folder.path;

  /**
   * Mounts a disk, if this process may.
   *
   * @param size As `mount -o size=` takes it.
   * @returns The disk, or null after a visible line about the skip.
   */
  static async mount(size: string): Promise<SmallDisk | null> {
    const disk = new SmallDisk();
    const failure = await run(
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${size}`,
      "tmpfs",
      disk.path,
    );
    if (failure === null) return disk;
    await disk.#folder[Symbol.asyncDispose]();
    skip(`this process cannot mount a small disk: ${failure}`);
    return null;
  }

  /** Takes all the space that is left, but for some bytes, in whole pages. */
  fill(leave = 0): void {
    using file = Deno.openSync(`${this.path}/filler`, {
      create: true,
      append: true,
    });
    const page = new Uint8Array(4096).fill(1);
    try {
      while (true) file.writeSync(page);
    } catch {
      if (leave > 0) {
        file.truncateSync(Math.max(0, file.statSync().size - leave));
      }
    }
  }

  /** Gives the space back. */
  empty(): void {
    Deno.removeSync(`${this.path}/filler`);
  }

  /** Makes the disk read-only or writable. Fails while a file is open for writing. */
  async remount(mode: "ro" | "rw"): Promise<void> {
    const failure = await run("mount", "-o", `remount,${mode}`, this.path);
    if (failure !== null) throw new Error(failure);
  }

  /** Unmounts it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", this.path);
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** A file in whose place another one is mounted. */
export class BoundFile implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Mounts a file over another, if this process may.
   *
   * @param source The file that is seen from now on.
   * @param path The file that is not; both exist.
   * @param mode Whether it can be written.
   * @returns The mount, or null after a visible line about the skip.
   */
  static async mount(source: string, path: string, mode: "ro" | "rw"): Promise<BoundFile | null> {
    const failure = await run("mount", "--bind", source, path) ??
      await run("mount", "-o", `remount,bind,${mode}`, path);
    if (failure === null) return new BoundFile(path);
    skip(`this process cannot mount a file: ${failure}`);
    return null;
  }

  /** Unmounts it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", this.#path);
  }
}

/**
 * Runs a program in another Deno process, from a module beside the tests.
 *
 * @param source The program; imports are relative to this folder.
 * @param flags Deno's flags, permissions above all.
 * @param under A command to run it under, with its arguments.
 * @returns The process; its standard output is piped. It says nothing when
 * `under` is not installed.
 */
export async function startDeno(
  source: string,
  flags: readonly string[],
  under: readonly string[] = [],
): Promise<Deno.ChildProcess & AsyncDisposable> {
  const folder = new URL(".", import.meta.url);
  const body = source.replaceAll('from "./', `from "${folder.href}`);
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(program, body);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  // Through `env`, which starts and says so when the command is not there.
  const args = [
    ...under,
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-lock",
    `--config=${config}`,
  ];
  const process = new Deno.Command("env", {
    args: [...args, ...flags, program],
    stdout: "piped",
    stderr: "inherit",
    stdin: "piped",
  }).spawn();
  const dispose = async () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await process.status;
    await process.stdin.close().catch(() => {});
    await process.stdout.cancel().catch(() => {});
    await Deno.remove(program);
  };
  return Object.assign(process, { [Symbol.asyncDispose]: dispose });
}

/**
 * Reads what a process says first.
 *
 * @param process A process with piped output.
 * @returns Its first output.
 */
export async function firstOutput(process: Deno.ChildProcess): Promise<string> {
  const reader = process.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

async function run(command: string, ...args: string[]): Promise<string | null> {
  try {
    const output = await new Deno.Command(command, { args }).output();
    return output.success ? null : new TextDecoder().decode(output.stderr).trim();
  } catch (error) {
    return String(error);
  }
}
