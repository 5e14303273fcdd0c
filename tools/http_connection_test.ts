import { concat, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { HttpConnection } from "./http_connection.ts";

const BODY = "eleven byte";
const OK = "HTTP/1.1 200 OK\r\n";

/** Gives one raw answer after the other on one connection, each in pieces; then closes it. */
async function answering(
  answers: readonly (readonly Uint8Array[])[],
  test: (connection: HttpConnection, url: URL) => Promise<void>,
): Promise<string[]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/log/tile/0/000`);
  const requests: string[] = [];
  const serve = async () => {
    using client = await listener.accept();
    client.setNoDelay();
    const buffer = new Uint8Array(4096);
    for (const pieces of answers) {
      const count = await client.read(buffer);
      if (count === null) return;
      requests.push(new TextDecoder().decode(buffer.subarray(0, count)));
      for (const piece of pieces) {
        await client.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  };
  const served = serve().catch(() => {}); // The other end may close first.
  const connection = await HttpConnection.open(url);
  try {
    await test(connection, url);
  } finally {
    connection.close();
  }
  await served;
  return requests;
}

/** What comes of one answer: the body, or `null`, or the error's message. */
async function outcome(answer: string, maxBytes = 100): Promise<string | null> {
  let found: string | null = null;
  await answering([[utf8(answer)]], async (connection, url) => {
    const bytes = await connection.get(url, maxBytes).catch((error: Error) => utf8(error.message));
    found = bytes && new TextDecoder().decode(bytes);
    assert.ok(bytes !== null || !connection.isOpen, "what gave up is closed");
  });
  return found;
}

Deno.test("get() takes one answer after the other, in pieces of any size", async () => {
  const bodies = [0, 1, 8192, 65_536, 300_000].map((length) =>
    Uint8Array.from({ length }, (_, i) => i * 7)
  );
  const answers = bodies.map((body) =>
    concat(utf8(`${OK}Server: x\r\nContent-Length: ${body.length}\r\n\r\n`), body)
  );
  const cuts = (bytes: Uint8Array, ends: number[]) =>
    [0, ...ends].map((start, i) => bytes.subarray(start, ends[i])).filter((piece) => piece.length);
  const requests = await answering([
    ...answers.map((answer) => [answer]),
    ...answers.map((answer) => cuts(answer, [1, 17, 18, 45, 46, 47, 48, 60])),
    cuts(answers[1]!, Array.from(answers[1]!, (_, i) => i + 1)),
  ], async (connection, url) => {
    for (const body of [...bodies, ...bodies, bodies[1]!]) {
      assert.deepEqual(await connection.get(url, 300_000), body);
      assert.ok(connection.isOpen);
    }
  });
  assert.equal(requests.length, 11);
  for (const request of requests) {
    const [first, host, encoding, ...end] = request.split("\r\n");
    assert.equal(first, "GET /log/tile/0/000 HTTP/1.1");
    assert.match(host!, /^Host: 127\.0\.0\.1:[0-9]+$/);
    assert.deepEqual([encoding, ...end], ["Accept-Encoding: identity", "", ""]);
  }
});

Deno.test("get() takes the spellings that a head may have", async () => {
  for (
    const head of [
      `${OK}Content-Length: 11\r\n`,
      `${OK}content-length:11\r\n`,
      `${OK}CONTENT-LENGTH:  11 \t\r\nX-Content-Length: 5\r\n`,
      "HTTP/1.1 200\r\nContent-Length: 11\r\n",
      "HTTP/1.1 200 \r\nContent-Length: 11\r\n",
      `${OK}X: Content-Length: 12\r\nContent-Length: 11\r\nCache-Control: immutable\r\n`,
      `${OK}Content-Length: 11\r\nConnection: keep-alive, close\r\n`,
    ]
  ) assert.equal(await outcome(`${head}\r\n${BODY}`), BODY, head);
});

Deno.test("get() gives up on whatever is not ordinary", async () => {
  for (
    const head of [
      OK, // No length.
      `${OK}Content-Length: 11\r\nContent-Length: 11\r\n`,
      `${OK}Content-Length: 11\r\ncontent-length: 12\r\n`,
      `${OK}Content-Length: 11, 11\r\n`,
      `${OK}Content-Length: +11\r\n`,
      `${OK}Content-Length: 0xb\r\n`,
      `${OK}Content-Length: 1e1\r\n`,
      `${OK}Content-Length: 101\r\n`, // More than it may have.
      `${OK}Content-Length: 10\r\n`, // A byte follows the body.
      `${OK}Content-Length : 11\r\n`,
      `${OK}X: a\r\n Content-Length: 11\r\n`,
      `${OK}Content-Length: 11\r\n folded\r\n`,
      `${OK}Content-Length: 11\nX: y\r\n`,
      `${OK}Content-Length: 11\rX: y\r\n`,
      `${OK}Content-Length: 11\r\nTransfer-Encoding: chunked\r\n`,
      `${OK}Content-Length: 11\r\ntransfer-encoding : x\r\n`,
      `${OK}Content-Length: 11\r\nContent-Encoding: gzip\r\n`,
      `${OK}Content-Length: 11\r\nContent-Range: bytes 0-10/20\r\n`,
      "HTTP/1.1 206 Partial Content\r\nContent-Length: 11\r\n",
      "HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n",
      "HTTP/1.1 503 Busy\r\nContent-Length: 11\r\n",
      "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 11\r\n",
      `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 11\r\n`,
      "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n",
      "HTTP/1.1 2000 OK\r\nContent-Length: 11\r\n",
      "HTTP/2 200\r\nContent-Length: 11\r\n",
      ` ${OK}Content-Length: 11\r\n`,
      "\r\nContent-Length: 11\r\n",
      `${OK}X: ${"y".repeat(70_000)}\r\nContent-Length: 11\r\n`,
    ]
  ) assert.equal(await outcome(`${head}\r\n${BODY}`), null, head.slice(0, 200));
});

Deno.test("get() fails when the connection ends before the answer does", async () => {
  for (
    const answer of [
      "",
      OK,
      `${OK}Content-Length: 11\r\n\r\n`,
      `${OK}Content-Length: 12\r\n\r\n${BODY}`,
    ]
  ) {
    assert.equal(await outcome(answer), "the connection was closed");
  }
});

Deno.test("open() connects by IPv6 and fails where nobody listens", async () => {
  const listener = listenIpv6();
  if (!listener) return;
  const url = new URL(`http://[::1]:${listener.addr.port}/`);
  (await HttpConnection.open(url)).close();
  listener.close();
  await assert.rejects(HttpConnection.open(url));
});

/** A listener, where there is IPv6. */
function listenIpv6(): Deno.TcpListener | null {
  try {
    return Deno.listen({ hostname: "::1", port: 0 });
  } catch {
    console.log("skipped: needs IPv6");
    return null;
  }
}
