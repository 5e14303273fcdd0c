import { leafHash, packEntries, utf8 } from "@indelible/core";
import { chunkCount, type GrowingTree, type Growth, KernelMemory } from "@indelible/core/kernel";
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { plainRows } from "../tests/plain_rows.ts";
import { BOARD_BYTES, JobBoard } from "./hash_board.ts";
import { HashPool, type HashPoolOptions } from "./hash_pool.ts";
import type { Kind } from "./hash_pool_test_worker.ts";
import { hashAt } from "./tree.ts";

const entry = (i: number) => utf8(`entry ${i} ${"x".repeat(i % 70)}`);
const slabOf = (count: number, from = 0) =>
  packEntries(Array.from({ length: count }, (_, i) => entry(from + i)));
/** How many chunks a worker that dies late does well. */
const LATE_CHUNKS = 3300;
const EMPTY: GrowingTree = { size: 0, edge: new Map() };

/** What a pool of test workers told, and the workers themselves. */
class Told {
  readonly workers: Worker[] = [];
  readonly memories = new Set<WebAssembly.Memory>();
  readonly failures: string[] = [];
  #messages: string[] = [];
  #heard = Promise.withResolvers<void>();

  /** Makes a pool whose workers are of these kinds, the last one for all that follow. */
  pool(kinds: readonly Kind[], options: Partial<HashPoolOptions> = {}): HashPool {
    return new HashPool({
      workers: 1,
      patience: 30_000,
      onFailure: ({ message }) => this.failures.push(message),
      makeWorker: () => this.#make(kinds[Math.min(this.workers.length, kinds.length - 1)]!),
      ...options,
    });
  }

  /** Resolves when so many messages of a kind have come. */
  async heard(message: string, count: number): Promise<void> {
    while (this.count(message) < count) await this.#heard.promise;
  }

  count(message: string): number {
    return this.#messages.filter((each) => each === message).length;
  }

  #make(kind: Kind): Worker {
    const worker = new Worker(new URL("./hash_pool_test_worker.ts", import.meta.url), {
      type: "module",
      name: kind,
      deno: { permissions: "none" },
    });
    worker.addEventListener("message", ({ data }: MessageEvent<string>) => {
      this.#messages.push(data);
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    });
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (start: { memory: WebAssembly.Memory }) => {
      this.memories.add(start.memory);
      post(start);
    };
    this.workers.push(worker);
    return worker;
  }
}

Deno.test("HashPool grows trees as the pure functions do, in jobs of every size", async () => {
  const told = new Told();
  const pool = told.pool(["works, and tells"], { workers: 2 });
  try {
    await told.heard("arrived", 2);
    let tree = EMPTY;
    let chunks = 0;
    for (const count of [1, 2, 3, 4, 511, 513, 1024, 1025, 1, 7, 3000, 5000, 1]) {
      const entries = slabOf(count, tree.size);
      const rows = await pool.growRows(tree, entries);
      const want = plainRows(tree, entries);
      deepEqual(rows, want, `${tree.size} + ${count}`);
      const parts = chunkCount({ size: tree.size, count, chunkHeight: 9 } as Growth);
      if (parts > 2) chunks += parts;
      const size = tree.size + count;
      const edge = new Map(
        want.flatMap(({ first, hashes }, height) => {
          const last = Math.floor(size / 2 ** height) - 1;
          return last % 2 === 0 ? [[height, hashAt(hashes, last - first).slice()]] : [];
        }),
      );
      tree = { size, edge };
    }
    // All but the smallest jobs are the workers' business, and nothing of it is done twice.
    await told.heard("chunk", chunks);
    equal(told.count("chunk"), chunks);
    deepEqual(told.failures, []);
  } finally {
    pool.close();
  }
});

Deno.test("HashPool hands out rows that later jobs leave alone", async () => {
  const told = new Told();
  const pool = told.pool(["works, and tells"]);
  try {
    const slabs = [slabOf(3000), slabOf(2999, 7), slabOf(40)];
    await told.heard("arrived", 1);
    const all = await Promise.all(slabs.map((slab) => pool.growRows(EMPTY, slab)));
    all.forEach((rows, i) => deepEqual(rows, plainRows(EMPTY, slabs[i]!)));
    for (const { hashes } of all.flat()) {
      ok(hashes.buffer instanceof ArrayBuffer, "no memory that workers can write");
    }
  } finally {
    pool.close();
  }
});

const FAILURES: [Kind, RegExp][] = [
  ["dies at once", /a worker died/],
  ["dies", /a worker died/],
  ["dies after a chunk", /a worker died/],
  ["closes", /has done nothing/],
  ["hangs", /has done nothing/],
  ["skips", /is wrong/],
  ["answers wrongly", /is wrong/],
  ["is wrong about nodes", /is wrong/],
];
for (const [kind, why] of FAILURES) {
  Deno.test(`HashPool replaces a worker that ${kind}, and its batch is hashed again`, async () => {
    const told = new Told();
    const patience = /nothing/.test(why.source) ? 1500 : 30_000;
    const pool = told.pool(["works, and tells", kind, "works, and tells"], {
      workers: 2,
      patience,
    });
    try {
      await told.heard("arrived", kind === "dies at once" ? 1 : 2);
      // The good worker may be the faster one, and the bad one never be seen at work.
      let jobs = 0;
      for (; told.failures.length === 0 && jobs < 200; jobs++) {
        const entries = slabOf(5000, jobs);
        deepEqual(await pool.growRows(EMPTY, entries), plainRows(EMPTY, entries));
      }
      match(told.failures.join(), why);
      equal(told.failures.length, 1);
      equal(told.workers.length, 4);
      equal(told.memories.size, 2, "the old memory is not used again");
      await told.heard("arrived", kind === "dies at once" ? 3 : 4);
      const before = told.count("chunk");
      const entries = slabOf(5000, 1);
      deepEqual(await pool.growRows(EMPTY, entries), plainRows(EMPTY, entries));
      await told.heard("chunk", before + 10);
    } finally {
      pool.close();
    }
  });
}

Deno.test("HashPool survives a worker that is terminated with a chunk in its hands", async () => {
  const told = new Told();
  const pool = told.pool(["sleeps", "works, and tells"], { patience: 500 });
  try {
    await told.heard("arrived", 1);
    const entries = slabOf(5000);
    const rows = pool.growRows(EMPTY, entries);
    await told.heard("asleep", 1);
    told.workers[0]!.terminate();
    deepEqual(await rows, plainRows(EMPTY, entries));
    match(told.failures.join(), /has done nothing/);
  } finally {
    pool.close();
  }
});

Deno.test("HashPool survives a worker that is terminated between jobs", async () => {
  const told = new Told();
  const pool = told.pool(["works, and tells"], { patience: 500 });
  try {
    await told.heard("arrived", 1);
    for (const count of [5000, 4999, 4998]) {
      const entries = slabOf(count);
      deepEqual(await pool.growRows(EMPTY, entries), plainRows(EMPTY, entries));
      told.workers.at(-1)!.terminate();
    }
  } finally {
    pool.close();
  }
});

Deno.test("HashPool does without workers: while they start, and when they fail again and again", async () => {
  for (const kind of ["never comes", "dies", "skips"] as const) {
    const told = new Told();
    const pool = told.pool([kind]);
    try {
      for (let job = 0; job < 20; job++) {
        if (kind !== "never comes" && job < 8) await told.heard("arrived", job + 1);
        const entries = slabOf(2000, job);
        deepEqual(await pool.growRows(EMPTY, entries), plainRows(EMPTY, entries));
      }
      equal(told.workers.length, kind === "never comes" ? 1 : 8);
      equal(told.failures.length, kind === "never comes" ? 0 : 9);
      if (kind !== "never comes") match(told.failures.at(-1)!, /failed 8 times/);
    } finally {
      pool.close();
    }
  }
});

Deno.test("HashPool forgets the failures of long ago", async () => {
  const told = new Told();
  const dying = (times: number): Kind[] => Array.from({ length: times }, () => "dies");
  const pool = told.pool([...dying(7), "dies late", ...dying(6), "works, and tells"]);
  const entries = slabOf(1100);
  try {
    const jobs = 7 + LATE_CHUNKS / 3 + 1 + 6;
    for (let job = 0; job < jobs; job++) {
      if (told.count("arrived") < told.workers.length) {
        await told.heard("arrived", told.workers.length);
      }
      await pool.growRows(EMPTY, entries);
    }
    equal(told.failures.length, 7 + 1 + 6);
    await told.heard("arrived", 15);
    deepEqual(await pool.growRows(EMPTY, entries), plainRows(EMPTY, entries));
    await told.heard("chunk", 3);
  } finally {
    pool.close();
  }
});

Deno.test("HashPool fails a batch only when the kernel itself is wrong", async () => {
  const told = new Told();
  const pool = told.pool(["works, and tells"]);
  const honest = KernelMemory.prototype.finishGrowth;
  KernelMemory.prototype.finishGrowth = function (growth) {
    const rows = honest.call(this, growth);
    for (const { hashes } of rows) for (let i = 0; i < hashes.length; i += 32) hashes[i]! ^= 1;
    return rows;
  };
  try {
    await rejects(pool.growRows(EMPTY, slabOf(3)), /Cannot trust hash kernel/);
    equal(told.failures.length, 1);
    KernelMemory.prototype.finishGrowth = honest;
    deepEqual(await pool.growRows(EMPTY, slabOf(3)), plainRows(EMPTY, slabOf(3)));
  } finally {
    KernelMemory.prototype.finishGrowth = honest;
    pool.close();
  }
});

Deno.test("HashPool gives each of many jobs its own rows while workers fail", async () => {
  const told = new Told();
  const pool = told.pool(["fails now and then"], { workers: 3, patience: 400 });
  let turns = 0;
  // The main thread has other things to do, and gets to them.
  const clock = setInterval(() => turns++, 1);
  try {
    await told.heard("arrived", 3);
    for (let round = 0; round < 3; round++) {
      const counts = Array.from({ length: 20 }, () => 1 + Math.floor(Math.random() ** 3 * 20_000));
      await Promise.all(counts.map(async (count) => {
        const entries = slabOf(count, count);
        const [leaves, ...rest] = await pool.growRows(EMPTY, entries);
        for (const i of [0, count >> 1, count - 1]) {
          deepEqual(hashAt(leaves!.hashes, i), leafHash(entry(count + i)));
        }
        equal(rest.length, Math.floor(Math.log2(count)));
        if (count < 3000) deepEqual([leaves!, ...rest], plainRows(EMPTY, entries));
      }));
    }
    notEqual(turns, 0);
  } finally {
    clearInterval(clock);
    pool.close();
  }
});

Deno.test("HashPool fails what is under way when it is closed, and starts nothing more", async () => {
  const told = new Told();
  const pool = told.pool(["sleeps"]);
  await told.heard("arrived", 1);
  const jobs = [slabOf(5000), slabOf(3000), slabOf(1)].map((slab) => pool.growRows(EMPTY, slab));
  await told.heard("asleep", 1);
  pool.close();
  for (const job of jobs) await rejects(job, /the pool is closed/);
  await rejects(pool.growRows(EMPTY, slabOf(1)), /the pool is closed/);
  equal(told.workers.length, 1);
  deepEqual(told.failures, []);
});

Deno.test("a program ends by itself once its pool is closed, whatever the workers were doing", async () => {
  const pool = new URL("./hash_pool.ts", import.meta.url);
  const core = import.meta.resolve("@indelible/core");
  const program = `
    import { HashPool } from "${pool}";
    import { packEntries } from "${core}";
    const slab = packEntries(Array.from({ length: 5000 }, (_, i) => new Uint8Array(i % 99)));
    const tree = { size: 0, edge: new Map() };
    const [idle, young, busy] = [new HashPool(), new HashPool(), new HashPool()];
    await idle.growRows(tree, slab);
    await new Promise((then) => setTimeout(then, 200));
    await idle.growRows(tree, slab);
    busy.growRows(tree, slab).catch(({ message }) => console.log(message));
    for (const pool of [idle, young, busy]) pool.close();
    console.log("closed");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--unstable-worker-options", program],
    signal: AbortSignal.timeout(60_000), // Only so that a process that hangs fails the test.
  });
  const { code, stdout, stderr } = await child.output();
  deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  match(new TextDecoder().decode(stdout), /^closed$/m);
});

Deno.test("JobBoard hands each chunk to one taker, also when the numbers go round", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Int32Array(memory.buffer, 64, BOARD_BYTES / 4);
  const alive = setInterval(() => {}, 1);
  for (const start of [0, 2 ** 31 - 2, -2]) {
    // Taken, finished and offered so far.
    for (const word of [0, 16, 32]) words[word] = start;
    const [main, first, second] = Array.from({ length: 3 }, () => new JobBoard(memory, 64));
    const growth = {
      size: 2 ** 40 + 3,
      count: 9,
      source: 1,
      offsets: 2,
      target: 3,
      chunkHeight: 2,
    };
    for (let round = 0; round < 3; round++) {
      main!.post(growth);
      main!.offer(2);
      main!.offer(1);
      let settled = false;
      const settling = main!.settled().then(() => settled = true);
      const taken = [first!.take()!, second!.take()!, first!.take()!];
      deepEqual(taken.map(({ chunk }) => chunk), [0, 1, 2]);
      for (const { growth: told } of taken) deepEqual(told, { ...growth, size: 3 });
      for (const board of [first!, second!]) board.finish();
      await new Promise((then) => setTimeout(then, 5));
      ok(!settled);
      first!.finish();
      await settling;
    }
  }
  const board = new JobBoard(memory, 64);
  board.offer(3);
  const settling = board.settled();
  board.stop();
  equal(board.take(), null);
  await settling;
  clearInterval(alive);
});
