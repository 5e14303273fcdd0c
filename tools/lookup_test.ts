import {
  combineProofs,
  encodeBase64,
  formatEntry,
  formatTlogProofs,
  parsePolicy,
  parseTlogProof,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, rejects } from "node:assert/strict";
import { makeLog, POLICY, publication } from "./_testing.ts";
import { lookUp } from "./lookup.ts";
import { LookupQueue } from "./lookup_queue.ts";
import { HeadMemory, TrustedHead } from "./trusted_head.ts";

const NAMES = Array.from({ length: 9 }, (_, n) => `f-${n}.zip`);
const LOG = makeLog(NAMES.map((name) => formatEntry(publication(name, name))), 1_700_000_000n);
const CHECKPOINT = encodeBase64(LOG.objects.get("checkpoint")!);

// deno-lint-ignore no-explicit-any -- an answer to be spoilt.
type Answer = any;

/** What the log answers, as it should. */
async function honest(filenames: readonly string[]): Promise<Answer> {
  const known = filenames.filter((name) => NAMES.includes(name));
  const found = await Promise.all(known.map(async (filename) => {
    const index = NAMES.indexOf(filename);
    const { proof } = parseTlogProof(await LOG.proof(index));
    return {
      filename,
      index,
      entry: encodeBase64(LOG.entries[index]!),
      inclusionProof: proof.map(encodeBase64),
    };
  }));
  const missing = filenames.filter((name) => !NAMES.includes(name));
  return { checkpoint: CHECKPOINT, found, missing };
}

/** A server that answers look-ups as told. */
function serve(answer: (filenames: string[]) => Promise<Answer>) {
  const asked: string[][] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { filenames } = await request.json();
      asked.push(filenames);
      const body = await answer(filenames);
      return body instanceof Response ? body : Response.json(body);
    },
  );
  return {
    asked,
    url: new URL(`http://127.0.0.1:${server.addr.port}/`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function trusted(): TrustedHead {
  const fetch = (path: string) => Promise.resolve(LOG.objects.get(path) ?? null);
  return new TrustedHead(parsePolicy(utf8(POLICY)), new HeadMemory(), fetch);
}

Deno.test("lookUp() gives what is proven, and names that no log takes are missing unasked", async () => {
  await using log = serve(honest);
  const names = ["f-3.zip", "f-0.zip", "other.zip", "with space.zip", "a/b.zip"];
  const { found, missing } = await lookUp(log.url, names, trusted());
  deepEqual([...found.keys()].sort(), ["f-0.zip", "f-3.zip"]);
  equal(found.get("f-3.zip")!.index, 3n);
  deepEqual([...missing].sort(), ["a/b.zip", "other.zip", "with space.zip"]);
  deepEqual(log.asked, [["f-3.zip", "f-0.zip", "other.zip"]]);
});

for (
  const [what, spoil, error] of [
    ["a changed proof", (a: Answer) => {
      const proof = a.found[0].inclusionProof;
      proof[0] = encodeBase64(new Uint8Array(32));
    }, "Unproven"],
    ["a proof too short", (a: Answer) => a.found[0].inclusionProof.pop(), "Unproven"],
    ["another index", (a: Answer) => a.found[0].index++, "Unproven"],
    ["another digest under the name", (a: Answer) => {
      a.found[0].entry = encodeBase64(formatEntry(publication("f-0.zip", "evil")));
    }, "Unproven"],
    [
      "another file's entry",
      (a: Answer) => Object.assign(a.found[0], { ...a.found[1], filename: "f-0.zip" }),
      "Unproven",
    ],
    ["a file left unmentioned", (a: Answer) => a.found.pop(), "Unproven"],
    ["a file found and missing", (a: Answer) => a.missing.push("f-0.zip"), "Unproven"],
    ["a file twice", (a: Answer) => a.found.push(a.found[0]), "Unproven"],
    ["a file nobody asked about", (a: Answer) => a.missing.push("z.zip"), "Unproven"],
    ["no checkpoint", (a: Answer) => delete a.checkpoint, "Unproven"],
    ["a checkpoint that is none", (a: Answer) => {
      a.checkpoint = encodeBase64(utf8("log.test/tools\n9\n"));
    }, "NotAccepted"],
    ["a checkpoint of another key", (a: Answer) => {
      a.checkpoint = encodeBase64(utf8(atob(CHECKPOINT).replace("\n9\n", "\n8\n")));
    }, "NotAccepted"],
  ] as const
) {
  Deno.test(`lookUp() refuses an answer with ${what}`, async () => {
    await using log = serve(async (names) => {
      const answer = await honest(names);
      spoil(answer);
      return answer;
    });
    await rejects(lookUp(log.url, ["f-0.zip", "f-1.zip"], trusted()), { name: error });
  });
}

Deno.test("lookUp() tells a log that cannot now from one that does not answer as a log", async () => {
  await using busy = serve(() => Promise.resolve(new Response("{}", { status: 503 })));
  await rejects(lookUp(busy.url, ["a"], trusted()), { name: "TryLater" });
  await using other = serve(() => Promise.resolve(new Response("hello", { status: 404 })));
  await rejects(lookUp(other.url, ["a"], trusted()), { name: "Error", message: /404/ });
  await using moved = serve(() => Promise.resolve(Response.redirect("http://127.0.0.1:1/", 302)));
  await rejects(lookUp(moved.url, ["a"], trusted()), { name: "RedirectRefused" });
});

Deno.test("LookupQueue asks together what comes at once, a thousand names at a time", async () => {
  await using log = serve(honest);
  const queue = new LookupQueue(log.url, trusted());
  const many = Array.from({ length: 1500 }, (_, n) => `other-${n}.zip`);
  const answers = await Promise.all([
    queue.ask(["f-0.zip"]),
    queue.ask(many),
    queue.ask(["f-0.zip", "f-1.zip"]),
    queue.ask([]),
  ]);
  deepEqual(answers.map(({ found, missing }) => [found.size, missing.size]), [
    [1, 0],
    [0, 1500],
    [2, 0],
    [0, 0],
  ]);
  deepEqual(log.asked.map(({ length }) => length), [1000, 503]);
});

Deno.test("LookupQueue fails those whose request failed, and goes on", async () => {
  let isDown = true;
  await using log = serve((names) =>
    isDown ? Promise.resolve(new Response("{}", { status: 503 })) : honest(names)
  );
  const queue = new LookupQueue(log.url, trusted());
  const failed = queue.ask(["f-0.zip"]);
  await rejects(failed, { name: "TryLater" });
  isDown = false;
  equal((await queue.ask(["f-0.zip"])).found.size, 1);
});

/** The container of some files as the log answers it. */
async function container(filenames: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const indices = filenames.map((name) => NAMES.indexOf(name)).filter((index) => index >= 0);
  const proven = await Promise.all(indices.map(async (at) => {
    const { index, proof } = parseTlogProof(await LOG.proof(at));
    return { index, proof, entry: LOG.entries[at]! };
  }));
  return formatTlogProofs(combineProofs(LOG.objects.get("checkpoint")!, proven));
}

const TLOG_PROOFS = { "content-type": "application/vnd.indelible.tlog-proofs" };

Deno.test("lookUp() takes a container, with the same proofs as one by one", async () => {
  await using log = serve(async (names) => {
    return new Response(await container(names), { headers: TLOG_PROOFS });
  });
  await using plain = serve(honest);
  const names = ["f-7.zip", "other.zip", "f-0.zip", "f-8.zip"];
  const [shared, single] = await Promise.all(
    [log, plain].map(({ url }) => lookUp(url, names, trusted())),
  );
  deepEqual(shared!.missing, single!.missing);
  for (const [name, { index, entry, bytes, proof }] of single!.found) {
    const other = shared!.found.get(name)!;
    deepEqual([other.index, other.entry, other.bytes], [index, entry, bytes]);
    deepEqual(other.proof, proof);
  }
  equal(shared!.found.size, 3);
  equal((await lookUp(log.url, [], trusted())).head.verdict.checkpoint.size, BigInt(NAMES.length));
});

Deno.test("lookUp() refuses a container with any byte changed, cut off, or of other files", async () => {
  const names = ["f-1.zip", "f-6.zip"];
  const whole = await container(names);
  let served = whole;
  await using log = serve(() => Promise.resolve(new Response(served, { headers: TLOG_PROOFS })));
  equal((await lookUp(log.url, names, trusted())).found.size, 2);
  const refused = /^(?:Unproven|NotAccepted)$/;
  for (let at = 0; at < whole.length; at++) {
    served = whole.slice();
    served[at]! ^= 1;
    await rejects(lookUp(log.url, names, trusted()), ({ name }) => refused.test(name), `${at}`);
  }
  for (let length = 0; length < whole.length; length += 7) {
    served = whole.slice(0, length);
    await rejects(lookUp(log.url, names, trusted()), ({ name }) => refused.test(name), `${length}`);
  }
  served = await container([...names, "f-2.zip"]);
  await rejects(lookUp(log.url, names, trusted()), /not asked about/);
});
