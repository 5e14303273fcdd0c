import {
  type Checkpoint,
  concat,
  cosignatureTime,
  encodeBase64,
  formatAddCheckpoint,
  formatSignatureLine,
  KeyType,
  type NoteVerifier,
  openNote,
  parseNote,
  sha256,
  type SignerKey,
  signerOf,
  signNote,
  subtreeMessage,
  utf8,
} from "@indelible/core";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import assert from "node:assert/strict";
import { GrowingLog, testKey } from "../tests/growing_log.ts";
import { createWitness, MAX_BODY, type WitnessHandler, type WitnessOptions } from "./http.ts";
import { logId, MAX_EVIDENCE } from "./store.ts";
import { MemoryStore } from "./store_memory.ts";

const NAME = "witness.example/test";
const ED25519 = testKey(NAME, KeyType.ed25519Cosignature);
const ML_DSA_44 = testKey(NAME, KeyType.mlDsa44);
const LOG = new GrowingLog("log.example/http");
const FORK = new GrowingLog(LOG.origin, "fork", { log: LOG, size: 5 });

/** A witness in memory of one log, with a clock of its own. */
async function testWitness(options: Partial<WitnessOptions> = {}) {
  const clock = { now: 1_700_000_000n };
  const store = new MemoryStore();
  const handler = await createWitness({
    store,
    keys: [ED25519],
    logs: [LOG.trusted],
    now: () => clock.now,
    ...options,
  });
  return { ...handler, store, clock, ...client(handler) };
}

function client({ fetch }: WitnessHandler) {
  const send = (path: string, init?: RequestInit, address?: string) =>
    fetch(new Request(`http://witness${path}`, init), address ? { address } : undefined);
  const post = async (
    body: Uint8Array<ArrayBuffer>,
    address?: string,
    path = "/add-checkpoint",
  ) => {
    const response = await send(path, { method: "POST", body }, address);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { send, post };
}

const cosignaturesOf = (text: Uint8Array, lines: string) =>
  parseNote(concat(parseNoteText(text), utf8(`\n${lines}`))).signatures;
const parseNoteText = (note: Uint8Array) => utf8(parseNote(note).text);

Deno.test("witness answers with its own verified lines and nothing else", async () => {
  const { post, witness } = await testWitness({ keys: [ML_DSA_44, ED25519] });
  const { status, text } = await post(await LOG.request(0, 7));
  assert.equal(status, 200);
  const note = concat(parseNoteText(LOG.checkpoint(7)), utf8(`\n${text}`));
  const opened = openNote(note, witness.cosigner.verifiers);
  assert.equal(opened.kind, "verified");
  assert.equal(text.split("\n").length, 3, "two lines, each with its newline");
  assert.deepEqual(
    cosignaturesOf(LOG.checkpoint(7), text).map(({ keyId }) => keyId),
    [ED25519.keyId, ML_DSA_44.keyId],
  );
  for (const { signature } of cosignaturesOf(LOG.checkpoint(7), text)) {
    assert.equal(cosignatureTime(signature), 1_700_000_000n);
  }
});

Deno.test("witness takes a 0x01 key as the same key of type 0x04", async () => {
  const { witness } = await testWitness({ keys: [testKey(NAME, KeyType.ed25519)] });
  assert.equal(witness.cosigner.keys[0]!.type, KeyType.ed25519Cosignature);
});

Deno.test("witness answers 409 with the size and its type alone", async () => {
  const { post } = await testWitness();
  await post(await LOG.request(0, 7));
  const { status, headers, text } = await post(await LOG.request(0, 9));
  assert.equal(status, 409);
  assert.equal(headers.get("content-type"), "text/x.tlog.size");
  assert.equal(text, "7\n");
});

Deno.test("witness refuses extension lines, and a refresh still works", async () => {
  const { post } = await testWitness();
  await post(await LOG.request(0, 7));
  const { status, text } = await post(await LOG.request(7, 7, { extensions: ["more"] }));
  assert.equal(status, 400);
  assert.match(text, /refuses extension lines.*"field":"checkpoint"/);
  assert.equal((await post(await LOG.request(7, 7))).status, 200);
});

Deno.test("witness refreshes with the time of now, and never goes back", async () => {
  const { post, clock } = await testWitness();
  const time = (text: string) =>
    cosignatureTime(cosignaturesOf(LOG.checkpoint(7), text)[0]!.signature);
  await post(await LOG.request(0, 7));
  clock.now += 5n;
  assert.equal(time((await post(await LOG.request(7, 7))).text), 1_700_000_005n);
  assert.equal((await post(await LOG.request(7, 7))).status, 200, "the same second");
  clock.now -= 1n;
  const refused = await post(await LOG.request(7, 7));
  assert.equal(refused.status, 503);
  assert.match(refused.text, /clock is behind/);
  assert.equal((await post(await LOG.request(7, 8))).status, 503);
  clock.now = 0n;
  assert.equal((await post(await LOG.request(7, 8))).status, 503);
  clock.now = 1_700_000_005n;
  assert.equal((await post(await LOG.request(7, 8))).status, 200);
});

Deno.test("witness ignores lines under its own name and does not keep them", async () => {
  const { post, send } = await testWitness();
  const forger = signerOf(testKey(NAME, KeyType.ed25519), () => 0n);
  const own = signerOf(LOG.key, () => 0n);
  const forged = {
    name: NAME,
    keyId: ED25519.keyId,
    sign: () => new Uint8Array(72).fill(7),
  };
  const signers = [forged, forger, own];
  assert.equal((await post(await LOG.request(0, 7, { signers }))).status, 200);
  const note = await (await send(`/${logId(LOG.origin)}/checkpoint`)).bytes();
  const { signatures } = parseNote(note);
  assert.deepEqual(signatures.map(({ keyId }) => keyId), [LOG.key.keyId, ED25519.keyId]);
  assert.notDeepEqual(signatures[1]!.signature, forged.sign());
  assert.equal((await post(await LOG.request(7, 9))).status, 200);
});

Deno.test("witness refuses to witness itself or its own key", async () => {
  const self = { origin: NAME, vkeys: [LOG.vkey] };
  await assert.rejects(testWitness({ logs: [self] }), /own name/);
  const own = { origin: "log.example/x", vkeys: [`${testVkey(NAME)}`] };
  await assert.rejects(testWitness({ logs: [own] }), /own key/);
  const store = new MemoryStore();
  await store.register(NAME, [LOG.vkey]);
  await assert.rejects(testWitness({ store }), /own name/);
});

function testVkey(name: string): string {
  const { keyId, publicKey } = testKey(name, KeyType.ed25519Cosignature);
  return `${name}+${keyId}+${encodeBase64(concat(Uint8Array.of(4), publicKey))}`;
}

Deno.test("witness refuses a store of a witness with another name", async () => {
  const store = new MemoryStore();
  await testWitness({ store });
  const keys = [testKey("other.example", KeyType.ed25519Cosignature)];
  await assert.rejects(testWitness({ store, keys }), /is that of the witness/);
});

Deno.test("witness trusts both keys of a rotation, and forgets a removed one", async () => {
  const next = testKey("next key of the log".replaceAll(" ", "-"));
  const nextSigner = signerOf(next, () => 0n);
  const nextVkey = `${next.name}+${next.keyId}+${
    encodeBase64(concat(Uint8Array.of(1), next.publicKey))
  }`;
  const { post, witness } = await testWitness();
  await post(await LOG.request(0, 3));
  const signers = [nextSigner];
  assert.equal((await post(await LOG.request(3, 4, { signers }))).status, 403);
  witness.configure([{ origin: LOG.origin, vkeys: [LOG.vkey, nextVkey] }]);
  assert.equal((await post(await LOG.request(3, 4, { signers }))).status, 200);
  assert.equal((await post(await LOG.request(4, 5))).status, 200);
  witness.configure([{ origin: LOG.origin, vkeys: [nextVkey] }]);
  assert.equal((await post(await LOG.request(5, 6))).status, 403);
  assert.equal((await post(await LOG.request(5, 6, { signers }))).status, 200);
  witness.configure([]);
  assert.equal((await post(await LOG.request(6, 7))).status, 404);
});

Deno.test("witness keeps heads that conflict, counts them, and cosigns none", async () => {
  const { post, send, witness } = await testWitness();
  await post(await LOG.request(0, 7));
  const fork = await FORK.request(7, 7);
  assert.equal((await post(fork)).status, 422);
  assert.equal((await post(fork)).status, 422);
  // Also when the old size is wrong, and the answer is 409.
  assert.equal((await post(await FORK.request(0, 7))).status, 409);
  assert.equal((await post(await FORK.request(7, 9))).status, 422);
  const page = await (await send("/evidence")).json();
  assert.equal(page.count, 2);
  const [unproven, forked] = page.evidence;
  assert.deepEqual([unproven.kind, unproven.size, unproven.count], ["unproven", "9", 1]);
  assert.deepEqual([forked.kind, forked.size, forked.count], ["fork", "7", 3]);
  assert.equal(forked.origin, LOG.origin);
  // The two notes prove it by themselves: one log, one size, two root hashes.
  const log: NoteVerifier[] = [verifier(LOG.key)];
  const refused = openNote(Uint8Array.fromBase64(forked.checkpoint), log);
  const cosigned = openNote(Uint8Array.fromBase64(forked.cosigned), log);
  assert.ok(refused.kind === "verified" && cosigned.kind === "verified");
  assert.notEqual(refused.text, cosigned.text);
  const cosignatures = openNote(
    Uint8Array.fromBase64(forked.checkpoint),
    witness.cosigner.verifiers,
  );
  assert.equal(cosignatures.kind, "unverified");
  assert.match(witness.metrics.text(), /evidence_total\{origin="[^"]+",kind="fork"\} 3/);
  assert.equal((await post(await LOG.request(7, 9))).status, 200, "the log goes on");
});

function verifier({ name, keyId, publicKey }: SignerKey): NoteVerifier {
  return {
    name,
    keyId,
    verify: (text, signature) => {
      const { sign } = signerOf(LOG.key, () => 0n);
      return publicKey.length === 32 && encodeBase64(sign(text)) === encodeBase64(signature);
    },
  };
}

Deno.test("strangers leave no evidence", async () => {
  const { post, send } = await testWitness();
  await post(await LOG.request(0, 7));
  const stranger = signerOf(testKey("stranger.example"), () => 0n);
  for (let size = 8; size < 12; size++) {
    const root = sha256(utf8(`${size}`));
    await post(await LOG.request(7, size, { root, signers: [stranger] }));
  }
  assert.equal((await (await send("/evidence")).json()).count, 0);
  assert.ok(MAX_EVIDENCE > 4);
});

Deno.test("witness refuses large bodies before it reads them", async () => {
  const { post, send } = await testWitness();
  const { status } = await post(new Uint8Array(MAX_BODY + 1));
  assert.equal(status, 413);
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(16 * 1024));
    },
  });
  const chunked = await send("/add-checkpoint", { method: "POST", body: endless });
  assert.equal(chunked.status, 413);
  assert.ok(pulled < 20, `${pulled} parts were read`);
  const padded = new Uint8Array(MAX_BODY).fill(0x41);
  assert.equal((await post(padded)).status, 400, "exactly the limit is parsed");
});

Deno.test("witness answers unknown paths, methods and logs", async () => {
  const { send } = await testWitness();
  const status = async (path: string, method = "GET") => (await send(path, { method })).status;
  assert.equal(await status("/add-checkpoint"), 405);
  assert.equal((await send("/add-checkpoint")).headers.get("allow"), "POST");
  assert.equal(await status("/add-checkpoint?x=1", "PUT"), 405);
  assert.equal(await status(`/${logId(LOG.origin)}/checkpoint`, "POST"), 405);
  assert.equal(await status(`/${logId(LOG.origin)}/checkpoint`), 404);
  assert.equal(await status(`/${logId(LOG.origin).toUpperCase()}/checkpoint`), 404);
  for (const path of ["/", "/add-checkpoint/", "/checkpoint", "/x", "//add-checkpoint"]) {
    assert.equal(await status(path), 404, path);
  }
  assert.equal(await status("/healthz"), 200);
  assert.equal(await status("/healthz", "POST"), 405);
  assert.equal(await status("/sign-subtree", "POST"), 404, "no ML-DSA-44 key");
});

Deno.test("a flood of failing requests is limited, good logs are not", async () => {
  const { post, send } = await testWitness({ maxFailures: 5 });
  const bad = utf8("old x\n\n");
  for (let i = 0; i < 5; i++) assert.equal((await post(bad, "192.0.2.1")).status, 400);
  const limited = await post(bad, "192.0.2.1");
  assert.equal(limited.status, 429);
  assert.equal(limited.headers.get("retry-after"), "60");
  const first = await LOG.request(0, 1);
  assert.equal((await post(first, "192.0.2.1")).status, 429, "refused unread");
  assert.equal((await post(first, "192.0.2.2")).status, 200, "another address");
  // The log's own address, behind which a stranger may stand too.
  for (let i = 0; i < 5; i++) assert.equal((await post(bad, "192.0.2.2")).status, 400);
  assert.equal((await post(bad, "192.0.2.2")).status, 429);
  for (let size = 1; size < 20; size++) {
    assert.equal((await post(await LOG.request(size, size + 1), "192.0.2.2")).status, 200);
    assert.equal((await post(await LOG.request(0, size), "192.0.2.2")).status, 409);
  }
  assert.equal((await send("/healthz", {}, "192.0.2.1")).status, 200);
});

Deno.test("addresses of one IPv6 network are one", async () => {
  const { post } = await testWitness({ maxFailures: 1 });
  const bad = utf8("old x\n\n");
  assert.equal((await post(bad, "2001:db8::1")).status, 400);
  assert.equal((await post(bad, "2001:db8:0:0:ffff::2")).status, 429);
  assert.equal((await post(bad, "2001:db8:0:1::1")).status, 400);
  assert.equal((await post(bad, "::ffff:192.0.2.7")).status, 400);
  assert.equal((await post(bad, "192.0.2.7")).status, 429);
});

Deno.test("witness cosigns subtrees of what it cosigned", async () => {
  const { post, send } = await testWitness({ keys: [ED25519, ML_DSA_44] });
  await post(await LOG.request(0, 14));
  const note = await (await send(`/${logId(LOG.origin)}/checkpoint`)).bytes();
  const subtree = async (end: number, checkpoint = note, hash = LOG.root(end)) => {
    // A subtree from 0 has the consistency proof of its size, but for a perfect one.
    const proof = await LOG.prove(end, 14);
    const lines = [`subtree 0 ${end}`, ...[hash, ...proof].map(encodeBase64)];
    return concat(utf8(`${lines.join("\n")}\n\n`), checkpoint);
  };
  const ask = async (body: Uint8Array<ArrayBuffer>) => await post(body, undefined, "/sign-subtree");
  const { status, text } = await ask(await subtree(13));
  assert.equal(status, 200, text);
  const [line] = cosignaturesOf(LOG.checkpoint(14), text);
  assert.equal(line!.keyId, ML_DSA_44.keyId);
  assert.equal(cosignatureTime(line!.signature), 0n);
  const message = subtreeMessage({
    cosigner: NAME,
    time: 0n,
    origin: LOG.origin,
    start: 0n,
    end: 13n,
    hash: LOG.root(13),
  });
  assert.ok(ml_dsa44.verify(line!.signature.subarray(8), message, ML_DSA_44.publicKey));
  assert.equal((await ask(await subtree(13, note, LOG.root(12)))).status, 422);
  assert.equal((await ask(await subtree(13, LOG.checkpoint(14)))).status, 403);
  const other = new GrowingLog("other.example/log");
  assert.equal((await ask(await subtree(13, other.checkpoint(14)))).status, 404);
  const tooLong = concat(utf8(`subtree 0 15\n${encodeBase64(LOG.root(15))}\n\n`), note);
  assert.equal((await ask(tooLong)).status, 400);
  const noSubtree = concat(utf8(`subtree 1 3\n${encodeBase64(LOG.root(3))}\n\n`), note);
  assert.equal((await ask(noSubtree)).status, 400);
  assert.equal((await ask(utf8("subtree"))).status, 400);
});

Deno.test("a commit that cannot be made releases no signature", async () => {
  const store = new MemoryStore();
  const { post, witness } = await testWitness({ store });
  await post(await LOG.request(0, 3));
  store.swap = () => Promise.reject(new Error("disk on fire"));
  const { status, text } = await post(await LOG.request(3, 4));
  assert.equal(status, 503);
  assert.doesNotMatch(text, /—|fire/);
  assert.match(witness.metrics.text(), /store_errors_total 1/);
});

Deno.test("witness signs what it parsed, for every size and root", async () => {
  const seen: Checkpoint[] = [];
  const { post, witness } = await testWitness();
  for (const size of [0, 1, 2, 3, 8, 21]) {
    const old = seen.length === 0 ? 0 : Number(seen.at(-1)!.size);
    const { status, text } = await post(await LOG.request(old, size));
    assert.equal(status, 200, `${size}`);
    const note = concat(parseNoteText(LOG.checkpoint(size)), utf8(`\n${text}`));
    assert.equal(openNote(note, witness.cosigner.verifiers).kind, "verified");
    seen.push({ origin: LOG.origin, size: BigInt(size), root: LOG.root(size), extensions: [] });
  }
});

Deno.test("formatAddCheckpoint() of a foreign note is refused by its signature first", async () => {
  const { post } = await testWitness();
  await post(await LOG.request(0, 7));
  const stranger = signNote(parseNote(LOG.checkpoint(7)).text, [
    signerOf(testKey("stranger.example"), () => 0n),
  ]);
  const body = formatAddCheckpoint({ oldSize: 3n, proof: [], checkpoint: stranger });
  const { status, text } = await post(body);
  assert.equal(status, 403, "a stranger learns no size");
  assert.doesNotMatch(text, /7/);
  assert.ok(formatSignatureLine(parseNote(stranger).signatures[0]!).startsWith("— stranger"));
});

Deno.test("a body that comes too slowly is given up with 408", async () => {
  const { send } = await testWitness({ pace: { timeout: 1 } });
  const body = new ReadableStream<Uint8Array>({ start: (pieces) => pieces.enqueue(utf8("old 0")) });
  const response = await send("/add-checkpoint", { method: "POST", body });
  assert.equal(response.status, 408);
  assert.deepEqual(await response.json(), { error: "The body came too slowly" });
});
