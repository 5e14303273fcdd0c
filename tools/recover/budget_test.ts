import { deepEqual, equal } from "node:assert/strict";
import { type Bucket, takeToken } from "./budget.ts";

/** When each of some fetches may be made, by whoever waits as long as told. */
function schedule(count: number, perMinute: number, restartAt = -1): number[] {
  const times: number[] = [];
  let bucket: Bucket | null = null;
  let now = 1_000_000;
  while (times.length < count) {
    const taken = takeToken(bucket, perMinute, now);
    bucket = taken.bucket;
    if (taken.wait === 0) times.push(now - 1_000_000);
    now += taken.wait;
    // What is kept between runs is the bucket, as JSON would keep it.
    if (times.length === restartAt) bucket = JSON.parse(JSON.stringify(bucket));
  }
  return times;
}

Deno.test("a minute's worth goes at once, then one after the other", () => {
  deepEqual(schedule(6, 3), [0, 0, 0, 20_000, 40_000, 60_000]);
});

Deno.test("a restart brings nothing: the bucket is as it was", () => {
  for (let at = 1; at < 10; at++) deepEqual(schedule(10, 3, at), schedule(10, 3));
});

Deno.test("an idle hour brings one minute's worth, and a clock that goes back nothing", () => {
  const empty: Bucket = { tokens: 0, at: 5_000_000 };
  equal(takeToken(empty, 60, 5_000_000 + 3_600_000).bucket.tokens, 59);
  deepEqual(takeToken(empty, 60, 1_000), { bucket: { tokens: 0, at: 1_000 }, wait: 1_000 });
  // A smaller budget than before counts at once.
  equal(takeToken({ tokens: 60, at: 0 }, 2, 0).bucket.tokens, 1);
});
