import { sha256, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, makeNumberedLog, type Ran, runHere } from "./_testing.ts";
import { command } from "./import.ts";

const checksum = (content: string) => `sha256:${sha256(utf8(content)).toHex()}`;

/** A log that remembers what it is sent, and an index with one project. */
class FakeLog {
  readonly logged = new Map<string, { index: number; checksum: string }>();
  readonly batches: number[] = [];
  readonly headers: Headers[] = [];
  /** What to do with a batch in place of answering, by its number from 1. */
  fail: (batch: number) => "503" | "cut" | null = () => null;
  listing: unknown = null;

  async handle(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/checkpoint") {
      const { objects } = makeNumberedLog(this.logged.size);
      return new Response(new Uint8Array(objects.get("checkpoint")!));
    }
    if (pathname === "/simple/my-project/") {
      assert.equal(request.headers.get("accept"), "application/vnd.pypi.simple.v1+json");
      const type = "application/vnd.pypi.simple.v1+json";
      return Response.json(this.listing, { headers: { "content-type": type } });
    }
    if (pathname !== "/admin/bulk/append") return new Response(null, { status: 404 });
    assert.equal(search, "?proofs=false");
    assert.equal(request.headers.get("content-type"), "application/x-ndjson");
    this.headers.push(new Headers(request.headers));
    const lines = (await request.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
    this.batches.push(lines.length);
    const fail = this.fail(this.batches.length);
    if (fail === "503") {
      return Response.json({ error: "full" }, { status: 503, headers: { "retry-after": "0" } });
    }
    const results = lines.map((line) => JSON.stringify(this.#append(line)));
    const size = this.logged.size;
    const first = JSON.stringify({ type: "checkpoint", checkpoint: "", tree_size: size });
    const last = JSON.stringify({ type: "complete", count: lines.length });
    const answer = [first, ...results, ...(fail === "cut" ? [] : [last])].join("\n") + "\n";
    return new Response(answer, { headers: { "content-type": "application/x-ndjson" } });
  }

  #append({ filename, checksum }: { filename: string; checksum: string }): unknown {
    const existing = this.logged.get(filename);
    if (existing && existing.checksum !== checksum) {
      return { type: "result", result: { filename, status: "error", error: "no", existing } };
    }
    const index = existing?.index ?? this.logged.size;
    if (!existing) this.logged.set(filename, { index, checksum });
    return { type: "result", result: { filename, status: "logged", index } };
  }
}

interface Importing {
  readonly log: FakeLog;
  readonly folder: string;
  import(...args: string[]): Promise<Ran>;
}

function withLog(test: (at: Importing) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const log = new FakeLog();
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => log.handle(request),
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const words = (args: string[]) =>
      args.map((arg) => arg.replace("./", `${folder}/`).replace("LOG", url));
    await test({
      log,
      folder,
      import: (...args) => runHere(command, [`--log=${url}`, ...words(args)]),
    });
  });
}

function writeLines(folder: string, count: number, content = (i: number) => `${i}`): void {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      project: "p",
      filename: `p-${i}.zip`,
      checksum: checksum(content(i)),
      size: i,
      yanked: false,
    }));
  Deno.writeTextFileSync(join(folder, "files.jsonl"), lines.join("\n") + "\n");
}

Deno.test("import logs each line once, also when it is run again", () =>
  withLog(async ({ log, folder, import: run }) => {
    writeLines(folder, 25);
    const first = await run("--from=./files.jsonl", "--chunk=10");
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /: 25 logged, 0 logged before, 0 not logged\n$/);
    assert.deepEqual(log.batches, [10, 10, 5]);
    const again = await run("--from=./files.jsonl");
    assert.match(again.stdout, /: 0 logged, 25 logged before, 0 not logged\n$/);
    assert.equal(log.logged.size, 25);
    assert.equal(log.logged.get("p-24.zip")!.index, 24);
  }));

Deno.test("import goes on where the state says, and anew for another content", () =>
  withLog(async ({ log, folder, import: run }) => {
    writeLines(folder, 20);
    const args = ["--from=./files.jsonl", "--state=./state", "--chunk=10"];
    assert.equal((await run(...args)).code, 0);
    assert.equal(log.batches.length, 2);
    const again = await run(...args);
    assert.match(again.stdout, /20 lines in an earlier run/);
    assert.equal(log.batches.length, 2);
    writeLines(folder, 21);
    assert.match((await run(...args)).stdout, /: 1 logged, 20 logged before/);
  }));

Deno.test("import does not believe a state that does not fit the log", () =>
  withLog(async ({ log, folder, import: run }) => {
    writeLines(folder, 20);
    const args = ["--from=./files.jsonl", "--state=./state"];
    await run(...args);
    log.logged.clear(); // Another log, or one that lost its data.
    const { stderr, stdout } = await run(...args);
    assert.match(stderr, /starting anew, --state does not fit: it knows a tree of 20/);
    assert.match(stdout, /: 20 logged/);
    Deno.writeTextFileSync(join(folder, "state"), "{}");
    assert.match((await run(...args)).stderr, /Cannot use --state/);
  }));

Deno.test("import sends a chunk again when the log is busy or the answer is cut off", () =>
  withLog(async ({ log, folder, import: run }) => {
    writeLines(folder, 20);
    log.fail = (batch) => batch === 1 ? "503" : batch === 2 ? "cut" : null;
    const { code, stderr, stdout } = await run("--from=./files.jsonl", "--chunk=10");
    assert.equal(code, 0);
    assert.match(stderr, /refuses \(503\): full; again in 0 s/);
    assert.match(stderr, /broke off after 10 of 10 results; again in 1 s/);
    assert.match(stdout, /: 20 logged/);
    assert.deepEqual(log.batches, [10, 10, 10, 10]);
  }));

Deno.test("import tells each conflict with both digests, remembers it, and ends with 1", () =>
  withLog(async ({ folder, import: run }) => {
    writeLines(folder, 3);
    await run("--from=./files.jsonl");
    writeLines(folder, 3, (i) => i === 1 ? "other" : `${i}`);
    const args = ["--from=./files.jsonl", "--state=./state"];
    const { code, stderr } = await run(...args);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`entry 1 has ${checksum("1")}, the source has ${checksum("other")}`));
    assert.match(stderr, /files\.jsonl: line 2: p-1\.zip is logged with another digest/);
    const told = await run(...args);
    assert.match(told.stderr, /: line 2: p-1\.zip is logged with .* \(in an earlier run\)$/m);
    assert.match(
      told.stdout,
      /: 0 logged, 0 logged before, 0 not logged; 3 lines in an earlier run, 1 of them not logged$/m,
    );
    const again = await run(...args, "--json");
    assert.equal(again.code, 1);
    const [problem, sum] = again.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(problem.line, 2);
    assert.deepEqual(sum, {
      added: 0,
      repeated: 0,
      problems: 1,
      skipped: 3,
      complete: true,
    });
  }));

Deno.test("import lists lines that it cannot use by their number, and logs the others", () =>
  withLog(async ({ log, folder, import: run }) => {
    const good = (name: string) => JSON.stringify({ filename: name, checksum: checksum(name) });
    const lines = [
      good("a.zip"),
      "{",
      good("b/c.zip"),
      '{"filename":"d.zip","filename":"e.zip"}',
      '{"filename":"f.zip","checksum":"sha256:AB"}',
      good("g.zip"), // No newline follows.
    ];
    Deno.writeTextFileSync(join(folder, "files.jsonl"), lines.join("\n"));
    const { code, stderr } = await run("--from=./files.jsonl");
    assert.equal(code, 1);
    assert.deepEqual([...log.logged.keys()], ["a.zip", "g.zip"]);
    const told = stderr.trimEnd().split("\n").map((line) => /line ([0-9]+): /.exec(line)?.[1]);
    assert.deepEqual(told, ["2", "3", "4", "5"]);
  }));

Deno.test("import reads PEP 691 listings and lists files without sha256", () =>
  withLog(async ({ log, import: run }) => {
    const file = (filename: string, hashes: object) => ({ filename, hashes, url: "u" });
    log.listing = {
      meta: { "api-version": "1.1" },
      name: "my-project",
      files: [
        file("my_project-1.zip", { sha256: checksum("1").slice(7) }),
        file("my_project-2.zip", { md5: "00" }),
        file("my_project-3.zip", { sha256: checksum("3").slice(7) }),
      ],
    };
    const args = ["--project=My_Project", "--index=LOG/simple"];
    const { code, stderr } = await run(...args);
    assert.equal(code, 1);
    assert.match(stderr, /line 2: my_project-2\.zip: the index has no sha256 of it/);
    assert.deepEqual([...log.logged.keys()], ["my_project-1.zip", "my_project-3.zip"]);
    log.listing = { meta: { "api-version": "2.0" }, files: [] };
    assert.match((await run(...args)).stderr, /api-version must be 1\.x/);
    const missing = await run("--project=none", "--index=LOG/simple");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /404: it has no such project/);
  }));

Deno.test("import says who published, and sends the token", () =>
  withLog(async ({ log, folder, import: run }) => {
    writeLines(folder, 1);
    Deno.writeTextFileSync(join(folder, "token"), "t0ken\n");
    const { code } = await run(
      "--from=./files.jsonl",
      "--token-file=./token",
      "--publisher-issuer=i",
      "--publisher-subject=s",
    );
    assert.equal(code, 0);
    assert.equal(log.headers[0]!.get("authorization"), "Bearer t0ken");
    assert.equal((await run("--from=./files.jsonl", "--publisher-issuer=i")).code, 2);
  }));

Deno.test("import needs a source and a log that is there", async () => {
  const none = await runHere(command, []);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /what to import is not said: give one of --project=NAME/);
  const both = await runHere(command, ["--from=a", "--project=b"]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /what to import is said more than once: give only one of --project/);
  assert.equal((await runHere(command, ["--from=a", "--chunk=0"])).code, 2);
  assert.equal((await runHere(command, ["--from=a", "--chunk=50001"])).code, 2);
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const log = `--log=http://127.0.0.1:${port}`;
  await inFolder(async (folder) => {
    writeLines(folder, 1);
    const { code, stderr } = await runHere(command, [`--from=${join(folder, "files.jsonl")}`, log]);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot reach http:\/\/127\.0\.0\.1:[0-9]+\/checkpoint: .*refused/i);
  });
  // A file that is missing is what to say first, without asking the log.
  const { code, stderr } = await runHere(command, ["--from=/no/such", log]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot read --from \/no\/such: there is no such file/);
});
