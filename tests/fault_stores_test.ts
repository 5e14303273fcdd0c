/**
 * Every call to a store fails in every way, one at a time; then a second one
 * while the log recovers from the first. Whatever happens, what was promised
 * holds, and the log takes up where it was.
 */

import { equal, ok } from "node:assert/strict";
import { checksumOf } from "./log_client.ts";
import { type Call, FaultyStores, type Mode, modesOf } from "./faulty_stores.ts";
import { loops, seeded } from "./seeded.ts";
import { TestLog } from "./test_log.ts";

const name = (i: number) => `file-${i}.tar.gz`;
const names = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => name(from + i));
/** How many pairs of faults are tried. */
const LOOPS = loops("FAULT_LOOPS", { ci: 250, here: 100 });
const OTHER = checksumOf("another content");

type Story = readonly ((log: TestLog) => Promise<unknown>)[];

/** A story that ends with so many entries, its middle at `size`. */
function storyAround(size: number): Story {
  return [
    ({ client }) => client.bulk(names(0, size - 3)),
    ({ client }) =>
      Promise.all([
        client.add(name(size - 3)),
        client.add(name(size - 2)),
        client.add(name(size - 2)),
        client.add(name(0), OTHER),
      ]),
    ({ client }) => client.add(name(size - 1)),
    ({ client }) => client.add(name(size)),
    ({ client }) => client.bulk(names(size - 2, size + 4)),
    ({ client }) => client.add(name(size + 2), OTHER),
  ];
}

/** Opens the log and plays a story; stops early when the process dies or stops. */
async function play(
  story: Story,
  log: TestLog,
  stores: FaultyStores,
): Promise<"done" | "died" | "stopped"> {
  const opening = log.open({ wrap: (inner) => stores.around(inner) })
    .then(() => "open" as const, () => "stopped" as const);
  const opened = await Promise.race([opening, stores.died]);
  if (opened !== "open") return opened;
  for (const step of story) {
    if (await Promise.race([step(log), stores.died]) === "died") return "died";
  }
  return await log.stop() === null ? "done" : "stopped";
}

/** After whatever happened: everything promised is there, and everything can still be added. */
async function recover(story: Story, log: TestLog): Promise<void> {
  log.abandon();
  await log.open();
  await log.check();
  for (const step of story) await step(log);
  const { size } = await log.check();
  equal(log.client.promises.acknowledged.size, size, "entries that nobody was told of");
  equal(await log.stop(), null);
  await log.open();
  equal((await log.check()).size, size);
  equal(await log.stop(), null);
}

async function callsOf(story: Story): Promise<readonly Call[]> {
  const log = TestLog.inMemory();
  const stores = new FaultyStores();
  equal(await play(story, log, stores), "done");
  await recover(story, log);
  return stores.calls;
}

/** How the log may take it. */
function expected(mode: Mode, name: string): readonly string[] {
  if (mode.startsWith("died")) return ["died"];
  // A read for one answer fails that answer, one that the sequencer needs stops the log.
  if (name === "objects.read") return ["done", "stopped"];
  // A refusal must not stop a running log; a log that cannot be bound cannot run.
  return mode.startsWith("refused") && name !== "ledger.initialize" ? ["done"] : ["stopped"];
}

async function told(what: string, test: () => Promise<void>): Promise<void> {
  try {
    await test();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

Deno.test("a log keeps its word when any one call to its stores fails, stored or not", async () => {
  // Batches to 253, 255, 256, 257 and 260: over the edge of a tile.
  const story = storyAround(256);
  const calls = await callsOf(story);
  for (const name of ["ledger.commit", "ledger.publish", "ledger.refuse", "objects.replace"]) {
    ok(calls.some((call) => call.name === name), name);
  }
  for (const { number, name } of calls) {
    for (const mode of modesOf(name)) {
      await told(`call ${number}, ${name}, ${mode}`, async () => {
        const log = TestLog.inMemory();
        const outcome = await play(story, log, new FaultyStores({ at: number, mode }));
        ok(expected(mode, name).includes(outcome), outcome);
        await recover(story, log);
      });
    }
  }
});

Deno.test("a log keeps its word when it fails again while it recovers", async () => {
  const story = storyAround(5);
  const calls = await callsOf(story);
  const faults = calls.flatMap(({ number, name }) =>
    modesOf(name).map((mode) => ({ at: number, mode, name }))
  );
  const { die, seed } = seeded("FAULT_SEED");
  for (let i = 0; i < LOOPS; i++) {
    const first = faults[die(faults.length)]!;
    const log = TestLog.inMemory();
    await play(story, log, new FaultyStores(first));
    log.abandon();
    // The second life makes other calls, so its modes are those of any call.
    const second = { at: 1 + die(14), mode: faults[die(faults.length)]!.mode };
    const what = `FAULT_SEED=${seed}, ${JSON.stringify(first)}, then ${JSON.stringify(second)}`;
    await told(what, async () => {
      await play(story, log, new FaultyStores(second));
      await recover(story, log);
    });
  }
});
