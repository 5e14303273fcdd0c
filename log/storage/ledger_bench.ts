/**
 * Measures the storage drivers as the sequencer uses them, by hand:
 * `deno run -A log/storage/ledger_bench.ts [folder]`. Times are medians in milliseconds.
 *
 * @module
 */

import type { Ledger } from "./ledger.ts";
import { openSqliteLedger } from "./ledger_sqlite.ts";
import { openFsObjects } from "./objects_fs.ts";

const ROUNDS = 9;

const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1]!;

async function timed(run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const ms = (time: number) => time.toFixed(time < 10 ? 2 : 0);
const row = (...cells: (string | number)[]) =>
  console.log(
    cells.map((cell, i) => i === 0 ? `${cell}`.padEnd(34) : `${cell}`.padStart(12)).join(""),
  );

/** Commits so many entries and publishes them; how long the commit took. */
async function commit(ledger: Ledger, size: number, count: number): Promise<number> {
  const checkpoint = new Uint8Array(300);
  // What such a batch changes: hashes and bundled entries of about 100 bytes.
  const staged = Array.from({ length: Math.ceil(count / 256) }, (_, i) => {
    const width = Math.min(count - 256 * i, 256);
    return [
      { path: `tile/0/${i}`, bytes: new Uint8Array(32 * width) },
      { path: `tile/entries/${i}`, bytes: new Uint8Array(100 * width) },
    ];
  }).flat();
  const next = { size: size + count, checkpoint };
  const time = await timed(() => ledger.commit({ oldSize: size, next, staged }));
  await ledger.publish(checkpoint, size + count);
  return time;
}

async function benchLedger(folder: string): Promise<void> {
  const ledger = await openSqliteLedger(`${folder}/driver.db`);
  await ledger.initialize("bench.example", {
    size: 0,
    checkpoint: new Uint8Array(300),
  });
  let size = 0;
  row("ledger");
  for (const count of [1, 1_000, 10_000, 50_000]) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      times.push(await commit(ledger, size, count));
      size += count;
    }
    row(`  commit ${count}`, ms(median(times)));
  }
  const publishes: number[] = [];
  for (let i = 0; i < 20; i++) {
    publishes.push(
      await timed(() => ledger.publish(new Uint8Array(600), size)),
    );
  }
  row("  publish", ms(median(publishes)));
  await ledger.close();
  const open = async () => await (await openSqliteLedger(`${folder}/driver.db`)).close();
  row("  open, with its check", ms(await timed(open)));
}

async function benchObjects(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/objects`);
  const objects = await openFsObjects(`${folder}/objects`);
  let at = 0;
  const write = (count: number, length: number) =>
    timed(() =>
      objects.write(Array.from({ length: count }, () => {
        const index = `${++at}`.padStart(6, "0");
        const path = `tile/0/x${index.slice(0, 3).replace("000", "999")}/${index.slice(3)}`;
        return { path, bytes: new Uint8Array(length) };
      }))
    );
  const replace = () => timed(() => objects.replace("checkpoint", new Uint8Array(600)));
  const repeat = async (run: () => Promise<number>) => {
    const times: number[] = [];
    for (let i = 0; i < 30; i++) times.push(await run());
    return ms(median(times));
  };
  row("objects on the file system");
  row("  2 small objects", await repeat(() => write(2, 300)));
  row("  checkpoint", await repeat(replace));
  row("  80 objects of 17 KB", await repeat(() => write(80, 17_000)));
  row(
    "  read 1 object of 17 KB",
    await repeat(() => timed(() => objects.read("tile/0/x999/100"))),
  );
  await objects.close();
}

const folder = await Deno.makeTempDir({ dir: Deno.args[0] ?? ".", prefix: "ledger-bench-" });
try {
  await benchObjects(folder);
  await benchLedger(folder);
} finally {
  await Deno.remove(folder, { recursive: true });
}
