/**
 * Our witness, started as its task starts it, with Go programs on the other end:
 * Tessera's log gets its cosignatures, torchwood verifies proofs that carry them.
 * (That litewitness cosigns our log is in `interop_log_test.ts`.)
 */

import { checkPolicy, formatVkey, KeyType, parsePolicy, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Check } from "./peers/driver.ts";
import { fsckLog, startTessera } from "./peers/tessera.ts";
import { add, entryOf, madeUpFile, newKey, startLog, writeLogKeys } from "./running_log.ts";
import { RunningWitness } from "./running_witness.ts";
import { inFolder } from "./temporary.ts";

Deno.test("our witness cosigns Tessera's log as it grows, is unchanged, and after a crash", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      const origin = "tessera.example/witnessed";
      const { skey, vkey } = await check.must("note-generate-key", { origin });
      await using witness = await RunningWitness.start(folder);
      await witness.addLog(vkey);
      const policyText = `log ${vkey}\n${witness.policyLine}\nquorum ours\n`;
      const policy = parsePolicy(utf8(policyText));
      // It publishes nothing, not even the empty tree, before it has our cosignature.
      await using tessera = await startTessera({ skey, policy: policyText });
      if (tessera === null) return;
      const published = async () => {
        const note = await (await fetch(`${tessera.url}/checkpoint`)).bytes();
        const verdict = checkPolicy(policy, note);
        assert(verdict.kind === "accepted", new TextDecoder().decode(note));
        assert.deepEqual(verdict.cosigned.map(({ witness }) => witness.name), ["ours"]);
        return { note, size: verdict.checkpoint.size, time: verdict.cosigned[0]!.time! };
      };
      assert.equal((await published()).size, 0n);

      let size = 0;
      for (const next of [1, 2, 255, 256, 257, 600]) {
        const entries = Array.from({ length: next - size }, (_, i) => `entry ${size + i}`);
        await Promise.all(entries.map(async (body) => {
          const response = await fetch(`${tessera.url}/add`, { method: "POST", body });
          assert.equal(response.status, 200, await response.text());
        }));
        size = next;
        const head = await published();
        assert.equal(head.size, BigInt(size));
        await check.must("torchwood-check-policy", { policy: utf8(policyText), note: head.note });
        assert(witness.cosigned(await witness.latest(origin)), "and with ML-DSA-44");
      }

      // An unchanged tree is cosigned anew, later.
      const before = await published();
      const refreshed = await until(async () => {
        const head = await published();
        return head.time > before.time ? head : null;
      });
      assert.equal(refreshed.size, 600n);

      // Without us it publishes nothing; once we are back it catches up.
      await witness.kill();
      const waiting = fetch(`${tessera.url}/add`, { method: "POST", body: "entry 600" });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.equal((await published()).size, 600n);
      await witness.start();
      const { status, body } = await waiting;
      assert.equal(status, 200);
      await body?.cancel();
      assert.equal((await published()).size, 601n);
      const whole = await fsckLog(tessera.url, vkey);
      assert(whole?.ok, whole?.output);
    });
  }));

Deno.test("torchwood verifies proofs of our log under a policy with our witness", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      const origin = "interop.example/both-ours";
      const key = (await writeLogKeys(folder, origin))!;
      await using witness = await RunningWitness.start(folder);
      await witness.addLog(formatVkey(key));
      const policy = utf8(`log ${formatVkey(key)}\n${witness.policyLine}\nquorum ours\n`);
      await Deno.writeFile(join(folder, "policy"), policy);
      await using log = await startLog({ folder, flags: ["--policy=policy"] });
      for (let i = 0; i < 3; i++) assert.equal((await add(log.url, madeUpFile(i))).status, 200);
      for (let i = 0; i < 3; i++) {
        const bundle = await fetch(`${log.url}/bundle/${madeUpFile(i).filename}`);
        const tlogProof = await bundle.bytes();
        const entry = entryOf(madeUpFile(i));
        await check.must("torchwood-verify-proof", { policy, entry, tlogProof });
        // Another witness of that name is another witness.
        const other = formatVkey(newKey(witness.name, KeyType.ed25519Cosignature));
        const strict = utf8(`log ${formatVkey(key)}\nwitness ours ${other}\nquorum ours\n`);
        const refused = await check.call("torchwood-verify-proof", {
          policy: strict,
          entry,
          tlogProof,
        });
        assert.equal(refused.ok, false);
      }
    });
  }));

/** Asks again and again until there is an answer, at most 20 seconds. */
async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  const limit = performance.now() + 20_000;
  while (performance.now() < limit) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("It did not come about in 20 seconds");
}
