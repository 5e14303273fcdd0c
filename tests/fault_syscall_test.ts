/**
 * System calls that fail: each call that the log makes on its data folder fails
 * once with EIO, or kills the process, wherever it comes in the life of the log:
 * while the folder is made, while batches are written, while it recovers. With
 * strace, on the real program's own drivers.
 */

import { equal, ok } from "node:assert/strict";
import { checkLog, readerOf } from "./check_log.ts";
import { LogClient } from "./log_client.ts";
import { LogProcess } from "./log_process.ts";
import { requirePeer } from "./peers/peers.ts";
import { dieOf, loops, seeded } from "./seeded.ts";
import { inFolder } from "./temporary.ts";
import { VKEY } from "./test_log.ts";

/** How many faults are tried. */
const LOOPS = loops("FAULT_LOOPS", { ci: 60, here: 24 });
const LANES = 2;
/** As they are called on one machine or another. */
const CALLS = [
  "openat",
  "?mkdir,mkdirat",
  "?link,linkat",
  "?rename,?renameat,renameat2",
  "?unlink,unlinkat",
  "fsync,fdatasync",
  "write",
  "pwrite64",
  "close",
  "read,pread64",
  "ftruncate",
  "statx,fstat",
];
const EFFECTS = ["error=EIO", "signal=KILL"];

/** What of the folder the log touches in this test: strace knows paths one by one. */
function pathsIn(folder: string): string[] {
  return [
    "",
    "/ledger.sqlite",
    "/ledger.sqlite-wal",
    "/ledger.sqlite.new",
    "/ledger.sqlite.new-wal",
    "/ledger.sqlite.new-journal",
    "/identifiers",
    "/.tmp",
    ...Array.from({ length: 60 }, (_, i) => `/.tmp/${i + 1}`),
    "/checkpoint",
    ...["/tile", "/tile/0", "/tile/1", "/tile/entries"],
    ...["/tile/0/000.p", "/tile/0/001.p", "/tile/1/000.p", "/tile/entries/000.p"],
    ...["/tile/0/000", "/tile/entries/000", "/tile/entries/001.p"],
  ].map((path) => folder + path);
}

/** A log's life of a few batches, over the edge of a tile. */
async function work(client: LogClient, label: string): Promise<void> {
  const many = (count: number, more: string) =>
    Array.from({ length: count }, (_, i) => `${label}-${more}-${i}.tar.gz`);
  await client.add(`${label}-one.tar.gz`);
  await client.bulk(many(120, "a"));
  await Promise.all([client.add(`${label}-two.tar.gz`), client.add(`${label}-one.tar.gz`, OTHER)]);
  await client.bulk(many(140, "b"));
  await client.add(`${label}-three.tar.gz`);
}
const OTHER = `sha256:${"0".repeat(64)}`;

/** Lives with a fault, from an empty folder or one that a kill left; what came of it. */
async function live(
  data: string,
  client: LogClient,
  labels: readonly string[],
  under: readonly string[] = [],
): Promise<"served" | "stopped" | "killed" | "never started"> {
  await using log = LogProcess.crashing({ folder: data, step: null, time: 0, delay: 0 }, under);
  const url = await log.url;
  if (url !== null) {
    client.send = (path, init) => fetch(url + path, init);
    for (const label of labels) await work(client, label);
    log.kill("SIGTERM");
  }
  const { signal, code, output } = await log.ended;
  client.send = null;
  if (signal === "SIGKILL") return "killed";
  ok(code === 0 || code === 1, `exit code ${code}, ${signal}: ${output}`);
  if (url === null) return "never started";
  return code === 0 ? "served" : "stopped";
}

Deno.test("a log keeps its word when a system call fails or kills it, wherever that is", async () => {
  const strace = await requirePeer("strace");
  if (strace === null) return;
  const { seed } = seeded("FAULT_SEED");
  let number = 0;
  const outcomes = new Map<string, number>();
  const lane = async (lane: number) => {
    const die = dieOf(seed + 7919 * lane);
    while (number < LOOPS) {
      const n = number++;
      const calls = CALLS[n % CALLS.length]!;
      const effect = EFFECTS[Math.floor(n / CALLS.length) % EFFECTS.length]!;
      const inject = `${calls}:${effect}:when=${1 + die(8)}`;
      const recovering = die(3) === 0;
      const what = `FAULT_SEED=${seed} ${inject}${recovering ? " while it recovers" : ""}`;
      await inFolder(async (folder) => {
        const data = `${folder}/data`;
        const client = new LogClient(VKEY);
        if (recovering) {
          // A batch that is committed and not applied is what recovery works on.
          await using log = LogProcess.crashing({
            folder: data,
            step: "committed",
            time: 2,
            delay: 0,
          });
          const url = (await log.url)!;
          client.send = (path, init) => fetch(url + path, init);
          await work(client, "before");
          await log.ended;
        }
        const filter = pathsIn(data).flatMap((path) => ["-P", path]);
        const under = [
          strace,
          "-D",
          "-f",
          "-qqq",
          "-o",
          "/dev/null",
          ...filter,
          "-e",
          `inject=${inject}`,
        ];
        try {
          const outcome = await live(data, client, ["faulty"], under);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          equal(await live(data, client, ["before", "faulty"]), "served");
          const { size } = await checkLog(readerOf(data), client.promises);
          equal(client.promises.acknowledged.size, size, "entries that nobody was told of");
        } catch (error) {
          throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
        }
      });
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
  console.log(Object.fromEntries(outcomes));
  for (const outcome of ["stopped", "killed"]) ok(outcomes.get(outcome), `none was ${outcome}`);
});
