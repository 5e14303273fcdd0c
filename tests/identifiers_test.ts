/**
 * Which files are logged is known again at every start, whatever became of the file that
 * makes the start quick: a second digest is refused, a repeat has its first index.
 */

import { identifierFingerprint } from "@indelible/core";
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { BLOCK_LEAVES } from "../log/identifier_blocks.ts";
import { Damaged } from "../log/storage/failure.ts";
import { BoundFile, SmallDisk } from "../log/storage/fault_fixture.ts";
import { checksumOf } from "./log_client.ts";
import { inFolder } from "./temporary.ts";
import { TestLog, type TestOptions } from "./test_log.ts";

const OTHER = checksumOf("another content");
const HEADER = 56;
const BLOCK = 32 + 8 * BLOCK_LEAVES + 32;
const names = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `file-${from + i}.tar.gz`);

/** A log in a folder, and what it says of itself. */
class Told {
  readonly faults: string[] = [];
  readonly derived: number[] = [];
  readonly options: TestOptions = {
    events: {
      fault: (error, where) => this.faults.push(`${where}: ${error}`),
      identifiersDerived: (leaves) => this.derived.push(leaves),
    },
  };
}

/** Makes a log with so many entries, then runs a test on its stopped folder. */
async function withLog(size: number, test: (data: string, log: TestLog) => Promise<void>) {
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    await using log = TestLog.inFolder(data);
    await log.open();
    for (let at = 0; at < size; at += 5000) {
      equal(await log.client.bulk(names(at, Math.min(size, at + 5000))), "logged");
    }
    equal(await log.stop(), null);
    await test(data, log);
  });
}

/** Opens the log and asks it about files at both ends of each block, and of the tail. */
async function checkStanding(log: TestLog, size: number, { options } = new Told()): Promise<void> {
  await log.open(options);
  equal(log.log.size(), size);
  const { client } = log;
  const places = new Set([0, 1, 255, 256, size - 1]);
  for (let edge = BLOCK_LEAVES; edge < size; edge += BLOCK_LEAVES) {
    for (const place of [edge - 1, edge, edge + 1]) places.add(place);
  }
  for (const place of places) {
    const [name] = names(place, place + 1);
    equal(await client.add(name!, OTHER), "conflict");
    equal(await client.add(name!), "logged");
    equal(client.promises.acknowledged.get(name!)!.index, place);
  }
  equal(log.log.size(), size, "nothing was added");
  equal(await log.stop(), null);
}

const SIZE = 2 * BLOCK_LEAVES + 300;

Deno.test("a log starts from whole blocks without reading its entries", async () => {
  await withLog(SIZE, async (data, log) => {
    equal(Deno.statSync(`${data}/identifiers`).size, HEADER + 2 * BLOCK);
    const told = new Told();
    await checkStanding(log, SIZE, told);
    deepEqual([told.derived, told.faults], [[], []]);
  });
});

Deno.test("a log whose blocks are damaged in any way starts right, and mends them", async () => {
  await withLog(SIZE, async (data, log) => {
    const path = `${data}/identifiers`;
    const good = Deno.readFileSync(path);
    const flipped = (at: number) => () => {
      const bytes = good.slice();
      bytes[at]! ^= 1 << at % 8;
      Deno.writeFileSync(path, bytes);
    };
    const cut = (length: number) => () => Deno.writeFileSync(path, good.slice(0, length));
    const damages: [what: string, damage: () => void][] = [
      ["deleted", () => Deno.removeSync(path)],
      ["empty", () => Deno.writeFileSync(path, new Uint8Array(0))],
      ["zeroes", () => Deno.writeFileSync(path, new Uint8Array(good.length))],
      ["garbage", () => Deno.writeTextFileSync(path, "not blocks at all\n".repeat(5000))],
      ...[HEADER, HEADER + BLOCK, good.length].flatMap((edge) =>
        [edge - 1, edge, edge + 1].filter((length) => length < good.length)
      ).map((length): [string, () => void] => [`cut at ${length}`, cut(length)]),
      ...Array.from({ length: 30 }, (_, i) => Math.floor(i * (good.length - 1) / 29))
        .map((at): [string, () => void] => [`flipped at ${at}`, flipped(at)]),
    ];
    for (const [what, damage] of damages) {
      damage();
      const told = new Told();
      try {
        await checkStanding(log, SIZE, told);
        ok(told.derived.length > 0, "nothing was derived");
        deepEqual(told.faults, []);
        const again = new Told();
        await checkStanding(log, SIZE, again);
        deepEqual(again.derived, [], "it was not mended");
      } catch (error) {
        throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
});

Deno.test("a log takes no blocks of another history, though they are whole", async () => {
  await withLog(SIZE, async (data, log) => {
    const path = `${data}/identifiers`;
    await inFolder(async (folder) => {
      // The same origin and size, other files: its blocks lack all of ours.
      await using other = TestLog.inFolder(`${folder}/other`);
      await other.open();
      await other.client.bulk(names(50_000, 50_000 + SIZE));
      equal(await other.stop(), null);
      Deno.copyFileSync(`${folder}/other/identifiers`, path);
    });
    const told = new Told();
    await checkStanding(log, SIZE, told);
    ok(told.derived.length > 0);
  });
});

Deno.test("a log that was restored takes no blocks from after its backup", async () => {
  await withLog(BLOCK_LEAVES + 100, async (data, log) => {
    const size = BLOCK_LEAVES + 100;
    const { promises } = log.client;
    const backup = `${data}-backup`;
    copyTree(data, backup);
    await log.open();
    await log.client.bulk(names(60_000, 64_000));
    equal(await log.stop(), null);
    const later = Deno.readFileSync(`${data}/identifiers`);
    equal(later.length, HEADER + Math.floor((size + 4000) / BLOCK_LEAVES) * BLOCK);
    // Restored, with the newer file of identifiers left in place.
    Deno.removeSync(data, { recursive: true });
    copyTree(backup, data);
    Deno.writeFileSync(`${data}/identifiers`, later);
    promises.checkpoints.clear();
    for (const name of names(60_000, 64_000)) promises.acknowledged.delete(name);
    await checkStanding(log, size);
    // The files of the lost history are free; those that come now are not.
    await log.open();
    equal(await log.client.bulk(names(60_500, 64_500), () => OTHER), "logged");
    equal(await log.client.add(names(61_000, 61_001)[0]!), "conflict");
    equal(await log.stop(), null);
    await log.open();
    equal(await log.client.add(names(61_000, 61_001)[0]!), "conflict");
    equal((await log.check()).size, size + 4000);
    equal(await log.stop(), null);
  });
});

Deno.test("a log without blocks does not start from damaged entries, and names the object", async () => {
  await withLog(SIZE, async (data, log) => {
    for (const object of ["tile/entries/003", "tile/entries/033.p/44", "tile/0/003"]) {
      const path = `${data}/${object}`;
      const good = Deno.readFileSync(path);
      const damages: [what: string, damaged: Uint8Array | null][] = [
        ["flipped", good.map((byte, at) => at === 100 ? byte ^ 1 : byte)],
        ["cut", good.subarray(0, good.length - 1)],
        ["missing", null],
      ];
      for (const [what, damaged] of damages) {
        Deno.removeSync(`${data}/identifiers`);
        if (damaged) Deno.writeFileSync(path, damaged);
        else Deno.removeSync(path);
        const named = object.replace("tile/0", damaged ? "tile/entries" : "tile/0");
        await rejects(
          log.open(),
          (error) => error instanceof Damaged && error.object === named,
          `${object}, ${what}`,
        );
        Deno.writeFileSync(path, good);
        await checkStanding(log, SIZE);
      }
    }
  });
});

for (const how of ["read-only", "full"] as const) {
  Deno.test(`a log whose blocks are on a ${how} disk logs on, says so once, and starts right`, async () => {
    await using disk = await SmallDisk.mount("64k");
    if (disk === null) return;
    await withLog(100, async (data, log) => {
      const path = `${data}/identifiers`;
      const elsewhere = `${disk.path}/identifiers`;
      for (const file of [path, elsewhere]) Deno.writeTextFileSync(file, "");
      if (how === "full") disk.fill();
      const told = new Told();
      {
        await using bound = await BoundFile.mount(elsewhere, path, how === "full" ? "rw" : "ro");
        if (bound === null) return;
        await log.open(told.options);
        equal(await log.client.bulk(names(100, 9000)), "logged");
        equal(await log.client.bulk(names(9000, 13_000)), "logged");
        equal(told.faults.length, 1, told.faults.join());
        equal(await log.client.add(names(7, 8)[0]!, OTHER), "conflict");
        equal(await log.stop(), null);
        await checkStanding(log, 13_000);
      }
      const mended = new Told();
      await checkStanding(log, 13_000, mended);
      ok(mended.derived.length > 0);
      await checkStanding(log, 13_000, told);
      deepEqual(told.derived, []);
    });
  });
}

Deno.test("a log tells two files apart whose fingerprints are the same", async () => {
  await withLog(BLOCK_LEAVES + 10, async (data, log) => {
    const [first, second] = colliding(Deno.readFileSync(`${data}/identifiers`));
    const size = BLOCK_LEAVES + 10;
    const { client } = log;
    const event = async (file: string, event: string) => {
      const response = await client.send!("/add", {
        method: "POST",
        body: JSON.stringify({ filename: file, checksum: checksumOf(file), event }),
        headers: { "Content-Type": "application/json" },
      });
      const { index } = await response.json();
      return [response.status, index];
    };
    await log.open();
    equal(await client.add(first), "logged");
    equal((await client.send!(`/bundle/${second}`)).status, 404);
    equal((await event(second, "yank"))[0], 409);
    equal(await client.add(second), "logged");
    deepEqual(await event(second, "yank"), [200, size + 2]);
    deepEqual(await event(first, "review"), [200, size + 3]);
    for (let start = 0; start < 3; start++) {
      for (const [i, file] of [first, second].entries()) {
        equal(await client.add(file, OTHER), "conflict");
        equal(await client.add(file), "logged");
        equal(client.promises.acknowledged.get(file)!.index, size + i);
      }
      deepEqual(await event(second, "yank"), [200, size + 2], "a repeat of the newest");
      deepEqual(await event(first, "review"), [200, size + 3], "a repeat of the newest");
      equal(await log.stop(), null);
      // The second start derives what the first one reads from its block.
      if (start === 1) Deno.removeSync(`${data}/identifiers`);
      await log.open();
    }
    equal((await log.check()).size, size + 4);
    equal(await log.stop(), null);
  });
});

/** Two names that the table cannot tell apart, for the seed in a file of blocks. */
function colliding(blocks: Uint8Array): [string, string] {
  const seed = new Uint32Array(blocks.slice(16, 24).buffer);
  const seen = new Map<number, string>();
  const words = new Uint32Array(2);
  for (let i = 0;; i++) {
    const name = `colliding-${i}.whl`;
    identifierFingerprint("pypi", name, seed, words);
    const key = (words[0]! & 0xff) * 2 ** 32 + words[1]!;
    const before = seen.get(key);
    if (before) return [before, name];
    seen.set(key, name);
  }
}

Deno.test("a log remembers later events in blocks", async () => {
  await withLog(300, async (data, log) => {
    const send = async (file: string, event: string) => {
      const response = await log.client.send!("/add", {
        method: "POST",
        body: JSON.stringify({ filename: file, checksum: checksumOf(file), event }),
        headers: { "Content-Type": "application/json" },
      });
      return (await response.json()).index as number;
    };
    const [a, b] = names(5, 7);
    await log.open();
    equal(await send(a!, "yank"), 300);
    equal(await send(b!, "yank"), 301);
    equal(await send(a!, "unyank"), 302);
    await log.client.bulk(names(1000, 1000 + 2 * BLOCK_LEAVES));
    const size = 303 + 2 * BLOCK_LEAVES;
    for (let start = 0; start < 3; start++) {
      equal(await log.stop(), null);
      if (start === 1) Deno.removeSync(`${data}/identifiers`);
      await log.open();
      equal(await send(a!, "unyank"), 302, "it is the newest");
      equal(await send(b!, "yank"), 301, "it is the newest");
    }
    equal(await send(a!, "yank"), size, "another was in between");
    equal(await log.stop(), null);
    await log.open();
    equal(await send(a!, "yank"), size);
    equal((await log.check()).size, size + 1);
    equal(await log.stop(), null);
  });
});

// The folder is one that commit 699fe14 left, the last whose ledger had identifiers: 40 files,
// one of them yanked and unyanked, one yanked, one of another ecosystem, one second digest refused.
Deno.test("a log that an older program made starts, and knows what is in it", async () => {
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    copyTree(new URL("testdata/log_schema_1", import.meta.url).pathname, data);
    await using log = TestLog.inFolder(data);
    const { client } = log;
    const send = async (body: object) => {
      const response = await client.send!("/add", {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      });
      return [response.status, (await response.json()).index];
    };
    const [seven, nine] = ["old-7.tar.gz", "old-9.tar.gz"];
    for (let start = 0; start < 2; start++) {
      await log.open();
      for (let i = 0; i < 40; i++) {
        equal(await client.add(`old-${i}.tar.gz`, OTHER), "conflict");
        equal(client.promises.acknowledged.get(`old-${i}.tar.gz`)!.index, i);
      }
      const npm = { filename: seven, ecosystem: "npm" };
      deepEqual(await send({ ...npm, checksum: checksumOf("npm") }), [200, 40]);
      deepEqual(await send({ ...npm, checksum: OTHER }), [409, 40]);
      const event = (filename: string, event: string) =>
        send({ filename, event, checksum: checksumOf(filename) });
      deepEqual(await event(seven, "unyank"), [200, 42]);
      deepEqual(await event(nine, "yank"), [200, 43]);
      const refusals = await (await client.send!("/refusals?limit=1000")).json();
      const second = checksumOf("second digest");
      ok(refusals.some(({ checksum }: { checksum: string }) => checksum === second));
      equal(log.log.size(), 44 + start);
      equal(await client.add(`new-${start}.tar.gz`), "logged");
      equal((await log.check()).size, 45 + start);
      equal(await log.stop(), null);
    }
  });
});

function copyTree(from: string, to: string): void {
  if (!Deno.statSync(from).isDirectory) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to);
  for (const { name } of Deno.readDirSync(from)) copyTree(`${from}/${name}`, `${to}/${name}`);
}
