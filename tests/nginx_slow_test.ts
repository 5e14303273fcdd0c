/**
 * F22: what slow and idle clients come to at the reverse proxy that `deploy/nginx/`
 * ships. The log itself has no time limit for header fields: it must not face them.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checksumOf, publishersNamed, serveLog } from "./http_fixture.ts";
import { behindNginx } from "./nginx_fixture.ts";
import { request } from "./raw_http.ts";

const GOOD = JSON.stringify({ filename: "a.whl", checksum: checksumOf("first") });
const POST = ["POST /add HTTP/1.1", `Content-Length: ${GOOD.length}`];

/** Writes slowly until the other side has enough; resolves to what it said. */
async function drip(port: number, pieces: Iterable<string>): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let over = false;
  const reading = new Response(connection.readable).text().catch(() => "reset").finally(() => {
    over = true;
  });
  const writer = connection.writable.getWriter();
  try {
    for (const piece of pieces) {
      if (over) break;
      await writer.write(new TextEncoder().encode(piece));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } catch {
    // Closed on the other side.
  }
  const said = await reading;
  await writer.close().catch(() => {});
  return said;
}

function* forever(piece: string): Generator<string> {
  for (;;) yield piece;
}

Deno.test("F22 nginx closes slow requests, and the log never sees one", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ reading, publishing }) => {
    const head =
      "POST /add HTTP/1.1\r\nHost: log.example.com\r\nAuthorization: Bearer ci-token\r\n";
    const said = await Promise.all([
      // Header fields without end, a byte at a time.
      drip(
        reading,
        function* () {
          yield "GET /checkpoint HTTP/1.1\r\nHost: a\r\nX-Slow: ";
          yield* forever("a");
        }(),
      ),
      drip(publishing, forever("a")),
      // Half a request, then nothing.
      drip(reading, ["GET /checkpoint HT"]),
      drip(reading, ["GET /checkpoint HTTP/1.1\r\nHost: a\r\n"]),
      drip(publishing, [`${head}Content-Length: ${GOOD.length}\r\n\r\n{`]),
      drip(publishing, [`${head}Transfer-Encoding: chunked\r\n\r\n10\r\n{`]),
    ]);
    for (const answer of said) {
      ok(/^(?:HTTP\/1.1 40[08] .*|reset|)$/.test(answer.split("\r\n")[0]!));
    }
    deepEqual(log.batches, []);
    // A body that keeps coming costs one connection of nginx until it is whole.
    const body = [...GOOD];
    const slow = drip(
      publishing,
      function* () {
        yield `${head}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
        for (let i = 0; i < body.length; i += 8) yield body.slice(i, i + 8).join("");
      }(),
    );
    equal((await request(reading, ["GET /checkpoint HTTP/1.1"])).status, 200);
    match(await slow, /^HTTP\/1.1 200 /);
    equal(log.log.size(), 1);
  });
});

Deno.test("F22 thousands of idle connections do not keep readers or publishers out", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ reading, publishing }) => {
    const idle: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 3000; i++) {
        const port = i % 2 ? reading : publishing;
        const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => null);
        if (!connection) break; // This process may not open more.
        idle.push(connection);
        if (i % 3 === 0) await connection.write(new TextEncoder().encode("GET /chec"));
      }
      if (idle.length < 3000) { for (const connection of idle.splice(-10)) connection.close(); }
      ok(idle.length > 200);
      equal((await request(reading, ["GET /checkpoint HTTP/1.1"])).status, 200);
      const token = "Authorization: Bearer ci-token";
      equal((await request(publishing, [...POST, token], GOOD)).status, 200);
      equal((await request(log.port, ["GET /healthz HTTP/1.1"])).status, 200);
    } finally {
      for (const connection of idle) connection.close();
    }
  });
});
