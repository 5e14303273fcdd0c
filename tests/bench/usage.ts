/** What a process has used so far, from `/proc`. */

const TICKS_PER_SECOND = 100; // What Linux has shown to programs for decades.

/** CPU time and memory of a process, all its threads together. */
export interface Usage {
  /** CPU seconds. */
  readonly cpu: number;
  /** Resident memory in MiB. */
  readonly rss: number;
  /** The most it ever was. */
  readonly peak: number;
}

/** Reads what a process has used. */
export function usageOf(pid: number): Usage {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    rss: mebibytes("VmRSS"),
    peak: mebibytes("VmHWM"),
  };
}

/** How much of the machine other programs took while a bench ran: a disturbed one shows. */
export class Disturbance {
  readonly #start = performance.now();
  readonly #busy = busySeconds();
  readonly #own = ownSeconds();

  /** The share of all cores since the start, 0–1. Call it once all servers have ended. */
  share(): number {
    const capacity = navigator.hardwareConcurrency * (performance.now() - this.#start) / 1000;
    const others = busySeconds() - this.#busy - (ownSeconds() - this.#own);
    return Math.max(0, others) / capacity;
  }
}

/** Waits until other programs leave the machine alone, but no longer than so many seconds. */
export async function awaitQuiet(patience: number): Promise<void> {
  const limit = performance.now() + 1000 * patience;
  while (performance.now() < limit) {
    const sample = new Disturbance();
    await pause(3000);
    if (sample.share() < 0.05) return;
  }
}

/** What a program that ran to its end used, and wrote. */
export interface MeasuredRun {
  /** Its exit code. */
  readonly code: number;
  /** What it wrote, standard output and error. */
  readonly output: string;
  /** Seconds from its start to its end. */
  readonly wall: number;
  /** CPU seconds of all its threads. */
  readonly cpu: number;
  /** The most memory it had, in MiB, as far as a look every few milliseconds saw. */
  readonly peak: number;
}

/** Runs a program to its end. No other child of this process may end meanwhile. */
export async function runMeasured(command: readonly string[], cwd: string): Promise<MeasuredRun> {
  const [program, ...args] = command;
  const before = endedSeconds();
  const start = performance.now();
  const child = new Deno.Command(program!, {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let peak = 0;
  const watch = setInterval(() => {
    try {
      // Not a number before the program has a memory of its own.
      peak = Math.max(peak, usageOf(child.pid).peak || 0);
    } catch {
      // It has ended.
    }
  }, 10);
  const { code, stdout, stderr } = await child.output();
  const wall = (performance.now() - start) / 1000;
  clearInterval(watch);
  const text = new TextDecoder();
  const output = text.decode(stdout) + text.decode(stderr);
  return { code, output, wall, cpu: endedSeconds() - before, peak };
}

/** CPU seconds of the whole machine: user, nice, system, interrupts. */
function busySeconds(): number {
  const fields = Deno.readTextFileSync("/proc/stat").split("\n", 1)[0]!.trim().split(/ +/);
  return [1, 2, 3, 6, 7].reduce((sum, i) => sum + Number(fields[i]), 0) / TICKS_PER_SECOND;
}

/** CPU seconds of this process and of all that it started and that have ended. */
function ownSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / TICKS_PER_SECOND;
}

/** CPU seconds of the children of this process that have ended. */
function endedSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / TICKS_PER_SECOND;
}

/** The machine in words. */
export function machine(): string {
  const cores = navigator.hardwareConcurrency;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  return `a machine with ${cores} cores and ${memory} GiB of memory`;
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
