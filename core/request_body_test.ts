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
  deepEqual(await readBody(request(), 10, { timeout: 20 }), { kind: "stalled" });
  equal(seen.cancelled, true);
  const announced = pieces([3], "stall").request({ "content-length": "10" });
  deepEqual(await readBody(announced, 10, { timeout: 20 }), { kind: "stalled" });
  const patient = await readBody(pieces([3, 3], "close").request(), 10, { timeout: 60_000 });
  equal(patient.kind === "read" && patient.bytes.length, 6);
});

/** A body of one byte after the other, with milliseconds between them. */
function trickle(bytes: number, milliseconds = 5): Request {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      if (sent++ < bytes) controller.enqueue(new Uint8Array(1));
      else controller.close();
    },
  });
  return new Request(URL, { method: "POST", body });
}

Deno.test("F22 readBody() gives a body that trickles no more than its whole time", async () => {
  deepEqual(await readBody(trickle(100_000), 100_000, { timeout: 300 }), { kind: "stalled" });
  // Those that come at the same time are judged each by its own time.
  const [stalled, patient] = await Promise.all([
    readBody(trickle(100_000), 100_000, { timeout: 300 }),
    readBody(trickle(200), 100_000, { timeout: 60_000 }),
  ]);
  deepEqual(stalled, { kind: "stalled" });
  equal(patient.kind === "read" && patient.bytes.length, 200);
});

Deno.test("F22 readBody() gives a long body more time, as long as enough of it comes", async () => {
  // Four seconds in all; from one byte to the next far less than three.
  const body = await readBody(trickle(100, 40), 100, { timeout: 3000, stride: 1 });
  equal(body.kind === "read" && body.bytes.length, 100);
  const few = await readBody(trickle(100_000), 100_000, { timeout: 300, stride: 50_000 });
  deepEqual(few, { kind: "stalled" });
});

Deno.test("readBody() keeps the bytes of pieces and not the pieces", async () => {
  const held: Uint8Array[] = [];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      // What was taken is overwritten, but for the first: of a body in one piece that is all.
      for (const piece of held.slice(2)) piece.fill(0xff);
      const n = held.length;
      if (n === 100) return controller.close();
      const piece = new Uint8Array(n % 7).fill(n);
      held.push(piece);
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  const want = Array.from({ length: 100 }, (_, n) => new Array<number>(n % 7).fill(n)).flat();
  const read = await readBody(new Request(URL, { method: "POST", body }), want.length);
  deepEqual(read, { kind: "read", bytes: Uint8Array.from(want) });
});

Deno.test("F26 readBody() refuses transfer codings that compress", async () => {
  for (const coding of ["gzip, chunked", "br, chunked", "gzip", "identity", "chunked, chunked"]) {
    const headers = { "transfer-encoding": coding };
    deepEqual(await readBody(pieces([3], "close").request(headers), 10), { kind: "broken" });
  }
  const body = await readBody(pieces([3], "close").request({ "transfer-encoding": "Chunked" }), 10);
  equal(body.kind, "read");
});
