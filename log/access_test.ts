import { utf8 } from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { accessOf, isLoopback } from "./access.ts";
import { Publishers } from "./publishers.ts";

const LOCAL = { host: "127.0.0.1:8080" };
const digest = (token: string) => createHash("sha256").update(token).digest("hex");
const PUBLISHERS = Publishers.parse(utf8(`ci sha256:${digest("t0ken")}\n`));

Deno.test("accessOf() without publishers takes writes under a loopback host only", () => {
  for (const host of ["127.0.0.1", "127.0.0.1:1", "127.9.9.9:80", "localhost:8080", "[::1]:8080"]) {
    deepEqual(accessOf(new Headers({ host }), null), { kind: "granted", writer: null }, host);
  }
  const others = [
    ...["example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1:8080"],
    ...["0.0.0.0", "[::]", "2130706433", "127.0.0.1:8080@example.com", "localhost:x", ""],
  ];
  for (const host of others) equal(accessOf(new Headers({ host }), null).kind, "denied", host);
  equal(accessOf(new Headers(), null).kind, "denied");
});

Deno.test("accessOf() without publishers takes nothing that a proxy has passed on", () => {
  const names = [
    ...["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"],
    ...["X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix", "x-forwarded-anything"],
  ];
  for (const name of names) {
    const access = accessOf(new Headers({ ...LOCAL, [name]: "x" }), null);
    equal(access.kind, "denied", name);
  }
});

Deno.test("accessOf() refuses pages of other sites, with and without publishers", () => {
  const pages = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "" },
    { origin: "http://127.0.0.1:8081" },
    { origin: "http://127.0.0.1:8080.evil.example" },
    { origin: "file://" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "http://127.0.0.1:8080", "sec-fetch-site": "cross-site" },
  ];
  const withToken = { ...LOCAL, authorization: "Bearer t0ken" };
  for (const page of pages as Record<string, string>[]) {
    const why = JSON.stringify(page);
    equal(accessOf(new Headers({ ...LOCAL, ...page }), null).kind, "denied", why);
    equal(accessOf(new Headers({ ...withToken, ...page }), PUBLISHERS).kind, "denied", why);
  }
  for (const site of ["same-origin", "none"]) {
    const own = { origin: "http://127.0.0.1:8080", "sec-fetch-site": site };
    equal(accessOf(new Headers({ ...LOCAL, ...own }), null).kind, "granted");
    equal(accessOf(new Headers({ ...withToken, ...own }), PUBLISHERS).kind, "granted");
  }
});

Deno.test("accessOf() with publishers goes by the token, wherever it comes from", () => {
  const host = "log.example.com";
  const headers = { host, authorization: "Bearer t0ken", "x-forwarded-for": "192.0.2.1" };
  deepEqual(accessOf(new Headers(headers), PUBLISHERS), { kind: "granted", writer: "ci" });
  const bearer = { host, authorization: "bEARER t0ken" };
  equal(accessOf(new Headers(bearer), PUBLISHERS).kind, "granted", "schemes have no case");

  const missing = accessOf(new Headers(LOCAL), PUBLISHERS);
  equal(missing.kind === "denied" && missing.status, 401, "loopback opens no door here");
  for (const authorization of ["Basic dDBrZW46", "t0ken", "", "Token t0ken", "Bearert0ken"]) {
    const none = accessOf(new Headers({ host, authorization }), PUBLISHERS);
    deepEqual(none, missing, `no bearer token: ${authorization}`);
  }
});

Deno.test("F35 accessOf() answers every wrong token alike, after asking for its owner", () => {
  let asked = 0;
  const publishers = {
    count: 1,
    ownerOf(token: string) {
      asked++;
      return PUBLISHERS.ownerOf(token);
    },
  } as Publishers;
  const wrong = [
    ...["Bearer wrong", "Bearer t0keN", "Bearer t0ke", "Bearer t0kenn", "Bearer ", "Bearer"],
    ...["Bearer t0ken, Bearer t0ken", "Bearer t0ken x", "Bearer  t0ken", "Bearer t\u00fcken"],
    `Bearer ${"a".repeat(513)}`,
  ];
  const answers = wrong.map((authorization) =>
    accessOf(new Headers({ host: "h", authorization }), publishers)
  );
  equal(asked, wrong.length);
  for (const answer of answers) deepEqual(answer, answers[0]);
  equal(answers[0]!.kind === "denied" && answers[0]!.status, 403);
});

Deno.test("isLoopback() knows this machine's own addresses", () => {
  for (const own of ["127.0.0.1", "127.255.0.1", "::1", "localhost", "::ffff:127.0.0.1"]) {
    equal(isLoopback(own), true, own);
  }
  for (const other of ["0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example.com", "", "1::1"]) {
    equal(isLoopback(other), false, other);
  }
});
