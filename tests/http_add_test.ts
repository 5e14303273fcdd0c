/** `POST /add` over a real socket: shapes, statuses and proofs. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkProof, checksumOf, post, pypiEntry, serveLog } from "./http_fixture.ts";
import { request } from "./raw_http.ts";

const FILE = "pkg-1.0-py3-none-any.whl";
const CHECKSUM = checksumOf("first");
const OTHER = checksumOf("second");
const GOOD = JSON.stringify({ filename: FILE, checksum: CHECKSUM });

Deno.test("POST /add answers a new entry and its repeat in one shape", async () => {
  await using log = await serveLog();
  for (let i = 0; i < 5; i++) {
    const filename = `pkg-1.${i}.tar.gz`;
    for (const turn of ["new", "repeat"]) {
      const { status, headers, body } = await post(log, { filename, checksum: CHECKSUM });
      equal(status, 200, turn);
      deepEqual(Object.keys(body), ["index", "checkpoint", "inclusionProof", "entry"]);
      equal(body.index, i);
      equal(checkProof(log, body, pypiEntry(filename, CHECKSUM)), BigInt(i + 1));
      equal(headers.get("content-type"), "application/json");
      equal(headers.get("cache-control"), "no-store");
      equal(headers.get("access-control-allow-origin"), null);
    }
  }
  equal(log.log.size(), 5);
});

Deno.test("POST /add takes what curl -d sends, with and without content types", async () => {
  await using log = await serveLog();
  const types = [
    [],
    ["Content-Type: application/x-www-form-urlencoded"],
    ["Content-Type: application/json"],
    ["Content-Type: Application/JSON; charset=utf-8"],
    ["content-type:application/json"],
  ];
  for (const type of types) {
    const head = ["POST /add HTTP/1.1", ...type, `Content-Length: ${GOOD.length}`];
    equal((await request(log.port, head, GOOD)).status, 200, type[0]);
  }
  equal(log.log.size(), 1);
});

Deno.test("POST /add answers 409 with all that proves the entry that stands", async () => {
  await using log = await serveLog();
  await post(log, GOOD);
  await post(log, { filename: "later.whl", checksum: OTHER });
  const publisher = { issuer: "https://issuer.test", subject: "x" };
  for (const more of [{}, { publisher }, { event: "publish" }, { event: "yank" }]) {
    const { status, headers, body } = await post(log, {
      filename: FILE,
      checksum: OTHER,
      ...more,
    });
    equal(status, 409);
    const members = ["checkpoint", "checksum", "entry", "error", "filename", "inclusionProof"];
    deepEqual(Object.keys(body).sort(), [...members, "index"].sort());
    equal(body.filename, FILE);
    equal(body.index, 0);
    equal(body.checksum, CHECKSUM);
    match(body.error, /another digest/);
    equal(checkProof(log, body, pypiEntry(FILE, CHECKSUM)), 2n);
    equal(headers.get("cache-control"), "no-store");
  }
  equal(log.log.size(), 2);
});

Deno.test("POST /add answers a second publisher with the first one's entry", async () => {
  await using log = await serveLog();
  const first = { issuer: "https://issuer.test", subject: "repo:first" };
  const second = { issuer: "https://issuer.test", subject: "repo:second" };
  const ask = (publisher?: object) => post(log, { filename: FILE, checksum: CHECKSUM, publisher });
  equal((await ask(first)).body.index, 0);
  const want = pypiEntry(FILE, CHECKSUM, "https://issuer.test repo:first");
  for (const publisher of [second, undefined, first]) {
    const { status, body } = await ask(publisher);
    equal(status, 200);
    equal(body.index, 0);
    checkProof(log, body, want);
  }
  equal(log.log.size(), 1);
});

Deno.test("POST /add gives events leaves of their own, after the publication only", async () => {
  await using log = await serveLog();
  const event = (event: string, checksum = CHECKSUM) =>
    post(log, { filename: FILE, checksum, event });
  const early = await event("yank");
  equal(early.status, 409);
  deepEqual(Object.keys(early.body), ["error", "field", "filename"]);
  equal(log.log.size(), 0);

  await post(log, GOOD);
  const steps = [
    "yank",
    "yank",
    "unyank",
    "yank",
    "yank",
    "publish",
    "review",
    "remove",
    "restore",
  ];
  const indices = [];
  for (const step of steps) indices.push((await event(step)).body.index);
  deepEqual(indices, [1, 1, 2, 3, 3, 0, 4, 5, 6]);
  const line = (step: string) =>
    `artifact-transparency/v2\necosystem pypi\nevent ${step}\nfile ${FILE}\n` +
    `sha256 ${CHECKSUM.slice(7)}\n`;
  const { body } = await event("restore");
  checkProof(log, body, line("restore"));

  const wrong = await event("yank", OTHER);
  equal(wrong.status, 409);
  equal(wrong.body.index, 0);
  checkProof(log, wrong.body, pypiEntry(FILE, CHECKSUM));
  equal(log.log.size(), 7);
});

Deno.test("POST /add keeps ecosystems apart", async () => {
  await using log = await serveLog();
  const ask = (ecosystem: string | null, checksum: string) =>
    post(log, { filename: FILE, checksum, ecosystem });
  equal((await ask("npm", OTHER)).body.index, 0);
  equal((await ask(null, CHECKSUM)).body.index, 1);
  // pypi named or implied is one ecosystem, in either format.
  equal((await ask("pypi", CHECKSUM)).body.index, 1);
  equal((await ask("pypi", OTHER)).status, 409);
  equal((await ask("npm", CHECKSUM)).status, 409);
});

Deno.test("POST /add answers 400 and names the field", async () => {
  await using log = await serveLog();
  const cases: [body: string, field: string | undefined][] = [
    ["", undefined],
    ["{", undefined],
    [`{"filename":"a","filename":"a","checksum":"${CHECKSUM}"}`, undefined],
    ["[]", "body"],
    ["{}", "filename"],
    [`{"filename":"../a","checksum":"${CHECKSUM}"}`, "filename"],
    [`{"filename":"a","checksum":"sha256:AA"}`, "checksum"],
    [`${GOOD.slice(0, -1)},"publisher":{"issuer":"a b","subject":"c"}}`, "publisher.issuer"],
    [`${GOOD.slice(0, -1)},"event":"vanish"}`, "event"],
  ];
  for (const [text, field] of cases) {
    const { status, headers, body } = await post(log, text);
    equal(status, 400, text);
    equal(body.field, field);
    equal(typeof body.error, "string");
    equal(headers.get("cache-control"), "no-store");
  }
  equal(log.log.size(), 0);
  deepEqual(log.faults, []);
});

Deno.test("F26 POST /add answers 415 to other types and to compressed bodies", async () => {
  await using log = await serveLog();
  const types = ["text/plain", "multipart/form-data; boundary=x", "application/x-ndjson", "json"];
  for (const type of [...types, "application/json, text/plain"]) {
    const { status, body } = await post(log, GOOD, { "Content-Type": type });
    equal(status, 415, type);
    match(body.error, /application\/json/);
  }
  // 50 KiB that would be 50 MiB: nothing here unpacks it.
  const zeros = new Blob([new Uint8Array(50 * 1024 * 1024)]).stream();
  const zipped = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
  for (const coding of ["gzip", "br", "deflate", "identity", "x-gzip, gzip"]) {
    const { status } = await post(log, zipped.subarray(0, 16_000), { "Content-Encoding": coding });
    equal(status, 415, coding);
  }
  const head = ["POST /add HTTP/1.1", "Transfer-Encoding: gzip, chunked"];
  const chunk = `${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`;
  equal((await request(log.port, head, chunk)).status, 400);
  equal(log.log.size(), 0);
});

Deno.test("F36 a replayed request has the same answer and no second leaf", async () => {
  await using log = await serveLog();
  const head = ["POST /add HTTP/1.1", `Content-Length: ${GOOD.length}`];
  const first = await request(log.port, head, GOOD);
  for (let i = 0; i < 3; i++) equal((await request(log.port, head, GOOD)).text, first.text);
  equal(log.log.size(), 1);
});

Deno.test("F29 concurrent adds of one file get one leaf, or one digest wins", async () => {
  await using log = await serveLog();
  for (let round = 0; round < 5; round++) {
    const filename = `race-${round}.whl`;
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => post(log, { filename, checksum: i % 2 ? CHECKSUM : OTHER }),
      ),
    );
    const won = answers.find(({ status }) => status === 200)!;
    const digest = atob(won.body.entry).split("\n")[1]!;
    for (const { status, body } of answers) {
      equal(body.index, round);
      checkProof(log, body, pypiEntry(filename, digest));
      ok(status === 200 || (status === 409 && body.checksum === digest));
    }
    equal(answers.filter(({ status }) => status === 200).length, 20);
  }
  equal(log.log.size(), 5);
});

Deno.test("POST /add takes an entry with the longest fields", async () => {
  await using log = await serveLog();
  const publisher = { issuer: "i".repeat(2048), subject: "\u00fc".repeat(2048) };
  const filename = "f".repeat(255);
  const { status, body } = await post(log, { filename, checksum: CHECKSUM, publisher });
  equal(status, 200);
  checkProof(log, body, pypiEntry(filename, CHECKSUM, `${publisher.issuer} ${publisher.subject}`));
});
