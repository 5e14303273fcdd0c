import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Damaged, NotStored } from "./failure.ts";
import { firstOutput, skip, SmallDisk, startDeno, TemporaryFolder } from "./fault_fixture.ts";
import type { Ledger } from "./ledger.ts";
import { batchOf, ledgerConformance, ORIGIN } from "./ledger_conformance.ts";
import { openSqliteLedger } from "./ledger_sqlite.ts";

ledgerConformance("sqlite", () => {
  const folder = new TemporaryFolder();
  return Promise.resolve({
    open: () => openSqliteLedger(`${folder.path}/ledger.db`),
    keeps: true,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  });
});

/** Staged objects of so many bytes together. */
const objectsOf = (length: number) =>
  Array.from({ length: 10 }, (_, i) => ({
    path: `tile/entries/${i}`,
    bytes: new Uint8Array(length / 10),
  }));
const bytes = (content: string) => new TextEncoder().encode(content);
const isNotStored = (reason: string) => (error: unknown) =>
  error instanceof NotStored && error.reason === reason;
const isDamaged = (path: string) => (error: unknown) =>
  error instanceof Damaged && error.object === path;

/** One fsync fails, the worker's 25th: the ledger is made and bound by then. */
const STRACE = [
  "strace",
  "-f",
  "-qq",
  "-o/dev/null",
  "-etrace=fdatasync,fsync",
  "-einject=fdatasync,fsync:error=EIO:when=25..25",
];

async function bound(path: string): Promise<Ledger> {
  const ledger = await openSqliteLedger(path);
  await ledger.initialize(ORIGIN, {
    size: 0,
    checkpoint: bytes("checkpoint 0"),
  });
  return ledger;
}

Deno.test("sqlite ledger sets what durability rests on", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  await (await bound(path)).close();
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assert.deepEqual(names, ["ledger.db"], "one file, the WAL moved into it");
  using database = new DatabaseSync(path);
  assert.equal(
    database.prepare("PRAGMA journal_mode").get()?.journal_mode,
    "wal",
  );
  assert.deepEqual(
    database.prepare("SELECT version FROM schema_version").all().length,
    1,
  );
});

Deno.test("sqlite ledger refuses a second holder in this process", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  const ledger = await bound(path);
  await assert.rejects(openSqliteLedger(path), isNotStored("busy"));
  await assert.rejects(
    openSqliteLedger(path, { readOnly: true }),
    isNotStored("busy"),
  );
  await ledger.commit(batchOf(0, 1));
  await ledger.close();
  await (await openSqliteLedger(path)).close();
});

const HOLDER = (path: string) => `
  import { openSqliteLedger } from "./ledger_sqlite.ts";
  import { batchOf, ORIGIN } from "./ledger_conformance.ts";
  const ledger = await openSqliteLedger(${JSON.stringify(path)});
  await ledger.initialize(ORIGIN, { size: 0, checkpoint: new Uint8Array(1) });
  await ledger.commit(batchOf(0, 100));
  console.log("committed");
  setInterval(() => {}, 1000);
`;

Deno.test("sqlite ledger refuses a second process, and outlives the first one's death", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  {
    // These permissions are all that a ledger needs.
    const source = new URL(".", import.meta.url).pathname;
    await using holder = await startDeno(HOLDER(path), [
      `--allow-read=${folder.path},${source}`,
      `--allow-write=${folder.path}`,
    ]);
    assert.equal(await firstOutput(holder), "committed");
    await assert.rejects(openSqliteLedger(path), isNotStored("busy"));
    await assert.rejects(openSqliteLedger(path), isNotStored("busy"));
  }
  assert.ok(Deno.statSync(`${path}-wal`).size > 0, "killed: the WAL is left");
  const copy = await openSqliteLedger(path, { readOnly: true });
  assert.equal((await copy.load()).head?.size, 100);
  assert.deepEqual((await copy.load()).staged, batchOf(0, 100).staged);
  await assert.rejects(copy.commit(batchOf(100, 1)), isNotStored("read-only"));
  await copy.close();
  const ledger = await openSqliteLedger(path);
  assert.equal((await ledger.load()).head?.size, 100);
  await ledger.commit(batchOf(100, 1));
  await ledger.close();
});

Deno.test("sqlite ledger takes up after a creation that crashed", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  for (const suffix of ["", "-wal", "-journal"]) {
    Deno.writeTextFileSync(`${path}.new${suffix}`, "half of a");
  }
  await (await bound(path)).close();
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), [
    "ledger.db",
  ]);
});

Deno.test("sqlite ledger refuses a damaged file and leaves it as it is", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  const ledger = await bound(path);
  const staged = Array.from({ length: 300 }, (_, i) => ({
    path: `tile/0/${i}`,
    bytes: new Uint8Array(500).fill(i),
  }));
  await ledger.commit(batchOf(0, 1_000, { staged }));
  await ledger.close();
  const good = Deno.readFileSync(path);
  const garbage = (at: number, length: number) => {
    const damaged = good.slice();
    crypto.getRandomValues(damaged.subarray(at, at + length));
    return damaged;
  };
  const pages = good.length / 4096;
  const damages: [string, Uint8Array][] = [
    ["empty", new Uint8Array(0)],
    ["text", bytes("not a database at all\n".repeat(1000))],
    ["zeroes", new Uint8Array(good.length)],
    ["garbage header", garbage(0, 100)],
    ["half a page", good.slice(0, 2048)],
    ["one page", good.slice(0, 4096)],
    ["cut by a page", good.slice(0, good.length - 4096)],
    ["cut in a page", good.slice(0, good.length - 1000)],
    ["cut in half", good.slice(0, Math.floor(pages / 2) * 4096)],
    ...Array.from({ length: pages }, (_, i): [string, Uint8Array] => [
      `garbage page ${i + 1}`,
      garbage(i * 4096, 4096),
    ]),
  ];
  for (const [what, damaged] of damages) {
    for (const readOnly of [false, true]) {
      Deno.writeFileSync(path, damaged);
      await assert.rejects(
        openSqliteLedger(path, { readOnly }),
        isDamaged(path),
        what,
      );
      assert.deepEqual(Deno.readFileSync(path), damaged, what);
    }
  }
  Deno.writeFileSync(path, good);
  await (await openSqliteLedger(path)).close();
});

Deno.test("sqlite ledger refuses what is not its own", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  {
    using foreign = new DatabaseSync(path);
    foreign.exec("CREATE TABLE t (a)");
  }
  await assert.rejects(openSqliteLedger(path), isDamaged(path));
  Deno.removeSync(path);
  await assert.rejects(
    openSqliteLedger(path, { readOnly: true }),
    isDamaged(path),
  );
  await (await bound(path)).close();
  {
    using later = new DatabaseSync(path);
    later.exec("UPDATE schema_version SET version = 3");
  }
  await assert.rejects(
    openSqliteLedger(path),
    /schema version is 3, this program knows 2/,
  );
  Deno.renameSync(path, `${folder.path}/elsewhere.db`);
  Deno.symlinkSync("elsewhere.db", path);
  await assert.rejects(openSqliteLedger(path), isDamaged(path));
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  await assert.rejects(openSqliteLedger(path), isDamaged(path));
  await assert.rejects(
    openSqliteLedger(`${folder.path}/none/ledger.db`),
    Deno.errors.NotFound,
  );
});

Deno.test("sqlite ledger stores nothing on a full disk and goes on when there is space", async () => {
  await using disk = await SmallDisk.mount("3m");
  if (disk === null) return;
  const ledger = await bound(`${disk.path}/ledger.db`);
  try {
    await ledger.commit(batchOf(0, 100));
    // With every amount of space left, so that it runs out at each step.
    for (const leave of [0, 4096, 8192, 12_288, 16_384, 24_576, 65_536]) {
      disk.fill(leave);
      const { head, staged } = await ledger.load();
      const size = head!.size;
      await assert.rejects(
        ledger.commit(batchOf(size, 2_000, { staged: objectsOf(140_000) })),
        isNotStored("full"),
      );
      assert.deepEqual(await ledger.load(), { ...await ledger.load(), head, staged });
      disk.empty();
      await ledger.commit(batchOf(size, 10));
      await ledger.publish(bytes("cosigned"), size + 10);
      assert.equal((await ledger.load()).head?.size, size + 10);
    }
    // One at a time until the space ends, however the WAL stands.
    disk.fill(131_072);
    let size = (await ledger.load()).head!.size;
    const fillUp = async () => {
      for (; size < 1_000; size++) await ledger.commit(batchOf(size, 1));
    };
    await assert.rejects(fillUp(), isNotStored("full"));
    assert.equal((await ledger.load()).head!.size, size);
    disk.empty();
    await ledger.commit(batchOf(size, 1));
  } finally {
    await ledger.close();
  }
  const again = await openSqliteLedger(`${disk.path}/ledger.db`);
  assert.ok((await again.load()).head!.size > 100);
  await again.close();
});

Deno.test("sqlite ledger opens on a full disk and refuses writes until there is space", async () => {
  await using disk = await SmallDisk.mount("2m");
  if (disk === null) return;
  const path = `${disk.path}/ledger.db`;
  disk.fill();
  await assert.rejects(openSqliteLedger(path), isNotStored("full"));
  disk.empty();
  {
    await using holder = await startDeno(HOLDER(path), ["--allow-all"]);
    assert.equal(await firstOutput(holder), "committed");
  }
  disk.fill();
  const ledger = await openSqliteLedger(path);
  assert.equal((await ledger.load()).head?.size, 100);
  // Larger than what the file and its WAL have room for.
  const batch = batchOf(100, 1, { staged: objectsOf(400_000) });
  await assert.rejects(ledger.commit(batch), isNotStored("full"));
  disk.empty();
  await ledger.commit(batch);
  await ledger.close();
});

Deno.test("sqlite ledger is readable on a read-only disk, also after a crash", async () => {
  await using disk = await SmallDisk.mount("4m");
  if (disk === null) return;
  const path = `${disk.path}/ledger.db`;
  await disk.remount("ro");
  await assert.rejects(openSqliteLedger(path), isNotStored("read-only"));
  await disk.remount("rw");
  {
    await using holder = await startDeno(HOLDER(path), ["--allow-all"]);
    assert.equal(await firstOutput(holder), "committed");
  }
  for (const state of ["after a crash", "after a close"]) {
    await disk.remount("ro");
    await assert.rejects(
      openSqliteLedger(path),
      isNotStored("read-only"),
      state,
    );
    const ledger = await openSqliteLedger(path, { readOnly: true });
    assert.equal((await ledger.load()).head?.size, 100, state);
    assert.deepEqual(await ledger.refusals(5), []);
    await assert.rejects(
      ledger.commit(batchOf(100, 1)),
      isNotStored("read-only"),
    );
    await assert.rejects(
      ledger.publish(bytes("x"), 100),
      isNotStored("read-only"),
    );
    await assert.rejects(ledger.refuse([]), isNotStored("read-only"));
    await ledger.close();
    await disk.remount("rw");
    await (await openSqliteLedger(path)).close();
  }
});

Deno.test("sqlite ledger takes no more calls once it is closed", async () => {
  await using folder = new TemporaryFolder();
  const ledger = await bound(`${folder.path}/ledger.db`);
  const closed = [ledger.close(), ledger.close()];
  await assert.rejects(ledger.load(), /closed/);
  await Promise.all(closed);
  await assert.rejects(ledger.refusals(1), /closed/);
});

Deno.test("sqlite ledger rejects all that waits when its worker dies", async () => {
  await using folder = new TemporaryFolder();
  const workers: Worker[] = [];
  const { Worker: Original } = globalThis;
  globalThis.Worker = class extends Original {
    constructor(...parameters: ConstructorParameters<typeof Original>) {
      super(...parameters);
      workers.push(this);
    }
  };
  try {
    const ledger = await bound(`${folder.path}/ledger.db`);
    // Not a message of ours: the worker fails outside of any answer.
    workers[0]!.postMessage(null);
    const waiting = [
      ledger.commit(batchOf(0, 1)),
      ledger.refusals(1),
      ledger.load(),
    ];
    for (const call of waiting) {
      await assert.rejects(call, /worker died, outcome unknown/);
    }
    await assert.rejects(ledger.load(), /worker died, outcome unknown/);
    await ledger.close();
  } finally {
    globalThis.Worker = Original;
  }
});

Deno.test("sqlite ledger takes a failed fsync for unknown, and nothing after it", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  const program = `
    import { openSqliteLedger } from "./ledger_sqlite.ts";
    import { batchOf, ORIGIN } from "./ledger_conformance.ts";
    import { Damaged, NotStored } from "./failure.ts";
    const ledger = await openSqliteLedger(${JSON.stringify(path)});
    await ledger.initialize(ORIGIN, { size: 0, checkpoint: new Uint8Array(1) });
    const outcome = (call) => call.then(() => "done", (error) =>
      error instanceof NotStored || error instanceof Damaged ? error.name : error.message);
    const said = [];
    for (let size = 0; size < 40; size++) said.push(await outcome(ledger.commit(batchOf(size, 1))));
    said.push(await outcome(ledger.load()), await outcome(ledger.refusals(1)));
    console.log(JSON.stringify(said));
    await ledger.close();
  `;
  await using process = await startDeno(program, ["--allow-all"], STRACE);
  const output = await firstOutput(process);
  // It has said all; its lock goes when it ends.
  const { code } = await process.status;
  if (output === "" && code === 127) {
    return skip("strace is not installed, which makes an fsync fail");
  }
  const said: string[] = JSON.parse(output);
  const first = said.findIndex((outcome) => outcome !== "done");
  assert.ok(first > 0 && first < 40);
  assert.match(said[first]!, /disk I\/O error \(SQLite 1034\)/);
  for (const outcome of said.slice(first + 1)) {
    assert.match(outcome, /earlier failure left it unknown/);
  }
  const ledger = await openSqliteLedger(path);
  const { size } = (await ledger.load()).head!;
  assert.ok(
    size === first || size === first + 1,
    "either outcome is a whole one",
  );
  await ledger.commit(batchOf(size, 1));
  await ledger.close();
});

/** What version 1 had besides: its statement, and a row for each entry. */
const IDENTIFIERS = `
  CREATE TABLE identifier (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    first_index INTEGER NOT NULL,
    digest BLOB NOT NULL,
    newest_index INTEGER NOT NULL,
    newest_hash BLOB NOT NULL
  ) STRICT, WITHOUT ROWID
`;

/** Makes a ledger one of schema version 1, with so many identifiers. */
function makeOld(path: string, count: number): void {
  using database = new DatabaseSync(path);
  database.exec(IDENTIFIERS);
  database.exec(`
    INSERT INTO identifier
    WITH RECURSIVE leaf(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM leaf WHERE i + 1 < ${count})
    SELECT randomblob(32), i, randomblob(32), i, randomblob(32) FROM leaf;
    UPDATE schema_version SET version = 1;
  `);
}

const versionOf = (path: string) => {
  using database = new DatabaseSync(path, { readOnly: true });
  return database.prepare("SELECT version FROM schema_version").get()?.version;
};

Deno.test("sqlite ledger of schema version 1 becomes today's and uses its identifiers' space again", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/ledger.db`;
  const ledger = await bound(path);
  await ledger.commit(batchOf(0, 100));
  const before = await ledger.load();
  await ledger.close();
  makeOld(path, 10_000);
  assert.ok(Deno.statSync(path).size > 1_000_000);
  const copy = await openSqliteLedger(path, { readOnly: true });
  assert.deepEqual(await copy.load(), before);
  await copy.close();
  assert.equal(versionOf(path), 1);
  const migrated = await openSqliteLedger(path);
  assert.deepEqual(await migrated.load(), before);
  const { size } = Deno.statSync(path);
  await migrated.commit(batchOf(100, 1, { staged: objectsOf(500_000) }));
  await migrated.close();
  assert.equal(versionOf(path), 2);
  assert.equal(Deno.statSync(path).size, size);
});

Deno.test("sqlite ledger of schema version 1 is not written to before it is today's", async () => {
  await using disk = await SmallDisk.mount("8m");
  if (disk === null) return;
  const path = `${disk.path}/ledger.db`;
  const ledger = await bound(path);
  await ledger.commit(batchOf(0, 100));
  await ledger.close();
  makeOld(path, 10_000);
  disk.fill();
  const full = await openSqliteLedger(path);
  assert.equal((await full.load()).head?.size, 100);
  await assert.rejects(full.commit(batchOf(100, 1)), isNotStored("full"));
  disk.empty();
  await full.commit(batchOf(100, 1));
  assert.equal((await full.load()).head?.size, 101);
  await full.close();
  assert.equal(versionOf(path), 2);
});
