/** F27: many times more requests than the log takes; and memory that stays flat. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Answer, checkProof, checksumOf, post, pypiEntry, serveLog } from "./http_fixture.ts";

const sum = (i: number) => checksumOf(`content ${i}`);
const name = (i: number) => `pkg-${i}.tar.gz`;

Deno.test("F27 a hundred times too many adds: 503s, and every accepted one is sequenced", async () => {
  const limit = 20;
  await using log = await serveLog({ maxPending: limit, batchInterval: 50 });
  const answers = await Promise.all(
    Array.from(
      { length: 100 * limit },
      (_, i) => post(log, { filename: name(i), checksum: sum(i) }),
    ),
  );
  const accepted = new Map<number, Answer>();
  for (const [i, { status, headers, body }] of answers.entries()) {
    if (status === 200) {
      accepted.set(i, body);
      continue;
    }
    equal(status, 503);
    match(headers.get("retry-after")!, /^[1-3]$/);
    equal(headers.get("cache-control"), "no-store");
    deepEqual(Object.keys(body), ["error"]);
  }
  ok(accepted.size >= limit && accepted.size < 100 * limit, `${accepted.size} accepted`);
  // None waited for longer than the batch that was open when it came.
  ok(log.batches.every(({ submissions }) => submissions <= limit));
  equal(log.log.size(), accepted.size, "what was turned away is not there");
  for (const [i, body] of accepted) checkProof(log, body, pypiEntry(name(i), sum(i)));
  const indices = [...accepted.values()].map(({ index }) => index).sort((a, b) => a - b);
  deepEqual(indices, indices.map((_, i) => i));

  const refused = answers.findIndex(({ status }) => status === 503);
  const retry = await post(log, { filename: name(refused), checksum: sum(refused) });
  equal(retry.status, 200);
  equal(retry.body.index, accepted.size);
  deepEqual(log.faults, []);
});

Deno.test("F27 nothing may wait: every add is told to come back, and reads go on", async () => {
  await using log = await serveLog({ maxPending: 0 });
  equal((await post(log, { filename: name(0), checksum: sum(0) })).status, 503);
  equal((await post(log, {})).status, 400, "what is wrong stays wrong");
  equal((await fetch(`${log.url}/checkpoint`).then((answer) => answer.text())).split("\n")[1], "0");
});

Deno.test("a log that stops answers those who wait, and 503 to those who come", async () => {
  const log = await serveLog({ batchInterval: 60_000 });
  await post(log, { filename: name(0), checksum: sum(0) });
  const waiting = Array.from(
    { length: 50 },
    (_, i) => post(log, { filename: name(i), checksum: sum(i) }),
  );
  const pending = async () => (await (await fetch(`${log.url}/status`)).json()).pending;
  while (await pending() < 50) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopping = log.log.stop();
  const late = await post(log, { filename: "late.whl", checksum: sum(0) });
  equal(late.status, 503);
  for (const { status } of await Promise.all(waiting)) equal(status, 200);
  await stopping;
  equal(log.log.size(), 50);
  await log[Symbol.asyncDispose]();
});
