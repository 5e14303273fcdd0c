/** Tiles over a real socket: their paths, their bytes, ranges and compression. */

import { parseEntryBundle } from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { checksumOf, logOf, madeUpName as name, post, serveLog } from "./http_fixture.ts";
import { request } from "./raw_http.ts";

const sum = (i: number) => checksumOf(`content ${i}`);

Deno.test("F25 only canonical tile paths lead anywhere, and only into the tree", async () => {
  await using log = await logOf(300);
  const status = async (path: string) => (await request(log.port, [`GET ${path} HTTP/1.1`])).status;
  const there = ["0/000", "0/001.p/44", "1/000.p/1", "entries/000", "entries/001.p/44"];
  for (const path of there) equal(await status(`/tile/${path}`), 200, path);

  const nowhere = [
    // Spelled in another way.
    ...["0/0", "0/00", "0/0000", "0/x000/000", "00/000", "+0/000", "0/+00", "0/-01", "0/000/"],
    ...["0//000", "/0/000", "0/000.p/256", "0/001.p/0", "0/001.p/01", "0/001.p/044", "0/001.p/"],
    ...["0/001.p", "0/001.p/44/", "0/001.p/4x", "0/X001/000", "0/x1/000", "0/x001", "0/001/000"],
    ...["0/000.P/1", "0/001p/44", "0/0x1", "0/1e2", "0/\u0660", "Entries/000", "entries/0"],
    ...[
      "0/000?",
      "0/000?x=1",
      "0/000%20",
      "0/000%00",
      "0/000%0a",
      "0%2f000",
      "0/%30%30%30",
      "0/000.p%2f1",
    ],
    ...["0/000;x", "0/000#x", "0/000.", "0/000~", "0/000.gz", "", "0", "0/", "entries", "data/000"],
    // On the way out of it.
    ...["../checkpoint", "0/../0/000", "%2e%2e/checkpoint", "..%2fcheckpoint", "0/..%2f000"],
    ...[
      "..\\checkpoint",
      "0/%2e%2e%2f%2e%2e%2fledger.sqlite",
      "../ledger.sqlite",
      "../../etc/passwd",
    ],
    ...["....//checkpoint", "0/000/../000", "./0/000", "0/./000", "%252e%252e/checkpoint"],
    // Beyond the tree: its size is 300.
    ...["0/001", "0/002", "0/001.p/45", "0/001.p/255", "0/002.p/1", "1/000", "1/000.p/2"],
    ...["2/000.p/1", "8/000", "63/000", "64/000", "99/000", "entries/001", "entries/001.p/45"],
    ...["0/999", "0/x001/000", "0/x009/x223/x372/x036/x854/x775/807"],
    ...["0/x009/x223/x372/x036/x854/x775/808", "0/x018/x446/x744/x073/x709/x551/616"],
    // In the tree, but of no published size.
    ...["0/001.p/43", "0/000.p/1", "entries/000.p/255"],
  ];
  for (const path of nowhere) equal(await status(`/tile/${path}`), 404, path);
  for (const path of ["//tile/0/000", "/Tile/0/000", "/tile", "/tiles/0/000", "tile/0/000"]) {
    ok([400, 404].includes(await status(path)), path);
  }
  deepEqual(log.faults, []);
});

Deno.test("F25 a tile path never reaches storage unless it is in the published tree", async () => {
  const objects = openMemoryObjects();
  const asked: string[] = [];
  const read = objects.read.bind(objects);
  objects.read = (path) => {
    asked.push(path);
    return read(path);
  };
  await using log = await serveLog({ objects });
  await post(log, { filename: name(0), checksum: sum(0) });
  asked.length = 0;
  for (const path of ["../checkpoint", "0/000", "0/000.p/2", "63/000.p/1", "0/%2e%2e", "x"]) {
    equal((await request(log.port, [`GET /tile/${path} HTTP/1.1`])).status, 404);
  }
  for (const path of ["/bundle/..%2fcheckpoint", "/nothing", "/checkpoint/"]) {
    ok((await request(log.port, [`GET ${path} HTTP/1.1`])).status >= 400);
  }
  deepEqual(asked, []);
  equal((await request(log.port, ["GET /tile/0/000.p/1 HTTP/1.1"])).status, 200);
  deepEqual(asked, ["tile/0/000.p/1"]);
});

Deno.test("every partial tile of a published size stays, and is never the full one", async () => {
  await using log = await serveLog();
  for (let size = 1; size <= 5; size++) {
    await post(log, { filename: name(size), checksum: sum(size) });
    for (let width = 1; width <= size; width++) {
      for (const level of ["0", "entries"]) {
        const answer = await request(log.port, [`GET /tile/${level}/000.p/${width} HTTP/1.1`]);
        equal(answer.status, 200);
        if (level === "0") equal(answer.body.length, 32 * width);
        else equal(parseEntryBundle(answer.body, width).length, width);
        match(answer.headers.get("cache-control")!, /immutable/);
      }
    }
  }
});

Deno.test("F33 tiles answer Range, If-None-Match and If-Range", async () => {
  await using log = await logOf(300);
  const ask = (...fields: string[]) => request(log.port, ["GET /tile/0/000 HTTP/1.1", ...fields]);
  const whole = await ask();
  equal(whole.body.length, 8192);
  const etag = whole.headers.get("etag")!;
  const part = await ask("Range: bytes=32-63");
  equal(part.status, 206);
  equal(part.headers.get("content-range"), "bytes 32-63/8192");
  deepEqual(part.body, whole.body.subarray(32, 64));
  deepEqual((await ask("Range: bytes=-32")).body, whole.body.subarray(-32));
  equal((await ask("Range: bytes=8192-")).status, 416);
  equal((await ask("Range: bytes=0-1,4-5")).body.length, 8192);
  equal((await ask("Range: bytes=0-1", `If-Range: ${etag}`)).body.length, 2);
  equal((await ask("Range: bytes=0-1", 'If-Range: "x"')).body.length, 8192);
  equal((await ask(`If-None-Match: ${etag}`)).status, 304);
  equal((await ask('If-None-Match: "x"')).status, 200);

  const checkpoint = await request(log.port, ["GET /checkpoint HTTP/1.1"]);
  const known = `If-None-Match: ${checkpoint.headers.get("etag")}`;
  equal((await request(log.port, ["GET /checkpoint HTTP/1.1", known])).status, 304);
  await post(log, { filename: "next.whl", checksum: sum(1) });
  equal((await request(log.port, ["GET /checkpoint HTTP/1.1", known])).status, 200);
});

Deno.test("entry bundles are zipped when asked for, and only then", async () => {
  await using log = await logOf(300);
  const ask = (path: string, ...fields: string[]) =>
    request(log.port, [`GET /tile/${path} HTTP/1.1`, ...fields]);
  const plain = await ask("entries/000");
  equal(plain.headers.get("content-encoding"), null);
  equal(plain.headers.get("vary"), "Accept-Encoding");
  equal(parseEntryBundle(plain.body, 256).length, 256);
  const wanted = ["gzip", "gzip, identity", "br;q=1, gzip;q=0.5", "identity;q=0, GZIP", "x-gzip"];
  for (const coding of [...wanted, "gzip ; q=0.001", "deflate,gzip;q=1.0"]) {
    const zipped = await ask("entries/000", `Accept-Encoding: ${coding}`);
    equal(zipped.headers.get("content-encoding"), "gzip", coding);
    equal(zipped.headers.get("vary"), "Accept-Encoding");
    ok(zipped.headers.get("etag") !== plain.headers.get("etag"));
    ok(zipped.body.length < plain.body.length);
    const stream = new Blob([new Uint8Array(zipped.body)]).stream();
    const unzipped = stream.pipeThrough(new DecompressionStream("gzip"));
    deepEqual(await new Response(unzipped).bytes(), plain.body);
  }
  const unwanted = [
    "identity",
    "gzip;q=0",
    "gzip; q=0.0",
    "gzip;q=0.000, br",
    "br",
    "gzipped",
    "*;q=0",
  ];
  for (const coding of unwanted) {
    const answer = await ask("entries/000", `Accept-Encoding: ${coding}`);
    equal(answer.headers.get("content-encoding"), null, coding);
  }
  const part = await ask("entries/000", "Accept-Encoding: gzip", "Range: bytes=0-9");
  equal(part.headers.get("content-encoding"), null);
  deepEqual(part.body, plain.body.subarray(0, 10));
  equal((await ask("0/000", "Accept-Encoding: gzip")).headers.get("content-encoding"), null);
});

Deno.test("tiles read by many at once are what they are", async () => {
  await using log = await logOf(300);
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const headers = { "Accept-Encoding": i % 2 ? "gzip" : "identity" };
      return await (await fetch(`${log.url}/tile/entries/000`, { headers })).bytes();
    }));
    for (const answer of answers) deepEqual(answer, answers[0]);
  }
});
