import { utf8 } from "@indelible/core";
import { equal } from "node:assert/strict";
import { Resource } from "./resource.ts";

const CACHING = "public, max-age=31536000, immutable";
const RESOURCE = new Resource({
  bytes: utf8("0123456789"),
  type: "application/octet-stream",
  caching: CACHING,
  etag: '"tag"',
});

function ask(headers: Record<string, string>, method = "GET"): Response {
  return RESOURCE.answer(new Request("http://log.test/tile/0/000", { method, headers }));
}

const RANGES: [range: string, status: number, body: string, part: string | null][] = [
  ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
  ["bytes=5-", 206, "56789", "bytes 5-9/10"],
  ["bytes=9-9", 206, "9", "bytes 9-9/10"],
  ["bytes=8-999", 206, "89", "bytes 8-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=-999", 206, "0123456789", "bytes 0-9/10"],
  ["Bytes=0-0", 206, "0", "bytes 0-0/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=10-20", 416, "", "bytes */10"],
  ["bytes=-0", 416, "", "bytes */10"],
  ["bytes=999999999999999-", 416, "", "bytes */10"],
  // What is malformed, or more than one range, may be ignored.
  ["bytes=3-1", 200, "0123456789", null],
  ["bytes=0-1,3-4", 200, "0123456789", null],
  ["bytes=-", 200, "0123456789", null],
  ["bytes=", 200, "0123456789", null],
  ["bytes=a-b", 200, "0123456789", null],
  ["bytes=+1-2", 200, "0123456789", null],
  ["bytes=0x1-2", 200, "0123456789", null],
  ["bytes=99999999999999999999-", 200, "0123456789", null],
  ["items=0-3", 200, "0123456789", null],
  ["0-3", 200, "0123456789", null],
];

for (const [range, status, body, part] of RANGES) {
  Deno.test(`Resource.answer() answers the range "${range}" with ${status}`, async () => {
    const response = ask({ range });
    equal(response.status, status);
    equal(await response.text(), body);
    equal(response.headers.get("content-range"), part);
    const length = status === 416 ? null : String(body.length);
    equal(response.headers.get("content-length"), length);
    const cached = response.headers.get("cache-control");
    equal(cached, status === 416 ? "no-store" : CACHING);
  });
}

Deno.test("Resource.answer() ignores ranges of methods that have none", () => {
  const response = ask({ range: "bytes=0-3" }, "HEAD");
  equal(response.status, 200);
  equal(response.headers.get("content-length"), "10");
  equal(response.body, null);
});

Deno.test("Resource.answer() honours If-Range only when the resource is still the one meant", async () => {
  equal(ask({ range: "bytes=0-3", "if-range": '"tag"' }).status, 206);
  for (const other of ['"other"', 'W/"tag"', "Sun, 22 Nov 2026 00:00:00 GMT", ""]) {
    const response = ask({ range: "bytes=0-3", "if-range": other });
    equal(response.status, 200, other);
    equal(await response.text(), "0123456789");
  }
});

Deno.test("Resource.answer() answers 304 to whoever has it", () => {
  for (const known of ['"tag"', 'W/"tag"', '"a", "tag"', '"a" ,W/"tag"', "*"]) {
    for (const method of ["GET", "HEAD"]) {
      const response = ask({ "if-none-match": known, range: "bytes=50-" }, method);
      equal(response.status, 304, known);
      equal(response.body, null);
      equal(response.headers.get("etag"), '"tag"');
      equal(response.headers.get("cache-control"), CACHING);
    }
  }
  for (const other of ['"other"', "tag", '"tag', ""]) {
    equal(ask({ "if-none-match": other }).status, 200, other);
  }
});

Deno.test("Resource.answer() answers a plain GET with the same again and again", async () => {
  for (let i = 0; i < 3; i++) {
    const response = ask({});
    equal(response.status, 200);
    equal(response.headers.get("etag"), '"tag"');
    equal(response.headers.get("content-length"), "10");
    response.headers.set("etag", "changed by its reader");
    equal(await response.text(), "0123456789");
  }
});
