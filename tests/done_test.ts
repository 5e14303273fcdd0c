/**
 * "Done means", as one script that prints what it does: all real files imported into a
 * fresh log, checked by our fsck and by Tessera's, ten of them verified offline, a second
 * digest refused, and a second import with `kill -9` in the middle of it, nothing lost.
 */

import {
  checkConsistency,
  type Checkpoint,
  LogReader,
  openCheckpoint,
  parseVkey,
  verifierOf,
} from "@indelible/core";
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { requirePeer } from "./peers/peers.ts";
import { type Finished, run } from "./peers/process.ts";
import { fsckLog } from "./peers/tessera.ts";
import { programCommand, runProgram, startProgram } from "./programs.ts";
import { readPypiFiles } from "./pypi_files.ts";
import { add, entryOf, type RunningLog, startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

/**
 * Small wheels that the data has, in groups that pip can fetch at once (one version of a
 * project). Wheels, because pip would run the set-up code of a source archive.
 */
const WHEELS = [
  ["pydantic-core==0.0.1", "sampleproject==1.2.0", "pypi-attestations==0.0.6"],
  ["sampleproject==1.3.0", "pypi-attestations==0.0.7"],
  ["sampleproject==2.0.0", "pypi-attestations==0.0.8"],
  ["sampleproject==3.0.0", "pypi-attestations==0.0.9"],
  ["sampleproject==4.0.0"],
];

const { text, files } = await readPypiFiles();

Deno.test("28,798 real files: imported, checked by two fscks, ten verified offline", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "pypi-files.jsonl"), text);
    await tell(folder, "keygen", ["--origin=log.test/done"]);
    let wheels: string[];
    {
      await using log = await startLog({ folder });
      await tell(folder, "import", ["--from=pypi-files.jsonl", `--log=${log.url}`]);
      const { size } = await checkpointOf(log);
      assert.equal(size, BigInt(files.length));
      await tell(folder, "fsck", [`--log=${log.url}`, "--public-key=public.key"]);
      await tellTessera(log.url, log.vkey);

      // Ten of the real files: logged already, so each gets its first index and a proof.
      wheels = await downloadWheels(folder);
      if (wheels.length > 0) {
        const args = [...wheels, `--log=${log.url}`, "--public-key=public.key"];
        await tell(folder, "add", args);
        assert.equal((await checkpointOf(log)).size, size);
      }

      await refuseSecondDigest(log, wheels);
      await log.stop();
    }

    // The log has stopped: what follows is offline.
    await tell(folder, "fsck", ["--log=data", "--public-key=public.key"]);
    await tellTessera(`file://${join(folder, "data")}`, await readLine(folder, "public.key"));
    for (const wheel of wheels) {
      const args = [wheel, "--public-key=public.key"];
      await tell(folder, "verify", args);
      const command = await programCommand("verify", args, { cwd: folder });
      assert(!command.some((word) => word.startsWith("--allow-net") || word === "-A"));
    }
    const [changed] = wheels;
    if (changed === undefined) return;
    await Deno.writeFile(join(folder, changed), Uint8Array.of(0), { append: true });
    await tell(folder, "verify", [changed, "--public-key=public.key"], 1);
  }));

/** Another digest under a logged name: refused, by `add` and in the list of refusals. */
async function refuseSecondDigest(log: RunningLog, wheels: readonly string[]): Promise<void> {
  const filename = wheels[0] === undefined ? files[0]!.filename : basename(wheels[0]);
  const index = files.findIndex((file) => file.filename === filename);
  const second = `sha256:${"0".repeat(64)}`;
  const flags = [`--log=${log.url}`, "--public-key=public.key"];
  const args = [`--filename=${filename}`, `--checksum=${second}`, ...flags];
  await tell(log.folder, "add", args, 1);
  const answer = await add(log.url, { filename, checksum: second });
  assert.equal(answer.status, 409);
  assert.equal(answer.body.index, index);
  assert.equal(answer.body.checksum, files[index]!.checksum);
  const [newest] = await (await fetch(`${log.url}/refusals?limit=1`)).json();
  assert.deepEqual([newest.filename, newest.checksum], [filename, second]);
  assert.equal((await checkpointOf(log)).size, BigInt(files.length));
}

Deno.test("kill -9 in the middle of an import of 28,798 real files loses nothing", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "pypi-files.jsonl"), text);
    let log = await startLog({ folder });
    try {
      const { port } = new URL(log.url);
      // Chunks below a full batch, so that each waits for its turn: time for two kills.
      const args = [
        "--from=pypi-files.jsonl",
        `--log=${log.url}`,
        "--state=import.state",
        "--chunk=4000",
      ];
      const first = await startProgram("import", args, { cwd: folder, ready: () => true });

      // The log is killed while the second part of the import is on its way into it.
      const before = await until(async () => {
        const checkpoint = await checkpointOf(log);
        return checkpoint.size > 0n ? checkpoint : null;
      });
      // A batch a second: the next one is about to be taken, hashed, committed or published.
      const pause = 600 + Math.floor(Math.random() * 500);
      await delay(pause);
      await log.kill();
      console.log(`kill -9 of the log, ${pause} ms after it published ${before.size} entries`);
      log = await startLog({ folder, port: Number(port) });
      const recovered = await checkpointOf(log);
      console.log(`log started again at ${recovered.size} entries`);
      await assertConsistent(log, before, recovered);
      await assertHolds(log, recovered, Number(recovered.size));

      // The import goes on by itself; now it is killed in its turn, and begun again.
      const acknowledged = await until(async () => {
        const lines = await acknowledgedLines(folder);
        return lines > Number(before.size) ? lines : null;
      });
      await first.kill();
      console.log(`kill -9 of the import, which had ${acknowledged} lines acknowledged`);
      const killed = await checkpointOf(log);
      assert(killed.size >= BigInt(acknowledged));
      await tell(folder, "import", args);
      const after = await checkpointOf(log);
      assert.equal(after.size, BigInt(files.length));
      await assertConsistent(log, before, after);
      await assertConsistent(log, killed, after);
      await assertHolds(log, after, files.length);
      await tell(folder, "fsck", [`--log=${log.url}`, "--public-key=public.key"]);
      await tellTessera(log.url, log.vkey);
    } finally {
      await log.stop();
    }
  }));

/** How many lines the import's state says are acknowledged. */
async function acknowledgedLines(folder: string): Promise<number> {
  const state = JSON.parse(await Deno.readTextFile(join(folder, "import.state")));
  const [source] = Object.values<{ lines: number }>(state.sources);
  return source?.lines ?? 0;
}

/** The log's first `count` entries are the first `count` files, each at its own index. */
async function assertHolds(log: RunningLog, head: Checkpoint, count: number): Promise<void> {
  const reader = readerOf(log, head);
  let index = 0;
  for (let bundle = 0; bundle * 256 < count; bundle++) {
    for (const entry of await reader.readEntries(BigInt(bundle))) {
      assert.deepEqual(Uint8Array.from(entry), entryOf(files[index]!), `entry ${index}`);
      index++;
    }
  }
  assert.equal(index, count);
}

async function assertConsistent(
  log: RunningLog,
  before: Checkpoint,
  after: Checkpoint,
): Promise<void> {
  const proof = await readerOf(log, after).proveConsistency(before.size);
  assert(checkConsistency(before.size, after.size, before.root, after.root, proof));
}

function readerOf(log: RunningLog, head: Checkpoint): LogReader {
  return new LogReader(head, async (path) => {
    const response = await fetch(`${log.url}/${path}`);
    if (response.ok) return await response.bytes();
    await response.body?.cancel();
    return null;
  });
}

async function checkpointOf(log: RunningLog): Promise<Checkpoint> {
  const note = await (await fetch(`${log.url}/checkpoint`)).bytes();
  const key = parseVkey(log.vkey);
  const opened = openCheckpoint(note, key.name, [verifierOf(key)]);
  assert(opened.kind === "verified");
  return opened.checkpoint;
}

/** Runs a command as `deno task` does, prints it with what it said, and checks how it ended. */
async function tell(
  folder: string,
  name: string,
  args: readonly string[],
  code = 0,
): Promise<Finished> {
  const finished = await runProgram(name, args, { cwd: folder });
  const said = (finished.stdout + finished.stderr).trimEnd();
  console.log(`$ deno task ${name} ${args.join(" ")}\n${said}\n→ ${finished.code}`);
  assert.equal(finished.code, code);
  return finished;
}

async function tellTessera(url: string, vkey: string): Promise<void> {
  const whole = await fsckLog(url, vkey);
  if (whole === null) return;
  console.log(`Tessera's fsck of ${url}: ${whole.ok ? "it is whole" : whole.output}`);
  assert(whole.ok);
}

/**
 * Fetches the wheels from the package index that pip is set up with here.
 *
 * @returns Their names, or none after a printed line where there is no pip or no index.
 */
async function downloadWheels(folder: string): Promise<string[]> {
  const pip = await requirePeer("pip");
  if (pip === null) return [];
  for (const wheels of WHEELS) {
    const args = ["download", "--quiet", "--no-deps", "--only-binary=:all:"];
    args.push("--ignore-requires-python", "--no-cache-dir", "--dest=.");
    const { code, stderr } = await run(pip, [...args, ...wheels], {
      cwd: folder,
      // What lies about on this machine is not what the index has.
      env: { PIP_FIND_LINKS: "", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    });
    if (code === 0) continue;
    if (Deno.env.get("REQUIRE_PEERS") === "1") throw new Error(`Cannot fetch wheels: ${stderr}`);
    console.log("skipped: needs a package index, so no real file is verified");
    return [];
  }
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".whl")) names.push(name);
  }
  assert.equal(names.length, 10);
  return names.sort();
}

async function readLine(folder: string, name: string): Promise<string> {
  return (await Deno.readTextFile(join(folder, name))).trim();
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks again and again until there is an answer, at most a minute; errors are "not yet". */
async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  const limit = performance.now() + 60_000;
  while (performance.now() < limit) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
    await delay(20);
  }
  throw new Error("It did not come about in a minute");
}
