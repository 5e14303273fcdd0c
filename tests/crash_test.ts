/**
 * SIGKILL at every step of the write path, over and over, on real processes and
 * a real disk. After each death the log starts again on what it left behind and
 * must have kept every promise. A few hundred deaths in CI; as many as
 * `CRASH_LOOPS` says.
 */

import { equal, ok } from "node:assert/strict";
import { dirname } from "node:path";
import { BLOCK_LEAVES } from "../log/identifier_blocks.ts";
import { checkLog, readerOf } from "./check_log.ts";
import { type CrashPlan, type Step, STEPS } from "./crash_log.ts";
import { checksumOf, LogClient } from "./log_client.ts";
import { LogProcess } from "./log_process.ts";
import { runProgram } from "./programs.ts";
import { type Die, dieOf, loops, seeded } from "./seeded.ts";
import { inFolder } from "./temporary.ts";
import { VKEY } from "./test_log.ts";

const LOOPS = loops("CRASH_LOOPS", { ci: 240, here: 60 });
const LANES = 2;
/** Steps that only many entries reach. */
const BLOCK_STEPS: ReadonlySet<Step | null> = new Set<Step>(["writing block", "block written"]);
/** Deaths on one data folder. */
const DEATHS = 18;

/** One data folder, its client, and what the client sends next. */
class Target {
  readonly folder: string;
  readonly client = new LogClient(VKEY);
  readonly #roll: Die;
  #names = 0;
  /** Sent, and not known to be logged. */
  readonly #open = new Set<string>();

  constructor(folder: string, roll: Die) {
    this.folder = folder;
    this.#roll = roll;
  }

  /**
   * Starts the log, checks what it has, and sends it work until it dies.
   *
   * @returns Whether it died where it was to.
   */
  async visit(plan: CrashPlan): Promise<boolean> {
    await this.#damageBlocks();
    const victim = LogProcess.crashing(plan);
    const url = await victim.url;
    if (url !== null) {
      this.client.send = (path, init) => fetch(url + path, init);
      // Published is what was committed: the start has finished the last batch.
      await this.check();
      for (let round = 0; round < 8 && !victim.dead; round++) {
        await this.#send(round, BLOCK_STEPS.has(plan.step) ? BLOCK_LEAVES : 256);
      }
    }
    const fulfilled = victim.dead;
    victim.kill("SIGKILL");
    const { signal, output } = await victim.ended;
    this.client.send = null;
    equal(signal, "SIGKILL", output);
    return fulfilled;
  }

  async check(): Promise<number> {
    return (await checkLog(readerOf(this.folder), this.client.promises)).size;
  }

  /** Lives to the end: whatever was never acknowledged is sent again and must be taken. */
  async settle(): Promise<void> {
    const victim = LogProcess.crashing({ folder: this.folder, step: null, time: 0, delay: 0 });
    const url = await victim.url;
    this.client.send = (path, init) => fetch(url + path, init);
    for (const file of this.#open) {
      const answer = await this.client.add(file);
      ok(answer === "logged" || answer === "conflict", answer);
    }
    const told = this.client.promises.acknowledged.size;
    equal(await this.check(), told, "entries that nobody was told of");
    victim.kill("SIGTERM");
    const { code, output } = await victim.ended;
    equal(code, 0, output);
    const fsck = await runProgram("fsck", ["--log=data", "--public-key=public.key"], {
      cwd: dirname(this.folder),
    });
    equal(fsck.code, 0, fsck.stdout + fsck.stderr);
  }

  /** What a start can do without, in a state that a power cut may leave. */
  async #damageBlocks(): Promise<void> {
    const path = `${this.folder}/identifiers`;
    const bytes = await Deno.readFile(path).catch(() => null);
    if (bytes === null || bytes.length === 0) return;
    const at = this.#roll(bytes.length);
    switch (this.#roll(6)) {
      case 0:
        return await Deno.remove(path);
      case 1:
        return await Deno.truncate(path, at);
      case 2:
        bytes[at]! ^= 1 << this.#roll(8);
        return await Deno.writeFile(path, bytes);
    }
  }

  /**
   * One round: new ones, repeats and second digests side by side, or many at once, up to
   * the edge of a tile or of a block.
   */
  async #send(round: number, edge: number): Promise<void> {
    const known = [...this.client.promises.acknowledged.keys()];
    const again = () => known[this.#roll(known.length)] ?? this.#fresh();
    // A name whose fate is unknown is sent again, with the same digest or another.
    const unknown = [...this.#open].slice(0, 3).map((file) => ({
      file,
      checksum: checksumOf(this.#roll(2) ? file : `other ${file}`),
    }));
    const adds = [this.#fresh(), this.#fresh(), again()].map((file) => ({
      file,
      checksum: checksumOf(file),
    }));
    const second = { file: again(), checksum: checksumOf("another content") };
    if (round === 1) {
      // Up to the edge and around it.
      const size = this.client.promises.acknowledged.size;
      const count = edge - 1 - size % edge + this.#roll(3);
      const files = Array.from({ length: Math.max(1, count) }, () => this.#fresh());
      if (await this.client.bulk(files) === "logged") {
        files.forEach((file) => this.#open.delete(file));
      }
      return;
    }
    await Promise.all([...adds, ...unknown, second].map(async ({ file, checksum }) => {
      const answer = await this.client.add(file, checksum);
      if (answer === "logged" || answer === "conflict") this.#open.delete(file);
    }));
  }

  #fresh(): string {
    const file = `package-${++this.#names}.tar.gz`;
    this.#open.add(file);
    return file;
  }
}

Deno.test(`a log that is killed ${LOOPS} times keeps every promise`, async () => {
  const { seed } = seeded("CRASH_SEED");
  console.log(`CRASH_SEED=${seed}`);
  let visits = 0;
  const deaths = new Map<Step, number>(STEPS.map((step) => [step, 0]));

  const oneFolder = async (folder: string, roll: Die) => {
    await Deno.writeTextFile(`${folder}/public.key`, VKEY + "\n");
    const target = new Target(`${folder}/data`, roll);
    for (let i = 0; i < DEATHS && visits < LOOPS; i++) {
      // Each step in turn, so that few deaths reach all; when and how deep is chance.
      const step = STEPS[visits++ % STEPS.length]!;
      const delay = roll(2) ? roll(1000) : roll(8000);
      const plan = {
        folder: target.folder,
        step,
        time: step === "loaded" || BLOCK_STEPS.has(step) ? 1 : 1 + roll(6),
        delay,
      };
      try {
        if (await target.visit(plan)) deaths.set(step, deaths.get(step)! + 1);
      } catch (error) {
        const after = `After ${JSON.stringify(plan)}, CRASH_SEED=${seed}`;
        throw new Error(`${after}: ${(error as Error).message}`, { cause: error });
      }
    }
    await target.settle();
  };
  const lane = async (number: number) => {
    const roll = dieOf(seed + 7919 * number);
    while (visits < LOOPS) await inFolder((folder) => oneFolder(folder, roll));
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
  console.log(Object.fromEntries(deaths));
  for (const [step, count] of deaths) ok(count > 0 || LOOPS < 200, `nobody died at: ${step}`);
});
