import { parseUtf8 } from "@indelible/core";
import { deepEqual, equal, ok } from "node:assert/strict";
import { eventText, LiveEvents } from "./live_events.ts";

const REQUEST = new Request("http://log.test/events");

function readerOf(response: Response) {
  return response.body!.pipeThrough(new TextDecoderStream()).getReader();
}

/** All that a stream brings until it ends. */
async function readAll(response: Response): Promise<string> {
  return await response.text();
}

Deno.test("LiveEvents tells everybody the same, in order, and the first what stands now", async () => {
  const live = new LiveEvents();
  const one = live.answer(REQUEST, eventText("checkpoint", "old\nhead\n"));
  const other = live.answer(REQUEST, null);
  equal(one.headers.get("content-type"), "text/event-stream");
  equal(one.headers.get("cache-control"), "no-store");
  equal(one.headers.get("x-accel-buffering"), "no");
  equal(live.listeners, 2);
  live.tell("refusal", { filename: "</script>\r\n\n\u2028" });
  live.tell("checkpoint", "new\n");
  live.close();
  const news = 'event: refusal\ndata: {"filename":"</script>\\r\\n\\n\u2028"}\n\n' +
    'event: checkpoint\ndata: "new\\n"\n\n';
  equal(
    await readAll(one),
    'retry: 3000\n\nevent: checkpoint\ndata: "old\\nhead\\n"\n\n' + news,
  );
  equal(await readAll(other), "retry: 3000\n\n" + news);
  equal(live.listeners, 0);
  equal(live.answer(REQUEST, null).status, 503, "it is closed");
});

Deno.test("LiveEvents turns away those beyond its limit, until one leaves", async () => {
  const live = new LiveEvents({ maxListeners: 2 });
  const first = live.answer(REQUEST, null);
  live.answer(REQUEST, null);
  const turnedAway = live.answer(REQUEST, null);
  equal(turnedAway.status, 503);
  ok(turnedAway.headers.has("retry-after"));
  equal(live.answer(new Request(REQUEST, { method: "HEAD" }), null).status, 200, "no stream");
  await first.body!.cancel();
  equal(live.listeners, 1);
  equal(live.answer(REQUEST, null).status, 200);
  live.close();
});

Deno.test("LiveEvents drops a listener that does not read, and no other", async () => {
  const live = new LiveEvents();
  const slow = live.answer(REQUEST, null);
  const quick = readerOf(live.answer(REQUEST, null));
  await quick.read();
  const large = "x".repeat(20_000);
  let heard = 0;
  for (let i = 0; i < 10; i++) {
    live.tell("checkpoint", large);
    heard += (await quick.read()).value!.length;
  }
  equal(live.listeners, 1);
  equal(heard, 10 * eventText("checkpoint", large).length);
  // What it was sent before it was dropped is bounded.
  const sent = await readAll(slow);
  ok(sent.length > 20_000 && sent.length < 90_000, `${sent.length}`);
  live.close();
});

Deno.test("LiveEvents gives a sign of life while nothing happens", async () => {
  const live = new LiveEvents({ heartbeat: 5 });
  const reader = live.answer(REQUEST, null).body!.getReader();
  const texts = [];
  for (let i = 0; i < 3; i++) texts.push(parseUtf8((await reader.read()).value!));
  deepEqual(texts, ["retry: 3000\n\n", ":\n\n", ":\n\n"]);
  live.close();
  ok((await reader.read()).done);
});
