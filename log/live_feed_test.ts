import { EMPTY_ROOT, utf8 } from "@indelible/core";
import { deepEqual, equal, match } from "node:assert/strict";
import { EvidenceFolder } from "./evidence_folder.ts";
import { Growth } from "./growth.ts";
import { LiveFeed } from "./live_feed.ts";
import type { Published } from "./publish.ts";
import type { Search } from "./search/search.ts";

function published(size: number): Published {
  return { size, root: EMPTY_ROOT, note: utf8(`log.test/feed\n${size}\n`), base64: "" };
}

/** A feed with an index that does as it is told, and what it was told. */
async function feedWith(tell: (size: number, busy: boolean) => void) {
  const faults: string[] = [];
  const search: Search = {
    indexedTo: null,
    published: tell,
    find: () => Promise.resolve({ indices: [], indexedTo: 0 }),
    close() {},
  };
  const onFault = (error: unknown) => void faults.push(String(error));
  const growth = await Growth.open({
    origin: "log.test/feed",
    size: 0,
    file: null,
    now: () => 1_800_000_000,
    onFault,
  });
  const evidence = new EvidenceFolder(null);
  return { feed: new LiveFeed({ search, growth, evidence, onFault }), faults };
}

Deno.test("LiveFeed tells the index when the log is busy", async () => {
  const told: [number, boolean][] = [];
  const { feed } = await feedWith((...news) => told.push(news));
  feed.opened(published(1));
  feed.batch(10);
  feed.published(published(11));
  feed.batch(5000);
  feed.published(published(5011));
  deepEqual(told, [[1, false], [11, false], [5011, true]]);
  deepEqual(feed.headOf(published(5011))?.time, "2027-01-15T08:00:00Z");
  deepEqual([feed.headOf(null), feed.headOf(published(7))?.time], [null, null]);
  feed.end();
});

Deno.test("what fails beside the log is told, and is no failure of the log", async () => {
  const { feed, faults } = await feedWith(() => {
    throw new Error("no worker can be started");
  });
  const stream = feed.live.answer(new Request("http://log.test/events"), null);
  feed.published(published(3));
  deepEqual(faults, ["Error: no worker can be started"]);
  equal(feed.growth.points.at(-1)![1], 3);
  feed.end();
  match(await stream.text(), /event: checkpoint/);
});
