/** The read side over a real socket: look-ups, caching, and who may read. */

import {
  leafHash,
  parsePolicy,
  parseTlogProof,
  parseTlogProofs,
  parseUtf8,
  utf8,
  verifyTlogProof,
  verifyTlogProofs,
} from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { NotStored } from "../log/storage/failure.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import {
  type Answer,
  checkProof,
  checksumOf,
  logOf,
  madeUpName as name,
  post,
  pypiEntry,
  serveLog,
} from "./http_fixture.ts";
import { request } from "./raw_http.ts";

const sum = (i: number) => checksumOf(`content ${i}`);

Deno.test("F33 tiles are immutable, all else no-store; reads are for any origin", async () => {
  await using log = await logOf(300);
  const statuses: [string, number, string][] = [
    ["/checkpoint", 200, "no-store"],
    ["/.well-known/public-key", 200, "no-store"],
    ["/tile/0/000", 200, "public, max-age=31536000, immutable"],
    ["/tile/0/001.p/44", 200, "public, max-age=31536000, immutable"],
    ["/tile/entries/000", 200, "public, max-age=31536000, immutable"],
    ["/tile/0/002", 404, "no-store"],
    [`/bundle/${name(1)}`, 200, "no-store"],
    ["/bundle/unknown.whl", 404, "no-store"],
    ["/bundle/%ff", 400, "no-store"],
    ["/refusals", 200, "no-store"],
    ["/refusals?limit=0", 400, "no-store"],
    ["/", 200, "no-store"],
    ["/healthz", 200, "no-store"],
    ["/status", 200, "no-store"],
    ["/metrics", 200, "no-store"],
    ["/nothing", 404, "no-store"],
    ["/lookup", 405, "no-store"],
  ];
  for (const [path, status, caching] of statuses) {
    const get = await request(log.port, [`GET ${path} HTTP/1.1`, "Origin: https://any.example"]);
    equal(get.status, status, path);
    equal(get.headers.get("cache-control"), caching, path);
    equal(get.headers.get("access-control-allow-origin"), "*", path);
    const head = await request(log.port, [`HEAD ${path} HTTP/1.1`]);
    equal(head.status, status);
    equal(head.body.length, 0);
    if (path !== "/status" && path !== "/metrics") {
      equal(head.headers.get("content-length"), get.headers.get("content-length"), path);
    }
    if (status === 405 || status === 404 && path === "/nothing") continue;
    for (const method of ["POST", "PUT", "DELETE", "get"]) {
      const answer = await request(log.port, [`${method} ${path} HTTP/1.1`]);
      equal(answer.status, 405, `${method} ${path}`);
      equal(answer.headers.get("allow"), "GET, HEAD");
    }
    const preflight = await request(log.port, [`OPTIONS ${path} HTTP/1.1`]);
    equal(preflight.status, 204);
    equal(preflight.headers.get("access-control-allow-origin"), "*");
  }
});

Deno.test("GET /bundle proves one file offline", async () => {
  await using log = await logOf(300);
  await post(log, { filename: "odd+~!@$&'()*,;=:[]#?.whl", checksum: sum(1) });
  await post(log, { filename: name(7), checksum: sum(7), ecosystem: "npm" });
  const policy = parsePolicy(utf8(`log ${log.keys.vkey}\nquorum none\n`));
  const ask = (encoded: string) => request(log.port, [`GET /bundle/${encoded} HTTP/1.1`]);
  const proves = async (encoded: string, entry: string) => {
    const { status, headers, body } = await ask(encoded);
    equal(status, 200, encoded);
    equal(headers.get("content-type"), "text/plain; charset=utf-8");
    const proof = parseTlogProof(body);
    equal(parseUtf8(proof.extra!), entry);
    const verdict = verifyTlogProof(proof, leafHash(utf8(entry)), policy);
    ok(verdict.kind !== "refused", verdict.kind === "refused" ? verdict.why : "");
    return proof.index;
  };
  equal(await proves(name(7), pypiEntry(name(7), sum(7))), 7n);
  equal(await proves("pkg-7%2Etar%2egz", pypiEntry(name(7), sum(7))), 7n);
  const odd = "odd+~!@$&'()*,;=:[]#?.whl";
  equal(await proves(encodeURIComponent(odd), pypiEntry(odd, sum(1))), 300n);
  const npm = await ask(`${name(7)}?ecosystem=npm`);
  equal(parseTlogProof(npm.body).index, 301n);

  const missing = await ask("pkg-999.tar.gz");
  equal(missing.status, 404);
  equal(JSON.parse(missing.text).filename, "pkg-999.tar.gz");
  equal((await ask("PKG-7.tar.gz")).status, 404, "the exact name");
  const bad = [
    "",
    "a%2Fb",
    "a/b",
    "..",
    "%2e%2e",
    "%",
    "%zz",
    "%ff",
    "a%00b",
    "a%0ab",
    "%C3%A9",
    "a%20b",
  ];
  for (const encoded of [...bad, "a".repeat(256), "a%25b", "a%5Cb"]) {
    const { status, text } = await ask(encoded);
    equal(status, 400, encoded);
    equal(JSON.parse(text).field, "filename");
  }
  for (const ecosystem of ["PyPI", "", "a%0Ab", "a".repeat(33)]) {
    const { status, text } = await ask(`${name(7)}?ecosystem=${ecosystem}`);
    equal(status, 400, ecosystem);
    equal(JSON.parse(text).field, "ecosystem");
  }
});

Deno.test("POST /lookup proves many files under one checkpoint", async () => {
  await using log = await logOf(300);
  const lookup = (body: unknown) => post(log, body, {}, "/lookup");
  const filenames = [name(299), "unknown.whl", name(0), name(0), "Unknown.whl"];
  const { status, headers, body } = await lookup({ filenames });
  equal(status, 200);
  equal(headers.get("access-control-allow-origin"), "*");
  equal(headers.get("cache-control"), "no-store");
  deepEqual(Object.keys(body), ["checkpoint", "found", "missing"]);
  deepEqual(body.missing, ["unknown.whl", "Unknown.whl"]);
  deepEqual(body.found.map((one: Answer) => one.filename), [name(299), name(0)]);
  for (const one of body.found) {
    deepEqual(Object.keys(one), ["filename", "index", "entry", "inclusionProof"]);
    const entry = pypiEntry(name(one.index), sum(one.index));
    equal(checkProof(log, { ...one, checkpoint: body.checkpoint }, entry), 300n);
  }
  deepEqual((await lookup({ filenames: [] })).body.found, []);
  deepEqual((await lookup({ filenames: [name(1)], ecosystem: "npm" })).body.missing, [name(1)]);
  const thousand = Array.from({ length: 1000 }, (_, i) => name(i));
  const many = (await lookup({ filenames: thousand })).body;
  equal(many.found.length, 300);
  equal(many.missing.length, 700);

  const bad: [string | undefined, unknown[]][] = [
    ["body", [null, 1, []]],
    ["filenames", [{}, { filenames: "a" }, { filenames: [1] }, { filenames: [...thousand, "a"] }]],
    ["filename", [{ filenames: ["a/b"] }, { filenames: [""] }, '{"filenames":["\u00e9.whl"]}']],
    [
      "ecosystem",
      [1, null, "", "PyPI", "a\nb", "-a", "a".repeat(33)].map((ecosystem) => ({
        filenames: [],
        ecosystem,
      })),
    ],
    [undefined, ['{"filenames":[],"filenames":[]}', "", "{"]],
  ];
  for (const [field, bodies] of bad) {
    for (const body of bodies) {
      const { status, headers, body: answer } = await lookup(body);
      equal(status, 400, JSON.stringify(body));
      equal(answer.field, field, JSON.stringify(body));
      equal(headers.get("access-control-allow-origin"), "*");
    }
  }
  equal((await lookup(" ".repeat(600 * 1024))).status, 413);
  const zipped = await post(log, "{}", { "Content-Encoding": "gzip" }, "/lookup");
  equal(zipped.status, 415);
});

Deno.test("POST /lookup answers with a container for who accepts one", async () => {
  await using log = await logOf(300);
  const ask = async (filenames: string[], accept = TLOG_PROOFS) => {
    const headers = { "Content-Type": "application/json", Accept: accept };
    const init = { method: "POST", headers, body: JSON.stringify({ filenames }) };
    return await fetch(`${log.url}/lookup`, init);
  };
  const answer = await ask([name(299), "unknown.whl", name(0), name(7)]);
  equal(answer.headers.get("content-type"), TLOG_PROOFS);
  equal(answer.headers.get("cache-control"), "no-store");
  equal(answer.headers.get("access-control-allow-origin"), "*");
  const proofs = parseTlogProofs(await answer.bytes());
  deepEqual(proofs.entries.map(({ index }) => index), [0n, 7n, 299n]);
  deepEqual(proofs.entries[1]!.entry, utf8(pypiEntry(name(7), sum(7))));
  const policy = parsePolicy(utf8(`log ${log.keys.vkey}\nquorum none\n`));
  equal(verifyTlogProofs(proofs, policy).kind, "accepted");
  equal(parseTlogProofs(await (await ask([])).bytes()).entries.length, 0);
  equal((await ask([], "*/*")).headers.get("content-type"), "application/json");
  await using empty = await logOf(0);
  const init = { method: "POST", headers: { Accept: TLOG_PROOFS }, body: '{"filenames":[]}' };
  const none = await fetch(`${empty.url}/lookup`, init);
  equal(none.headers.get("content-type"), "application/json");
});

const TLOG_PROOFS = "application/vnd.indelible.tlog-proofs";

Deno.test("a read that storage cannot answer is 503 when it passes, else 500, for any origin", async () => {
  const objects = openMemoryObjects();
  const read = objects.read.bind(objects);
  let error: Error | null = null;
  objects.read = (path) => error ? Promise.reject(error) : read(path);
  await using log = await serveLog({ objects });
  await post(log, { filename: name(0), checksum: sum(0) });
  const ask = () => request(log.port, ["GET /tile/0/000.p/1 HTTP/1.1"]);

  error = new NotStored("busy", "Cannot read tile: too many files are open");
  const passing = await ask();
  equal(passing.status, 503);
  match(passing.headers.get("retry-after")!, /^[1-3]$/);
  equal(passing.headers.get("access-control-allow-origin"), "*");
  deepEqual(log.faults, [], "it is no fault of the log");

  error = new Error("outcome unknown");
  const lasting = await ask();
  equal(lasting.status, 500);
  equal(lasting.headers.get("access-control-allow-origin"), "*");
  equal(log.faults.length, 1);
  error = null;
  equal((await ask()).status, 200);
});

Deno.test("GET /refusals shows attempts at a second digest, newest first", async () => {
  await using log = await serveLog();
  const refusals = async (query = "") => await (await fetch(`${log.url}/refusals${query}`)).json();
  deepEqual(await refusals(), []);
  await post(log, { filename: "a.whl", checksum: sum(0) });
  for (let i = 1; i <= 5; i++) await post(log, { filename: "a.whl", checksum: sum(i) });
  const all = await refusals();
  deepEqual(all.map((one: Answer) => one.checksum), [5, 4, 3, 2, 1].map(sum));
  match(all[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
  equal(all[0].filename, "a.whl");
  deepEqual(all[0].existing, { index: 0, checksum: sum(0) });
  equal(all[0].publisher, null);
  equal((await refusals("?limit=2")).length, 2);
  equal((await refusals("?limit=1000")).length, 5);
  for (
    const limit of ["0", "-1", "1001", "01", "1e2", "0x10", "", "%201", "+1", "9999999", "NaN"]
  ) {
    const answer = await fetch(`${log.url}/refusals?limit=${limit}`);
    equal(answer.status, 400, limit);
    equal((await answer.json()).field, "limit");
  }
});

Deno.test("what a log says of itself", async () => {
  await using log = await serveLog();
  const text = async (path: string) => await (await fetch(log.url + path)).text();
  equal(await text("/.well-known/public-key"), `${log.keys.vkey}\n`);
  deepEqual(JSON.parse(await text("/healthz")), { status: "ok" });
  await post(log, { filename: "a.whl", checksum: sum(0) });
  await post(log, { filename: "a.whl", checksum: sum(1) });
  const status = JSON.parse(await text("/status"));
  equal(status.origin, "log.test/http");
  equal(status.size, 1);
  equal(status.publishedSize, 1);
  equal(status.pending, 0);
  equal(status.conflicts, 1);
  const metrics = await text("/metrics");
  for (const line of metrics.trimEnd().split("\n")) {
    match(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{le="[^"]+"\})? [0-9.e+-]+)$/);
  }
  match(metrics, /^indelible_entries_added_total 1$/m);
});
