/**
 * The reverse proxy that `deploy/nginx/` ships, before real logs: what it lets
 * through and what it keeps. Slow clients: `nginx_slow_test.ts`.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkProof, checksumOf, publishersNamed, pypiEntry, serveLog } from "./http_fixture.ts";
import { behindNginx } from "./nginx_fixture.ts";
import { exchange, request } from "./raw_http.ts";

const GOOD = JSON.stringify({ filename: "a.whl", checksum: checksumOf("first") });
const POST = ["POST /add HTTP/1.1", `Content-Length: ${GOOD.length}`];

Deno.test("nginx passes reads on, as they are", async () => {
  await using log = await serveLog();
  await behindNginx(log, async ({ reading, publishing }) => {
    const direct = (...head: string[]) => request(log.port, head);
    equal((await request(log.port, POST, GOOD)).status, 200);
    const paths = ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/bundle/a.whl"];
    const others = ["/", "/.well-known/public-key", "/refusals", "/healthz", "/bundle/b.whl"];
    for (const side of [reading, publishing]) {
      for (const path of [...paths, ...others]) {
        const want = await direct(`GET ${path} HTTP/1.1`);
        // Twice: from the log, and where that is allowed from the cache.
        for (let i = 0; i < 2; i++) {
          const got = await request(side, [`GET ${path} HTTP/1.1`]);
          equal(got.status, want.status, path);
          equal(got.text, want.text, path);
          for (const name of ["content-type", "cache-control", "access-control-allow-origin"]) {
            equal(got.headers.get(name), want.headers.get(name), `${path} ${name}`);
          }
        }
        const head = await request(side, [`HEAD ${path} HTTP/1.1`]);
        deepEqual([head.status, head.body.length], [want.status, 0], path);
      }
      const tile = (...fields: string[]) =>
        request(side, ["GET /tile/0/000.p/1 HTTP/1.1", ...fields]);
      const whole = await tile();
      equal((await tile(`If-None-Match: ${whole.headers.get("etag")}`)).status, 304);
      const part = await tile("Range: bytes=0-3");
      equal(part.status, 206);
      deepEqual(part.body, whole.body.subarray(0, 4));
      const entries = (coding: string) =>
        request(side, ["GET /tile/entries/000.p/1 HTTP/1.1", `Accept-Encoding: ${coding}`]);
      equal((await entries("gzip")).headers.get("content-encoding"), "gzip");
      equal((await entries("br, gzip;q=0.5")).headers.get("content-encoding"), "gzip");
      for (const coding of ["identity", "gzip;q=0", "br, gzip ; q=0.00", "gzipped"]) {
        equal((await entries(coding)).headers.get("content-encoding"), null, coding);
      }
      const lookup = '{"filenames":["a.whl"]}';
      const head = ["POST /lookup HTTP/1.1", `Content-Length: ${lookup.length}`];
      equal(JSON.parse((await request(side, head, lookup)).text).found.length, 1);
      equal((await request(side, ["OPTIONS /lookup HTTP/1.1"])).status, 204);
    }
  });
});

Deno.test("F25 nginx answers no other spelling of a path, and names nothing inside", async () => {
  await using log = await serveLog();
  await request(log.port, POST, GOOD);
  await behindNginx(log, async ({ reading }) => {
    const bad = [
      ...["/tile/0/000.p/1?x=1", "/tile/0//000.p/1", "/tile/../tile/0/000.p/1", "/tile//0/000.p/1"],
      ...["/tile/%30/000.p/1", "/tile/0/000%2ep/1", "/tile/0/..%2f0/000.p/1", "/tile/0/000.p/2"],
      ...["/tile/0/000", "/metrics", "/metrics/", "/add/", "/nothing", "/data/ledger.sqlite"],
    ];
    equal((await request(reading, ["GET /tile/0/000.p/1 HTTP/1.1"])).status, 200);
    for (const path of bad) {
      const { status, text } = await request(reading, [`GET ${path} HTTP/1.1`]);
      equal(status, 404, path);
      equal(typeof JSON.parse(text).error, "string");
    }
  });
});

Deno.test("nginx never opens the door of a log without publishers", async () => {
  await using log = await serveLog();
  await behindNginx(log, async (sides) => {
    const claims = [
      [],
      ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"],
      ["Forwarded: for=127.0.0.1;host=127.0.0.1", "Via:"],
      ["Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Via"],
      ["X-Forwarded-For:", "X-Forwarded-Host:", "X-Forwarded-Proto:"],
    ];
    for (const side of [sides.reading, sides.publishing]) {
      for (const host of ["127.0.0.1", "localhost", `127.0.0.1:${log.port}`, "log.example.com"]) {
        for (const claim of claims) {
          const head = [...POST, `Host: ${host}`, "Connection: close", ...claim];
          const [answer] = await exchange(side, head.join("\r\n") + "\r\n\r\n" + GOOD, 1);
          const want = side === sides.reading ? 404 : 403;
          ok([want, 400].includes(answer!.status), `${answer!.status}`);
        }
      }
      const bulk = ["POST /admin/bulk/append HTTP/1.1", "Content-Type: application/x-ndjson"];
      ok((await request(side, [...bulk, "Content-Length: 2"], "{}")).status >= 403);
    }
    equal(log.log.size(), 0);
    deepEqual(log.batches, []);
    equal((await request(log.port, POST, GOOD)).status, 200, "the machine itself may write");
  });
});

Deno.test("nginx lets publishers in on their side, and on no other", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ reading, publishing }) => {
    const token = "Authorization: Bearer ci-token";
    equal((await request(reading, [...POST, token], GOOD)).status, 404);
    for (const method of ["POST", "PUT", "DELETE"]) {
      equal((await request(reading, [`${method} /checkpoint HTTP/1.1`, token])).status, 405);
    }
    equal((await request(publishing, POST, GOOD)).status, 401);
    equal((await request(publishing, [...POST, "Authorization: Bearer x"], GOOD)).status, 403);
    const foreign = [...POST, token, "Origin: https://evil.example"];
    equal((await request(publishing, foreign, GOOD)).status, 403);
    equal(log.log.size(), 0);

    const answer = await request(publishing, [...POST, token], GOOD);
    equal(answer.status, 200);
    checkProof(log, JSON.parse(answer.text), pypiEntry("a.whl", checksumOf("first")));
    const bulk = ["POST /admin/bulk/append HTTP/1.1", "Content-Type: application/x-ndjson", token];
    const body = GOOD.replace("a.whl", "b.whl");
    const { status } = await request(publishing, [...bulk, `Content-Length: ${body.length}`], body);
    equal(status, 200);
    equal(log.log.size(), 2);
    const { text } = await request(reading, ["GET /bundle/b.whl HTTP/1.1"]);
    match(text, /^c2sp.org\/tlog-proof/);
  });
});

Deno.test("nginx passes long bodies on, and the answer to one that is refused on the way", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ publishing }) => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      JSON.stringify({
        filename: `pkg-${i}.whl`,
        checksum: checksumOf(`${i}`),
        padding: "p".repeat(500),
      }));
    const send = async (headers: Record<string, string>, body: BodyInit) => {
      const response = await fetch(
        `http://127.0.0.1:${publishing}/admin/bulk/append?proofs=false`,
        {
          method: "POST",
          headers: { "Content-Type": "application/x-ndjson", ...headers },
          body,
        },
      );
      return { status: response.status, text: await response.text() };
    };
    const refused = await send({}, lines.join("\n"));
    deepEqual([refused.status, typeof JSON.parse(refused.text).error], [401, "string"]);
    const token = { Authorization: "Bearer ci-token" };
    const taken = await send(token, lines.join("\n"));
    equal(taken.status, 200);
    match(taken.text, /\{"type":"complete","count":20000\}\n$/);
    // Of unknown length, in pieces.
    const again = await send(token, new Blob([lines.join("\n")]).stream());
    equal(again.text, taken.text);
    equal(log.log.size(), lines.length);
  });
});

Deno.test("F21 nginx refuses large bodies itself, in JSON", async () => {
  await using log = await serveLog({ publishers: () => publishersNamed("ci") });
  await behindNginx(log, async ({ reading, publishing }) => {
    const large = (
      path: string,
      length: number,
    ) => [`POST ${path} HTTP/1.1`, `Content-Length: ${length}`];
    const cases: [number, string[]][] = [
      [publishing, large("/add", 16 * 1024 + 1)],
      [publishing, large("/admin/bulk/append", 64 * 1024 * 1024 + 1)],
      [reading, large("/lookup", 512 * 1024 + 1)],
    ];
    for (const [side, head] of cases) {
      const { status, text } = await request(side, head);
      equal(status, 413);
      equal(typeof JSON.parse(text).error, "string");
    }
    const many = Array.from({ length: 500 }, (_, i) => `X-${i}: ${"a".repeat(100)}`);
    ok((await request(reading, ["GET /checkpoint HTTP/1.1", ...many])).status >= 400);
  });
});

Deno.test("nginx says 503 in JSON when the log is not there", async () => {
  const log = await serveLog();
  await behindNginx(log, async ({ reading, publishing }) => {
    await log[Symbol.asyncDispose]();
    for (const head of [["GET /bundle/a.whl HTTP/1.1"], POST]) {
      const side = head === POST ? publishing : reading;
      const { status, headers, text } = await request(side, head, head === POST ? GOOD : []);
      equal(status, 503);
      match(headers.get("retry-after")!, /^[0-9]+$/);
      equal(typeof JSON.parse(text).error, "string");
    }
  });
});
