import assert from "node:assert/strict";
import { inFolder } from "../tests/temporary.ts";
import { HighWater } from "./high_water.ts";
import { behindHighWater, behindPublished } from "./rollback.ts";
import { logId, type LogRecord } from "./store.ts";

const ORIGIN = "log.example/marks";

function record(size: bigint | null, origin = ORIGIN): LogRecord {
  const cosigned = size === null
    ? null
    : { size, root: new Uint8Array(32), time: 1n, note: new Uint8Array(0) };
  return { origin, vkeys: [], url: null, disabled: false, cosigned };
}

Deno.test("high-water file remembers the largest size of each log", () =>
  inFolder((folder) => {
    const path = `${folder}/marks`;
    {
      using marks = HighWater.open(path);
      assert.equal(marks.sizeOf(ORIGIN), 0n);
      for (let size = 1n; size <= 1_000n; size++) marks.raise(ORIGIN, size);
      marks.raise(ORIGIN, 7n);
      marks.raise("other.example", (1n << 63n) - 1n);
      marks.raise("empty.example", 0n);
    }
    assert.equal(Deno.statSync(path).size, 3 * 85, "a line a log");
    using marks = HighWater.open(path);
    assert.equal(marks.sizeOf(ORIGIN), 1_000n);
    assert.equal(marks.sizeOf("other.example"), (1n << 63n) - 1n);
    assert.deepEqual(marks.ids, [logId(ORIGIN), logId("other.example")]);
    return Promise.resolve();
  }));

Deno.test("high-water file has one holder", () =>
  inFolder((folder) => {
    using _ = HighWater.open(`${folder}/marks`);
    assert.throws(() => HighWater.open(`${folder}/marks`), /another witness/);
    return Promise.resolve();
  }));

Deno.test("high-water file forgets a torn last line and refuses a damaged one", () =>
  inFolder((folder) => {
    const path = `${folder}/marks`;
    {
      using marks = HighWater.open(path);
      marks.raise(ORIGIN, 5n);
      marks.raise("other.example", 6n);
    }
    const whole = Deno.readTextFileSync(path);
    for (let length = 85; length < whole.length; length++) {
      Deno.writeTextFileSync(path, whole.slice(0, length));
      using marks = HighWater.open(path);
      assert.deepEqual(marks.ids, [logId(ORIGIN)]);
      marks.raise("other.example", 9n);
      assert.equal(Deno.statSync(path).size, 2 * 85);
    }
    Deno.writeTextFileSync(path, whole.replace("5\n", "x\n"));
    assert.throws(() => HighWater.open(path), /line 1 is damaged/);
    return Promise.resolve();
  }));

Deno.test("behindHighWater() reports only what is larger than the database", () =>
  inFolder((folder) => {
    using marks = HighWater.open(`${folder}/marks`);
    marks.raise(ORIGIN, 5n);
    assert.deepEqual(behindHighWater([record(5n)], marks), []);
    assert.deepEqual(behindHighWater([record(9n)], marks), []);
    assert.match(behindHighWater([record(4n)], marks).join(), /size 5 .* database has 4/);
    assert.match(behindHighWater([record(null)], marks).join(), /database has 0/);
    assert.match(behindHighWater([], marks).join(), /is not in the database/);
    marks.reset([record(4n)]);
    assert.deepEqual(behindHighWater([record(4n)], marks), []);
    marks.reset([]);
    assert.deepEqual(behindHighWater([], marks), []);
    return Promise.resolve();
  }));

Deno.test("behindPublished() compares with what a log shows under our cosignature", () => {
  const published = (size: bigint, fill = 0) => ({
    origin: ORIGIN,
    size,
    root: new Uint8Array(32).fill(fill),
    extensions: [],
  });
  assert.deepEqual(behindPublished(ORIGIN, record(5n), published(5n)), []);
  assert.deepEqual(behindPublished(ORIGIN, record(6n), published(5n, 1)), []);
  assert.match(behindPublished(ORIGIN, record(4n), published(5n)).join(), /publishes size 5/);
  assert.match(behindPublished(ORIGIN, null, published(5n)).join(), /the store has 0/);
  assert.match(behindPublished(ORIGIN, record(5n), published(5n, 1)).join(), /another root hash/);
});
