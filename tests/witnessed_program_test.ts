/**
 * Log and witness as real programs, each with the permissions that the launcher
 * computes: what an operator sees when the witness is there, gone, or knows more
 * than the log.
 */

import { checkPolicy, formatSkey, formatVkey, KeyType, parsePolicy, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "./peers/process.ts";
import { runProgram, startProgram } from "./programs.ts";
import { add, madeUpFile, newKey, startLog, writeLogKeys } from "./running_log.ts";
import { RunningWitness } from "./running_witness.ts";
import { inFolder } from "./temporary.ts";

const ORIGIN = "log.test/witnessed";
const gone = formatVkey(newKey("gone.example", KeyType.ed25519Cosignature));

/** Writes the policy: any one of our witness and of one that nobody runs. */
async function writePolicy(folder: string, vkey: string, witness: RunningWitness) {
  const lines = [
    `log ${vkey}`,
    witness.policyLine,
    `witness gone ${gone} http://127.0.0.1:${freePort()}`,
    "group any 1 ours gone",
    "quorum any",
  ];
  const text = lines.join("\n") + "\n";
  await Deno.writeTextFile(join(folder, "policy"), text);
  return parsePolicy(utf8(text));
}

Deno.test("log and witness as programs: receipts, metrics, witness-status, an outage", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, ORIGIN))!);
    await using witness = await RunningWitness.start(folder);
    await witness.addLog(vkey);
    const policy = await writePolicy(folder, vkey, witness);
    await using log = await startLog({ folder, flags: ["--policy=policy"] });
    const { status, body } = await add(log.url, madeUpFile(0));
    assert.equal(status, 200);
    assert.equal(checkPolicy(policy, Uint8Array.fromBase64(body.checkpoint!)).kind, "accepted");

    const metrics = await (await fetch(`${log.url}/metrics`)).text();
    assert.match(metrics, /^indelible_witness_size\{witness="ours"\} 1$/m);
    assert.match(metrics, /^indelible_witness_size\{witness="gone"\} 0$/m);
    assert.match(metrics, /^indelible_witness_failures_total\{witness="ours"\} 0$/m);
    assert.match(metrics, /^indelible_witness_failures_total\{witness="gone"\} [1-9]/m);
    assert.doesNotMatch(await (await fetch(log.url)).text(), /WARNING/);

    const check = (...flags: string[]) =>
      runProgram("witness-status", ["--policy=policy", ...flags], { cwd: folder });
    for (const source of [log.url, "data"]) {
      const { code, stdout, stderr } = await check(`--log=${source}`);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^checkpoint of size 1$/m);
      assert.match(stdout, /^ {2}ours {2}cosigned \d+ s ago .*; the quorum needs it$/m);
      assert.match(stdout, /^ {2}gone {2}has not cosigned this checkpoint$/m);
      assert.match(stdout, /^the quorum holds, and would break without ours$/m);
    }
    const { stdout } = await check(`--log=${log.url}`, "--json");
    const { size, quorum, witnesses } = JSON.parse(stdout);
    assert.deepEqual([size, quorum], ["1", true]);
    assert.match(witnesses[0].cosigned, /^\d{4}-/);
    assert.deepEqual(witnesses[1], {
      name: "gone",
      cosigned: null,
      fresh: false,
      needed: false,
    });

    await witness.kill();
    const refused = await add(log.url, madeUpFile(1));
    assert.deepEqual([refused.status, refused.body.index], [503, 1]);
    assert.match(refused.retryAfter ?? "", /^[1-9][0-9]*$/);
    assert.match(log.output(), /\[WRN\].*the quorum is not reached/);
  }));

Deno.test("witness-status ends with 1 when the quorum does not hold", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, ORIGIN))!);
    await Deno.writeTextFile(
      join(folder, "policy"),
      `log ${vkey}\nwitness gone ${gone}\nquorum gone\n`,
    );
    await using log = await startLog({ folder });
    assert.equal((await add(log.url, madeUpFile(0))).status, 200);
    const args = ["--policy=policy", `--log=${log.url}`];
    const { code, stdout } = await runProgram("witness-status", args, { cwd: folder });
    assert.equal(code, 1);
    assert.match(stdout, /does NOT hold/);
  }));

Deno.test("--witness-fail-open publishes without the quorum, and says so everywhere", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, ORIGIN))!);
    await Deno.writeTextFile(
      join(folder, "policy"),
      `log ${vkey}\nwitness gone ${gone} http://127.0.0.1:${freePort()}\nquorum gone\n`,
    );
    {
      await using log = await startLog({ folder, flags: ["--policy=policy"] });
      assert.equal((await add(log.url, madeUpFile(0))).status, 503);
    }
    const flags = ["--policy=policy", "--witness-fail-open"];
    await using log = await startLog({ folder, flags });
    const { status, body } = await add(log.url, madeUpFile(0));
    assert.deepEqual([status, body.index], [200, 0]);
    const policy = parsePolicy(await Deno.readFile(join(folder, "policy")));
    const verdict = checkPolicy(policy, Uint8Array.fromBase64(body.checkpoint!));
    assert.equal(verdict.kind, "refused", "whoever asks for the quorum is not deceived");
    assert.match(log.output(), /\[WRN\].*--witness-fail-open/);
    assert.match(log.output(), /\[WRN\].*did not cosign, the quorum is not reached.*gone/);
    assert.match(
      await (await fetch(log.url)).text(),
      /WARNING: .* without its witnesses&#39; quorum/,
    );
    assert.equal((await (await fetch(`${log.url}/status`)).json()).witnessFailOpen, true);
  }));

Deno.test("a log restored from an old backup does not start, and names the sizes", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, ORIGIN))!);
    await using witness = await RunningWitness.start(folder);
    await witness.addLog(vkey);
    await writePolicy(folder, vkey, witness);
    const flags = ["--policy=policy"];
    const logged = async (files: number, from = 0) => {
      await using log = await startLog({ folder, flags });
      for (let i = from; i < files; i++) {
        assert.equal((await add(log.url, madeUpFile(i))).status, 200);
      }
    };
    await logged(2);
    await Deno.rename(join(folder, "data"), join(folder, "newest"));
    const keys = ["--private-key=private.key", "--public-key=public.key"];
    const args = ["--storage-dir=data", ...keys, "--port=0", ...flags];
    const { code, stdout, stderr } = await runProgram("log", args, { cwd: folder });
    assert.equal(code, 1);
    assert.doesNotMatch(stdout, /http/, "it never listened");
    assert.match(stderr, /The witness ours has cosigned size 2 of this log, whose size is 0/);
    await Deno.remove(join(folder, "data"), { recursive: true });
    await Deno.rename(join(folder, "newest"), join(folder, "data"));
    await logged(3, 2);
  }));

Deno.test("start refuses a local witness whose database went back", () =>
  inFolder(async (folder) => {
    const database = join(folder, "data/witness.sqlite");
    const args = ["--port=0"];
    const run = async (file: number) => {
      const log = await startProgram("start", args, {
        cwd: folder,
        ready: (output) => /^url {5}http/m.test(output()),
      });
      try {
        const url = /^url {5}(\S+)$/m.exec(log.output())![1]!;
        assert.equal((await add(url, madeUpFile(file))).status, 200);
      } finally {
        await log.stop();
      }
    };
    await run(0);
    await Deno.copyFile(database, join(folder, "backup"));
    await run(1);
    await Deno.rename(join(folder, "backup"), database);
    for (const end of ["-wal", "-shm"]) await Deno.remove(database + end).catch(() => {});
    const { code, stderr } = await runProgram("start", args, { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, /size 2 of the log .* was cosigned, the database has 1/);
    assert.match(stderr, /Restore the newest data/);
  }));

Deno.test("start ends with a sentence when its local witness's database is taken away", () =>
  inFolder(async (folder) => {
    const log = await startProgram("start", ["--port=0"], {
      cwd: folder,
      ready: (output) => /^url {5}http/m.test(output()),
    });
    const url = /^url {5}(\S+)$/m.exec(log.output())![1]!;
    assert.equal((await add(url, madeUpFile(0))).status, 200);
    await Deno.remove(join(folder, "data/witness.sqlite"));
    assert.equal(await log.ended, 1);
    assert.match(
      log.output(),
      /^start: The local witness is lost: data\/witness\.sqlite was removed or replaced .*start over/m,
    );
    const { code, stderr } = await runProgram("start", ["--port=0"], { cwd: folder });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^start: There is a log in data\/log but not its witness's .*restore them/m,
    );
  }));

Deno.test("log takes one witness by its URL and a key of type 0x01, as bt-log's README has it", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, ORIGIN))!);
    const key = newKey("witness.log/example"); // As gen-key writes it: of type 0x01.
    await Deno.writeTextFile(join(folder, "witness.key"), formatSkey(key));
    await Deno.writeTextFile(join(folder, "witness.pub"), formatVkey(key));
    const port = freePort();
    const database = "--database-path=witness.db";
    const added = await runProgram("witness-add-key", [database, "--public-key=public.key"], {
      cwd: folder,
    });
    assert.equal(added.code, 0, added.stderr);
    const keys = ["--private-key=witness.key", "--public-key=witness.pub"];
    const witness = await startProgram("witness", [database, ...keys, `--port=${port}`], {
      cwd: folder,
      ready: (output) => output().includes("serving"),
    });
    try {
      const url = `--witness-url=http://127.0.0.1:${port}`;
      const flags = [url, "--witness-public-key=witness.pub"];
      await using log = await startLog({ folder, flags });
      const { status, body } = await add(log.url, madeUpFile(0));
      assert.equal(status, 200, body.error);
      const line = /^witness .*$/m.exec(witness.output())![0];
      const [, name] = line.split(" ");
      const policy = parsePolicy(utf8(`log ${vkey}\n${line}\nquorum ${name}\n`));
      const verdict = checkPolicy(policy, Uint8Array.fromBase64(body.checkpoint!));
      assert.equal(verdict.kind, "accepted");
    } finally {
      await witness.stop();
    }
  }));
