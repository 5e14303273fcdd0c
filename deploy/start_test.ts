import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../tools/_testing.ts";
import { runProgram, startProgram } from "../tests/programs.ts";

const ready = { ready: (output: () => string) => /^url {5}http/m.test(output()) };
const KEYS = ["private.key", "public.key", "witness-private.key", "witness-public.key", "policy"];

/** Starts, reads what the keys are, and stops. */
async function startOnce(folder: string): Promise<string[]> {
  const log = await startProgram("start", ["--port=0"], { cwd: folder, ...ready });
  await log.stop();
  return keysOf(folder);
}

const keysOf = (folder: string): string[] =>
  KEYS.map((name) => Deno.readTextFileSync(join(folder, "data", name)));

Deno.test("start on a port that is taken leaves nothing behind", () =>
  inFolder(async (folder) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const witness = `--witness-port=${taken.addr.port}`;
    const { code, stderr } = await runProgram("start", ["--port=0", witness], { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, /Cannot listen on --witness-port=[0-9]+ of 127\.0\.0\.1: .*in use/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);

    // The log's own is taken later, when there is a log already.
    const args = [`--port=${taken.addr.port}`];
    assert.equal((await runProgram("start", args, { cwd: folder })).code, 1);
    const keys = keysOf(folder);
    assert.deepEqual(await startOnce(folder), keys);
  }));

Deno.test("a second start on a folder says where the first one is, and how to stop it", () =>
  inFolder(async (folder) => {
    const first = await startProgram("start", ["--port=0"], { cwd: folder, ...ready });
    try {
      const url = /^url +(\S+)$/m.exec(first.output())![1]!;
      // Whatever ports it asks for, and also those of the first.
      for (const args of [["--port=0"], [`--port=${new URL(url).port}`]]) {
        const { code, stdout, stderr } = await runProgram("start", args, { cwd: folder });
        assert.deepEqual([code, stdout], [1, ""]);
        assert.equal(
          stderr,
          `start: A log is running on the folder data already, at ${url}: stop it with ` +
            `\`kill ${first.pid}\`, or name another folder with --data\n`,
        );
      }
      assert.match(first.output(), new RegExp(`^stop +Ctrl-C, or kill ${first.pid}$`, "m"));
    } finally {
      await first.kill();
    }
    // Killed, it left its note behind; nothing holds the folder any more.
    await startOnce(folder);
  }));

Deno.test("start goes on with the keys of a first start that ended anywhere", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const begun = join(data, "first-start");
    const keys = await startOnce(folder);
    assert.ok(![...Deno.readDirSync(data)].some(({ name }) => name === "first-start"));

    const order = [2, 3, 4, 1, 0].map((i) => KEYS[i]!);
    for (let inPlace = 0; inPlace <= order.length; inPlace++) {
      // Killed when so many of the keys were in place, and there was no ledger yet.
      Deno.removeSync(data, { recursive: true });
      Deno.mkdirSync(begun, { recursive: true });
      order.forEach((name, i) => {
        const path = join(i < inPlace ? data : begun, name);
        Deno.writeTextFileSync(path, keys[KEYS.indexOf(name)]!, { mode: 0o600 });
      });
      const now = await startOnce(folder);
      // With none in place nobody knows whether all were written: others are made.
      if (inPlace > 0) assert.deepEqual(now, keys, `${inPlace} in place`);
      else assert.ok(now.every((key, i) => key !== keys[i]));
    }
  }));

Deno.test("start makes no new log for keys whose log is lost", () =>
  inFolder(async (folder) => {
    const keys = await startOnce(folder);
    Deno.removeSync(join(folder, "data/log"), { recursive: true });
    const { code, stderr } = await runProgram("start", ["--port=0"], { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, /There is a key .* but no log in .*: restore the log/);
    assert.deepEqual(keysOf(folder), keys);
  }));
