/**
 * F22: what slow and idle clients come to, at the reverse proxy that `deploy/nginx/`
 * ships and at the log itself. Header fields without end are for nginx to end, bodies
 * without end for the log: nginx has a time limit between two pieces of one only.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checksumOf, postBulk, publishersNamed, serveLog } from "./http_fixture.ts";
import { behindNginx } from "./nginx_fixture.ts";
import { request } from "./raw_http.ts";
import { drip, idleClients } from "./slow_client.ts";
import { startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const GOOD = JSON.stringify({ filename: "a.whl", checksum: checksumOf("first") });
const POST = ["POST /add HTTP/1.1", `Content-Length: ${GOOD.length}`];
const TOKEN = "Authorization: Bearer ci-token";
const BODY_TIMEOUT = 4000;
/** Idle connections, where the limit of open files allows as many. */
const IDLE = 10_000;

function head(line: string, ...fields: string[]): string {
  return [`${line} HTTP/1.1`, "Host: 127.0.0.1", ...fields, "", ""].join("\r\n");
}

/** A frame of HTTP/2 (RFC 9113 §4.1), whose payload may end before its length. */
function frame(type: number, flags: number, stream: number, length: number, payload = ""): string {
  return String.fromCharCode(0, length >> 8, length & 0xff, type, flags, 0, 0, 0, stream) + payload;
}

/** `POST /lookup` in HTTP/2, up to the first byte of what is still to come. */
function http2Head(next: string): Uint8Array {
  const [settings, headers, endOfHeaders] = [4, 1, 4];
  const fields = "\x83\x86\x04\x07/lookup\x01\x01a"; // RFC 7541, appendix A.
  const text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, 0) +
    frame(headers, endOfHeaders, 1, fields.length, fields) + next;
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

const LENGTH = "Content-Length: 10000";
const CHUNKED = "Transfer-Encoding: chunked";
const NDJSON = "Content-Type: application/x-ndjson";

Deno.test("F22 nginx closes a request whose header fields or body come a byte a second", async () => {
  await using log = await serveLog({
    publishers: () => publishersNamed("ci"),
    bodyTimeout: BODY_TIMEOUT,
  });
  await behindNginx(log, async (sides) => {
    const { publishing } = sides;
    const cases: [keyof typeof sides, head: string | Uint8Array, byte: string, status: RegExp][] = [
      // Header fields.
      ["reading", "GET /checkpoint HTTP/1.1\r\nHost: a\r\nX-Slow: ", "a", /^$|408/],
      ["reading", "GET /chec", "", /^$|408/],
      ["reading", "G", "E", /^$|40[08]/],
      ["publishing", "POST /add HTTP/1.1\r\nHost: a\r\nX-Slow: ", "a", /^$|408/],
      // Bodies that are read.
      ["reading", head("POST /lookup", LENGTH), "{", /408/],
      ["reading", head("POST /lookup", CHUNKED) + "2000\r\n", "{", /408/],
      ["reading", head("POST /lookup", CHUNKED) + "1;", "a", /408/],
      ["reading", head("POST /lookup", LENGTH), "", /408/],
      ["publishing", head("POST /lookup", LENGTH), "{", /408/],
      ["publishing", head("POST /add", LENGTH, TOKEN), "{", /408/],
      ["publishing", head("POST /add", CHUNKED, TOKEN) + "2000\r\n", "{", /408/],
      ["publishing", head("POST /add", LENGTH, TOKEN), "", /408/],
      ["publishing", head("POST /admin/bulk/append", LENGTH, TOKEN, NDJSON), "{", /408/],
      ["publishing", head("POST /admin/bulk/append", CHUNKED, TOKEN, NDJSON), "1", /40[08]/],
      // Bodies that nobody reads.
      ["reading", head("GET /checkpoint", LENGTH), "{", /200/],
      ["reading", head("GET /bundle/a.whl", CHUNKED) + "2000\r\n", "{", /404/],
      ["reading", head("GET /tile/0/000", LENGTH), "{", /404/],
      ["reading", head("POST /checkpoint", LENGTH), "{", /405/],
      ["reading", head("POST /add", LENGTH, TOKEN), "{", /404/],
      ["reading", head("POST /lookup", "Content-Length: 9999999"), "{", /413/],
      ["publishing", head("POST /add", LENGTH), "{", /401/],
      ["publishing", head("POST /admin/bulk/append", LENGTH, NDJSON), "{", /401/],
      // The same in HTTP/2: half a frame of header fields, and half a frame of a body.
      ["readingHttp2", http2Head(frame(1, 4, 3, 200)), "a", /^/],
      ["readingHttp2", http2Head(frame(0, 0, 1, 10_000)), "{", /408/],
    ];
    const dripped = await Promise.all(
      cases.map(([side, head, byte]) => drip(sides[side], head, byte)),
    );
    for (const [i, { status, closed }] of dripped.entries()) {
      const [side, head, byte, want] = cases[i]!;
      const what = `${side}, then "${byte}": ${head}`;
      ok(closed, `not closed: ${what}`);
      match(status, want, what);
    }
    deepEqual([log.batches, log.faults], [[], []]);
    // Slow, and in time all the same.
    const slowly = [...GOOD].reduce<string[]>((pieces, byte, i) => {
      i % 8 === 0 ? pieces.push(byte) : pieces[pieces.length - 1] += byte;
      return pieces;
    }, []);
    equal((await request(publishing, [...POST, TOKEN], slowly)).status, 200);
  });
});

Deno.test("F22 the log answers 408 to a slow body, which then holds up nobody", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder, flags: [`--body-timeout=${BODY_TIMEOUT}ms`] });
    const port = Number(new URL(log.url).port);
    const slow = [
      head("POST /lookup", LENGTH),
      head("POST /add", LENGTH),
      head("POST /add", CHUNKED) + "2000\r\n",
      head("POST /admin/bulk/append", LENGTH, NDJSON),
      head("POST /admin/bulk/append", CHUNKED, NDJSON) + "2000\r\n",
    ];
    const dripping = Promise.all(slow.map((head) => drip(port, head, "{", { enough: true })));
    // Bulk requests come one after the other: its turn comes when those before it are given up.
    const { status, lines } = await postBulk(log, GOOD);
    deepEqual([status, lines.at(-1)], [200, { type: "complete", count: 1 }]);
    for (const { status } of await dripping) match(status, /^HTTP\/1.1 408 /);
  }));

Deno.test("F22 ten thousand idle connections keep neither readers nor publishers out", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ reading, publishing }) => {
    await using idle = await idleClients([reading, publishing], IDLE);
    ok(idle.count > 200, `only ${idle.count} connections are open`);
    equal((await request(reading, ["GET /checkpoint HTTP/1.1"])).status, 200);
    equal((await request(publishing, [...POST, TOKEN], GOOD)).status, 200);
    equal((await request(reading, ["GET /bundle/a.whl HTTP/1.1"])).status, 200);
  });
});

Deno.test("F22 ten thousand idle connections to the log itself keep nobody out", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder });
    const port = Number(new URL(log.url).port);
    await using idle = await idleClients([port], IDLE);
    ok(idle.count > 200, `only ${idle.count} connections are open`);
    equal((await request(port, ["GET /checkpoint HTTP/1.1"])).status, 200);
    equal((await request(port, POST, GOOD)).status, 200);
    equal((await request(port, ["GET /bundle/a.whl HTTP/1.1"])).status, 200);
  }));
