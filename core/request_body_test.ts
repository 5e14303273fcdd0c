import { deepEqual, equal } from "node:assert/strict";
import { readBody } from "./request_body.ts";

const URL = "http://log.test/add";

/** A body in pieces; it stays open after them unless it ends. */
function pieces(sizes: readonly number[], end: "close" | "stall" | "error") {
  const seen = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const size = sizes[seen.pulled++];
      if (size !== undefined) controller.enqueue(new Uint8Array(size));
      else if (end === "close") controller.close();
      else if (end === "error") controller.error(new Error("reset"));
      else await new Promise(() => {});
    },
    cancel() {
      seen.cancelled = true;
    },
  }, { highWaterMark: 0 });
  const request = (headers: Record<string, string> = {}) =>
    new Request(URL, { method: "POST", body, headers });
  return { seen, request };
}

Deno.test("readBody() takes a body of exactly the limit, and none of one more", async () => {
  for (const sizes of [[10], [4, 6], [10, 0], [0, 0, 10]]) {
    const body = await readBody(pieces(sizes, "close").request(), 10);
    equal(body.kind === "read" && body.bytes.length, 10);
  }
  for (const sizes of [[11], [10, 1], [4, 6, 1]]) {
    const { request, seen } = pieces(sizes, "close");
    deepEqual(await readBody(request(), 10), { kind: "too-large" });
    equal(seen.cancelled, true, "the rest is not read");
  }
  deepEqual(await readBody(new Request(URL, { method: "POST" }), 10), {
    kind: "read",
    bytes: new Uint8Array(),
  });
});

Deno.test("F21 readBody() reads nothing of a body that announces too much", async () => {
  for (const length of ["11", "9007199254740993", "99999999999999999999"]) {
    const { request, seen } = pieces([1, 1, 1], "stall");
    deepEqual(await readBody(request({ "content-length": length }), 10), { kind: "too-large" });
    equal(seen.pulled, 0);
  }
});

Deno.test("F21 readBody() stops at the limit of a body without end", async () => {
  const { request, seen } = pieces(new Array(1000).fill(4), "stall");
  deepEqual(await readBody(request(), 10), { kind: "too-large" });
  equal(seen.pulled, 3);
});

Deno.test("readBody() takes no more than announced from a host that does not cut there", async () => {
  const announced = (length: number) => ({ "content-length": `${length}` });
  const body = await readBody(pieces([4, 6], "close").request(announced(10)), 10);
  equal(body.kind === "read" && body.bytes.length, 10);
  const longer = pieces([4, 7], "close").request(announced(10));
  deepEqual(await readBody(longer, 10), { kind: "too-large" });
});

Deno.test("readBody() tells a client that went away from one that stalls", async () => {
  deepEqual(await readBody(pieces([3], "error").request(), 10), { kind: "broken" });
  const { request, seen } = pieces([3], "stall");
  deepEqual(await readBody(request(), 10, 20), { kind: "stalled" });
  equal(seen.cancelled, true);
  const patient = await readBody(pieces([3, 3], "close").request(), 10, 60_000);
  equal(patient.kind === "read" && patient.bytes.length, 6);
});

Deno.test("readBody() gives a body that trickles no more than its whole time", async () => {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (++sent < 2000) controller.enqueue(new Uint8Array(1));
      else controller.close();
    },
  });
  const request = new Request(URL, { method: "POST", body });
  deepEqual(await readBody(request, 10_000, 60_000, 50), { kind: "stalled" });
  const patient = await readBody(pieces([3, 3], "close").request(), 10, 60_000, 60_000);
  deepEqual(patient, { kind: "read", bytes: new Uint8Array(6) });
});

Deno.test("F26 readBody() refuses transfer codings that compress", async () => {
  for (const coding of ["gzip, chunked", "br, chunked", "gzip", "identity", "chunked, chunked"]) {
    const headers = { "transfer-encoding": coding };
    deepEqual(await readBody(pieces([3], "close").request(headers), 10), { kind: "broken" });
  }
  const body = await readBody(pieces([3], "close").request({ "transfer-encoding": "Chunked" }), 10);
  equal(body.kind, "read");
});
