/**
 * Measures storage, by hand: `deno run -A log/storage/ledger_bench.ts [rows]`.
 *
 * First the drivers as the sequencer uses them; then what keeping more look-ups
 * in the ledger's own transaction would cost, on bare SQL with the ledger's
 * settings. Times are medians in milliseconds.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import type { Ledger } from "./ledger.ts";
import { openSqliteLedger } from "./ledger_sqlite.ts";
import { openFsObjects } from "./objects_fs.ts";

const ROWS = Number(Deno.args[0] ?? 1_000_000);
const ROUNDS = 5;
/** Roughly PyPI's: files per project. */
const FILES_PER_PROJECT = 20;

function randomHashes(count: number): Uint8Array {
  const hashes = new Uint8Array(count * 32);
  for (let at = 0; at < hashes.length; at += 65_536) {
    crypto.getRandomValues(hashes.subarray(at, at + 65_536));
  }
  return hashes;
}

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

async function commit(
  ledger: Ledger,
  size: number,
  count: number,
): Promise<[number, number]> {
  const keys = randomHashes(count);
  const firstIndices = Float64Array.from({ length: count }, (_, i) => size + i);
  const identifiers = { keys, digests: keys, leafHashes: keys, firstIndices };
  const checkpoint = new Uint8Array(300);
  // What such a batch changes: hashes and bundled entries of about 100 bytes.
  const staged = Array.from({ length: Math.ceil(count / 256) }, (_, i) => [
    { path: `tile/0/${i}`, bytes: new Uint8Array(32 * Math.min(count, 256)) },
    {
      path: `tile/entries/${i}`,
      bytes: new Uint8Array(100 * Math.min(count, 256)),
    },
  ]).flat();
  const next = { size: size + count, checkpoint };
  const lookup = await timed(() => ledger.lookup(keys));
  const write = await timed(() =>
    ledger.commit({ oldSize: size, next, identifiers, laterEvents: [], staged })
  );
  await ledger.publish(checkpoint, size + count);
  return [lookup, write];
}

async function benchDriver(folder: string): Promise<void> {
  const ledger = await openSqliteLedger(`${folder}/driver.db`);
  await ledger.initialize("bench.example", {
    size: 0,
    checkpoint: new Uint8Array(300),
  });
  let size = 0;
  row("ledger driver", "look-up", "commit", "both");
  for (const target of [0, ROWS]) {
    while (size < target) {
      await commit(ledger, size, 20_000);
      size += 20_000;
    }
    for (const count of [1, 1_000, 10_000]) {
      const times: [number, number][] = [];
      for (let round = 0; round < ROUNDS; round++) {
        times.push(await commit(ledger, size, count));
        size += count;
      }
      const [lookup, write] = [
        median(times.map(([t]) => t)),
        median(times.map(([, t]) => t)),
      ];
      row(
        `  ${count} at ${target} rows`,
        ms(lookup),
        ms(write),
        ms(lookup + write),
      );
    }
  }
  const publishes: number[] = [];
  for (let i = 0; i < 20; i++) {
    publishes.push(
      await timed(() => ledger.publish(new Uint8Array(600), size)),
    );
  }
  row("  publish", "", "", ms(median(publishes)));
  await ledger.close();
  row(
    "  open (with its check)",
    "",
    "",
    ms(
      await timed(async () => {
        await (await openSqliteLedger(`${folder}/driver.db`)).close();
      }),
    ),
  );
  row(
    "  open a copy in memory",
    "",
    "",
    ms(
      await timed(async () => {
        await (await openSqliteLedger(`${folder}/driver.db`, {
          readOnly: true,
        })).close();
      }),
    ),
  );
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

interface Variant {
  readonly name: string;
  readonly project: boolean;
  readonly digest: boolean;
}

async function benchVariant(
  folder: string,
  { name, project, digest }: Variant,
): Promise<number[]> {
  const database = new DatabaseSync(
    `${folder}/${name.replaceAll(" ", "-")}.db`,
  );
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536;
    CREATE TABLE identifier (key BLOB PRIMARY KEY, first_index INTEGER NOT NULL,
      digest BLOB NOT NULL, newest_index INTEGER NOT NULL, newest_hash BLOB NOT NULL)
      STRICT, WITHOUT ROWID;
    CREATE TABLE by_project (name TEXT, leaf_index INTEGER, PRIMARY KEY (name, leaf_index))
      STRICT, WITHOUT ROWID;
    CREATE TABLE by_digest (digest BLOB, leaf_index INTEGER, PRIMARY KEY (digest, leaf_index))
      STRICT, WITHOUT ROWID;
  `);
  const insert = database.prepare(
    "INSERT INTO identifier VALUES (?1, ?2, ?3, ?2, ?4)",
  );
  const insertProject = database.prepare(
    "INSERT INTO by_project VALUES (?, ?)",
  );
  const insertDigest = database.prepare("INSERT INTO by_digest VALUES (?, ?)");
  const lookup = database.prepare(`
    WITH RECURSIVE asked(position) AS (
      SELECT 0 UNION ALL SELECT position + 1 FROM asked WHERE position + 1 < ?2
    )
    SELECT position, first_index, digest, newest_index, newest_hash
    FROM asked CROSS JOIN identifier ON key = substr(?1, position * 32 + 1, 32)
  `);
  const projects = Array.from(
    { length: ROWS / FILES_PER_PROJECT },
    (_, i) => `project-${Math.imul(i, 0x9e3779b1) >>> 0}`,
  );
  let size = 0;
  const sorted = (keys: Uint8Array) => {
    const view = new DataView(keys.buffer);
    return Uint32Array.from({ length: keys.length / 32 }, (_, i) => i)
      .sort((a, b) => view.getUint32(a * 32) - view.getUint32(b * 32));
  };
  const batch = (count: number) => {
    const [keys, digests] = [randomHashes(count), randomHashes(count)];
    lookup.all(keys, count);
    database.exec("BEGIN IMMEDIATE");
    for (const i of sorted(keys)) {
      const hash = keys.subarray(i * 32, i * 32 + 32);
      insert.run(hash, size + i, digests.subarray(i * 32, i * 32 + 32), hash);
    }
    if (project) {
      const names = Array.from({ length: count }, (_, i): [string, number] => [
        projects[Math.floor(Math.random() * projects.length)] ?? "",
        size + i,
      ]);
      for (const [text, index] of names.sort(([a], [b]) => a < b ? -1 : 1)) {
        insertProject.run(text, index);
      }
    }
    if (digest) {
      for (const i of sorted(digests)) {
        insertDigest.run(digests.subarray(i * 32, i * 32 + 32), size + i);
      }
    }
    size += count;
    database.exec("COMMIT");
  };
  const tidy = () => database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
  const results: number[] = [];
  for (const target of [0, ROWS]) {
    while (size < target) {
      batch(20_000);
      if (size % 100_000 === 0) tidy();
    }
    tidy();
    for (const count of [1_000, 10_000]) {
      const [times, tidyTimes]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        times.push(await timed(() => batch(count)));
        tidyTimes.push(await timed(tidy));
      }
      results.push(median(times));
      if (target > 0 && count === 10_000) results.push(median(tidyTimes));
    }
  }
  const { bytes } = database.prepare(
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get() as { bytes: number };
  database.close();
  return [...results, bytes / 1e6];
}

const folder = await Deno.makeTempDir({
  dir: Deno.args[1] ?? ".",
  prefix: "ledger-bench-",
});
try {
  await benchObjects(folder);
  await benchDriver(folder);
  row(
    "look-up + commit, bare SQL",
    ...["1k at 0", "10k at 0", "1k at rows", "10k at rows", "WAL moved", "MB"],
  );
  let base: number[] | null = null;
  for (
    const variant of [
      { name: "identifiers only", project: false, digest: false },
      { name: "and by project", project: true, digest: false },
      { name: "and by digest", project: false, digest: true },
      { name: "and by both", project: true, digest: true },
    ]
  ) {
    const results = await benchVariant(folder, variant);
    base ??= results;
    row(`  ${variant.name}`, ...results.map(ms));
    row(
      "    ratio",
      ...results.map((result, i) => `x${(result / base![i]!).toFixed(2)}`),
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
