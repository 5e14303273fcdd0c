/**
 * The tools against the real log, each started as its task starts it: publish with a
 * token, verify offline, back-fill, check everything, and find one flipped byte in each
 * kind of object.
 */

import { parseEntry, parseTlogProof } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Finished } from "./peers/process.ts";
import { runProgram } from "./programs.ts";
import { madeUpFile, startLog } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const FILE = "pkg-1.0-py3-none-any.whl";
const KEY = "--public-key=public.key";

/** Runs a program in a folder and requires its exit code. */
async function tool(folder: string, code: number, ...words: string[]): Promise<Finished> {
  const [name, ...args] = words;
  const finished = await runProgram(name!, args, { cwd: folder });
  assert.equal(finished.code, code, `${words.join(" ")}: ${finished.stdout}${finished.stderr}`);
  return finished;
}

Deno.test("a publisher with a token: add, verify, a second digest, no token, a wrong one", () =>
  inFolder(async (folder) => {
    const made = ["--publishers=publishers", "--name=ci", "--token-file=token"];
    await tool(folder, 0, "publisher-add", ...made);
    await using log = await startLog({ folder, flags: ["--publishers=publishers"] });
    const flags = [`--log=${log.url}`, KEY];
    Deno.writeTextFileSync(join(folder, FILE), "content");

    const without = await tool(folder, 1, "add", FILE, ...flags);
    assert.match(without.stderr, /refuses \(401\)/);
    Deno.writeTextFileSync(join(folder, "other"), "another-token");
    const wrong = await tool(folder, 1, "add", FILE, ...flags, "--token-file=other");
    assert.match(wrong.stderr, /refuses \(403\)/);

    const publisher = ["--publisher-issuer=https://issuer.test", "--publisher-subject=a/b"];
    const token = "--token-file=token";
    await tool(folder, 0, "add", FILE, ...flags, token, ...publisher);
    const verified = await tool(folder, 0, "verify", FILE, KEY);
    assert.match(
      verified.stdout,
      /entry 0 of log\.test\/real.*\n.*a\/b, by https:\/\/issuer\.test/,
    );
    // A repeat, under another publisher, gets the first entry's proof.
    await tool(folder, 0, "add", FILE, ...flags, token);
    assert.match((await tool(folder, 0, "verify", FILE, KEY)).stdout, /a\/b, by/);

    const proof = Deno.readFileSync(join(folder, `${FILE}.tlog-proof`));
    Deno.writeTextFileSync(join(folder, FILE), "changed");
    const refused = await tool(folder, 1, "add", FILE, ...flags, token);
    assert.match(refused.stderr, /with another digest: entry 0 has .*the log's proof of it holds/);
    assert.deepEqual(Deno.readFileSync(join(folder, `${FILE}.tlog-proof`)), proof);
    await tool(folder, 1, "verify", FILE, KEY);
  }));

Deno.test("import, and fsck of URL and folder, with a byte flipped in each kind of object", () =>
  inFolder(async (folder) => {
    const lines = Array.from({ length: 700 }, (_, i) => JSON.stringify(madeUpFile(i)) + "\n");
    Deno.writeTextFileSync(join(folder, "files.jsonl"), lines.join(""));
    {
      await using log = await startLog({ folder });
      const args = ["--from=files.jsonl", `--log=${log.url}`, "--state=state", "--chunk=300"];
      assert.match((await tool(folder, 0, "import", ...args)).stdout, /: 700 logged, 0 logged/);
      assert.match((await tool(folder, 0, "import", ...args)).stdout, /700 lines in an earlier/);
      const checked = await tool(folder, 0, "fsck", `--log=${log.url}`, KEY, "--json");
      const { ok, treeSize, files } = JSON.parse(checked.stdout);
      assert.deepEqual({ ok, treeSize, files }, { ok: true, treeSize: 700, files: 700 });
      await log.stop();
    }
    await tool(folder, 0, "fsck", "--log=data", KEY);
    for (
      const path of [
        "checkpoint",
        "tile/0/000",
        "tile/0/002.p/188",
        "tile/1/000.p/2",
        "tile/entries/001",
        "tile/entries/002.p/188",
      ]
    ) {
      const file = join(folder, "data", path);
      const whole = Deno.readFileSync(file);
      Deno.chmodSync(file, 0o644);
      const at = whole.length >> 1;
      Deno.writeFileSync(file, whole.with(at, whole[at]! ^ 1));
      const { stderr } = await tool(folder, 1, "fsck", "--log=data", KEY);
      assert.ok(stderr.startsWith(`fsck: ${path}: `), stderr);
      Deno.writeFileSync(file, whole);
    }
    await tool(folder, 0, "fsck", "--log=data", KEY);
  }));

Deno.test("several files at once are one batch or few, and each has its proof", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder });
    const names = Array.from({ length: 40 }, (_, i) => `many-1.${i}.zip`);
    for (const name of names) Deno.writeTextFileSync(join(folder, name), name);
    const added = await tool(folder, 0, "add", ...names, `--log=${log.url}`, KEY, "--json");
    const answers = added.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(
      answers.map(({ index }) => index).sort((a, b) => a - b),
      names.map((_, i) => i),
    );
    for (const name of [names[0]!, names[39]!]) await tool(folder, 0, "verify", name, KEY);

    // Without the file: the proof goes where the user is.
    const checksum = `--checksum=sha256:${"1".repeat(64)}`;
    await tool(folder, 0, "add", "--filename=not-here-1.zip", checksum, `--log=${log.url}`, KEY);
    assert.ok(Deno.statSync(join(folder, "not-here-1.zip.tlog-proof")).isFile);
  }));

Deno.test("import takes the index of PIP_INDEX_URL with its password, and shows none of it", () =>
  inFolder(async (folder) => {
    const type = "application/vnd.pypi.simple.v1+json";
    await using index = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
      const allowed = request.headers.get("authorization") === `Basic ${btoa("user:s3cret")}`;
      if (!allowed) return new Response(null, { status: 401 });
      const { pathname } = new URL(request.url);
      const hashes = { sha256: "2".repeat(64) };
      const files = pathname === "/simple/my-project/"
        ? [{ filename: "my_project-1.zip", hashes, url: "x" }]
        : [];
      const listing = { meta: { "api-version": "1.3" }, name: "my-project", files };
      return Response.json(listing, { headers: { "content-type": type } });
    });
    await using log = await startLog({ folder });
    const url = `http://user:s3cret@127.0.0.1:${index.addr.port}/simple`;
    const args = ["--project=My.Project", `--log=${log.url}`];
    const options = { cwd: folder, env: { PIP_INDEX_URL: url } };
    const imported = await runProgram("import", args, options);
    assert.equal(imported.code, 0, imported.stderr);
    assert.match(imported.stdout, /: 1 logged/);
    assert.ok(!(imported.stdout + imported.stderr).includes("s3cret"));
  }));

Deno.test("import passes on what a line says of its file: ecosystem, event, publisher", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder });
    const checksum = `sha256:${"6".repeat(64)}`;
    const publisher = { issuer: "https://issuer.example", subject: "release" };
    const lines = [
      { filename: "n-1.tgz", checksum, ecosystem: "npm", package: { name: "n", version: "1" } },
      { filename: "n-1.tgz", checksum, ecosystem: "npm", event: "yank" },
      { filename: "p-1.tar.gz", checksum, publisher },
    ];
    await Deno.writeTextFile(
      join(folder, "lines.jsonl"),
      lines.map((line) => JSON.stringify(line) + "\n").join(""),
    );
    await tool(folder, 0, "import", "--from=lines.jsonl", `--log=${log.url}`);
    const bundle = async (path: string) => {
      const response = await fetch(`${log.url}/bundle/${path}`);
      const { extra } = parseTlogProof(await response.bytes());
      return parseEntry(extra!);
    };
    const npm = await bundle("n-1.tgz?ecosystem=npm");
    assert.deepEqual([npm.ecosystem, npm.package], ["npm", { name: "n", version: "1" }]);
    assert.deepEqual((await bundle("p-1.tar.gz")).publisher, publisher);
    const status = await (await fetch(`${log.url}/status`)).json();
    assert.equal(status.size, 3, "the yank is an entry of its own");
  }));
