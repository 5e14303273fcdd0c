/**
 * The witness as a real process: its commands, what it prints, what it survives,
 * and what it refuses to start with.
 */

import {
  formatVkey,
  KeyType,
  openNote,
  parseNote,
  parsePolicy,
  signerOf,
  utf8,
  verifierOf,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GrowingLog, testKey } from "./growing_log.ts";
import { startPostgres } from "./peers/postgres.ts";
import { startProcess } from "./peers/process.ts";
import { runProgram } from "./programs.ts";
import { inFolder } from "./temporary.ts";
import { DATABASE, LOG, must, post, startWitness, writeKeys } from "./witness_program.ts";

Deno.test("witness runs as bt-log's README sets it up, and takes logs while it runs", () =>
  inFolder(async (folder) => {
    // A key of type 0x01, and an empty database file, as that set-up has them.
    const key = testKey("witness.log/example", KeyType.ed25519);
    await writeKeys(folder, key);
    await Deno.writeTextFile(join(folder, "witness.db"), "");
    await using witness = await startWitness(folder, DATABASE, "--public-key=witness.pub");
    const line = witness.process.output().split("\n").find((line) => line.startsWith("witness "))!;
    const { witnesses: [known] } = parsePolicy(utf8(`${line}\nquorum none\n`));
    assert.equal(known!.url, witness.url);
    assert.equal(known!.key.type, KeyType.ed25519Cosignature);

    assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 404);
    const add = ["--database-path=witness.db", "--public-key=log.pub"];
    assert.match(await must("witness-add-key", add, folder), /^The witness trusts the key/);
    assert.match(await must("witness-add-key", add, folder), /already/);
    const { status, text } = await post(witness.url, await LOG.request(0, 3));
    assert.equal(status, 200, text);
    const note = utf8(`${parseNote(LOG.checkpoint(3)).text}\n${text}`);
    assert.equal(openNote(note, [verifierOf(known!.key)]).kind, "verified");

    // Another key of the same log, by its origin.
    const next = testKey("next.example");
    await Deno.writeTextFile(join(folder, "next.pub"), formatVkey(next));
    const rotate = [DATABASE, "--public-key=next.pub", `--origin=${LOG.origin}`];
    await must("witness-add-key", rotate, folder);
    const signers = [signerOf(next, () => 0n)];
    assert.equal((await post(witness.url, await LOG.request(3, 4, { signers }))).status, 200);
    const list = await must("witness-list", [DATABASE], folder);
    assert.match(
      list,
      /^log\.example\/process {2}enabled, size 4 at .*\n {2}key {2}log.*\n {2}key {2}next/,
    );

    const origin = `--origin=${LOG.origin}`;
    await must("witness-disable", [DATABASE, origin], folder);
    assert.equal((await post(witness.url, await LOG.request(4, 5))).status, 404);
    await must("witness-disable", [DATABASE, origin, "--enable"], folder);
    assert.equal((await post(witness.url, await LOG.request(4, 5))).status, 200);

    // Its own name is no log's, also for a command that has no key.
    const self = [DATABASE, "--public-key=witness.pub"];
    const refused = await runProgram("witness-add-key", self, { cwd: folder });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /own name/);

    const second = await runProgram("witness", [DATABASE, "--private-key=witness.key"], {
      cwd: folder,
    });
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another witness is using this database/);
  }));

Deno.test("witness reads its log list again on SIGHUP, and keeps the last good one", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    const list = join(folder, "logs");
    await Deno.writeTextFile(list, "# none yet\n");
    await using witness = await startWitness(
      folder,
      DATABASE,
      "--log-list=logs",
      "--log-format=text",
    );
    const hangUp = async (content: string, said: RegExp) => {
      const before = witness.process.output().length;
      await Deno.writeTextFile(list, content);
      Deno.kill(witness.process.pid, "SIGHUP");
      while (!said.test(witness.process.output().slice(before))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 404);
    await hangUp(`${LOG.origin} ${LOG.vkey}\n`, /log list read logs=1/);
    assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
    await hangUp(`${LOG.origin} nonsense\n`, /log list not read.*line 1/);
    assert.equal((await post(witness.url, await LOG.request(3, 4))).status, 200);
    await hangUp("", /log list read logs=0/);
    assert.equal((await post(witness.url, await LOG.request(4, 5))).status, 404);
  }));

Deno.test("witness-list and witness-disable make no database and name no log that is not there", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    const fails = async (name: string, ...flags: string[]) => {
      const { code, stdout, stderr } = await runProgram(name, flags, { cwd: folder });
      assert.deepEqual([code, stdout], [1, ""], name);
      return stderr;
    };
    const origin = `--origin=${LOG.origin}`;
    const missing =
      /^witness-[a-z]+: There is no witness's database at --database-path witness.db$/m;
    assert.match(await fails("witness-list", DATABASE), missing);
    assert.match(await fails("witness-disable", DATABASE, origin), missing);
    assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => /\.db/.test(name)), []);

    await must("witness-add-key", [DATABASE, "--public-key=log.pub"], folder);
    const unknown = await fails("witness-disable", DATABASE, "--origin=no.example");
    assert.match(unknown, /^witness-disable: There is no log no\.example in the database;/);
    assert.doesNotMatch(await must("witness-list", [DATABASE], folder), /no\.example/);
    await must("witness-disable", [DATABASE, origin], folder);
    assert.match(await fails("witness-disable", DATABASE, origin), /was not enabled/);
  }));

Deno.test("witness limits an address that fails too often, by its flag", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await using witness = await startWitness(folder, DATABASE, "--max-failures=2");
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      statuses.push((await post(witness.url, utf8("no request\n"))).status);
    }
    assert.deepEqual(statuses, [400, 400, 429, 429]);
    const health = await fetch(`${witness.url}/healthz`);
    assert.deepEqual([health.status, await health.text()], [200, "ok\n"]);
    const metrics = await (await fetch(`${witness.url}/metrics`)).text();
    assert.match(metrics, /^indelible_witness_rate_limited_total 2$/m);
  }));

Deno.test("witness keeps its files from others", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await must("witness-add-key", [DATABASE, "--public-key=log.pub"], folder);
    await using witness = await startWitness(folder, DATABASE);
    assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
    for (const end of ["", "-wal", "-shm", ".high-water"]) {
      const { mode } = await Deno.stat(`${folder}/witness.db${end}`);
      assert.equal(mode! & 0o777, 0o600, end);
    }
  }));

for (const name of ["witness.db", "witness.db.high-water"]) {
  Deno.test(`witness ends when its ${name} is taken away, rather than forget later`, () =>
    inFolder(async (folder) => {
      await writeKeys(folder);
      await must("witness-add-key", [DATABASE, "--public-key=log.pub"], folder);
      await using witness = await startWitness(folder, DATABASE);
      assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
      await Deno.rename(join(folder, name), join(folder, "away"));
      await Deno.writeTextFile(join(folder, name), "");
      assert.equal(await witness.process.ended, 1);
      assert.match(
        witness.process.output(),
        new RegExp(`ERROR stopping why=".*${name} was removed or replaced while it was in use"`),
      );
    }));
}

Deno.test("witness keeps its state in PostgreSQL, with the permissions of its flags", async () => {
  await using postgres = await startPostgres();
  if (postgres === null) return;
  const url = await postgres.newDatabase();
  await inFolder(async (folder) => {
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "database"), `${url}\n`);
    const flag = "--database-url-file=database";
    await must("witness-add-key", [flag, "--public-key=log.pub"], folder);
    const flags = [flag, "--high-water-path=high-water"];
    {
      await using witness = await startWitness(folder, ...flags);
      assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
    }
    await using witness = await startWitness(folder, ...flags);
    const { status, text } = await post(witness.url, await LOG.request(0, 4));
    assert.deepEqual([status, text], [409, "3\n"]);
  });
});

Deno.test("witness says what is wrong with its flags", () =>
  inFolder(async (folder) => {
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "other.db"), "no database at all, but long enough");
    const wrong: [string[], RegExp][] = [
      [["--private-key=witness.key"], /One of --database-path and --database-url-file/],
      [[DATABASE, "--private-key=none.key"], /--private-key none.key: there is no such file/],
      [[DATABASE, "--private-key=witness.pub"], /--private-key witness.pub: Cannot parse skey/],
      [
        [DATABASE, "--private-key=witness.key", "--public-key=log.pub"],
        /is not that of the private/,
      ],
      [["--database-path=other.db", "--private-key=witness.key"], /not a SQLite database/],
      [[DATABASE, "--private-key=witness.key", "--port=x"], /must be a number from 0 to 65535/],
    ];
    for (const [flags, said] of wrong) {
      const { code, stderr } = await runProgram("witness", flags, { cwd: folder });
      assert.notEqual(code, 0, flags.join(" "));
      assert.match(stderr, said);
      assert.doesNotMatch(stderr, /\n {4}at /, "one sentence, no stack");
    }
  }));

/** Starts the witness that dies at one point. */
async function startCrashing(folder: string, when: string, size: number) {
  const program = fileURLToPath(new URL("./crash_witness.ts", import.meta.url));
  const config = fileURLToPath(new URL("../deno.json", import.meta.url));
  const args = ["run", "--quiet", "--allow-all", `--config=${config}`, program];
  const database = join(folder, "witness.db");
  const process = await startProcess(
    Deno.execPath(),
    [...args, database, when, `${size}`, LOG.vkey],
    { ready: (output) => output().includes("listening on") },
  );
  const port = /listening on (\d+)/.exec(process.output())![1];
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => process.stop() };
}

Deno.test("a witness killed between commit and reply remembers what it committed", () =>
  inFolder(async (folder) => {
    {
      await using witness = await startCrashing(folder, "after-commit", 7);
      assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
      await assert.rejects(post(witness.url, await LOG.request(3, 7)), "no signature got out");
    }
    await using witness = await startCrashing(folder, "never", 0);
    const { status, text } = await post(witness.url, await LOG.request(3, 7));
    assert.deepEqual([status, text], [409, "7\n"]);
    assert.equal((await post(witness.url, await LOG.request(7, 7))).status, 200);
  }));

Deno.test("a witness killed before its commit has let no signature out", () =>
  inFolder(async (folder) => {
    {
      await using witness = await startCrashing(folder, "before-commit", 7);
      assert.equal((await post(witness.url, await LOG.request(0, 3))).status, 200);
      await assert.rejects(post(witness.url, await LOG.request(3, 7)));
    }
    await using witness = await startCrashing(folder, "never", 0);
    const fork = new GrowingLog(LOG.origin, "fork", { log: LOG, size: 3 });
    assert.equal((await post(witness.url, await fork.request(3, 7))).status, 200, "either may win");
    assert.equal((await post(witness.url, await LOG.request(7, 7))).status, 422);
  }));
