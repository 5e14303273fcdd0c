import assert from "node:assert/strict";
import { objectsConformance } from "./objects_conformance.ts";
import { Damaged, NotStored, ObjectDiffers } from "./failure.ts";
import { firstOutput, SmallDisk, startDeno, TemporaryFolder } from "./fault_fixture.ts";
import { openFsObjects } from "./objects_fs.ts";

objectsConformance("fs", () => {
  const folder = new TemporaryFolder();
  return Promise.resolve({
    open: () => openFsObjects(folder.path),
    keeps: true,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  });
});

const bytes = (content: string) => new TextEncoder().encode(content);
const isNotStored = (reason: string) => (error: unknown) =>
  error instanceof NotStored && error.reason === reason;
const tile = (path: string) => ({ path, bytes: bytes(path) });

function filesBelow(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`, `${prefix}${name}/`) : [prefix + name]
  ).sort();
}

Deno.test("fs objects are plain files under their own paths, and nothing else", async () => {
  await using folder = new TemporaryFolder();
  const objects = await openFsObjects(folder.path);
  await objects.write([tile("tile/0/x001/234.p/7"), tile("tile/entries/000")]);
  await objects.write([tile("tile/entries/000")]);
  await objects.write([tile("tile/entries/000")], { fresh: true });
  await objects.replace("checkpoint", bytes("checkpoint"));
  const files = ["checkpoint", "tile/0/x001/234.p/7", "tile/entries/000"];
  assert.deepEqual(filesBelow(folder.path), files);
  assert.equal(Deno.statSync(`${folder.path}/.tmp`).mode! & 0o777, 0o700);
});

Deno.test("fs objects ignore and remove temporary files of a crash, cut anywhere", async () => {
  await using folder = new TemporaryFolder();
  await (await openFsObjects(folder.path)).write([tile("tile/0/000")]);
  const whole = bytes("tile/0/001");
  for (let length = 0; length <= whole.length; length++) {
    Deno.writeFileSync(`${folder.path}/.tmp/1`, whole.subarray(0, length));
    Deno.writeFileSync(`${folder.path}/.tmp/777`, whole.subarray(0, length));
    const objects = await openFsObjects(folder.path);
    assert.deepEqual(filesBelow(`${folder.path}/.tmp`), []);
    assert.equal(await objects.read("tile/0/001"), null);
    await objects.close();
  }
});

Deno.test("fs objects are made anew when fresh, kept when not", async () => {
  await using folder = new TemporaryFolder();
  const objects = await openFsObjects(folder.path);
  const inode = () => Deno.statSync(`${folder.path}/tile/0/000`).ino;
  await objects.write([tile("tile/0/000")]);
  const first = inode();
  await objects.write([tile("tile/0/000")]);
  assert.equal(inode(), first);
  await objects.write([tile("tile/0/000")], { fresh: true });
  assert.notEqual(inode(), first);
});

Deno.test("fs objects never take a torn file for whole", async () => {
  await using folder = new TemporaryFolder();
  const objects = await openFsObjects(folder.path);
  await objects.write([tile("tile/0/000")]);
  Deno.truncateSync(`${folder.path}/tile/0/000`, 4);
  await assert.rejects(objects.write([tile("tile/0/000")]), ObjectDiffers);
  await assert.rejects(
    objects.write([tile("tile/0/000")], { fresh: true }),
    ObjectDiffers,
  );
});

Deno.test("fs objects never follow a symbolic link", async () => {
  await using folder = new TemporaryFolder();
  await using outside = new TemporaryFolder();
  Deno.writeTextFileSync(`${outside.path}/000`, "secret");
  const open = () => openFsObjects(folder.path);

  const plants: [string, string, () => Promise<unknown>][] = [
    [
      "tile",
      outside.path,
      async () => (await open()).write([tile("tile/0/000")]),
    ],
    ["tile", outside.path, async () => (await open()).read("tile/0/000")],
    [
      "tile/0",
      outside.path,
      async () => (await open()).write([tile("tile/0/000")]),
    ],
    ["tile/0", outside.path, async () => (await open()).read("tile/0/000")],
    [
      "tile/0/x001",
      outside.path,
      async () => (await open()).write([tile("tile/0/x001/000")]),
    ],
    [
      "tile/0/000",
      `${outside.path}/000`,
      async () => (await open()).write([tile("tile/0/000")]),
    ],
    [
      "tile/0/000",
      `${outside.path}/new`,
      async () => (await open()).write([tile("tile/0/000")]),
    ],
    [
      "tile/0/000",
      `${outside.path}/000`,
      async () => (await open()).read("tile/0/000"),
    ],
    [
      "tile/0/000",
      `${outside.path}/000`,
      async () => (await open()).write([tile("tile/0/000")], { fresh: true }),
    ],
    [
      "checkpoint",
      `${outside.path}/000`,
      async () => (await open()).read("checkpoint"),
    ],
    [".tmp", outside.path, open],
  ];
  for (const [where, target, act] of plants) {
    const link = `${folder.path}/${where}`;
    Deno.mkdirSync(link.slice(0, link.lastIndexOf("/")), { recursive: true });
    Deno.symlinkSync(target, link);
    await assert.rejects(
      act(),
      (error) => error instanceof Damaged && error.object === link,
      where,
    );
    assert.deepEqual(filesBelow(outside.path), ["000"]);
    assert.equal(Deno.readTextFileSync(`${outside.path}/000`), "secret");
    for (const name of ["tile", ".tmp", "checkpoint"]) {
      await Deno.remove(`${folder.path}/${name}`, { recursive: true }).catch(
        () => {},
      );
    }
  }

  Deno.symlinkSync(`${outside.path}/000`, `${folder.path}/checkpoint`);
  const objects = await open();
  await objects.replace("checkpoint", bytes("mine"));
  assert.equal(Deno.readTextFileSync(`${outside.path}/000`), "secret");
  assert.deepEqual(await objects.read("checkpoint"), bytes("mine"));
});

Deno.test("fs objects follow a link to the folder itself, once, at open", async () => {
  await using folder = new TemporaryFolder();
  Deno.mkdirSync(`${folder.path}/real`);
  Deno.symlinkSync("real", `${folder.path}/link`);
  const objects = await openFsObjects(`${folder.path}/link`);
  Deno.removeSync(`${folder.path}/link`);
  await objects.write([tile("tile/0/000")]);
  assert.deepEqual(filesBelow(folder.path), ["real/tile/0/000"]);
});

Deno.test("fs objects show no torn file on a full disk and go on when there is space", async () => {
  await using disk = await SmallDisk.mount("1m");
  if (disk === null) return;
  const objects = await openFsObjects(disk.path);
  await objects.replace("checkpoint", bytes("old"));
  const many = Array.from({ length: 40 }, (_, i) => ({
    path: `tile/0/${`${i}`.padStart(3, "0")}`,
    bytes: new Uint8Array(8192).fill(i),
  }));
  for (const leave of [0, 4096, 65_536]) {
    disk.fill(leave);
    await assert.rejects(objects.write(many), isNotStored("full"));
    for (const { path, bytes } of many) {
      const read = await objects.read(path);
      assert.ok(read === null || read.length === bytes.length, path);
    }
    await assert.rejects(
      objects.replace("checkpoint", new Uint8Array(200_000)),
      isNotStored("full"),
    );
    assert.deepEqual(await objects.read("checkpoint"), bytes("old"));
    assert.deepEqual(filesBelow(`${disk.path}/.tmp`), []);
    disk.empty();
  }
  await objects.write(many);
  for (const { path, bytes } of many) {
    assert.deepEqual(await objects.read(path), bytes);
  }
  const free = await objects.freeBytes();
  assert.ok(free !== null && free < 1_048_576);
});

Deno.test("fs objects are readable on a read-only disk and refuse writes", async () => {
  await using disk = await SmallDisk.mount("1m");
  if (disk === null) return;
  await (await openFsObjects(disk.path)).write([tile("tile/0/000")]);
  Deno.writeTextFileSync(`${disk.path}/.tmp/leftover`, "x");
  await disk.remount("ro");
  const objects = await openFsObjects(disk.path);
  assert.deepEqual(await objects.read("tile/0/000"), bytes("tile/0/000"));
  for (const path of ["tile/0/001", "tile/1/000", "tile/0/000"]) {
    await assert.rejects(
      objects.write([tile(path)]),
      isNotStored("read-only"),
      path,
    );
  }
  await assert.rejects(
    objects.replace("checkpoint", bytes("x")),
    isNotStored("read-only"),
  );
  await disk.remount("rw");
  await objects.write([tile("tile/0/001")]);
});

Deno.test("fs objects need access to their folder only; free bytes need one right more", async () => {
  await using folder = new TemporaryFolder();
  const program = `
    import { openFsObjects } from "./objects_fs.ts";
    import { lockFolder } from "./folder_lock.ts";
    const lock = lockFolder(${JSON.stringify(folder.path)});
    const objects = await openFsObjects(lock.folder);
    await objects.write([{ path: "tile/0/x001/234", bytes: new Uint8Array(3) }]);
    await objects.replace("checkpoint", new Uint8Array(5));
    const read = await objects.read("checkpoint");
    console.log(read?.length, (await objects.freeBytes()) === null);
  `;
  const access = [
    `--allow-read=${folder.path}`,
    `--allow-write=${folder.path}`,
  ];
  for (
    const [flags, said] of [[[], "5 true"], [
      ["--allow-sys=statfs"],
      "5 false",
    ]] as const
  ) {
    await using process = await startDeno(program, [...access, ...flags]);
    assert.equal(await firstOutput(process), said);
  }
});
