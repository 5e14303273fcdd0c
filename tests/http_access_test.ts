/** Who may write, over a real socket. */

import { deepEqual, equal } from "node:assert/strict";
import { checksumOf, post, publishersNamed, serveLog } from "./http_fixture.ts";
import { exchange, request } from "./raw_http.ts";

const GOOD = JSON.stringify({
  filename: "pkg-1.0-py3-none-any.whl",
  checksum: checksumOf("first"),
});

Deno.test("F38 other methods of write paths answer 405 and touch nothing", async () => {
  await using log = await serveLog();
  const methods = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post"];
  for (const path of ["/add", "/admin/bulk/append"]) {
    for (const method of methods) {
      const answer = await request(log.port, [`${method} ${path} HTTP/1.1`]);
      equal(answer.status, 405, method);
      equal(answer.headers.get("allow"), "POST");
      equal(answer.headers.get("access-control-allow-origin"), null);
    }
  }
  deepEqual(log.batches, []);
});

Deno.test("F37 browser pages of other sites may not write, nor learn that they could", async () => {
  await using log = await serveLog();
  const foreign: Record<string, string>[] = [
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: `http://localhost:${log.port}` },
    { Origin: "https://evil.example", "Content-Type": "application/x-www-form-urlencoded" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ];
  for (const headers of foreign) {
    for (const path of ["/add", "/admin/bulk/append"]) {
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const length = `Content-Length: ${GOOD.length}`;
      const answer = await request(log.port, [`POST ${path} HTTP/1.1`, length, ...fields], GOOD);
      equal(answer.status, 403, JSON.stringify(headers));
      equal(answer.headers.get("access-control-allow-origin"), null);
    }
  }
  equal(log.log.size(), 0);
});

Deno.test("F35 /add answers 401 without a token and one 403 for every wrong one", async () => {
  let publishers = publishersNamed("ci", "bot");
  await using log = await serveLog({ publishers: () => publishers });
  const ask = (authorization?: string) =>
    post(log, GOOD, authorization === undefined ? {} : { Authorization: authorization });
  const missing = await ask();
  equal(missing.status, 401);
  equal(missing.headers.get("www-authenticate"), "Bearer");
  for (const authorization of ["Basic Y2k6dG9rZW4=", "ci-token"]) {
    const none = await ask(authorization);
    deepEqual([none.status, none.body], [401, missing.body], authorization);
    equal(none.headers.get("www-authenticate"), "Bearer");
  }
  const wrong = [
    "Bearer nope",
    "Bearer ci-toke",
    "Bearer ci-token2",
    "Bearer",
  ];
  const answers = [];
  for (const authorization of wrong) {
    const { status, headers, body } = await ask(authorization);
    equal(status, 403);
    answers.push([body, [...headers].filter(([name]) => name !== "date")]);
  }
  for (const answer of answers) deepEqual(answer, answers[0]);
  equal(log.log.size(), 0);

  equal((await ask("Bearer bot-token")).status, 200);
  deepEqual(log.batches.at(-1)!.writers, { bot: ["0-0"] });
  // A token that is taken back stops at once; F36: what it once sent stays one leaf.
  publishers = publishersNamed("ci");
  equal((await ask("Bearer bot-token")).status, 403);
  equal((await ask("Bearer ci-token")).body.index, 0);
  equal(log.log.size(), 1);
});

Deno.test("POST /add under a loopback name only, and through no proxy", async () => {
  await using log = await serveLog();
  const ask = async (...fields: string[]) => {
    const lines = ["POST /add HTTP/1.1", `Content-Length: ${GOOD.length}`, "Connection: close"];
    const text = [...lines, ...fields].join("\r\n") + "\r\n\r\n" + GOOD;
    return (await exchange(log.port, text))[0]!.status;
  };
  equal(await ask("Host: log.example.com"), 403);
  equal(await ask("Host: 127.0.0.1.nip.example"), 403);
  equal(await ask("Host: 127.0.0.1", "X-Forwarded-For: 192.0.2.1"), 403);
  equal(await ask("Host: 127.0.0.1", "X-Forwarded-Port: 443"), 403);
  equal(await ask("Host: 127.0.0.1", "Via: 1.1 proxy"), 403);
  equal(await ask("Host: 127.0.0.1", "Forwarded: for=127.0.0.1"), 403);
  equal(await ask(), 403);
  equal(log.log.size(), 0);
  equal(await ask(`Host: localhost:${log.port}`), 200);
});

Deno.test("a publisher may have the name of any member of an object", async () => {
  const publishers = publishersNamed("constructor", "hasOwnProperty");
  await using log = await serveLog({ publishers: () => publishers });
  for (const [i, name] of ["constructor", "hasOwnProperty"].entries()) {
    const filename = `named-${i}.tar.gz`;
    const entry = JSON.stringify({ filename, checksum: checksumOf(filename) });
    equal((await post(log, entry, { Authorization: `Bearer ${name}-token` })).status, 200);
    deepEqual(Object.entries(log.batches.at(-1)!.writers), [[name, [`${i}-${i}`]]]);
  }
});
