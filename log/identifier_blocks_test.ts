import { type Hash, sha256, utf8 } from "@indelible/core";
import { deepEqual, equal, notDeepEqual, ok, rejects } from "node:assert/strict";
import { BLOCK_LEAVES, IdentifierBlocks } from "./identifier_blocks.ts";
import { BlockFile } from "./storage/block_file.ts";
import { Damaged, NotStored } from "./storage/failure.ts";
import { SmallDisk, TemporaryFolder } from "./storage/fault_fixture.ts";

const ORIGIN = "log.example/blocks";
const HEADER = 56;
const BLOCK = 32 + 8 * BLOCK_LEAVES + 32;
const rootOf = (number: number): Hash => sha256(utf8(`root ${number}`));
const rootsOf = (count: number) => Array.from({ length: count }, (_, i) => rootOf(i));
const fingerprintsOf = (number: number) =>
  Uint32Array.from(
    { length: 2 * BLOCK_LEAVES },
    (_, i) => Math.imul(number * 20_000 + i, 0x9e3779b1),
  );

async function opened(
  path: string,
  { origin = ORIGIN, readOnly = false, faults = [] as unknown[] } = {},
) {
  const file = new BlockFile(path, readOnly);
  const blocks = await IdentifierBlocks.open(file, origin, (error) => faults.push(error));
  return Object.assign(blocks, { [Symbol.dispose]: () => file.close() });
}

/** A file of so many whole blocks. */
async function written(path: string, count: number, origin = ORIGIN): Promise<Uint8Array> {
  using blocks = await opened(path, { origin });
  for (let i = 0; i < count; i++) blocks.append(fingerprintsOf(i));
  await blocks.writeFull((number) => Promise.resolve(rootOf(number)));
  return Deno.readFileSync(path);
}

/** What a start reads: each block is either as it was written or missing. */
async function missingIn(path: string, count: number, options = {}): Promise<number[]> {
  using blocks = await opened(path, options);
  const into = new Uint32Array(2 * BLOCK_LEAVES * count);
  const missing = await blocks.read(0, rootsOf(count), into);
  for (let i = 0; i < count; i++) {
    if (missing.includes(i)) continue;
    deepEqual(into.subarray(2 * BLOCK_LEAVES * i, 2 * BLOCK_LEAVES * (i + 1)), fingerprintsOf(i));
  }
  return missing;
}

Deno.test("identifier blocks are read as they were written, with their seed", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  deepEqual(await missingIn(path, 2), [0, 1]);
  const bytes = await written(path, 3);
  equal(bytes.length, HEADER + 3 * BLOCK);
  equal(Deno.statSync(path).mode! & 0o777, 0o600);
  deepEqual(await missingIn(path, 3), []);
  using first = await opened(path);
  using second = await opened(path);
  deepEqual(first.seed, second.seed);
  await written(`${folder.path}/other`, 1);
  using other = await opened(`${folder.path}/other`);
  notDeepEqual(other.seed, first.seed);
});

Deno.test("identifier blocks are written when full, wherever batches end", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  using blocks = await opened(path);
  const all = new Uint32Array([...fingerprintsOf(0), ...fingerprintsOf(1), ...fingerprintsOf(2)]);
  let from = 0;
  for (const to of [1, 5, 4095, 4096, 4097, 8000, 12_287]) {
    blocks.append(all.subarray(2 * from, 2 * to));
    await blocks.writeFull((number) => Promise.resolve(rootOf(number)));
    const full = Math.floor(to / BLOCK_LEAVES);
    const length = full === 0 ? 0 : Deno.statSync(path).size;
    equal(length, full === 0 ? 0 : HEADER + full * BLOCK);
    from = to;
  }
  deepEqual(await missingIn(path, 3), [2]);
});

Deno.test("a flipped byte costs its block, one in the header all of them", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  const good = await written(path, 2);
  const places = new Set<number>();
  for (let at = 0; at < HEADER + 40; at++) places.add(at);
  for (let at = HEADER + BLOCK - 40; at < HEADER + BLOCK + 40; at++) places.add(at);
  for (let at = HEADER; at < good.length; at += 97) places.add(at);
  for (let at = good.length - 40; at < good.length; at++) places.add(at);
  for (const at of places) {
    const bad = good.slice();
    bad[at]! ^= 1 << at % 8;
    Deno.writeFileSync(path, bad);
    const want = at < HEADER ? [0, 1] : [Math.floor((at - HEADER) / BLOCK)];
    deepEqual(await missingIn(path, 2), want, `byte ${at}`);
  }
});

Deno.test("a file cut anywhere costs the blocks that it cuts", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  const good = await written(path, 3);
  const edges = [0, 16, 24, HEADER, HEADER + 32, ...[1, 2, 3].map((n) => HEADER + n * BLOCK)];
  for (const length of new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1]))) {
    if (length < 0) continue;
    const bytes = new Uint8Array(length);
    bytes.set(good.subarray(0, length));
    Deno.writeFileSync(path, bytes);
    const whole = Math.max(0, Math.floor((length - HEADER) / BLOCK));
    deepEqual(await missingIn(path, 3), [0, 1, 2].slice(whole), `${length} bytes`);
    // What was lost is written again, and whole again.
    using blocks = await opened(path);
    await blocks.startAt(whole);
    for (let i = whole; i < 3; i++) blocks.append(fingerprintsOf(i));
    await blocks.writeFull((number) => Promise.resolve(rootOf(number)));
    deepEqual(
      await missingIn(path, 3),
      whole === 0 && length < HEADER ? [] : [],
      `${length} bytes`,
    );
  }
});

Deno.test("blocks of another log, another tree or another place are not taken", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  const good = await written(path, 2);
  deepEqual(await missingIn(path, 2, { origin: "other.example" }), [0, 1]);
  using blocks = await opened(path);
  const into = new Uint32Array(4 * BLOCK_LEAVES);
  deepEqual(await blocks.read(0, [rootOf(0), rootOf(7)], into), [1]);
  // The same log made anew: another seed.
  await written(`${folder.path}/again`, 2);
  const mixed = Deno.readFileSync(`${folder.path}/again`);
  mixed.set(good.subarray(HEADER), HEADER);
  Deno.writeFileSync(path, mixed);
  deepEqual(await missingIn(path, 2), [0, 1]);
  // Blocks that have changed places, with the roots that this place should have.
  const swapped = good.slice();
  swapped.set(good.subarray(HEADER, HEADER + BLOCK), HEADER + BLOCK);
  swapped.set(rootOf(1), HEADER + BLOCK);
  Deno.writeFileSync(path, swapped);
  deepEqual(await missingIn(path, 2), [1]);
});

Deno.test("blocks beyond the tree are cut off, and a file of another log is written anew", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  await written(path, 3);
  {
    using blocks = await opened(path);
    await blocks.startAt(1);
    equal(Deno.statSync(path).size, HEADER + BLOCK);
  }
  using other = await opened(path, { origin: "other.example" });
  await other.startAt(1);
  equal(Deno.statSync(path).size, 0);
  await other.write(0, rootOf(0), fingerprintsOf(0));
  deepEqual(await missingIn(path, 1, { origin: "other.example" }), []);
});

Deno.test("a block that cannot be written is told once and leaves a hole", async () => {
  await using disk = await SmallDisk.mount("1m");
  if (disk === null) return;
  const path = `${disk.path}/identifiers`;
  const faults: unknown[] = [];
  using blocks = await opened(path, { faults });
  const write = (number: number) => blocks.write(number, rootOf(number), fingerprintsOf(number));
  await write(0);
  disk.fill();
  for (let number = 1; number < 4; number++) await write(number);
  equal(faults.length, 1);
  ok(faults[0] instanceof NotStored && faults[0].reason === "full");
  disk.empty();
  await write(4);
  equal(faults.length, 1);
  deepEqual(await missingIn(path, 5), [1, 2, 3]);
  disk.fill();
  await write(5);
  equal(faults.length, 2, "it had gone well in between");
});

Deno.test("blocks on a read-only disk are read, and nothing is tried", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  const good = await written(path, 2);
  const faults: unknown[] = [];
  using blocks = await opened(path, { readOnly: true, faults });
  await blocks.startAt(1);
  await blocks.write(0, rootOf(1), fingerprintsOf(1));
  deepEqual(Deno.readFileSync(path), good);
  deepEqual(faults, []);
  deepEqual(await missingIn(path, 2, { readOnly: true }), []);
});

Deno.test("what is no file in the blocks' place stops the start", async () => {
  await using folder = new TemporaryFolder();
  const path = `${folder.path}/identifiers`;
  Deno.mkdirSync(path);
  await rejects(opened(path), Damaged);
  Deno.removeSync(path);
  Deno.writeTextFileSync(`${folder.path}/elsewhere`, "mine");
  Deno.symlinkSync("elsewhere", path);
  await rejects(opened(path), Damaged);
  equal(Deno.readTextFileSync(`${folder.path}/elsewhere`), "mine");
});
