/**
 * The verifying proxy before registries and logs that misbehave: faults P1–P10, and
 * those of the client's side that concern it (C4–C8). Where it matters what a person
 * sees, with real pip and uv; else with plain requests.
 */

import { formatVkey } from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openFirstSeen } from "../deploy/first_seen.ts";
import { parseIndexUrl } from "../tools/package_index.ts";
import { listen, type Listening } from "../tools/proxy/listener.ts";
import { openProxy } from "../tools/proxy/open_proxy.ts";
import { type JudgingFlags, settingsOf } from "../tools/proxy/settings.ts";
import { requirePythonClients } from "./peers/python.ts";
import { Clients, ReplaceableLog } from "./proxy_fixture.ts";
import { buildWheel, Registry, sha256Of } from "./registry.ts";
import { newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** A proxy in this process, and what it told. */
interface Here extends AsyncDisposable {
  readonly url: string;
  readonly troubles: string[];
  /** The page of a project as JSON. */
  // deno-lint-ignore no-explicit-any -- tests look at what is there.
  page(project: string): Promise<any>;
  /** Status and, of a redirect, where it leads. */
  get(path: string, init?: RequestInit): Promise<[status: number, where: string | null]>;
}

async function here(
  folder: string,
  registry: { simple: string },
  log: ReplaceableLog,
  { stream = false, policy, ...more }: Partial<JudgingFlags> & { stream?: boolean } = {},
): Promise<Here> {
  await Deno.writeTextFile(`${folder}/log.key`, `${log.vkey}\n`);
  const flags: JudgingFlags = {
    upstream: parseIndexUrl(registry.simple),
    log: new URL(`${log.url}/`),
    ...(policy === undefined ? { publicKey: `${folder}/log.key` } : { policy }),
    tofu: false,
    strict: false,
    onMissing: "refuse",
    stateDir: `${folder}/state`,
    cacheDir: `${folder}/cache`,
    ...more,
  };
  const ended = new AbortController();
  const troubles: string[] = [];
  const onTrouble = (error: Error) => void troubles.push(error.message);
  const proxy = await openProxy(flags, await settingsOf(flags), {
    openFirstSeen,
    onPage: () => {},
    onRegistryTrouble: (why) => void troubles.push(why),
    onTrouble,
    ...(stream && { stream: { fileHosts: [], onTrouble } }),
    signal: ended.signal,
  });
  const listening: Listening = listen(proxy, { hostname: "127.0.0.1", port: 0 }, onTrouble);
  return {
    url: listening.url.href,
    troubles,
    async page(project) {
      const response = await fetch(new URL(`${project}/`, listening.simple), {
        headers: { accept: JSON_TYPE },
      });
      equal(response.status, 200, await response.clone().text());
      return await response.json();
    },
    async get(path, init) {
      const response = await fetch(new URL(path, listening.url), { redirect: "manual", ...init });
      await response.body?.cancel();
      return [response.status, response.headers.get("location")];
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await listening[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A registry and a log that has all of its files, in a folder. */
async function behind(
  publish: (registry: Registry) => void,
  test: (registry: Registry, log: ReplaceableLog, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await using registry = new Registry();
    publish(registry);
    const files = [...registry.files.values()].map(({ filename, bytes }) => ({
      filename,
      checksum: `sha256:${sha256Of(bytes)}`,
    }));
    await using log = await ReplaceableLog.start(files);
    await test(registry, log, folder);
  });
}

/** Bytes that no compression makes small. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
  }
  return bytes;
}

const WHEEL = "lib-1.0-py3-none-any.whl";

Deno.test("P1: streamed bytes that differ are never delivered whole, and refused by name after", () =>
  behind((registry) => {
    registry.publish("lib", WHEEL, buildWheel("lib", "1.0").bytes);
    registry.publish("big", "big-1.0.tar.gz", noise(9 << 20));
  }, async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log, { stream: true });
    const [small] = (await proxy.page("lib")).files;
    const [big] = (await proxy.page("big")).files;
    const bigUrl = new URL(big.url, `${proxy.url}simple/big/`);
    // As they should be: whole, from the proxy.
    const whole = await (await fetch(bigUrl)).bytes();
    equal(sha256Of(whole), big.hashes.sha256);
    // A small file is looked at whole before anything is answered.
    registry.file(WHEEL).bytes = buildWheel("lib", "1.0", { module: "evil" }).bytes;
    const at = `files/${small.hashes.sha256}/${WHEEL}`;
    deepEqual(await proxy.get(at), [302, `../../refused/bytes-differ-from-the-log/${WHEEL}`]);
    // The last byte of a large one.
    const changed = registry.file("big-1.0.tar.gz");
    changed.bytes = changed.bytes.with(-1, changed.bytes.at(-1)! ^ 1) as Uint8Array<ArrayBuffer>;
    let received = 0;
    let failure: unknown = null;
    try {
      for await (const piece of (await fetch(bigUrl)).body!) received += piece.length;
    } catch (error) {
      failure = error;
    }
    ok(failure && received > 0 && received <= changed.bytes.length - (4 << 20), `${received}`);
    match(proxy.troubles.join("\n"), /big-1\.0\.tar\.gz serves other bytes/);
    // From then on it is refused at once, on the page and at its URL.
    const reason = "refused/bytes-differ-from-the-log/big-1.0.tar.gz";
    deepEqual(await proxy.get(bigUrl.pathname), [302, `../../${reason}`]);
    equal((await proxy.page("big")).files[0].url, `../../${reason}`);
  }));

Deno.test("P1: what pip and uv show of streamed bytes that differ", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await behind((registry) => {
    registry.publishWheel("fine", "1.0");
    registry.publishWheel("lib", "1.0");
    registry.publishWheel("lib", "1.1");
  }, async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log, { stream: true });
    const clients = new Clients(python, folder);
    const file = "lib-1.1-py3-none-any.whl";
    registry.file(file).bytes = buildWheel("lib", "1.1", { module: "evil" }).bytes;
    const [pip, uv] = await clients.both(`${proxy.url}simple/`, "lib");
    const url = `http://127.0.0.1:8082/refused/bytes-differ-from-the-log/${file}`;
    ok(pip.code !== 0 && pip.output.includes(`HTTP error 403 while getting`), pip.output);
    ok(pip.output.includes(url), pip.output);
    ok(uv.code !== 0 && uv.output.includes(url), uv.output);
    deepEqual([pip.files, uv.files], [[], []]);
    for (const { code, output } of await clients.both(`${proxy.url}simple/`, "fine")) {
      equal(code, 0, output);
    }
  });
});

Deno.test("P2: the digest is the log's in both forms, and other digests do not pass along", () =>
  behind((registry) => {
    registry.publishWheel("lib", "1.0", {
      members: { hashes: { md5: "0".repeat(32), sha512: "0".repeat(128) } },
    });
  }, async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log);
    const sha256 = sha256Of(registry.file(WHEEL).bytes);
    deepEqual((await proxy.page("lib")).files[0].hashes, { sha256 });
    const response = await fetch(`${proxy.url}simple/lib/`);
    equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    const html = await response.text();
    ok(html.includes(`#sha256=${sha256}`) && !html.includes("sha512"), html);
    // The HTML of the registry alone is altered.
    registry.form = "html";
    registry.file(WHEEL).sha256 = "ab".repeat(32);
    equal(
      (await proxy.page("lib")).files[0].url,
      `../../refused/digest-differs-from-the-log/${WHEEL}`,
    );
  }));

Deno.test("P2: separate metadata is left out, and with --stream served only as it stands in the wheel", () =>
  behind((registry) => {
    const { filename, bytes, metadata } = buildWheel("lib", "1.0");
    registry.publish("lib", filename, bytes, { metadata });
    const other = buildWheel("odd", "1.0");
    registry.publish("odd", other.filename, other.bytes, {
      metadata: `${other.metadata}Requires-Dist: evil\n`,
    });
  }, async (registry, log, folder) => {
    {
      await using proxy = await here(folder, registry, log);
      ok(!("core-metadata" in (await proxy.page("lib")).files[0]));
    }
    await using proxy = await here(folder, registry, log, { stream: true });
    for (const project of ["lib", "odd"]) {
      const [file] = (await proxy.page(project)).files;
      ok(!("core-metadata" in file), "before the wheel has come through nobody knows");
      const response = await fetch(new URL(file.url, `${proxy.url}simple/${project}/`));
      equal(sha256Of(await response.bytes()), file.hashes.sha256);
      equal(response.headers.get("accept-ranges"), "none");
    }
    const [lib] = (await proxy.page("lib")).files;
    const { metadata } = buildWheel("lib", "1.0");
    const digest = sha256Of(new TextEncoder().encode(metadata));
    deepEqual(lib["core-metadata"], { sha256: digest });
    const served = await fetch(new URL(`${lib.url}.metadata`, `${proxy.url}simple/lib/`));
    equal(await served.text(), metadata);
    ok(!("core-metadata" in (await proxy.page("odd")).files[0]));
    match(proxy.troubles.join("\n"), /odd-1\.0.*other metadata than what is in the wheel/);
    // Another wheel than the logged one, with metadata to match: nothing of it is taken.
    await using fresh = await here(folder, registry, log, { stream: true });
    const changed = registry.file(WHEEL);
    const evil = buildWheel("lib", "1.0", { requires: ["evil"] });
    [changed.bytes, changed.metadata] = [evil.bytes, evil.metadata];
    const at = `files/${lib.hashes.sha256}/${WHEEL}`;
    await fresh.page("lib");
    deepEqual(await fresh.get(at), [302, `../../refused/bytes-differ-from-the-log/${WHEEL}`]);
    equal((await fresh.get(`${at}.metadata`))[0], 404);
  }));

Deno.test("P4, P8, P9: what a client sends names a project or a file, and nothing else", () =>
  behind((registry) => registry.publishWheel("lib", "1.0"), async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log, { stream: true });
    const bad = [
      "simple/..%2fadmin/",
      "simple/%2e%2e/%2e%2e/admin/",
      "simple/lib%00/",
      "simple/lib%0d%0aX-Header:1/",
      "simple/127.0.0.1:22/",
      "simple/http:%2f%2f127.0.0.1%2f/",
      "simple/@169.254.169.254/",
      "simple/lib//",
      "simple/lib/extra/",
      "simple/",
      "refused/constructor/x",
      "refused/not-in-the-log/%0d%0aSet-Cookie:1",
      "refused/not-in-the-log/..%2fx",
      `files/${"0".repeat(64)}/${WHEEL}`,
      `files/${"0".repeat(63)}/${WHEEL}`,
      "files/..%2f..%2fetc/passwd",
      "admin",
      "/simple/lib/",
    ];
    for (const path of bad) equal((await proxy.get(`${proxy.url}${path}`))[0], 404, path);
    const asked = registry.requests.filter((line) => !/^GET \/simple\/[a-z-]+\/$/.test(line));
    deepEqual(asked, []);
    deepEqual(await proxy.get("simple/LIB"), [301, "/simple/lib/"]);
    deepEqual(await proxy.get("simple/lib?x=//evil.test/"), [301, "/simple/lib/?x=//evil.test/"]);
    equal((await proxy.get("simple/lib/", { method: "POST" }))[0], 405);
    // Headers that speak of other hosts change nothing, and a page of another site gets nothing.
    const { port } = new URL(proxy.url);
    const raw = async (head: string) => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      const request = `GET /simple/lib/ HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      return await new Response(connection.readable).text();
    };
    const forwarded = await raw(
      `Host: localhost:${port}\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https`,
    );
    match(forwarded, /^HTTP\/1\.1 200/);
    ok(!forwarded.includes("evil.test"));
    match(await raw("Host: evil.test"), /^HTTP\/1\.1 421/);
  }));

Deno.test("P4, P5, P6, P7: a registry that redirects, floods or inflates is not followed", () =>
  behind((registry) => {
    registry.publishWheel("lib", "1.0");
    registry.publishWheel("other", "1.0");
  }, async (registry, log, folder) => {
    await using victim = new Registry();
    victim.publishWheel("lib", "6.6.6");
    await using proxy = await here(folder, registry, log, { stream: true });
    const unusable = [307, "../../refused/registry-answer-unusable/lib"];
    const zeros = (pieces: number, size = 1 << 20) =>
      ReadableStream.from((function* () {
        for (let i = 0; i < pieces; i++) yield new Uint8Array(size);
      })());
    const pages: Record<string, () => Response> = {
      "a redirect to another host": () => Response.redirect(`${victim.simple}lib/`, 302),
      "a page that does not end": () =>
        new Response(zeros(1000), { headers: { "content-type": JSON_TYPE } }),
      "a page that inflates a thousandfold": () =>
        new Response(zeros(100).pipeThrough(new CompressionStream("gzip")), {
          headers: { "content-type": JSON_TYPE, "content-encoding": "gzip" },
        }),
      "a page of another type": () => new Response("{}"),
      "a page that is refused": () => new Response(null, { status: 403 }),
    };
    for (const [what, answer] of Object.entries(pages)) {
      registry.fault = (request) => request.url.includes("/simple/") ? answer() : null;
      deepEqual(await proxy.get("simple/lib/"), unusable, what);
    }
    deepEqual(victim.requests, []);
    registry.fault = () => new Response(null, { status: 503 });
    equal((await proxy.get("simple/lib/"))[0], 503, "one that may be gone a moment later");
    // Within the same host a redirect is followed, but not round and round.
    registry.fault = (request) =>
      request.url.endsWith("/simple/lib/")
        ? Response.redirect(`${registry.simple}other/`, 302)
        : null;
    equal((await proxy.get("simple/lib/"))[0], 200);
    registry.fault = (request) => Response.redirect(request.url, 302);
    deepEqual(await proxy.get("simple/lib/"), unusable);

    registry.fault = () => null;
    const [file] = (await proxy.page("lib")).files;
    const url = new URL(file.url, `${proxy.url}simple/lib/`).pathname;
    const files: Record<string, [() => Response, string]> = {
      "a file that does not end": [() => new Response(zeros(1000)), "bytes-differ-from-the-log"],
      "a file that is cut off": [
        () => new Response(registry.file(WHEEL).bytes.slice(0, 100)),
        "bytes-differ-from-the-log",
      ],
      "a redirect of a file, round and round": [
        () => Response.redirect(`${registry.root}/files/${WHEEL}`, 302),
        "registry-moved-it-to-a-forbidden-host",
      ],
      "a file that is refused": [
        () => new Response(null, { status: 403 }),
        "registry-answer-unusable",
      ],
    };
    for (const [what, [answer, reason]] of Object.entries(files)) {
      await using fresh = await here(folder, registry, log, { stream: true });
      registry.fault = () => null;
      await fresh.page("lib");
      registry.fault = (request) => request.url.includes("/files/") ? answer() : null;
      deepEqual(await fresh.get(url), [302, `../../refused/${reason}/${WHEEL}`], what);
    }
    registry.fault = (request) =>
      request.url.includes("/files/") ? new Response(null, { status: 404 }) : null;
    equal((await proxy.get(url))[0], 404);
  }));

Deno.test("P10: weaker digests, other sizes, moved files and the same name twice are not taken", () =>
  behind((registry) => {
    registry.publishWheel("md5", "1.0", { members: { hashes: { md5: "0".repeat(32) } } });
    registry.publishWheel("sized", "1.0", { members: { size: 7 } });
    registry.publishWheel("yanked", "1.0", { members: { yanked: "broken" } });
    registry.publishWheel("twice", "1.0");
  }, async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log, { stream: true });
    const [md5] = (await proxy.page("md5")).files;
    deepEqual(Object.keys(md5.hashes), ["sha256"]);
    const [sized] = (await proxy.page("sized")).files;
    const [, where] = await proxy.get(new URL(sized.url, `${proxy.url}simple/sized/`).pathname);
    match(where!, /bytes-differ-from-the-log/);
    equal((await proxy.page("yanked")).files[0].yanked, "broken");
    const listed = registry.file("twice-1.0-py3-none-any.whl");
    const evil = { ...listed, sha256: "ab".repeat(32) };
    registry.files.set("twice again", evil);
    const { files } = await proxy.page("twice");
    equal(files.length, 2);
    equal(files.filter(({ url }: { url: string }) => url.includes("refused/")).length, 1);
    ok(!JSON.stringify(files).includes("abab"));
  }));

Deno.test("every field of a page is carried, and no version claims fields that are not there", () =>
  behind((registry) => {
    registry.publishWheel("lib", "1.0", {
      members: {
        "requires-python": ">=3.9",
        yanked: 'it is "broken" & <old>',
        provenance: "https://index.example/provenance",
        "x-unknown": [1, { deep: true }],
      },
    });
    registry.pageMembers = {
      meta: { "api-version": "1.4", "_serial": 7 },
      "project-status": { status: "archived" },
      "x-page": null,
    };
  }, async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log);
    const page = await proxy.page("lib");
    const { size, "upload-time": uploaded, yanked, provenance } = page.files[0];
    deepEqual(page.files[0]["x-unknown"], [1, { deep: true }]);
    deepEqual([page.meta["api-version"], page["x-page"], page.versions], ["1.4", null, ["1.0"]]);
    deepEqual(page["project-status"], { status: "archived" });
    equal(size, registry.file(WHEEL).bytes.length);
    equal(uploaded, "2024-01-01T00:00:00Z");
    deepEqual([yanked, provenance], ['it is "broken" & <old>', "https://index.example/provenance"]);
    equal(page.files[0].url, `${registry.root}/files/${WHEEL}`, "files stay where they are");
    const response = await fetch(`${proxy.url}simple/lib/`, { headers: { accept: JSON_TYPE } });
    const etag = response.headers.get("etag")!;
    await response.body?.cancel();
    equal(
      (await proxy.get("simple/lib/", { headers: { accept: JSON_TYPE, "if-none-match": etag } }))[
        0
      ],
      304,
    );
    registry.form = "html";
    equal((await proxy.page("lib")).meta["api-version"], "1.0");
  }));

Deno.test("a page that has not changed is not fetched again, and one that has is", () =>
  behind((registry) => registry.publishWheel("lib", "1.0"), async (registry, log, folder) => {
    await using proxy = await here(folder, registry, log);
    const first = await proxy.page("lib");
    let asked: string | null = null;
    registry.fault = (request) => {
      asked = request.headers.get("if-none-match");
      return asked === '"now"' ? new Response(null, { status: 304 }) : null;
    };
    registry.pageHeaders = { etag: '"now"' };
    deepEqual(await proxy.page("lib"), first);
    registry.file(WHEEL).sha256 = "ab".repeat(32);
    const changed = await proxy.page("lib");
    match(changed.files[0].url, /digest-differs-from-the-log/);
    equal(asked, null);
    deepEqual(await proxy.page("lib"), changed);
    equal(asked, '"now"');
  }));

Deno.test("C4, C5: a log whose answers do not hold is refused as one, not taken for one that is away", () =>
  behind((registry) => {
    registry.publishWheel("lib", "1.0");
    registry.publishWheel("other", "1.0");
  }, async (registry, log, folder) => {
    const refusedFor = async (project: string) => {
      await using proxy = await here(folder, registry, log);
      const [{ url }] = (await proxy.page(project)).files;
      return url.split("/").at(-2);
    };
    const spoilt =
      (spoil: (answer: Record<string, unknown>) => void) => async (request: Request) => {
        if (!request.url.endsWith("/lookup")) return null;
        const passed = await log.answer(asJson(request));
        const answer = await passed.json();
        spoil(answer);
        return Response.json(answer);
      };
    type Change = (container: Uint8Array<ArrayBuffer>) => void;
    const changed = (change: Change) => async (request: Request) => {
      if (!request.url.endsWith("/lookup")) return null;
      const { headers, body } = await log.answer(request);
      const container = await new Response(body).bytes();
      ok(headers.get("content-type")!.includes("tlog-proofs"));
      change(container);
      return new Response(container, { headers });
    };
    const cases: [string, (request: Request) => Promise<Response | null> | Response | null][] = [
      ["log-answer-unproven", spoilt((answer) => delete answer["found"])],
      ["log-answer-unproven", () => new Response("<html>hello</html>")],
      ["log-answer-unproven", () => new Response(null, { status: 404 })],
      ["log-answer-unproven", () => Response.redirect("http://127.0.0.1:1/", 302)],
      ["log-checkpoint-refused", spoilt((answer) => answer["checkpoint"] = btoa("x\n1\n"))],
      ["log-answer-unproven", changed((container) => container[container.length - 1]! ^= 1)],
      ["log-answer-unproven", changed((container) => container.fill(0))],
      ["log-unreachable", () => new Response(null, { status: 503 })],
    ];
    for (const [reason, fault] of cases) {
      log.fault = fault;
      equal(await refusedFor("lib"), reason);
    }
    log.fault = () => null;
    equal(await refusedFor("lib"), "files", "once the log is itself again");
    // It grows, and the tiles that would prove that it only grows are spoilt.
    await log.add([{ filename: "new-1.0.tar.gz", checksum: `sha256:${"0".repeat(64)}` }]);
    log.fault = async (request) => {
      if (!request.url.includes("/tile/")) return null;
      const tile = await (await log.answer(request)).bytes();
      return new Response(tile.with(0, tile[0]! ^ 1));
    };
    equal(await refusedFor("other"), "log-checkpoint-refused");
    log.fault = () => null;
    equal(await refusedFor("other"), "files");
  }));

Deno.test("C6, C8: a policy that cannot be met is a configuration error, and the log's key alone is not enough", () =>
  behind((registry) => registry.publishWheel("lib", "1.0"), async (registry, log, folder) => {
    const witness = formatVkey(newKey("witness.test", 0x04));
    const policy = `${folder}/policy`;
    await Deno.writeTextFile(policy, `log ${log.vkey}\nwitness W ${witness}\nquorum W\n`);
    {
      // The log signs, as whoever stole its key can; no witness has seen it.
      await using proxy = await here(folder, registry, log, { policy });
      const [{ url }] = (await proxy.page("lib")).files;
      equal(url, `../../refused/log-checkpoint-refused/${WHEEL}`);
      match(proxy.troubles.join(), /quorum "W" is not met/);
    }
    await Deno.writeTextFile(
      policy,
      `log ${log.vkey}\nwitness W ${witness}\nwitness V ${witness}\nquorum W\n`,
    );
    const failed = await here(folder, registry, log, { policy }).catch((error) => error.message);
    match(String(failed), /Cannot use --policy .*listed already/);
  }));

Deno.test("a registry that is away is a 503, and pip and uv try again as they would without us", () =>
  behind((registry) => registry.publishWheel("lib", "1.0"), async (registry, log, folder) => {
    let times = 0;
    registry.fault = (request) =>
      request.url.includes("/simple/") && times++ < 2 ? new Response(null, { status: 503 }) : null;
    await using proxy = await here(folder, registry, log);
    const python = await requirePythonClients();
    if (!python) return;
    const clients = new Clients(python, folder);
    const pip = await clients.pip(`${proxy.url}simple/`, "lib");
    equal(pip.code, 0, pip.output);
    times = 0;
    const uv = await clients.uv(`${proxy.url}simple/`, "lib");
    equal(uv.code, 0, uv.output);
    // What does not pass is not tried again, and uv names it.
    registry.fault = () => new Response("hello");
    const [hidden, named] = await clients.both(`${proxy.url}simple/`, "lib");
    ok(
      hidden.code !== 0 && hidden.output.includes("No matching distribution found"),
      hidden.output,
    );
    ok(
      named.code !== 0 && named.output.includes("refused/registry-answer-unusable/lib"),
      named.output,
    );
    match(proxy.troubles.join("\n"), /simple\/lib\/ answers 503/);
    match(proxy.troubles.join("\n"), /Cannot understand .*PEP 691 JSON or HTML/);
  }));

/** The same look-up by one that knows no container. */
function asJson(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.delete("accept");
  return new Request(request, { headers });
}
