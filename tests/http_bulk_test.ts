/** `POST /admin/bulk/append` over a real socket. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  type Answer,
  checkLeaf,
  checksumOf,
  post,
  postBulk,
  publishersNamed,
  pypiEntry,
  serveLog,
} from "./http_fixture.ts";
import { request } from "./raw_http.ts";

const CHECKSUM = checksumOf("first");
const OTHER = checksumOf("second");
const HEAD = ["POST /admin/bulk/append HTTP/1.1", "Content-Type: application/x-ndjson"];
const line = (filename: string, checksum = CHECKSUM, more: object = {}) =>
  JSON.stringify({ filename, checksum, ...more });
const resultsOf = (lines: readonly Answer[]) => lines.slice(1, -1).map(({ result }) => result);

Deno.test("bulk append answers checkpoint, results in order, and a count", async () => {
  await using log = await serveLog();
  await post(log, line("standing.whl"));
  const body = [
    line("a.whl"),
    line("b.whl", OTHER, { publisher: { issuer: "https://issuer.test", subject: "x" } }),
    line("a.whl"),
    line("standing.whl"),
    line("a.whl", OTHER),
    line("standing.whl", OTHER),
    line("unheard-of.whl", CHECKSUM, { event: "yank" }),
    line("a.whl", CHECKSUM, { event: "yank" }),
    "",
    "not json",
    line("../c.whl"),
    '{"filename":"d.whl"}',
    line("z".repeat(20_000)),
    line("last.whl") + "\r",
  ].join("\n");
  const { status, headers, lines } = await postBulk(log, body);
  equal(status, 200);
  equal(headers.get("content-type"), "application/x-ndjson");
  equal(headers.get("cache-control"), "no-store");
  equal(headers.get("access-control-allow-origin"), null);

  const [first, last] = [lines[0], lines.at(-1)];
  deepEqual(Object.keys(first), ["type", "checkpoint", "tree_size"]);
  equal(first.type, "checkpoint");
  equal(first.tree_size, 5);
  deepEqual(last, { type: "complete", count: 14 });
  ok(lines.slice(1, -1).every(({ type }) => type === "result"));

  const results = resultsOf(lines);
  deepEqual(
    results.map(({ filename, index, status }) => [filename, index, status]),
    [
      ["a.whl", 1, "logged"],
      ["b.whl", 2, "logged"],
      ["a.whl", 1, "logged"],
      ["standing.whl", 0, "logged"],
      ["a.whl", 1, "error"],
      ["standing.whl", 0, "error"],
      ["unheard-of.whl", null, "error"],
      ["a.whl", 3, "logged"],
      ["", null, "error"],
      ["", null, "error"],
      ["../c.whl", null, "error"],
      ["d.whl", null, "error"],
      ["", null, "error"],
      ["last.whl", 4, "logged"],
    ],
  );
  for (const conflict of [results[4], results[5]]) {
    deepEqual(Object.keys(conflict), ["filename", "index", "status", "error", "existing"]);
    deepEqual(conflict.existing, { index: conflict.index, checksum: CHECKSUM });
    match(conflict.error, /another digest/);
  }
  match(results[6].error, /publish it before/);
  match(results[9].error, /JSON/);
  match(results[10].error, /filename/);
  match(results[11].error, /checksum/);
  match(results[12].error, /at most 16384 bytes/);
  const { checkpoint } = first;
  const proven = (i: number, entry: string) =>
    equal(checkLeaf(log, { ...results[i], checkpoint }, entry), 5n);
  proven(0, pypiEntry("a.whl", CHECKSUM));
  proven(1, pypiEntry("b.whl", OTHER, "https://issuer.test x"));
  proven(3, pypiEntry("standing.whl", CHECKSUM));
  proven(13, pypiEntry("last.whl", CHECKSUM));
});

Deno.test("bulk append leaves proofs out when they are not wanted", async () => {
  await using log = await serveLog();
  await post(log, line("standing.whl"));
  const body = [line("a.whl"), line("standing.whl"), line("standing.whl", OTHER)].join("\n");
  for (const query of ["?proofs=false", "?x=1&proofs=false"]) {
    const results = resultsOf((await postBulk(log, body, query)).lines);
    deepEqual(results.map(({ index, status }) => [index, status]), [
      [1, "logged"],
      [0, "logged"],
      [0, "error"],
    ]);
    ok(results.every((result) => !("inclusionProof" in result)));
    deepEqual(results[2].existing, { index: 0, checksum: CHECKSUM });
  }
  const results = resultsOf((await postBulk(log, body, "?proofs=true")).lines);
  ok(results.slice(0, 2).every(({ inclusionProof }) => Array.isArray(inclusionProof)));
});

Deno.test("bulk append of nothing, or of nothing that counts, proves the tree as it is", async () => {
  await using log = await serveLog();
  await post(log, line("a.whl"));
  for (const [body, count] of [["", 0], ["\n", 1], ["\n\n", 2], ["x\ny", 2]] as const) {
    const { status, lines } = await postBulk(log, body);
    equal(status, 200);
    equal(lines[0].type, "checkpoint");
    equal(lines[0].tree_size, 1);
    equal(lines.length, count + 2);
    deepEqual(lines.at(-1), { type: "complete", count });
  }
  equal(log.log.size(), 1);
});

Deno.test("bulk append takes 50,000 lines and answers 413 to 50,001", async () => {
  await using log = await serveLog();
  // Lines that are refused one by one: the limit is on lines, not on entries.
  const { status, lines } = await postBulk(log, "{}\n".repeat(50_000));
  equal(status, 200);
  equal(lines.length, 50_002);
  equal((await postBulk(log, "{}\n".repeat(50_001))).status, 413);
  const good = Array.from({ length: 50_001 }, (_, i) => line(`f-${i}`)).join("\n");
  const over = await postBulk(log, good);
  equal(over.status, 413);
  match(over.lines[0].error, /50000 lines/);
  equal(log.log.size(), 0);
});

Deno.test("F21 bulk append answers 413 to a body over its limit, announced or not", async () => {
  await using log = await serveLog();
  const announced = await request(log.port, [...HEAD, `Content-Length: ${65 * 1024 * 1024}`]);
  equal(announced.status, 413);
  const megabyte = "x".repeat(1024 * 1024);
  const pieces = Array.from({ length: 70 }, () => `100000\r\n${megabyte}\r\n`);
  const chunked = await request(log.port, [...HEAD, "Transfer-Encoding: chunked"], pieces.join(""));
  equal(chunked.status, 413);
  equal((await fetch(`${log.url}/healthz`)).status, 200);
});

Deno.test("bulk append takes one huge line for a refused one", async () => {
  await using log = await serveLog();
  const huge = line("a.whl").slice(0, -1) + `,"x":"${"y".repeat(8 * 1024 * 1024)}"}`;
  const { lines } = await postBulk(log, [huge, line("b.whl"), huge].join("\n"));
  const results = resultsOf(lines);
  deepEqual(results.map(({ index }) => index), [null, 0, null]);
  ok(JSON.stringify(results).length < 2000, "what is refused is not echoed");
});

Deno.test("bulk append wants NDJSON, uncompressed, from a publisher", async () => {
  await using log = await serveLog();
  const length = "Content-Length: 2";
  const [post] = HEAD;
  const types = ["Content-Type: application/json", "Content-Type: text/plain", "X-Nothing: here"];
  for (const type of types) {
    equal((await request(log.port, [post!, type, length], "{}")).status, 415, type);
  }
  equal((await request(log.port, [...HEAD, length, "Content-Encoding: gzip"], "{}")).status, 415);
  const typed = "Content-Type: application/x-ndjson; charset=utf-8";
  equal((await request(log.port, [post!, typed, length], "{}")).status, 200);
  equal((await request(log.port, [...HEAD, length, "Origin: https://x.test"], "{}")).status, 403);

  await using guarded = await serveLog({ publishers: () => publishersNamed("ci") });
  equal((await request(guarded.port, [...HEAD, length], "{}")).status, 401);
  const token = (token: string) => `Authorization: Bearer ${token}`;
  equal((await request(guarded.port, [...HEAD, length, token("x")], "{}")).status, 403);
  const body = line("a.whl");
  const head = [...HEAD, `Content-Length: ${body.length}`, token("ci-token")];
  equal((await request(guarded.port, head, body)).status, 200);
  deepEqual(guarded.batches.at(-1)!.writers, { ci: ["0-0"] });
});

Deno.test("bulk append stores nothing of a client that goes away in the middle", async () => {
  await using log = await serveLog();
  const body = line("a.whl") + "\n" + line("b.whl");
  for (const framing of [`Content-Length: ${body.length * 2}`, "Transfer-Encoding: chunked"]) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: log.port });
    const head = [...HEAD, "Host: 127.0.0.1", framing].join("\r\n") + "\r\n\r\n";
    const part = framing.startsWith("T") ? `ffff\r\n${body}` : body;
    await connection.write(new TextEncoder().encode(head + part));
    // The turn is taken before the client goes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    connection.close();
  }
  // The next one has its turn, so the others have been given up.
  const { lines } = await postBulk(log, line("c.whl"));
  deepEqual(resultsOf(lines).map(({ index }) => index), [0]);
  equal(log.log.size(), 1);
  deepEqual(log.faults, []);
});

Deno.test("bulk append reads the whole body before it answers", async () => {
  await using log = await serveLog();
  const body = line("a.whl");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: log.port });
  const head = [...HEAD, "Host: 127.0.0.1", "Connection: close", "Transfer-Encoding: chunked"];
  const write = (text: string) => connection.write(new TextEncoder().encode(text));
  await write(
    head.join("\r\n") + "\r\n\r\n" + `${(body.length + 1).toString(16)}\r\n${body}\n\r\n`,
  );
  let answered = false;
  const answer = connection.read(new Uint8Array(100)).then(() => answered = true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  equal(answered, false);
  equal(log.log.size(), 0);
  await write("0\r\n\r\n");
  await answer;
  equal(log.log.size(), 1);
  connection.close();
});

Deno.test("F27 bulk requests wait in turn, and past eight are told to come back", async () => {
  await using log = await serveLog();
  const bodies = Array.from(
    { length: 24 },
    (_, b) => Array.from({ length: 200 }, (_, i) => line(`b${b}-${i}.whl`)).join("\n"),
  );
  const answers = await Promise.all(bodies.map((body) => postBulk(log, body)));
  const logged = answers.filter(({ status }) => status === 200);
  for (const { status, headers } of answers) {
    ok(status === 200 || status === 503);
    if (status === 503) match(headers.get("retry-after")!, /^[1-3]$/);
  }
  ok(logged.length >= 8 && logged.length < 24);
  equal(log.log.size(), logged.length * 200);
});
