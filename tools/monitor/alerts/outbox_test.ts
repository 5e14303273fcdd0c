import type { EvidenceFile } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../../_testing.ts";
import { alert, QUIET } from "./_testing.ts";
import { alertId } from "./alert.ts";
import type { Channel, Notice } from "./channel.ts";
import { Outbox } from "./outbox.ts";

/** Remembers what it was told; refuses what it is told to refuse. */
class Memory implements Channel {
  readonly told: string[] = [];
  refuse: (notice: Notice) => boolean = () => false;
  tried = 0;
  constructor(readonly name: string) {}
  deliver(notice: Notice): Promise<void> {
    this.tried++;
    if (this.refuse(notice)) return Promise.reject(new Error("not now"));
    this.told.push(notice.summary);
    return Promise.resolve();
  }
}

const open = (state: string, ...channels: Channel[]) =>
  Outbox.open({ state, channels, logger: QUIET });

Deno.test("an alert's id depends on its fact alone", () => {
  const id = alertId("fork", "log.test/a", { sizes: ["1", "2"], root: "x" });
  assert.equal(id, alertId("fork", "log.test/a", { root: "x", sizes: ["1", "2"] }));
  assert.notEqual(id, alertId("fork", "log.test/b", { root: "x", sizes: ["1", "2"] }));
  assert.notEqual(id, alertId("watched", "log.test/a", { root: "x", sizes: ["1", "2"] }));
  assert.notEqual(id, alertId("fork", "log.test/a", { root: "x", sizes: ["2", "1"] }));
  assert.equal(alert(1).id, alert(1, { now: 0, summary: "in other words", facts: { a: 1 } }).id);
});

Deno.test("each alert is told once by each channel, also when raised again after a restart", () =>
  inFolder(async (state) => {
    const [a, b] = [new Memory("a"), new Memory("b")];
    for (let run = 0; run < 3; run++) {
      await using outbox = await open(state, a, b);
      for (let n = 0; n < 20; n++) assert.equal(await outbox.raise(alert(n)), run === 0);
      assert.ok(await outbox.settle());
      assert.ok(outbox.has(alert(19).id) && !outbox.has(alert(20).id));
    }
    const expected = Array.from({ length: 20 }, (_, n) => `entry ${n} is watched`);
    assert.deepEqual([a.told, b.told], [expected, expected]);
  }));

Deno.test("what a channel does not take is tried again by the next run; others go on", () =>
  inFolder(async (state) => {
    const [down, up] = [new Memory("down"), new Memory("up")];
    down.refuse = () => true;
    {
      await using outbox = await open(state, down, up);
      for (let n = 0; n < 10; n++) await outbox.raise(alert(n));
      assert.equal(await outbox.settle(), false);
      assert.deepEqual(outbox.state().pending, { down: 10, up: 0 });
      assert.ok(outbox.state().failures["down"]! > 0);
    }
    assert.equal(up.told.length, 10);
    // A channel that is left out meanwhile loses nothing.
    {
      await using outbox = await open(state, up);
      assert.ok(await outbox.settle());
      assert.deepEqual(outbox.state().pending, { down: 10, up: 0 });
    }
    down.refuse = () => false;
    await using outbox = await open(state, down, up);
    assert.ok(await outbox.settle());
    assert.equal(new Set(down.told).size, 10);
    assert.equal(down.told.length, 10);
    assert.equal(up.told.length, 10);
  }));

Deno.test("an alert that is never taken does not hold up the others", () =>
  inFolder(async (state) => {
    const channel = new Memory("a");
    channel.refuse = ({ summary }) => summary === "entry 0 is watched";
    await using outbox = await open(state, channel);
    for (let n = 0; n < 5; n++) await outbox.raise(alert(n));
    await outbox.settle();
    await outbox.settle();
    assert.deepEqual(channel.told.sort(), [1, 2, 3, 4].map((n) => `entry ${n} is watched`));
    assert.deepEqual(outbox.state().pending, { a: 1 });
  }));

Deno.test("a failed delivery is tried again without being asked", () =>
  inFolder(async (state) => {
    const channel = new Memory("a");
    channel.refuse = () => channel.tried < 2;
    const told = Promise.withResolvers<void>();
    const original = channel.deliver.bind(channel);
    channel.deliver = (notice) => original(notice).then(told.resolve);
    await using outbox = await open(state, channel);
    await outbox.raise(alert(1));
    await told.promise;
    assert.equal(channel.tried, 2);
  }));

Deno.test("the evidence is a file before its alert is told", () =>
  inFolder(async (state) => {
    const evidence: EvidenceFile = {
      kind: "not-accepted",
      origin: "log.test/alerts",
      time: "2026-11-22T17:00:00Z",
      summary: "a checkpoint was refused",
      policy: "quorum none\n",
      checkpoint: "note",
    };
    const seen: string[] = [];
    await using outbox = await open(state, {
      name: "a",
      deliver({ evidenceFile }) {
        seen.push(Deno.readTextFileSync(join(state, "evidence", evidenceFile!)));
        return Promise.resolve();
      },
    });
    const { id } = alert(1, { kind: "not-accepted" });
    await outbox.raise(alert(1, { kind: "not-accepted", evidence }));
    assert.ok(await outbox.settle());
    assert.equal(JSON.parse(seen[0]!).summary, "a checkpoint was refused");
    const names = [...Deno.readDirSync(join(state, "evidence"))].map(({ name }) => name);
    assert.deepEqual(names, [`not-accepted-${id.slice(0, 16)}.json`]);
  }));

Deno.test("one process at a time, and a damaged outbox is told", () =>
  inFolder(async (state) => {
    {
      await using _outbox = await open(state);
      await assert.rejects(open(state), /another process is using it/);
    }
    await Deno.writeTextFile(join(state, "outbox.sqlite"), "no database at all ".repeat(100));
    await assert.rejects(open(state), /Cannot use the outbox .*outbox\.sqlite: /);
  }));

Deno.test("the texts of alerts long delivered are forgotten, their ids never", () =>
  inFolder(async (state) => {
    const channel = new Memory("a");
    await using outbox = await open(state, channel);
    for (let n = 0; n < 1_050; n++) await outbox.raise(alert(n));
    assert.ok(await outbox.settle());
    assert.equal(channel.told.length, 1_050);
    assert.ok(outbox.has(alert(0).id));
    assert.equal(await outbox.raise(alert(0)), false);
  }));
