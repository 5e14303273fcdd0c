/** What only the real program shows: its log lines, SIGHUP, and a restart. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checksumOf, post } from "./http_fixture.ts";
import { startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const TOKENS = { ci: "t0ken-of-ci", bot: "t0ken-of-bot" };
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const lineOf = (name: "ci" | "bot") => `${name} ${checksumOf(TOKENS[name])}\n`;

Deno.test("F35 publishers are re-read on SIGHUP, logged by name, and never by token", () =>
  inFolder(async (folder) => {
    const publishers = `${folder}/publishers`;
    await Deno.writeTextFile(publishers, lineOf("ci"));
    await using log = await startLog({
      folder,
      flags: ["--publishers=publishers", "--log-format=json", "--batch-interval=10ms"],
    });
    const ask = (filename: string, token: string) =>
      post(log, { filename, checksum: checksumOf(filename) }, bearer(token));
    equal((await ask("a.whl", TOKENS.ci)).status, 200);
    equal((await ask("b.whl", TOKENS.bot)).status, 403);
    equal((await ask("b.whl", "a-wrong-t0ken")).status, 403);

    const hangUp = async (file: string, sign: RegExp) => {
      await Deno.writeTextFile(publishers, file);
      const before = log.output().length;
      Deno.kill(log.pid, "SIGHUP");
      while (!sign.test(log.output().slice(before))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    // A mistake keeps those who may write, and is not quoted: it might be a token.
    await hangUp(`ci ${TOKENS.ci}\n`, /not re-read/);
    equal((await ask("b.whl", TOKENS.ci)).status, 200);
    await hangUp(lineOf("bot"), /publishers/);
    equal((await ask("c.whl", TOKENS.ci)).status, 403);
    equal((await ask("c.whl", TOKENS.bot)).body.index, 2);
    const bulk = await fetch(`${log.url}/admin/bulk/append`, {
      method: "POST",
      headers: { ...bearer(TOKENS.bot), "Content-Type": "application/x-ndjson" },
      body: ["d.whl", "e.whl"].map((filename) =>
        JSON.stringify({ filename, checksum: checksumOf(filename) })
      ).join("\n"),
    });
    match(await bulk.text(), /"count":2/);
    await log.stop();

    const output = log.output();
    for (const token of [...Object.values(TOKENS), "a-wrong-t0ken"]) {
      ok(!output.includes(token), "no token in the log");
    }
    const lines = output.trimEnd().split("\n").filter((line) => !line.startsWith("log "));
    const records = lines.map((line) => JSON.parse(line));
    for (const { "@timestamp": time, level } of records) {
      match(time, /^\d{4}-\d\d-\d\dT/);
      ok(["INFO", "WARN", "ERROR"].includes(level), level);
    }
    const writers = records.flatMap(({ writers }) => writers ? [writers] : []);
    deepEqual(writers, [
      { ci: ["0-0"] },
      { ci: ["1-1"] },
      { bot: ["2-2"] },
      { bot: ["3-4"] },
    ]);
  }));

Deno.test("F29 repeats and conflicts are what they were after a restart", () =>
  inFolder(async (folder) => {
    const file = (i: number) => ({ filename: `f-${i}.whl`, checksum: checksumOf(`${i}`) });
    let receipt;
    {
      await using log = await startLog({ folder, flags: ["--batch-interval=10ms"] });
      for (let i = 0; i < 3; i++) receipt = (await post(log, file(i))).body;
      const yank = { ...file(1), event: "yank" };
      equal((await post(log, yank)).body.index, 3);
    }
    await using log = await startLog({ folder, flags: ["--batch-interval=10ms"] });
    const again = (await post(log, file(2))).body;
    deepEqual([again.index, again.entry], [receipt.index, receipt.entry]);
    equal((await post(log, { ...file(1), event: "yank" })).body.index, 3);
    equal((await post(log, { ...file(1), event: "unyank" })).body.index, 4);
    const conflict = await post(log, { ...file(0), checksum: checksumOf("x") });
    deepEqual([conflict.status, conflict.body.index], [409, 0]);
  }));

Deno.test("a log without publishers does not start on an address that others reach", () =>
  inFolder(async (folder) => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "log.example.com"]) {
      const started = startLog({ folder, flags: [`--host=${host}`] });
      const why = await started.then((log) => log.stop().then(() => "it started"), String);
      match(why, /give --publishers/);
    }
    ok(!(await Deno.stat(`${folder}/data`).catch(() => null)), "and makes nothing");
  }));
