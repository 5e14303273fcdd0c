/**
 * What the log answers its page over HTTP: the page itself, status, metrics, search,
 * growth, events, evidence; in this process, as the real program, and behind nginx.
 */

import {
  encodeBase64,
  formatVkey,
  KeyType,
  openCheckpoint,
  parsePolicy,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { escapeHtml } from "../log/page_files.ts";
import { openSearch } from "../log/search/open_search.ts";
import { StoredLog } from "../log/stored_log.ts";
import { type Answer, checksumOf, logOf, madeUpName, post, serveLog } from "./http_fixture.ts";
import { behindNginx } from "./nginx_fixture.ts";
import { freePort } from "./peers/process.ts";
import { exchange } from "./raw_http.ts";
import {
  add,
  bulkAppend,
  madeUpFile,
  newKey,
  type RunningLog,
  startLog,
  writeLogKeys,
} from "./running_log.ts";
import { RunningWitness } from "./running_witness.ts";
import { inFolder } from "./temporary.ts";

const DYNAMIC = ["/status", "/metrics", "/growth", "/evidence", "/search?project=pkg", "/"];

async function getJson(url: string): Promise<Answer> {
  const response = await fetch(url);
  equal(response.status, 200, url);
  return await response.json();
}

/** Events of a stream, one after the other. */
class Listener implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(url: string): Promise<Listener> {
    const response = await fetch(`${url}/events`);
    equal(response.status, 200);
    equal(response.headers.get("content-type"), "text/event-stream");
    return new Listener(response.body!);
  }

  /** The next event of a kind; `null` when the stream ends first. */
  async next(kind: string): Promise<Answer> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) return null;
        this.#text += value;
        continue;
      }
      const [event, data] = this.#text.slice(0, end).split("\n");
      this.#text = this.#text.slice(end + 2);
      if (event === `event: ${kind}`) return JSON.parse(data!.replace(/^data: /, ""));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

Deno.test("F33 what differs from one moment to the next is not stored, and any page may read it", async () => {
  await using log = await logOf(3);
  for (const path of DYNAMIC) {
    const answer = await fetch(log.url + path);
    await answer.body?.cancel();
    equal(answer.status, 200, path);
    equal(answer.headers.get("cache-control"), "no-store", path);
    equal(answer.headers.get("access-control-allow-origin"), "*", path);
    const head = await fetch(log.url + path, { method: "HEAD" });
    equal(head.status, 200, path);
    equal(await head.text(), "", path);
  }
});

Deno.test("F37 F38 the page's paths take no writes, and unknown ones lead nowhere", async () => {
  await using log = await serveLog();
  for (const path of [...DYNAMIC, "/events", "/evidence/a.json", "/page/a.js"]) {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await fetch(log.url + path, { method });
      equal(answer.status, 405, `${method} ${path}`);
      equal(answer.headers.get("allow"), "GET, HEAD");
      equal(typeof (await answer.json()).error, "string");
    }
  }
  const nothing = [
    ...["/evidence/", "/evidence/x.json", "/evidence/../main.ts", "/evidence/%2e%2e/x.json"],
    ...["/page/", "/page/../page_files.ts", "/page/%2e%2e%2fpage_files.ts", "/page/index.html"],
    ...["/page//app.js", "/search/", "/growth/", "/events/", "/Search?project=a", "//search"],
  ];
  for (const path of nothing) {
    const [answer] = await exchange(
      log.port,
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    );
    equal(answer!.status, 404, path);
    equal(typeof JSON.parse(answer!.text).error, "string");
  }
});

Deno.test("search gives the leaf indices of a project, a file and a digest, page by page", async () => {
  await using log = await logOf(300);
  const search = (query: string) => getJson(`${log.url}/search?${query}`);
  const whole = { size: 300, indexedTo: 300 };
  const all = Array.from({ length: 300 }, (_, i) => 299 - i).filter((i) =>
    // `pkg-0.tar.gz` is version 0 of pkg, as all the others are of theirs.
    madeUpName(i).startsWith("pkg-")
  );
  let before = "";
  const pages: number[] = [];
  for (let more = true; more;) {
    const page = await search(`project=PKG&limit=100${before}`);
    deepEqual({ size: page.size, indexedTo: page.indexedTo }, whole);
    pages.push(...page.indices);
    more = page.more;
    before = `&before=${page.indices.at(-1)}`;
  }
  deepEqual(pages, all);
  const one = { ...whole, indices: [17], more: false };
  deepEqual(await search("filename=pkg-17.tar.gz"), one);
  deepEqual(await search(`digest=${checksumOf("content 17")}`), one);
  const none = { ...whole, indices: [], more: false };
  deepEqual(await search("filename=pkg-17.tar.gz&before=17"), none);
  deepEqual(await search("filename=pkg-17.tar.gz&ecosystem=npm"), none);
  deepEqual(await search("filename=pkg-300.tar.gz"), none);
  deepEqual(await search("project=nothing"), none);
  // What happened to the file later, newest first.
  for (const event of ["yank", "unyank", "yank"]) {
    const checksum = checksumOf("content 17");
    equal((await post(log, { filename: "pkg-17.tar.gz", checksum, event })).status, 200);
  }
  deepEqual((await search("filename=pkg-17.tar.gz")).indices, [302, 301, 300, 17]);
  deepEqual((await search("filename=pkg-17.tar.gz&before=301&limit=1")).indices, [300]);
  deepEqual(await search("filename=pkg-17.tar.gz&limit=3"), {
    size: 303,
    indexedTo: 303,
    indices: [302, 301, 300],
    more: true,
  });
  const wrong = await fetch(`${log.url}/search?digest=abc`);
  equal(wrong.status, 400);
  equal((await wrong.json()).field, "digest");
});

Deno.test("status tells where the log stands, in words that core reads", async () => {
  await using log = await logOf(5);
  await post(log, { filename: madeUpName(1), checksum: checksumOf("other") });
  const status = await getJson(`${log.url}/status`);
  const checkpoint = new Uint8Array(await (await fetch(`${log.url}/checkpoint`)).arrayBuffer());
  const policy = parsePolicy(utf8(status.policy));
  deepEqual(policy.logs.map(({ key }) => key.name), [status.origin]);
  deepEqual([policy.witnesses, policy.quorum], [[], null]);
  deepEqual(status.logKeys, [status.vkey]);
  const opened = openCheckpoint(checkpoint, status.origin, log.keys.verifiers);
  ok(opened.kind === "verified");
  equal(status.head.root, encodeBase64(opened.checkpoint.root));
  equal(BigInt(status.head.size), opened.checkpoint.size);
  ok(Math.abs(Date.parse(status.head.time) - Date.now()) < 600_000);
  deepEqual([status.queue, status.refusals, status.evidence], [0, 1, null]);
  deepEqual([status.batches, status.latencies.batch.count], [2, 2]);
  deepEqual([status.latencies.add.count, status.latencies.commit.count], [1, 1]);
  equal(status.workers, navigator.hardwareConcurrency);
  match(status.version, /^\d+\.\d+\.\d+$/);
  const { points } = await getJson(`${log.url}/growth`);
  equal(points.at(-1)[1], 5);
  // The page says the same of the head before any script runs.
  const page = await (await fetch(log.url)).text();
  for (const text of [status.origin, escapeHtml(status.head.root)]) ok(page.includes(text), text);
  ok(!page.includes("{{"));
});

Deno.test("metrics have bounded labels, none of them from a request", async () => {
  await using log = await serveLog();
  const hostile = 'evil"} 1\n# HELP x';
  await post(log, { filename: "a-1.whl", checksum: checksumOf("a") });
  for (let i = 0; i < 30; i++) {
    await (await fetch(`${log.url}/${encodeURIComponent(hostile)}${i}`)).body?.cancel();
    await (await fetch(`${log.url}/search?project=evil${i}`)).body?.cancel();
  }
  const text = await (await fetch(`${log.url}/metrics`)).text();
  ok(!text.includes("evil"));
  const series = text.trimEnd().split("\n").filter((line) => !line.startsWith("#"));
  for (const line of series) match(line, /^indelible_[a-z_]+(?:\{le="[^"\n]+"\})? -?[0-9.e+-]+$/);
  const names = series.map((line) => line.replace(/ .*/, ""));
  equal(new Set(names).size, names.length, "no series stands twice");
  for (const name of ["add", "batch", "commit", "publish"]) {
    const value = (suffix: string) => {
      const start = `indelible_${name}_seconds_${suffix} `;
      return Number(series.find((line) => line.startsWith(start))?.slice(start.length));
    };
    equal(value('bucket{le="+Inf"}'), value("count"), name);
    ok(value("count") >= 1 && value("sum") > 0, name);
    const buckets = series.filter((line) => line.startsWith(`indelible_${name}_seconds_bucket`))
      .map((line) => Number(line.split(" ")[1]));
    deepEqual(buckets, buckets.toSorted((a, b) => a - b), "buckets are cumulative");
  }
  match(text, /^indelible_search_lag_entries 0$/m);
});

Deno.test("status and metrics tell of each witness: what it cosigned, when, how quickly", () =>
  inFolder(async (folder) => {
    const vkey = formatVkey((await writeLogKeys(folder, "log.test/page"))!);
    await using witness = await RunningWitness.start(folder);
    await witness.addLog(vkey);
    const gone = formatVkey(newKey("gone.example", KeyType.ed25519Cosignature));
    const lines = [
      `log ${vkey}`,
      witness.policyLine,
      `witness gone ${gone} http://127.0.0.1:${freePort()}/`,
      "group one 1 ours gone",
      "quorum one",
    ];
    await Deno.writeTextFile(`${folder}/policy`, lines.join("\n") + "\n");
    const check = async ({ url }: RunningLog) => {
      const status = await getJson(`${url}/status`);
      // What it runs with is what its operator wrote.
      equal(status.policy, lines.join("\n") + "\n");
      const [ours, other] = status.witnesses;
      equal(ours.vkey, lines[1]!.split(" ")[2]);
      deepEqual([ours.name, ours.cosignedSize, ours.lastError], ["ours", 1, undefined]);
      ok(Math.abs(Date.parse(ours.cosignedAt) - Date.now()) < 600_000, ours.cosignedAt);
      deepEqual([other.name, other.cosignedSize, other.cosignedAt], ["gone", null, null]);
      equal(typeof other.lastError, "string");
      return await (await fetch(`${url}/metrics`)).text();
    };
    {
      await using log = await startLog({ folder, flags: ["--policy=policy"] });
      equal((await add(log.url, madeUpFile(0))).status, 200);
      const metrics = await check(log);
      match(metrics, /^indelible_witness_seconds_count\{witness="ours"\} [1-9]/m);
      match(metrics, /^indelible_witness_seconds_bucket\{witness="gone",le="\+Inf"\} [1-9]/m);
      match(metrics, /^indelible_witness_cosigned_timestamp_seconds\{witness="ours"\} 1[0-9]{9}$/m);
      ok(!metrics.includes('cosigned_timestamp_seconds{witness="gone"}'));
    }
    // Who cosigned the published checkpoint is known when nobody answers any more.
    await witness.kill();
    await using log = await startLog({ folder, flags: ["--policy=policy", "--witness-fail-open"] });
    const { witnesses: [ours] } = await getJson(`${log.url}/status`);
    equal(ours.cosignedSize, 1);
    match(ours.cosignedAt, /^20/);
    match(await (await fetch(log.url)).text(), /WARNING: this log publishes without/);
  }));

Deno.test("events tell of each checkpoint, refusal and evidence; a stop ends them", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/evidence`);
    await using log = await startLog({ folder, flags: ["--evidence=evidence"] });
    await add(log.url, madeUpFile(0));
    await using listener = await Listener.open(log.url);
    match(await listener.next("checkpoint"), /^log\.test\/real\n1\n/);
    await using other = await Listener.open(log.url);
    await add(log.url, madeUpFile(1));
    match(await listener.next("checkpoint"), /^log\.test\/real\n2\n/);
    const second = { ...madeUpFile(0), checksum: checksumOf("second") };
    equal((await add(log.url, second)).status, 409);
    const refusal = await listener.next("refusal");
    deepEqual(refusal, (await getJson(`${log.url}/refusals`))[0]);
    equal(refusal.checksum, second.checksum);

    // A monitor writes a file whole: under another name, then renamed.
    const evidence = { kind: "fork", time: "2026-11-22T10:00:00Z", summary: "two heads" };
    const item = { name: "fork-1a.json", ...evidence };
    const told = listener.next("evidence");
    const text = JSON.stringify({ format: "indelible-evidence/v1", ...evidence });
    // The first look at the folder finds what listeners know: only what comes later is news.
    let written = 0;
    const writer = setInterval(() => {
      written++;
      Deno.writeTextFileSync(`${folder}/new`, text);
      Deno.renameSync(`${folder}/new`, `${folder}/evidence/fork-${written}a.json`);
    }, 1000);
    try {
      const first = await told;
      deepEqual({ ...first, name: item.name }, item);
      const listed = await getJson(`${log.url}/evidence`);
      ok(listed.some(({ name }: Answer) => name === first.name));
      const file = await fetch(`${log.url}/evidence/${first.name}`);
      equal(await file.text(), text);
      equal(file.headers.get("content-type"), "application/json");
      equal(file.headers.get("x-content-type-options"), "nosniff");
      equal((await getJson(`${log.url}/status`)).evidence, listed.length);
    } finally {
      clearInterval(writer);
    }
    const ended = Promise.all([listener.next("none"), other.next("none")]);
    await log.stop();
    equal(await log.ended, 0, "open streams do not hold up the end");
    deepEqual(await ended, [null, null]);
  }));

Deno.test("growth and the time of the head survive a restart", () =>
  inFolder(async (folder) => {
    let points: Answer;
    let time: string;
    {
      await using log = await startLog({ folder });
      await add(log.url, madeUpFile(0));
      ({ points } = await getJson(`${log.url}/growth`));
      ({ head: { time } } = await getJson(`${log.url}/status`));
    }
    await using log = await startLog({ folder });
    deepEqual((await getJson(`${log.url}/growth`)).points, points);
    equal((await getJson(`${log.url}/status`)).head.time, time);
  }));

/** Waits until the index has come to the published size. */
async function indexed({ url }: RunningLog, query: string): Promise<Answer> {
  for (;;) {
    const answer = await getJson(`${url}/search?${query}`);
    if (answer.indexedTo === answer.size) return answer;
  }
}

Deno.test("the search index of the real program outlives kill -9 at any moment", () =>
  inFolder(async (folder) => {
    const size = 70_000;
    const files = Array.from({ length: size }, (_, i) => madeUpFile(i));
    {
      const log = await startLog({ folder });
      await bulkAppend(log.url, files.slice(0, 40_000));
      await bulkAppend(log.url, files.slice(40_000));
      await log.kill(); // While it makes its first segment, or before.
    }
    const query = `digest=${files[123]!.checksum}`;
    const found = { size, indexedTo: size, indices: [123], more: false };
    {
      const log = await startLog({ folder });
      deepEqual(await indexed(log, query), found);
      deepEqual((await indexed(log, "project=made-up&limit=2")).indices, [size - 1, size - 2]);
      await log.kill();
    }
    const segments = () => [...Deno.readDirSync(`${folder}/data/search`)].map(({ name }) => name);
    deepEqual(segments().sort(), ["0-65536", "key"]);
    const segment = `${folder}/data/search/0-65536`;
    const bytes = await Deno.readFile(segment);
    equal(bytes.length, 136 + 16 * 65_536, "16 bytes an entry");
    // Half of it is lost with the power: it was never fsynced.
    await Deno.writeFile(segment, bytes.fill(0, bytes.length / 2));
    await Deno.writeFile(`${folder}/data/search/new`, bytes.subarray(0, 5000));
    await using log = await startLog({ folder });
    deepEqual(await indexed(log, query), found);
    deepEqual((await indexed(log, `filename=${files[7]!.filename}`)).indices, [7]);
    deepEqual(segments().sort(), ["0-65536", "key"]);
  }));

Deno.test("the worker of the search index may read tiles, and write its own folder alone", () =>
  inFolder(async (folder) => {
    const started: WorkerOptions[] = [];
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(url: string | URL, options?: WorkerOptions) {
        started.push(options!);
        super(url, options);
      }
    };
    const stored = new StoredLog({ read: () => Promise.resolve(null) });
    const search = openSearch({ origin: "log.test/a", stored, folder, onFault: () => {} });
    try {
      const term = { kind: "project", text: "a" } as const;
      deepEqual(await search.find({ term, before: 0, limit: 1 }), { indices: [], indexedTo: 0 });
    } finally {
      globalThis.Worker = Real;
      search.close();
    }
    const index = `${folder}/search`;
    deepEqual(started.map(({ deno }: Answer) => deno.permissions), [
      { read: [`${folder}/tile`, index], write: [index] },
    ]);
  }));

Deno.test("nginx passes the page's answers on, and each event at once", async () => {
  await using log = await logOf(20);
  await behindNginx(log, async ({ reading }) => {
    const url = `http://127.0.0.1:${reading}`;
    for (const path of ["/status", "/growth", "/evidence", "/search?project=pkg&limit=3", "/"]) {
      const answer = await fetch(url + path);
      equal(answer.status, 200, path);
      equal(answer.headers.get("cache-control"), "no-store", path);
      await answer.body?.cancel();
    }
    deepEqual((await getJson(`${url}/search?project=pkg&limit=3`)).indices, [19, 18, 17]);
    equal((await fetch(`${url}/search`, { method: "POST" })).status, 405);
    equal((await fetch(`${url}/page/nothing.js`)).status, 404);
    equal((await fetch(`${url}/evidence/nothing.json`)).status, 404);

    await using listener = await Listener.open(url);
    match(await listener.next("checkpoint"), /^log\.test\/http\n20\n/);
    for (const size of [21, 22]) {
      await post(log, { filename: `b-${size}.whl`, checksum: checksumOf("b") });
      match(await listener.next("checkpoint"), new RegExp(`^log\\.test/http\\n${size}\\n`));
    }
    // An address has a few streams; those of one that goes are free again.
    const streams = await Promise.all(Array.from({ length: 12 }, () => fetch(`${url}/events`)));
    const statuses = streams.map(({ status }) => status).sort();
    deepEqual(statuses, [...Array(7).fill(200), ...Array(5).fill(429)]);
    for (const stream of streams) await stream.body?.cancel();
  });
});
