/**
 * Receipts are given before the ledger has recorded what is published: what they
 * promise holds all the same, and no batch overtakes the record.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import type { Stores } from "./test_log.ts";
import { TestLog, withMethods } from "./test_log.ts";

/** Stores whose ledger tells of its calls, and records only when it is let. */
function gated({ ledger, objects }: Stores, calls: string[], gate: () => Promise<void>): Stores {
  return {
    objects,
    ledger: withMethods(ledger, {
      commit(batch) {
        calls.push(`commit ${batch.next.size}`);
        return ledger.commit(batch);
      },
      async publish(checkpoint, size) {
        calls.push(`publish ${size}`);
        await gate();
        await ledger.publish(checkpoint, size);
      },
    }),
  };
}

Deno.test("a receipt does not wait for the ledger's record, the next batch does", async () => {
  await using log = TestLog.inMemory();
  const calls: string[] = [];
  let opened = Promise.resolve();
  await log.open({ wrap: (stores) => gated(stores, calls, () => opened) });
  calls.length = 0;
  const gate = Promise.withResolvers<void>();
  opened = gate.promise;
  await log.client.add("a.zip");
  deepEqual(calls, ["commit 1", "publish 1"]);
  const next = log.client.add("b.zip");
  await new Promise((resolve) => setTimeout(resolve, 20));
  deepEqual(calls, ["commit 1", "publish 1"]);
  gate.resolve();
  await next;
  deepEqual(calls, ["commit 1", "publish 1", "commit 2", "publish 2"]);
  equal(await log.stop(), null);
  await log.open();
  await log.check();
});

Deno.test("a log that cannot record what is published stops; its receipts hold", async () => {
  await using log = TestLog.inMemory();
  let fails = false;
  const gate = () => fails ? Promise.reject(new Error("unknown outcome")) : Promise.resolve();
  await log.open({ wrap: (stores) => gated(stores, [], gate) });
  fails = true;
  await log.client.add("a.zip");
  const why = await log.stop();
  ok(why?.message.includes("unknown outcome"));
  await log.open();
  await log.check();
  await log.client.add("a.zip");
  await log.client.add("b.zip");
  equal(log.log.size(), 2);
});
