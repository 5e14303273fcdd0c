import assert from "node:assert/strict";
import { HttpObjects, type HttpObjectsOptions } from "./http_objects.ts";

/** Serves on a free port while a test reads from it. */
async function serving(
  answer: (request: Request) => Response | Promise<Response>,
  test: (log: HttpObjects, controller: AbortController) => Promise<void>,
  options: HttpObjectsOptions = {},
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const controller = new AbortController();
  try {
    const url = new URL(`http://127.0.0.1:${server.addr.port}/log/`);
    using log = new HttpObjects(url, controller.signal, options);
    await test(log, controller);
  } finally {
    controller.abort();
    await server.shutdown();
  }
}

const BYTES = crypto.getRandomValues(new Uint8Array(50_000));

/** The bytes by pieces, without saying how many there are. */
function pieces(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(function* () {
    for (let at = 0; at < bytes.length; at += 20_000) yield bytes.subarray(at, at + 20_000);
  }());
}

for (const connections of [false, true]) {
  const how = connections ? "over connections of its own" : "by fetch";

  Deno.test(`read() takes objects with and without a length, compressed and plain, ${how}`, async () => {
    const packed = pieces(BYTES).pipeThrough(new CompressionStream("gzip"));
    const gzip = new Uint8Array(await new Response(packed).arrayBuffer());
    let requests = 0;
    await serving((request) => {
      requests++;
      switch (new URL(request.url).pathname) {
        case "/log/tile/0/000":
          return new Response(BYTES);
        case "/log/chunked":
          return new Response(pieces(BYTES));
        case "/log/gzip":
          return new Response(gzip, { headers: { "Content-Encoding": "gzip" } });
        default:
          return new Response("nothing here", { status: 404 });
      }
    }, async (log) => {
      assert.deepEqual(await log.read("tile/0/000"), BYTES);
      assert.equal(requests, 1);
      assert.equal(await log.read("tile/0/001"), null);
      for (const path of ["chunked", "gzip", "chunked", "tile/0/000"]) {
        assert.deepEqual(await log.read(path), BYTES, path);
      }
      assert.equal(await log.read("tile/0/001"), null);
      const many = Array.from({ length: 100 }, () => log.read("tile/0/000"));
      for (const bytes of await Promise.all(many)) assert.deepEqual(bytes, BYTES);
    }, { connections });
  });

  Deno.test(`read() refuses what is no answer of a log, ${how}`, async () => {
    await serving((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/log/moved") return Response.redirect(new URL("/elsewhere", request.url));
      if (pathname === "/log/long") return new Response(new Uint8Array(256 * 65_537 + 1));
      return new Response(null, { status: 418 });
    }, async (log) => {
      await assert.rejects(log.read("moved"), /answers with a redirect \(302\), which is refused/);
      await assert.rejects(log.read("teapot"), /\/log\/teapot answers 418$/);
      await assert.rejects(log.read("long"), /answers with over 16777472 bytes/);
    }, { connections });
  });

  Deno.test(`read() tries again what was busy or silent, ${how}`, async () => {
    const seen = new Map<string, number>();
    await serving((request) => {
      const { pathname } = new URL(request.url);
      const times = (seen.get(pathname) ?? 0) + 1;
      seen.set(pathname, times);
      if (times > 2) return new Response(BYTES);
      if (pathname === "/log/busy") return new Response(null, { status: 503 });
      if (pathname === "/log/silent" && times === 1) {
        return new Promise((resolve) => setTimeout(() => resolve(new Response(BYTES)), 1000));
      }
      return new Response(BYTES);
    }, async (log) => {
      for (const path of ["busy", "silent"]) {
        assert.deepEqual(await log.read(path), BYTES, path);
      }
      assert.deepEqual([...seen.values()], [3, 2]);
    }, { connections, silence: 200 });
  });

  Deno.test(`read() ends when its signal aborts, ${how}`, async () => {
    const waiting = Promise.withResolvers<Response>();
    await serving(() => waiting.promise, async (log, controller) => {
      const read = log.read("tile/0/000");
      setTimeout(() => controller.abort(new Error("enough")), 50);
      await assert.rejects(read, /enough/);
      waiting.resolve(new Response(BYTES));
    }, { connections });
  });
}
