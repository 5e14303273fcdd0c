/**
 * Requests that are not HTTP, or not quite: framing, sizes, headers. What Deno's
 * server refuses by itself is held here too, since the log relies on it.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checksumOf, serveLog } from "./http_fixture.ts";
import { exchange, request } from "./raw_http.ts";
import { startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const GOOD = JSON.stringify({ filename: "a.whl", checksum: checksumOf("first") });
const CHUNKED = `${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`;
const POST = "POST /add HTTP/1.1";
const LENGTH = `Content-Length: ${GOOD.length}`;
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

Deno.test("F24 a request whose length can be read in two ways is answered 400", async () => {
  await using log = await serveLog();
  const framings: [fields: string[], body: string][] = [
    [[LENGTH, "Content-Length: 5"], GOOD],
    [["Content-Length: 5", LENGTH], GOOD],
    [[`Content-Length: ${GOOD.length}, ${GOOD.length}`], GOOD],
    [[`Content-Length: ${GOOD.length}, 5`], GOOD],
    [["Content-Length: 5", "Transfer-Encoding: chunked"], CHUNKED],
    [["Transfer-Encoding: chunked", "Content-Length: 5"], CHUNKED],
    [["Transfer-Encoding: chunked", `Content-Length: ${CHUNKED.length}`], CHUNKED],
    [["Transfer-Encoding: chunked, gzip"], CHUNKED],
    [["Transfer-Encoding: gzip, chunked"], CHUNKED],
    [["Transfer-Encoding: xchunked"], CHUNKED],
    [["Transfer-Encoding: identity"], CHUNKED],
    [["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], CHUNKED],
    [["Transfer-Encoding : chunked"], CHUNKED],
    [["Transfer-Encoding: chunked"], `-1\r\n${GOOD}\r\n0\r\n\r\n`],
    [["Transfer-Encoding: chunked"], `0x10\r\n${GOOD}\r\n0\r\n\r\n`],
    [["Transfer-Encoding: chunked"], `fffffffffffffffff\r\n${GOOD}\r\n0\r\n\r\n`],
    [[`Content-Length : ${GOOD.length}`], GOOD],
    [[`Content-Length: +${GOOD.length}`], GOOD],
    [["Content-Length: -1"], GOOD],
    [["Content-Length: 0x10"], GOOD],
    [["Content-Length: 1e2"], GOOD],
    [["Content-Length: 18446744073709551616"], GOOD],
    [["Content-Length:"], GOOD],
    [["X-Folded: a\r\n b", LENGTH], GOOD],
    [["X-Nul: a\0b", LENGTH], GOOD],
    [["Bad Name: a", LENGTH], GOOD],
    [[": a", LENGTH], GOOD],
  ];
  for (const [fields, body] of framings) {
    const answer = await request(log.port, [POST, ...fields], body);
    equal(answer.status, 400, fields.join(" | "));
  }
  equal(log.log.size(), 0);
  deepEqual(log.batches, []);
  // The same length said twice is still one length.
  equal((await request(log.port, [POST, LENGTH, LENGTH], GOOD)).status, 200);
  equal((await request(log.port, [POST, "Transfer-Encoding: chunked"], CHUNKED)).status, 200);
});

Deno.test("F24 nothing after a refused body is taken for a request", async () => {
  await using log = await serveLog();
  const hidden = `${POST}\r\nHost: 127.0.0.1\r\n${LENGTH}\r\n\r\n${GOOD}`;
  const host = "Host: 127.0.0.1\r\n";
  const padding = " ".repeat(20 * KIBIBYTE);
  const body = padding + hidden;
  const smuggling = [
    `${POST}\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${POST}\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345${hidden}`,
    `${POST}\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}`,
    `${POST}\r\n${host}Transfer-Encoding: chunked\r\n\r\n${
      body.length.toString(16)
    }\r\n${body}\r\n0\r\n\r\n`,
    `GET /checkpoint HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    `PUT /add HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  ];
  const last = `GET /nothing HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  for (const text of smuggling) {
    const answers = await exchange(log.port, text + last);
    const statuses = answers.map(({ status }) => status);
    ok(statuses.length >= 1 && statuses.length <= 2, `${statuses}`);
    if (statuses.length === 2) equal(statuses[1], 404, "the request that follows, and no other");
    ok(statuses[0] !== 200 || text.startsWith("GET"), text.slice(0, 80));
  }
  equal(log.log.size(), 0);
});

Deno.test("pipelined requests are answered in order", async () => {
  await using log = await serveLog();
  const get = (path: string, ...fields: string[]) =>
    [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", ...fields].join("\r\n") + "\r\n\r\n";
  const add = `${POST}\r\nHost: 127.0.0.1\r\n${LENGTH}\r\n\r\n${GOOD}`;
  const text = get("/healthz") + add + get("/nothing") + get("/checkpoint", "Connection: close");
  const answers = await exchange(log.port, text);
  deepEqual(answers.map(({ status }) => status), [200, 200, 404, 200]);
  match(answers[3]!.text, /\n1\n/);
});

Deno.test("F21 /add answers 413 before it holds more than its limit", async () => {
  await using log = await serveLog();
  const limit = 16 * KIBIBYTE;
  const fits = GOOD + " ".repeat(limit - GOOD.length);
  equal((await request(log.port, [POST, `Content-Length: ${limit}`], fits)).status, 200);
  const over = fits + " ";
  const cases: [fields: string[], body: string[]][] = [
    [[`Content-Length: ${over.length}`], [over]],
    // Announced and not sent: the answer does not wait for it.
    [[`Content-Length: ${over.length}`], []],
    [["Content-Length: 9007199254740993"], ["x"]],
    [["Content-Length: 18446744073709551615"], ["x"]],
    [["Transfer-Encoding: chunked"], [`${over.length.toString(16)}\r\n${over}\r\n0\r\n\r\n`]],
    // A chunk that is announced as endless, and never ends.
    [["Transfer-Encoding: chunked"], [`7fffffff\r\n${over}`, over, over]],
    [["Transfer-Encoding: chunked"], ["4001\r\n", over]],
    [["Expect: 100-continue", "Content-Length: 99999999"], []],
  ];
  for (const [fields, body] of cases) {
    const answer = await request(log.port, [POST, ...fields], body);
    equal(answer.status, 413, fields.join());
    match(JSON.parse(answer.text).error, /16384 bytes/);
  }
  equal(log.log.size(), 1);
});

Deno.test("F21 a body shorter than it said is no request", async () => {
  await using log = await serveLog();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: log.port });
  const head = `${POST}\r\nHost: 127.0.0.1\r\nContent-Length: ${GOOD.length + 1}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head + GOOD));
  await connection.closeWrite();
  const answer = new Uint8Array(1000);
  const count = await connection.read(answer).catch(() => null) ?? 0;
  connection.close();
  ok(!new TextDecoder().decode(answer.subarray(0, count)).startsWith("HTTP/1.1 200"));
  equal(log.log.size(), 0);
  deepEqual(log.faults, []);
});

Deno.test("F23 too many or too long header fields are refused, and held no longer", () =>
  inFolder(async (folder) => {
    // A process of its own: only there does memory say something.
    await using log = await startLog({ folder });
    const port = Number(new URL(log.url).port);
    const get = "GET /checkpoint HTTP/1.1";
    const many = Array.from({ length: 500 }, (_, i) => `X-${i}: a`);
    const round = async () => {
      const cases = [
        [get, ...many],
        [get, `X-Long: ${"a".repeat(2 * MEBIBYTE)}`],
        [get, ...many.map((field) => field + "a".repeat(4 * KIBIBYTE))],
        [`GET /${"a".repeat(2 * MEBIBYTE)} HTTP/1.1`],
        [POST, LENGTH, `Authorization: Bearer ${"a".repeat(MEBIBYTE)}`],
      ];
      for (const head of cases) {
        const { status } = await request(port, head);
        // 0: the connection was reset before the answer could be read.
        ok(status === 0 || (status >= 400 && status < 500), `status ${status}`);
      }
    };
    await round();
    const before = await residentBytes(log.pid);
    for (let i = 0; i < 20; i++) await round();
    equal((await request(port, [get])).status, 200);
    // 20 rounds brought 140 MiB; holding them would show.
    const after = await residentBytes(log.pid);
    if (before !== null) ok(after! - before < 70 * MEBIBYTE, `${before} to ${after}`);
  }));

/** The memory of a process, where the system tells. */
async function residentBytes(pid: number): Promise<number | null> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kibibytes = /^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * KIBIBYTE;
}

Deno.test("F38 what is at no path, or no HTTP, gets 4xx and no further", async () => {
  await using log = await serveLog();
  const lines = [
    ["GET /nothing HTTP/1.1", 404],
    ["POST /nothing HTTP/1.1", 404],
    ["OPTIONS /nothing HTTP/1.1", 404],
    ["GET //checkpoint HTTP/1.1", 404],
    ["GET /checkpoint/ HTTP/1.1", 404],
    ["GET /checkpoint#x HTTP/1.1", 404],
    ["GET /Checkpoint HTTP/1.1", 404],
    ["GET /%63heckpoint HTTP/1.1", 404],
    ["GET /./checkpoint HTTP/1.1", 404],
    ["GET /add/ HTTP/1.1", 404],
    ["POST /add/ HTTP/1.1", 404],
    ["POST //add HTTP/1.1", 404],
    ["POST /admin/bulk HTTP/1.1", 404],
    ["GET /data/ledger.sqlite HTTP/1.1", 404],
    ["GET /ledger.sqlite HTTP/1.1", 404],
    ["GET http://other.example?/checkpoint HTTP/1.1", 200], // The overview: it has no path.
    ["CONNECT other.example:443 HTTP/1.1", 405],
    ["GET * HTTP/1.1", 400],
    ["GET checkpoint HTTP/1.1", 400],
    ["GET /a b HTTP/1.1", 400],
    ["GET /\0 HTTP/1.1", 400],
    ["GET /checkpoint HTTP/9.9", 400],
    ["GET /checkpoint", 400],
    ["G\u00cbT /checkpoint HTTP/1.1", 400],
    ["\x16\x03\x01\x02\x00\x01", 400],
  ] as const;
  for (const [line, want] of lines) {
    const { status, text } = await request(log.port, [line]);
    // What is not HTTP may find the connection closed.
    ok(status === want || (want === 400 && status === 0), `${line}: ${status}`);
    if (want === 200) match(text, /<title>[^<]+ – transparency log<\/title>/);
    if (want === 404) equal(typeof JSON.parse(text).error, "string");
  }
  deepEqual(log.batches, []);
  deepEqual(log.faults, []);
});

Deno.test("F22 idle and half-open connections do not keep others from being answered", async () => {
  await using log = await serveLog();
  const idle: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 500; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: log.port });
      idle.push(connection);
      const parts = ["", "GET /check", `${POST}\r\nHost: 127.0.0.1\r\n${LENGTH}\r\n\r\n{`];
      const part = parts[i % 3]!;
      if (part) await connection.write(new TextEncoder().encode(part));
    }
    equal((await request(log.port, [POST, LENGTH], GOOD)).status, 200);
    equal((await request(log.port, ["GET /checkpoint HTTP/1.1"])).status, 200);
  } finally {
    for (const connection of idle) connection.close();
  }
});
