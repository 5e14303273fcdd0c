import {
  encodeBase64,
  formatChecksum,
  formatEntry,
  formatVkey,
  KeyType,
  parseTlogProof,
  sha256,
  signerKey,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, LOG_KEY, makeLog, POLICY, publication, type Ran, runHere } from "./_testing.ts";
import { command } from "./add.ts";

const NAME = "pkg-1.0.tar.gz";

/** The JSON of a receipt, with a number where the log has one. */
type Answer = Record<string, unknown>;

/** What an honest log answers for a file of this content. */
async function receipt(content = "content", cosignedAt?: bigint): Promise<Answer> {
  const log = makeLog([
    formatEntry(publication("other-1.zip", "x")),
    formatEntry(publication(NAME, content)),
  ], cosignedAt);
  const { index, proof, checkpoint } = parseTlogProof(await log.proof(1));
  return {
    index: Number(index),
    checkpoint: encodeBase64(checkpoint),
    inclusionProof: proof.map(encodeBase64),
    entry: encodeBase64(log.entries[1]!),
  };
}

interface Answering {
  readonly folder: string;
  readonly url: string;
  readonly requests: Headers[];
  readonly bodies: unknown[];
  add(...args: string[]): Promise<Ran>;
}

/** Runs `add` against a log that answers as told. */
function withLog(
  answer: (request: number) => Response | Promise<Response>,
  test: (log: Answering) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const requests: Headers[] = [];
    const bodies: unknown[] = [];
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        if (new URL(request.url).pathname === "/.well-known/public-key") {
          return new Response(formatVkey(LOG_KEY) + "\n");
        }
        requests.push(new Headers(request.headers));
        bodies.push(await request.json());
        return await answer(requests.length);
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    Deno.writeTextFileSync(join(folder, NAME), "content");
    Deno.writeTextFileSync(join(folder, "public.key"), formatVkey(LOG_KEY) + "\n");
    Deno.writeTextFileSync(join(folder, "policy"), POLICY);
    const add = (...args: string[]) =>
      runHere(command, [`--log=${url}`, ...args.map((arg) => arg.replace("./", `${folder}/`))]);
    await test({ folder, url, requests, bodies, add });
  });
}

const KEY = "--public-key=./public.key";

Deno.test("add checks the answer and writes the proof", () =>
  withLog(async () => Response.json(await receipt()), async ({ folder, bodies, add }) => {
    const { code, stdout, stderr } = await add(`./${NAME}`, KEY);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /entry 1 of log\.test\/tools; proof in .*pkg-1\.0\.tar\.gz\.tlog-proof\n$/,
    );
    assert.deepEqual(bodies, [
      { filename: NAME, checksum: formatChecksum(sha256(utf8("content"))) },
    ]);
    const proof = parseTlogProof(Deno.readFileSync(join(folder, `${NAME}.tlog-proof`)));
    assert.deepEqual(proof.extra, formatEntry(publication(NAME, "content")));
  }));

Deno.test("add without a key trusts a log on this machine only, and says so", () =>
  withLog(async () => Response.json(await receipt()), async ({ add }) => {
    const { code, stderr } = await add(`./${NAME}`);
    assert.equal(code, 0);
    assert.match(stderr, /trusting the key that http:\/\/127\.0\.0\.1:[0-9]+ serves itself/);
    const remote = await runHere(command, [NAME, "--log=https://log.test"]);
    assert.equal(remote.code, 2);
    assert.match(remote.stderr, /--public-key=F or --policy=F/);
  }));

Deno.test("add takes an answer without entry, as bt-log sends it", () =>
  withLog(async () => {
    const { entry: _, ...answer } = await receipt();
    return Response.json(answer);
  }, async ({ add }) => {
    assert.equal((await add(`./${NAME}`, KEY)).code, 0);
    const published = await add(
      `./${NAME}`,
      KEY,
      "--publisher-issuer=i",
      "--publisher-subject=s",
    );
    assert.equal(published.code, 1); // The logged entry names no publisher.
  }));

const otherKey = signerKey(LOG_KEY.name, KeyType.ed25519, sha256(utf8("other")));
for (
  const { name, change, why } of [
    { name: "about another content", change: () => receipt("other"), why: /digest differs/ },
    { name: "with another index", change: (a: Answer) => ({ ...a, index: 0 }), why: /inclusion/ },
    { name: "without proof", change: (a: Answer) => ({ ...a, inclusionProof: [] }), why: /inclus/ },
    {
      name: "whose entry is not the logged one",
      change: (a: Answer) => ({
        ...a,
        entry: encodeBase64(
          formatEntry(publication(NAME, "content", { publisher: { issuer: "i", subject: "s" } })),
        ),
      }),
      why: /inclusion/,
    },
    { name: "with nonsense", change: () => ({ index: "1" }), why: /Cannot understand the answer/ },
    { name: "without JSON", change: () => "no", why: /Cannot understand the answer/ },
  ]
) {
  Deno.test(`add refuses an answer ${name}, and writes nothing`, () =>
    withLog(async () => {
      const changed = await change(await receipt());
      return typeof changed === "string" ? new Response(changed) : Response.json(changed);
    }, async ({ folder, add }) => {
      const { code, stderr } = await add(`./${NAME}`, KEY);
      assert.equal(code, 1);
      assert.match(stderr, why);
      assert.throws(() => Deno.statSync(join(folder, `${NAME}.tlog-proof`)));
    }));
}

Deno.test("add refuses a checkpoint of another key, and one without the quorum", () =>
  withLog(async () => Response.json(await receipt()), async ({ folder, add }) => {
    const alone = await add(`./${NAME}`, "--policy=./policy");
    assert.match(alone.stderr, /quorum "W" is not met/);
    Deno.writeTextFileSync(join(folder, "public.key"), formatVkey(otherKey));
    assert.match((await add(`./${NAME}`, KEY)).stderr, /no trusted key signed/);
  }));

Deno.test("add names the witnesses of a cosigned checkpoint", () =>
  withLog(
    async () => Response.json(await receipt("content", 1_700_000_000n)),
    async ({ add }) => {
      const { stdout } = await add(`./${NAME}`, "--policy=./policy", "--json");
      const { status, index, witnesses } = JSON.parse(stdout);
      assert.deepEqual({ status, index, witnesses }, {
        status: "logged",
        index: 1,
        witnesses: ["W"],
      });
    },
  ));

Deno.test("add explains a conflict with both digests and the entry that stands", () =>
  withLog(async () => {
    const standing = formatChecksum(sha256(utf8("first")));
    const body = { error: "no", filename: NAME, checksum: standing, ...await receipt("first") };
    return Response.json(body, { status: 409 });
  }, async ({ folder, add }) => {
    const { code, stderr } = await add(`./${NAME}`, KEY);
    assert.equal(code, 1);
    assert.ok(stderr.includes(formatChecksum(sha256(utf8("first")))));
    assert.ok(stderr.includes(formatChecksum(sha256(utf8("content")))));
    assert.match(stderr, /entry 1 has .*; the log's proof of it holds\n$/);
    assert.equal(stderr.split(NAME).length, 2, "its name is said once");
    assert.throws(() => Deno.statSync(join(folder, `${NAME}.tlog-proof`)));
  }));

Deno.test("add sends the token of --token-file, and nobody sees it", () =>
  withLog(async () => Response.json(await receipt()), async ({ folder, requests, add }) => {
    Deno.writeTextFileSync(join(folder, "token"), "s3cret-token\n");
    const { code, stdout, stderr } = await add(`./${NAME}`, KEY, "--token-file=./token");
    assert.equal(code, 0);
    assert.equal(requests[0]!.get("authorization"), "Bearer s3cret-token");
    assert.ok(!(stdout + stderr).includes("s3cret"));
    const remote = await runHere(command, [
      join(folder, NAME),
      "--log=http://log.test",
      `--public-key=${join(folder, "public.key")}`,
      `--token-file=${join(folder, "token")}`,
    ]);
    assert.match(remote.stderr, /over https or to this machine only/);
  }));

Deno.test("add --wait tries again when the log says so; without it 503 is the end", () =>
  withLog(
    async (request) =>
      request % 2 === 1
        ? Response.json(
          { error: "the quorum is not reached", ...(request === 1 && { index: 7 }) },
          {
            status: 503,
            headers: { "retry-after": "0" },
          },
        )
        : Response.json(await receipt()),
    async ({ requests, add }) => {
      const waited = await add(`./${NAME}`, KEY, "--wait");
      assert.equal(waited.code, 0);
      assert.match(
        waited.stderr,
        /now \(503\): the quorum is not reached; entry 7 is in the tree but not published yet; again in 0 s$/m,
      );
      assert.equal(requests.length, 2);
      const impatient = await add(`./${NAME}`, KEY);
      assert.equal(impatient.code, 1);
      assert.match(
        impatient.stderr,
        /cannot log it now \(503\): the quorum is not reached: run it again, or use --wait$/m,
      );
    },
  ));

Deno.test("add refuses redirects and answers without end", () =>
  withLog(
    (request) =>
      request === 1
        ? new Response(null, { status: 307, headers: { location: "http://other.test/add" } })
        : new Response(
          new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 20)) }),
        ),
    async ({ add }) => {
      assert.match((await add(`./${NAME}`, KEY)).stderr, /redirect \(307\), which is refused/);
      assert.match((await add(`./${NAME}`, KEY)).stderr, /over 4194304 bytes/);
    },
  ));

Deno.test("add takes files, or a name with a checksum, but not both", async () => {
  const checksum = `--checksum=${formatChecksum(sha256(utf8("content")))}`;
  assert.equal((await runHere(command, [checksum])).code, 2);
  assert.equal((await runHere(command, [`--filename=${NAME}`, checksum, "file"])).code, 2);
  const odd = await runHere(command, ["--filename=a/b", checksum]);
  assert.equal(odd.code, 2);
  assert.match(odd.stderr, /: --filename must be 1–255 .* "\.\.": received "a\/b"$/m);
  const md5 = await runHere(command, [`--filename=${NAME}`, "--checksum=md5:00"]);
  assert.match(
    md5.stderr,
    /^add: --checksum must be "sha256:" and 64 lowercase hexadecimal digits: received "md5:00"$/m,
  );
  assert.equal((await runHere(command, [])).code, 2);
});

Deno.test("add goes on with the other files when one fails", () =>
  withLog(async () => Response.json(await receipt()), async ({ folder, add }) => {
    const { code, stdout, stderr } = await add("./missing-1.zip", `./${NAME}`, KEY);
    assert.equal(code, 1);
    assert.match(stderr, /missing-1\.zip: .*there is no such file/);
    assert.match(stdout, /entry 1 of/);
    assert.ok(Deno.statSync(join(folder, `${NAME}.tlog-proof`)).isFile);
  }));
