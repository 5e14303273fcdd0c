/** Two witness programs over one database, as in two regions (fault W6). */

import { openNote, parseNote, utf8, verifierOf } from "@indelible/core";
import { logId } from "@indelible/witness";
import assert from "node:assert/strict";
import { join } from "node:path";
import { GrowingLog } from "./growing_log.ts";
import { startPostgres } from "./peers/postgres.ts";
import { inFolder } from "./temporary.ts";
import { KEY, post, startWitness, writeKeys } from "./witness_program.ts";

Deno.test("two witness programs over one PostgreSQL database never sign two branches", async () => {
  await using server = await startPostgres();
  if (server === null) return;
  await inFolder(async (folder) => {
    const logs = Array.from({ length: 10 }, (_, i) => {
      const log = new GrowingLog(`log.example/program-${i}`);
      return { log, fork: new GrowingLog(log.origin, "fork", { log, size: 2 }) };
    });
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "database"), await server.newDatabase());
    const list = logs.map(({ log }) => `${log.origin} ${log.vkey}\n`).join("");
    await Deno.writeTextFile(join(folder, "logs"), list);
    const flags = ["--database-url-file=database", "--log-list=logs", "--max-failures=0"];
    await using one = await startWitness(folder, ...flags, "--high-water-path=one");
    await using two = await startWitness(folder, ...flags, "--high-water-path=two");
    await Promise.all(logs.map(async ({ log, fork }, i) => {
      const signed: { branch: GrowingLog; size: number }[] = [];
      let old = 0;
      for (let round = 0; round < 10; round++) {
        // Both branches at both witnesses at once, from the size that stands.
        const senders = [[log, one], [fork, two], [log, two], [fork, one]] as const;
        const answers = await Promise.all(senders.map(
          async ([branch, { url }], j) => {
            const size = old + 1 + (i + j + round) % 3;
            const { status, text } = await post(url, await branch.request(old, size));
            return { branch, size, status, text };
          },
        ));
        for (const { branch, size, status, text } of answers) {
          assert.ok([200, 409, 422].includes(status), `${status} ${text}`);
          if (status !== 200) continue;
          const note = utf8(`${parseNote(branch.checkpoint(size)).text}\n${text}`);
          assert.equal(openNote(note, [verifierOf(KEY)]).kind, "verified");
          signed.push({ branch, size });
          old = Math.max(old, size);
        }
      }
      const on = (branch: GrowingLog) =>
        signed.every((one) => branch.root(one.size).toHex() === one.branch.root(one.size).toHex());
      assert.ok(signed.length >= 10 && (on(log) || on(fork)), log.origin);
      for (const { url } of [one, two]) {
        const shown = await fetch(`${url}/${logId(log.origin)}/checkpoint`);
        const { text } = parseNote(await shown.bytes());
        assert.equal(text.split("\n")[1], `${old}`);
      }
    }));
  });
});
