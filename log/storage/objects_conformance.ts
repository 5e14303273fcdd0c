/**
 * The suite of the {@linkcode Objects} contract, run against every driver.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Place, storeTests, text } from "./conformance.ts";
import { ObjectDiffers } from "./failure.ts";
import type { Objects } from "./objects.ts";

/**
 * Registers the suite of the {@linkcode Objects} contract.
 *
 * @param name The driver's name.
 * @param makePlace Makes a fresh place with no objects in it.
 */
export function objectsConformance(
  name: string,
  makePlace: () => Promise<Place<Objects>>,
): void {
  const test = storeTests(`${name} objects`, makePlace);
  const object = (path: string, content = path) => ({
    path,
    bytes: text(content),
  });

  test("read null when there is none", async (objects) => {
    assert.equal(await objects.read("checkpoint"), null);
    assert.equal(await objects.read("tile/0/x001/234"), null);
    await objects.write([object("tile/0/x001/234")]);
    assert.equal(await objects.read("tile/0/x001/235"), null);
    assert.equal(await objects.read("tile/0/x001/234.p/7"), null);
  });

  test("are read as they were written", async (objects, place) => {
    const written = [
      object("tile/0/000"),
      object("tile/0/000.p/7"),
      object("tile/0/x001/234.p/255"),
      object("tile/entries/x123/x456/789"),
      object("tile/63/001", ""),
      { path: "tile/entries/000", bytes: new Uint8Array(300_000).fill(7) },
    ];
    await objects.write(written);
    await objects.write([]);
    for (const { path, bytes } of written) {
      assert.deepEqual(await objects.read(path), bytes);
    }
    if (!place.keeps) return;
    await objects.close();
    objects = await place.open();
    for (const { path, bytes } of written) {
      assert.deepEqual(await objects.read(path), bytes);
    }
    await objects.close();
  });

  test("take equal bytes again and refuse other ones", async (objects) => {
    const [first, second] = [object("tile/0/000"), object("tile/1/000")];
    await objects.write([first]);
    await objects.write([first, second, first]);
    for (const content of ["other", "tile/0/00", "tile/0/0000", ""]) {
      for (const options of [{}, { fresh: true }]) {
        await assert.rejects(
          objects.write([object("tile/0/000", content)], options),
          (error) => error instanceof ObjectDiffers && error.path === "tile/0/000",
        );
      }
    }
    assert.deepEqual(await objects.read("tile/0/000"), first.bytes);
  });

  test("are rewritten when asked to be fresh", async (objects) => {
    await objects.write([object("tile/0/000")]);
    await objects.write([object("tile/0/000"), object("tile/0/001")], {
      fresh: true,
    });
    assert.deepEqual(await objects.read("tile/0/000"), text("tile/0/000"));
    assert.deepEqual(await objects.read("tile/0/001"), text("tile/0/001"));
  });

  test("let the same write happen twice at once", async (objects) => {
    const many = Array.from(
      { length: 100 },
      (_, i) => object(`tile/0/${`${i}`.padStart(3, "0")}`),
    );
    await Promise.all([
      objects.write(many),
      objects.write(many),
      objects.write([...many].reverse()),
    ]);
    for (const { path, bytes } of many) {
      assert.deepEqual(await objects.read(path), bytes);
    }
  });

  test("replace the checkpoint, and only it", async (objects) => {
    await objects.replace("checkpoint", text("one"));
    await objects.replace("checkpoint", text("two, which is longer"));
    await objects.replace("checkpoint", text("3"));
    assert.deepEqual(await objects.read("checkpoint"), text("3"));
    const wrong = "tile/0/000" as "checkpoint";
    await assert.rejects(objects.replace(wrong, text("x")), TypeError);
    await assert.rejects(objects.write([object("checkpoint")]), SyntaxError);
  });

  test("show readers the old checkpoint or the new one", async (objects) => {
    const contents = ["a", "b"].map((letter) => letter.repeat(50_000));
    await objects.replace("checkpoint", text(contents[0]!));
    const replace = async () => {
      for (let i = 0; i < 20; i++) {
        await objects.replace("checkpoint", text(contents[i % 2]!));
      }
    };
    const read = async () => {
      for (let i = 0; i < 100; i++) {
        const bytes = await objects.read("checkpoint");
        assert.ok(
          contents.includes(new TextDecoder().decode(bytes ?? undefined)),
        );
      }
    };
    await Promise.all([replace(), read(), read()]);
  });

  test("refuse every path that is not a tile's", async (objects) => {
    const paths = [
      "",
      ".",
      "..",
      "/",
      "/etc/passwd",
      "../x",
      "tile",
      "tile/",
      "tile/0",
      "tile/0/",
      "tile/0/..",
      "tile/../checkpoint",
      "tile//000",
      "tile/0//000",
      "tile/0/00",
      "tile/0/0000",
      "tile/64/000",
      "tile/00/000",
      "tile/-1/000",
      "tile/0/x001",
      "tile/0/x000/001",
      "tile/0/001/002",
      "tile/0/000.p",
      "tile/0/000.p/",
      "tile/0/000.p/0",
      "tile/0/000.p/256",
      "tile/0/000.p/01",
      "tile/0/000.p/7/",
      "tile/0/000\n",
      "tile/0/000\0",
      "tile/0/%30",
      "tile/entry/000",
      ".tmp/1",
      "./tile/0/000",
      "tile/0/000/",
      "Tile/0/000",
      "tile\\0\\000",
      "checkpoint/",
      "ledger.db",
    ];
    for (const path of paths) {
      await assert.rejects(objects.read(path), SyntaxError, path);
      await assert.rejects(objects.write([object(path)]), SyntaxError, path);
    }
    await assert.rejects(
      objects.write([object("tile/0/000"), object("..")]),
      SyntaxError,
    );
    assert.equal(await objects.read("tile/0/000"), null);
  });

  test("copy what goes in and out", async (objects) => {
    const mine = object("tile/0/000");
    await objects.write([mine]);
    mine.bytes.fill(0);
    const read = await objects.read("tile/0/000");
    assert.deepEqual(read, text("tile/0/000"));
    read?.fill(0);
    assert.deepEqual(await objects.read("tile/0/000"), text("tile/0/000"));
  });

  test("tell free bytes as a number or not at all", async (objects) => {
    const free = await objects.freeBytes();
    assert.ok(free === null || free > 0);
  });
}
