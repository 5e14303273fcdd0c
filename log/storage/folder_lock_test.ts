import assert from "node:assert/strict";
import { NotStored } from "./failure.ts";
import { firstOutput, startDeno, TemporaryFolder } from "./fault_fixture.ts";
import { lockFolder } from "./folder_lock.ts";

const isBusy = (error: unknown) => error instanceof NotStored && error.reason === "busy";

Deno.test("lockFolder() refuses a second holder until the first lets go", async () => {
  await using folder = new TemporaryFolder();
  {
    using _lock = lockFolder(folder.path);
    assert.throws(() => lockFolder(folder.path), isBusy);
    assert.throws(
      () => lockFolder(`${folder.path}/../${folder.path.split("/").at(-1)}`),
      isBusy,
    );
  }
  const lock = lockFolder(folder.path);
  lock.unlock();
  lock.unlock();
  lockFolder(folder.path).unlock();
  assert.deepEqual(
    [...Deno.readDirSync(folder.path)],
    [],
    "it leaves nothing behind",
  );
});

Deno.test("lockFolder() dies with its process, however that ends", async () => {
  await using folder = new TemporaryFolder();
  const program = `
    import { lockFolder } from "./folder_lock.ts";
    lockFolder(${JSON.stringify(folder.path)});
    console.log("locked");
    setInterval(() => {}, 1000);
  `;
  {
    await using holder = await startDeno(program, [
      `--allow-read=${folder.path}`,
    ]);
    assert.equal(await firstOutput(holder), "locked");
    assert.throws(() => lockFolder(folder.path), isBusy);
  }
  lockFolder(folder.path).unlock();
});

Deno.test("lockFolder() needs a folder", () => {
  assert.throws(
    () => lockFolder("/nonexistent/indelible"),
    Deno.errors.NotFound,
  );
});
