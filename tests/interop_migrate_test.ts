/**
 * A log that is not ours is taken over: Tessera's, with the entries that bt-log makes of
 * the same files. Tessera logs whatever it is sent, also what breaks our promise.
 */

import {
  type Checkpoint,
  formatSkey,
  formatVkey,
  openCheckpoint,
  verifierOf,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { command } from "../tools/import.ts";
import { type Ran, runHere } from "../tools/_testing.ts";
import { serveLog } from "./http_fixture.ts";
import { fsckLog, startTessera } from "./peers/tessera.ts";
import { readPypiFiles } from "./pypi_files.ts";
import { entryOf, newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const SIZE = 600;

Deno.test("a log of Tessera's is taken over by URL and by folder, but not with a second digest", () =>
  inFolder(async (folder) => {
    const key = newKey("tessera.test/old");
    await using tessera = await startTessera({ skey: formatSkey(key) });
    if (tessera === null) return;
    const trust = join(folder, "public.key");
    await Deno.writeTextFile(trust, formatVkey(key));
    const append = async (entry: Uint8Array<ArrayBuffer>) => {
      const response = await fetch(`${tessera.url}/add`, { method: "POST", body: entry });
      assert.equal(response.status, 200, await response.text());
    };
    const published = async (): Promise<Checkpoint> => {
      const note = await (await fetch(`${tessera.url}/checkpoint`)).bytes();
      const opened = openCheckpoint(note, key.name, [verifierOf(key)]);
      assert(opened.kind === "verified");
      return opened.checkpoint;
    };
    const takeOver = (from: string, url: string): Promise<Ran> =>
      runHere(command, [`--from-log=${from}`, `--from-public-key=${trust}`, `--log=${url}`]);

    // They come at once, so Tessera gives them an order of its own.
    const { files } = await readPypiFiles();
    await Promise.all(files.slice(0, SIZE).map(entryOf).map(append));
    const source = await until(published, SIZE);
    for (const from of [tessera.url, tessera.dir]) {
      await using target = await serveLog();
      const { code, stdout, stderr } = await takeOver(from, target.url);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /: 600 entries of tessera\.test\/old taken over, 600 of them now/);
      const whole = await fsckLog(target.url, target.keys.vkey);
      assert(whole?.ok, whole?.output);
      const [origin, size, root] = (await (await fetch(`${target.url}/checkpoint`)).text())
        .split("\n");
      assert.deepEqual(
        [origin, size, root],
        ["log.test/http", `${SIZE}`, source.root.toBase64()],
      );
    }

    const { filename } = files[17]!;
    await append(entryOf({ filename, checksum: `sha256:${"0".repeat(64)}` }));
    await until(published, SIZE + 1);
    await using target = await serveLog();
    const { code, stderr } = await takeOver(tessera.url, target.url);
    assert.equal(code, 1);
    const told = /entry [0-9]+ and entry 600 give (\S+) two digests: .*; nothing was written\n/;
    assert.equal(told.exec(stderr)?.[1], filename, stderr);
    assert.deepEqual(target.batches, []);
  }));

/** Waits until so many entries are published, at most 20 seconds. */
async function until(published: () => Promise<Checkpoint>, size: number): Promise<Checkpoint> {
  const limit = performance.now() + 20_000;
  while (performance.now() < limit) {
    const checkpoint = await published();
    if (checkpoint.size === BigInt(size)) return checkpoint;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`It did not publish ${size} entries in 20 seconds`);
}
