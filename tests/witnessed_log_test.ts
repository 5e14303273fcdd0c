/**
 * A log that needs a quorum of witnesses: real witnesses over loopback HTTP, which
 * die, come back, dawdle, and know more than the log does. And the split-view
 * drill: what happens to a log that shows two histories.
 */

import {
  checkPolicy,
  type Entry,
  formatEntry,
  formatSkey,
  formatTlogProof,
  formatVkey,
  KeyType,
  leafHash,
  openNote,
  parseBase64,
  parseEntry,
  parseNote,
  parsePolicy,
  parseTlogProof,
  type Policy,
  sha256,
  signerKey,
  utf8,
  verifierOf,
  verifyTlogProof,
} from "@indelible/core";
import { createWitness, MemoryStore } from "@indelible/witness";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type Log, openLog } from "../log/log.ts";
import { readLogKeys } from "../log/log_keys.ts";
import { openMemoryLedger } from "../log/storage/ledger_memory.ts";
import { openMemoryObjects } from "../log/storage/objects_memory.ts";
import { plainHasher, plainOpinion, SKEY, type Stores, testKeys, VKEY } from "./test_log.ts";

const ORIGIN = VKEY.split("+")[0]!;

/** A witness that can be switched off and slowed down. */
class TestWitness implements AsyncDisposable {
  readonly vkey: string;
  readonly url: string;
  /** Awaited before each answer. */
  before: () => Promise<void> = () => Promise.resolve();
  down = false;
  /** What it was asked with and how it answered: `old 0: 200`. */
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(
    vkey: string,
    readonly fetch: (request: Request) => Promise<Response>,
  ) {
    this.vkey = vkey;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const body = await request.bytes();
        await this.before();
        const response = this.down
          ? new Response(null, { status: 500 })
          : await this.fetch(new Request(request.url, { method: "POST", body }));
        const old = new TextDecoder().decode(body).split("\n")[0];
        this.asked.push(`${old}: ${response.status}`);
        return response;
      },
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  static async start(name: string): Promise<TestWitness> {
    const key = signerKey(name, KeyType.ed25519Cosignature, sha256(utf8(name)));
    const { fetch } = await createWitness({
      store: new MemoryStore(),
      keys: [key],
      logs: [{ origin: ORIGIN, vkeys: [VKEY] }],
    });
    return new TestWitness(formatVkey(key), fetch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function policyOf(witnesses: readonly TestWitness[], quorum: number): Policy {
  const names = witnesses.map((_, i) => `w${i}`);
  const lines = [
    `log ${VKEY}`,
    ...witnesses.map(({ vkey, url }, i) => `witness w${i} ${vkey} ${url}`),
    `group all ${quorum} ${names.join(" ")}`,
    "quorum all",
  ];
  return parsePolicy(utf8(lines.join("\n") + "\n"));
}

class WitnessedLog implements AsyncDisposable {
  /** The log's own milliseconds: a test lets a witness's pause pass at once. */
  static skipped = 0;

  private constructor(readonly log: Log, readonly stores: Stores, readonly policy: Policy) {}

  static async open(
    policy: Policy,
    stores?: Stores,
    witnessTimeout = 5000,
  ): Promise<WitnessedLog> {
    const opened = stores ?? { ledger: openMemoryLedger(), objects: openMemoryObjects() };
    const log = await openLog({
      ...opened,
      keys: testKeys(),
      policy,
      witnessTimeout,
      batchInterval: 5,
      hasher: plainHasher,
      startOpinion: plainOpinion,
      monotonic: () => performance.now() + WitnessedLog.skipped,
    });
    return new WitnessedLog(log, opened, policy);
  }

  async add(filename: string): Promise<{ status: number; body: Receipt }> {
    const response = await this.log.handler(addRequest(filename));
    return { status: response.status, body: await response.json() };
  }

  async checkpoint(): Promise<Uint8Array> {
    const response = await this.log.handler(new Request("http://127.0.0.1/checkpoint"));
    equal(response.status, 200);
    return await response.bytes();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.log.stop();
  }
}

interface Receipt {
  readonly index: number;
  readonly checkpoint: string;
  readonly inclusionProof: readonly string[];
  readonly entry: string;
  readonly error?: string;
}

function addRequest(filename: string): Request {
  return new Request("http://127.0.0.1/add", {
    method: "POST",
    headers: { Host: "127.0.0.1", "Content-Type": "application/json" },
    body: JSON.stringify({ filename, checksum: checksumOf(filename) }),
  });
}

function checksumOf(filename: string): string {
  return `sha256:${sha256(utf8(filename)).toHex()}`;
}

function proofOf({ index, checkpoint, inclusionProof, entry }: Receipt): Uint8Array {
  return formatTlogProof({
    extra: parseBase64(entry),
    index: BigInt(index),
    proof: inclusionProof.map(parseBase64),
    checkpoint: parseBase64(checkpoint),
  });
}

/** The verdict of an installer who trusts the policy and has the file. */
function verify(proof: Uint8Array, filename: string, policy: Policy) {
  const entry: Entry = {
    format: "pypi-transparency/v1",
    ecosystem: "pypi",
    event: "publish",
    file: filename,
    digest: sha256(utf8(filename)),
  };
  return verifyTlogProof(parseTlogProof(proof), leafHash(formatEntry(entry)), policy);
}

function sizeOf(note: Uint8Array): number {
  return Number(parseNote(note).text.split("\n")[1]);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("a log with a quorum answers with receipts that its policy accepts", async () => {
  await using a = await TestWitness.start("a.example");
  await using b = await TestWitness.start("b.example");
  const policy = policyOf([a, b], 2);
  await using log = await WitnessedLog.open(policy);
  for (const name of ["one-1.0.tar.gz", "two-1.0.tar.gz"]) {
    const { status, body } = await log.add(name);
    equal(status, 200);
    const verdict = verify(proofOf(body), name, policy);
    ok(verdict.kind === "accepted");
    deepEqual(verdict.cosigned.map(({ witness }) => witness.name), ["w0", "w1"]);
  }
});

Deno.test("a log publishes without a dead witness, and nothing without its quorum", async () => {
  await using a = await TestWitness.start("a.example");
  await using b = await TestWitness.start("b.example");
  await using c = await TestWitness.start("c.example");
  const policy = policyOf([a, b, c], 2);
  await using log = await WitnessedLog.open(policy);
  a.down = true;
  equal((await log.add("one-1.0.tar.gz")).status, 200);

  b.down = true;
  const refused = await log.add("two-1.0.tar.gz");
  equal(refused.status, 503);
  equal(refused.body.index, 1);
  match(refused.body.error!, /quorum/);
  equal(sizeOf(await log.checkpoint()), 1, "nothing newer is published");
  const tile = await log.log.handler(new Request("http://127.0.0.1/tile/0/000.p/2"));
  equal(tile.status, 404, "the tree that no quorum has cosigned is not shown");
  equal((await log.add("two-1.0.tar.gz")).body.index, 1, "a retry has the same index");

  a.down = b.down = false;
  WitnessedLog.skipped += 120_000;
  await until(async () => (await log.add("two-1.0.tar.gz")).status === 200);
  const { body } = await log.add("two-1.0.tar.gz");
  equal(body.index, 1);
  equal(verify(proofOf(body), "two-1.0.tar.gz", policy).kind, "accepted");
  const status = await (await log.log.handler(new Request("http://127.0.0.1/status"))).json();
  equal(status.witnesses.length, 3);
  ok(status.witnesses[1].failures > 0);
});

Deno.test("a cosignature that comes late is merged while its checkpoint is the head", async () => {
  await using fast = await TestWitness.start("fast.example");
  await using slow = await TestWitness.start("slow.example");
  const policy = policyOf([fast, slow], 1);
  await using log = await WitnessedLog.open(policy);
  let release = () => {};
  slow.before = () => new Promise((resolve) => release = resolve);
  const { status, body } = await log.add("one-1.0.tar.gz");
  equal(status, 200);
  const early = checkPolicy(policy, parseBase64(body.checkpoint));
  ok(early.kind === "accepted");
  deepEqual(early.cosigned.map(({ witness }) => witness.name), ["w0"]);
  release();
  slow.before = () => Promise.resolve();
  await until(async () => {
    const verdict = checkPolicy(policy, await log.checkpoint());
    return verdict.kind === "accepted" && verdict.cosigned.length === 2;
  });
  deepEqual(await log.stores.objects.read("checkpoint"), await log.checkpoint());
});

Deno.test("a cosignature that comes too late is dropped, but its size is remembered", async () => {
  await using fast = await TestWitness.start("fast.example");
  await using slow = await TestWitness.start("slow.example");
  const policy = policyOf([fast, slow], 1);
  await using log = await WitnessedLog.open(policy);
  const released = Promise.withResolvers<void>();
  slow.before = () => released.promise;
  equal((await log.add("one-1.0.tar.gz")).status, 200);
  equal((await log.add("two-1.0.tar.gz")).status, 200);
  const cosigners = async () => {
    const verdict = checkPolicy(policy, await log.checkpoint());
    ok(verdict.kind === "accepted");
    equal(verdict.checkpoint.size, 2n);
    return verdict.cosigned.map(({ witness }) => witness.name);
  };
  deepEqual(await cosigners(), ["w0"]);
  released.resolve();
  // Size 0 at the start, then size 1, late; then size 2 without a 409 in between.
  await until(async () => (await cosigners()).length === 2);
  deepEqual(slow.asked, ["old 0: 200", "old 0: 200", "old 1: 200"]);
});

Deno.test("a witness with another size is given the proof from there at once", async () => {
  await using steady = await TestWitness.start("steady.example");
  await using away = await TestWitness.start("away.example");
  const stores = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  {
    await using log = await WitnessedLog.open(policyOf([steady, away], 1), stores);
    await log.add("one-1.0.tar.gz");
    await until(() => Promise.resolve(away.asked.length === 2));
    away.down = true;
    await log.add("two-1.0.tar.gz");
    await log.add("three-1.0.tar.gz");
  }
  away.down = false;
  away.asked.length = 0;
  const policy = policyOf([steady, away], 2);
  await using log = await WitnessedLog.open(policy, stores);
  deepEqual(away.asked, ["old 3: 409", "old 1: 200"]);
  equal(checkPolicy(policy, await log.checkpoint()).kind, "accepted");
});

Deno.test("a sick witness is left alone for a while, longer each time", async () => {
  await using sick = await TestWitness.start("sick.example");
  await using log = await WitnessedLog.open(policyOf([sick], 1));
  sick.down = true;
  sick.asked.length = 0;
  /** How often it is asked by an add after a pause. */
  const askedAfter = async (milliseconds: number) => {
    WitnessedLog.skipped += milliseconds;
    const before = sick.asked.length;
    equal((await log.add("one-1.0.tar.gz")).status, 503);
    return sick.asked.length - before;
  };
  // The test's own time passes too, but not as much as is missing.
  deepEqual(
    [await askedAfter(0), await askedAfter(0), await askedAfter(1_000), await askedAfter(1_000)],
    [1, 0, 1, 0],
  );
  deepEqual([await askedAfter(1_000), await askedAfter(2_000), await askedAfter(2_000)], [1, 0, 1]);
  const { witnesses: [health] } =
    await (await log.log.handler(new Request("http://127.0.0.1/status"))).json();
  deepEqual([health.requests, health.failures, health.size], [5, 4, 0]);
  match(health.lastFailure, /500/);
  sick.down = false;
  WitnessedLog.skipped += 60_000;
  await until(async () => (await log.add("one-1.0.tar.gz")).status === 200);
});

Deno.test("a witness that hangs costs its deadline where the quorum needs it, else nothing", async () => {
  await using quick = await TestWitness.start("quick.example");
  await using stuck = await TestWitness.start("stuck.example");
  const never = Promise.withResolvers<void>();
  {
    await using log = await WitnessedLog.open(policyOf([quick, stuck], 2), undefined, 100);
    stuck.before = () => never.promise;
    equal((await log.add("one-1.0.tar.gz")).status, 503);
    never.resolve();
  }
});

Deno.test("a log hears all its witnesses at the start: any one may know a larger tree", async () => {
  await using forgetful = await TestWitness.start("forgetful.example");
  await using knowing = await TestWitness.start("knowing.example");
  {
    await using log = await WitnessedLog.open(policyOf([knowing], 1));
    await log.add("one-1.0.tar.gz");
  }
  const slowed = Promise.withResolvers<void>();
  knowing.before = () => slowed.promise;
  const opened = WitnessedLog.open(policyOf([forgetful, knowing], 1));
  opened.catch(() => {});
  await until(() => Promise.resolve(forgetful.asked.length === 1));
  slowed.resolve();
  await rejects(opened, /w1 has cosigned size 1 .* whose size is 0/);
});

Deno.test("a log stops when a witness that was away comes back knowing a larger tree", async () => {
  await using forgetful = await TestWitness.start("forgetful.example");
  await using knowing = await TestWitness.start("knowing.example");
  {
    await using log = await WitnessedLog.open(policyOf([knowing], 1));
    for (const name of ["one", "two", "three"]) await log.add(`${name}-1.0.tar.gz`);
  }
  knowing.down = true;
  const log = await WitnessedLog.open(policyOf([forgetful, knowing], 1));
  knowing.down = false;
  WitnessedLog.skipped += 60_000;
  // The quorum may be met before it is heard: then the next checkpoint is one too many.
  const finished = rejects(log.log.finished, /w1 has cosigned size 3 of this log/);
  for (let i = 0; (await log.add(`other-${i}.tar.gz`)).status === 200; i++) ok(i < 100);
  await finished;
});

Deno.test("a log that is older than what its witness has seen refuses to start", async () => {
  await using witness = await TestWitness.start("a.example");
  const policy = policyOf([witness], 1);
  {
    await using log = await WitnessedLog.open(policy);
    await log.add("one-1.0.tar.gz");
    await log.add("two-1.0.tar.gz");
  }
  const restored = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  await rejects(WitnessedLog.open(policy, restored), /cosigned size 2 .* whose size is 0/);
});

Deno.test("split view: the witness keeps the evidence, the consumer refuses", async () => {
  await using witness = await TestWitness.start("a.example");
  const policy = policyOf([witness], 1);
  const fork = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  // Two logs with one key start from nothing; the witness has seen neither.
  await using honest = await WitnessedLog.open(policy);
  await using forked = await WitnessedLog.open(policy, fork);

  const shown = await honest.add("lib-1.0.tar.gz");
  equal(shown.status, 200);
  const hidden = await forked.add("lib-1.0.post1.tar.gz");
  equal(hidden.status, 503, "the witness does not cosign a second history");

  // The evidence: both heads of size 1, signed by the log's own key.
  const listed = await (await witness.fetch(new Request(`${witness.url}/evidence`))).json();
  ok(listed.count >= 1);
  match(JSON.stringify(listed), new RegExp(ORIGIN));

  // What the forked log can show its victim without the witness.
  const head = (await fork.ledger.load()).head!;
  const proof = formatTlogProof({
    extra: formatEntry(parseEntry(utf8(
      `pypi-transparency/v1\n${checksumOf("lib-1.0.post1.tar.gz")}\nlib-1.0.post1.tar.gz`,
    ))),
    index: 0n,
    proof: [],
    checkpoint: head.checkpoint,
  });
  const verdict = verify(proof, "lib-1.0.post1.tar.gz", policy);
  ok(verdict.kind === "refused");
  match(verdict.why, /quorum "all" is not met/);
  equal(verify(proofOf(shown.body), "lib-1.0.tar.gz", policy).kind, "accepted");
});

Deno.test("what was published without the quorum is not shown once it is asked for", async () => {
  await using witness = await TestWitness.start("a.example");
  const policy = policyOf([witness], 1);
  const stores = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  {
    // As a log that had no policy.
    const log = await openLog({
      ...stores,
      keys: testKeys(),
      batchInterval: 5,
      hasher: plainHasher,
      startOpinion: plainOpinion,
    });
    await log.handler(addRequest("one-1.0.tar.gz"));
    await log.stop();
  }
  witness.down = true;
  await using log = await WitnessedLog.open(policy, stores);
  const shown = await log.log.handler(new Request("http://127.0.0.1/checkpoint"));
  equal(shown.status, 404, await shown.text());
  equal((await log.add("one-1.0.tar.gz")).status, 503);
  witness.down = false;
  WitnessedLog.skipped += 120_000;
  // Nothing new comes in, and it is published all the same.
  await until(async () =>
    (await log.log.handler(new Request("http://127.0.0.1/checkpoint"))).status === 200
  );
  equal(checkPolicy(policy, await log.checkpoint()).kind, "accepted");
});

Deno.test("a restart never takes cosignatures away", async () => {
  await using a = await TestWitness.start("a.example");
  await using b = await TestWitness.start("b.example");
  const policy = policyOf([a, b], 2);
  const stores = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  {
    await using log = await WitnessedLog.open(policy, stores);
    equal((await log.add("one-1.0.tar.gz")).status, 200);
  }
  a.down = b.down = true;
  for (const witnessFailOpen of [true, false]) {
    const log = await openLog({
      ...stores,
      keys: testKeys(),
      policy,
      witnessFailOpen,
      batchInterval: 5,
      hasher: plainHasher,
      startOpinion: plainOpinion,
    });
    const shown = await log.handler(new Request("http://127.0.0.1/checkpoint"));
    const verdict = checkPolicy(policy, await shown.bytes());
    ok(verdict.kind === "accepted" && verdict.cosigned.length === 2);
    await log.stop();
  }
});

Deno.test("an idle log is signed by a new key as soon as it starts with it", async () => {
  const stores = { ledger: openMemoryLedger(), objects: openMemoryObjects() };
  const next = signerKey(ORIGIN, KeyType.ed25519, sha256(utf8("the next key")));
  const open = (skeys: string[], vkeys: string[]) =>
    openLog({
      ...stores,
      keys: readLogKeys(skeys, vkeys, () => 1n),
      batchInterval: 5,
      hasher: plainHasher,
      startOpinion: plainOpinion,
    });
  const old = await open([SKEY], [VKEY]);
  await old.handler(addRequest("one-1.0.tar.gz"));
  await old.stop();
  const rotated = await open([formatSkey(next)], [formatVkey(next), VKEY]);
  const note = await (await rotated.handler(new Request("http://127.0.0.1/checkpoint"))).bytes();
  equal(openNote(note, [verifierOf(next)]).kind, "verified");
  await rotated.stop();
  // And the old key is no longer needed.
  await (await open([formatSkey(next)], [formatVkey(next)])).stop();
});
