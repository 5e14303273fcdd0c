import assert from "node:assert/strict";
import fc from "fast-check";
import { RUNS, TestLog } from "./_testing.ts";
import { concat, encodeBase64, parseUtf8, utf8 } from "./bytes.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { signerOf } from "./cosignature.ts";
import { type Entry, formatEntry } from "./entry.ts";
import type { EvidenceFile } from "./evidence.ts";
import { checkEvidence } from "./evidence_check.ts";
import { encodeEvidence, parseEvidence } from "./evidence_file.ts";
import { describeTime } from "./evidence_open.ts";
import { type Hash, sha256 } from "./hash.ts";
import { formatVkey, KeyType, signerKey } from "./key.ts";
import { LogReader } from "./log_reader.ts";
import { signNote } from "./note.ts";
import { parsePolicy } from "./policy.ts";
import { provePrefix } from "./proof.ts";
import { tileAt, tilePath } from "./tile.ts";
import { formatTlogProof } from "./tlog_proof.ts";

const LOG = signerKey("log.test/evidence", KeyType.ed25519, sha256(utf8("log")));
const WITNESS = signerKey("w.test", KeyType.ed25519Cosignature, sha256(utf8("witness")));
const POLICY = `log ${formatVkey(LOG)}\nwitness W ${formatVkey(WITNESS)}\nquorum W\n`;
const HEAD = {
  origin: LOG.name,
  time: "2026-11-22T17:00:00Z",
  summary: "what a monitor says",
  policy: POLICY,
};

function note({ size, root }: { size: bigint; root: Hash }, cosigned = true): string {
  const text = formatCheckpoint({ origin: LOG.name, size, root, extensions: [] });
  const signers = [
    signerOf(LOG, () => 0n),
    ...cosigned ? [signerOf(WITNESS, () => 1_790_000_000n)] : [],
  ];
  return parseUtf8(signNote(text, signers));
}

function publication(file: string, content: string, fields: Partial<Entry> = {}): Uint8Array {
  return formatEntry({
    format: "pypi-transparency/v1",
    ecosystem: "pypi",
    event: "publish",
    file,
    digest: sha256(utf8(content)),
    ...fields,
  });
}

const BY = (subject: string) => ({ publisher: { issuer: "https://issuer.example", subject } });

/** A log in which file 3 has a second digest at 290, and its publisher changed and vanished. */
const BAD = new TestLog(300, (i) => {
  if (i === 290) return publication("lib-1.3.tar.gz", "other");
  if (i === 5 || i === 291) return publication(`a-1.${i}.tar.gz`, "", BY(i === 5 ? "old" : "new"));
  return publication(`lib-1.${i}.tar.gz`, `content ${i}`);
});

async function proofOf(index: number, log = BAD, size = 300): Promise<string> {
  const head = log.head(size);
  const proof = await new LogReader(head, log.at(size)).proveInclusion(BigInt(index));
  const checkpoint = utf8(note(head));
  return parseUtf8(
    formatTlogProof({ extra: log.entries[index]!, index: BigInt(index), proof, checkpoint }),
  );
}

async function fork(oldSize: number, size: number): Promise<EvidenceFile> {
  const [mine, theirs] = [
    new TestLog(size),
    new TestLog(size, (i) => utf8(i === 1 ? "x" : `${i}`)),
  ];
  const read = new LogReader(theirs.head(size), theirs.at(size));
  const path = await provePrefix(BigInt(oldSize), BigInt(size), (nodes) => read.readHashes(nodes));
  return {
    ...HEAD,
    kind: "fork",
    checkpoints: [note(mine.head(oldSize)), note(theirs.head(size), false)],
    proof: oldSize === size ? [] : path.map(encodeBase64),
  };
}

/** One of each kind, all of them true. */
async function examples(): Promise<EvidenceFile[]> {
  const head = BAD.head(300);
  const served = async (path: string) => ({
    path,
    bytes: encodeBase64((await BAD.at(300)(path))!),
  });
  const edge = await Promise.all([0, 1].map((level) => {
    const width = level === 0 ? 44 : 1;
    return served(tilePath({ level, index: level === 0 ? 1n : 0n, width }));
  }));
  const broken = (await BAD.at(300)("tile/0/000"))!.slice();
  broken[9]! ^= 1;
  const artifact = { url: "https://files.example/lib-1.3.tar.gz", time: HEAD.time };
  return [
    await fork(7, 7),
    await fork(4, 11),
    await fork(6, 11),
    { ...HEAD, kind: "second-digest", entries: [await proofOf(3), await proofOf(290)] },
    {
      ...HEAD,
      kind: "root-mismatch",
      checkpoint: note(head),
      tiles: [...edge, { path: "tile/0/000", bytes: encodeBase64(broken) }],
    },
    {
      ...HEAD,
      kind: "root-mismatch",
      checkpoint: note(head),
      tiles: [...edge, await served("tile/0/000")],
      entry: { index: "9", bytes: encodeBase64(utf8("not what was logged")) },
    },
    { ...HEAD, kind: "unauthorised", entry: await proofOf(3) },
    { ...HEAD, kind: "watched", entry: await proofOf(3) },
    { ...HEAD, kind: "publisher-changed", before: await proofOf(5), entry: await proofOf(291) },
    { ...HEAD, kind: "publisher-vanished", before: await proofOf(5), entry: await proofOf(292) },
    {
      ...HEAD,
      kind: "artifact-differs",
      entry: await proofOf(3),
      artifact: { ...artifact, sha256: "ab".repeat(32) },
    },
    { ...HEAD, kind: "artifact-missing", entry: await proofOf(3), artifact },
    { ...HEAD, kind: "witness-silent", checkpoint: note(head), witness: "W" },
    { ...HEAD, kind: "checkpoint-stale", checkpoint: note(head) },
    { ...HEAD, kind: "log-stalled", checkpoint: note(head) },
    { ...HEAD, kind: "not-accepted", checkpoint: note(head, false) },
  ];
}

const EXAMPLES = await examples();
const TRUSTED = parsePolicy(utf8(POLICY));

for (const [i, evidence] of EXAMPLES.entries()) {
  Deno.test(`evidence of ${evidence.kind} (${i}) is verified from its file, and explained`, async () => {
    const read = parseEvidence(encodeEvidence(evidence));
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(evidence)));
    const verdict = await checkEvidence(read, TRUSTED);
    assert.equal(verdict.kind, "verified", verdict.kind === "refused" ? verdict.why : "");
    assert.ok(verdict.kind === "verified" && verdict.proves.length > 0);
    const proof = ["fork", "second-digest"].includes(evidence.kind);
    assert.equal(verdict.strength, proof ? "proof" : "report");
    assert.ok(verdict.provesNot.length > 0);
    // By the keys that it names itself it holds too, and says that they are its own.
    const own = await checkEvidence(read, null);
    assert.ok(own.kind === "verified" && /names them itself/.test(own.provesNot.at(-1)!));
  });

  Deno.test(`evidence of ${evidence.kind} (${i}) with any byte changed is no evidence`, () => {
    const bytes = encodeEvidence(evidence);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = bytes.slice();
        changed[at]! ^= by;
        assert.throws(() => parseEvidence(changed), SyntaxError);
        assert.throws(() => parseEvidence(bytes.subarray(0, at)), SyntaxError);
      }),
      { numRuns: RUNS },
    );
  });
}

/** The signed and proven parts of evidence, each of which may be another. */
function* forgeries(evidence: EvidenceFile): Generator<EvidenceFile> {
  const swap = (text: string, at: number): string => {
    const old = text[at]!;
    return text.slice(0, at) + (old === "A" ? "B" : "A") + text.slice(at + 1);
  };
  const every = function* (text: string): Generator<string> {
    // Under another name a cosignature is nobody's: the same evidence, but for that witness.
    const name = text.lastIndexOf("— w.test ");
    for (let at = 0; at < text.length; at += 7) {
      const named = name >= 0 && at >= name && at < name + "— w.test Jammgx".length;
      if (text[at] !== "\n" && !named) yield swap(text, at);
    }
  };
  switch (evidence.kind) {
    case "fork": {
      const [a, b] = evidence.checkpoints;
      for (const changed of every(a)) yield { ...evidence, checkpoints: [changed, b] };
      for (const changed of every(b)) yield { ...evidence, checkpoints: [a, changed] };
      if (evidence.proof.length > 0) yield { ...evidence, checkpoints: [b, a] };
      yield { ...evidence, checkpoints: [a, a], proof: [] };
      for (const i of evidence.proof.keys()) {
        const other = evidence.proof.with(i, encodeBase64(sha256(utf8("other"))));
        yield { ...evidence, proof: other };
        yield { ...evidence, proof: evidence.proof.toSpliced(i, 1) };
      }
      yield { ...evidence, proof: [...evidence.proof, encodeBase64(sha256(utf8("more")))] };
      return;
    }
    case "second-digest": {
      const [a, b] = evidence.entries;
      for (const changed of every(a)) yield { ...evidence, entries: [changed, b] };
      yield { ...evidence, entries: [b, a] };
      yield { ...evidence, entries: [a, a] };
      return;
    }
    case "root-mismatch":
      for (const changed of every(evidence.checkpoint)) yield { ...evidence, checkpoint: changed };
      for (const i of evidence.tiles.keys()) {
        yield { ...evidence, tiles: evidence.tiles.toSpliced(i, 1) };
      }
      yield { ...evidence, tiles: [...evidence.tiles, { path: "tile/0/000.p/7", bytes: "" }] };
      return;
    case "witness-silent":
      yield { ...evidence, witness: "X" };
      for (const changed of every(evidence.checkpoint)) yield { ...evidence, checkpoint: changed };
      return;
    case "checkpoint-stale":
    case "log-stalled":
    case "not-accepted":
      for (const changed of every(evidence.checkpoint)) yield { ...evidence, checkpoint: changed };
      return;
    default:
      for (const changed of every(evidence.entry)) yield { ...evidence, entry: changed };
  }
}

for (const [i, evidence] of EXAMPLES.entries()) {
  Deno.test(`evidence of ${evidence.kind} (${i}) that somebody wrote anew is refused`, async () => {
    let tried = 0;
    for (const forged of forgeries(evidence)) {
      const verdict = await checkEvidence(forged, TRUSTED);
      assert.equal(verdict.kind, "refused", JSON.stringify(forged));
      tried++;
    }
    assert.ok(tried > 10);
    // Another log's policy knows nothing of it.
    const other = signerKey("log.test/other", KeyType.ed25519, sha256(utf8("other")));
    const policy = parsePolicy(utf8(`log ${formatVkey(other)}\nquorum none\n`));
    assert.equal((await checkEvidence(evidence, policy)).kind, "refused");
  });
}

Deno.test("what is right is no evidence", async () => {
  const log = new TestLog(12);
  const read = new LogReader(log.head(12), log.at(12));
  for (let size = 0n; size <= 12n; size++) {
    const proof = await provePrefix(size, 12n, (nodes) => read.readHashes(nodes));
    const verdict = await checkEvidence({
      ...HEAD,
      kind: "fork",
      checkpoints: [note(log.head(Number(size))), note(log.head(12))],
      proof: proof.map(encodeBase64),
    }, TRUSTED);
    assert.ok(verdict.kind === "refused" && /of one history/.test(verdict.why), `${size}`);
  }
  const same = await checkEvidence(
    { ...HEAD, kind: "second-digest", entries: [await proofOf(3), await proofOf(4)] },
    TRUSTED,
  );
  assert.ok(same.kind === "refused" && /different files/.test(same.why));
  const tile = tileAt(1, 0n, 300n)!;
  const right = await checkEvidence({
    ...HEAD,
    kind: "root-mismatch",
    checkpoint: note(BAD.head(300)),
    tiles: await Promise.all([tilePath(tile), tilePath(tileAt(0, 1n, 300n)!)].map(async (path) => ({
      path,
      bytes: encodeBase64((await BAD.at(300)(path))!),
    }))),
  }, TRUSTED);
  assert.ok(right.kind === "refused" && /there is no mismatch/.test(right.why));
});

Deno.test("forks of every two sizes are shown", async () => {
  for (let size = 2; size <= 17; size++) {
    for (let old = 2; old <= size; old++) {
      const verdict = await checkEvidence(await fork(old, size), TRUSTED);
      assert.equal(verdict.kind, "verified", `${old} ${size}`);
    }
  }
});

Deno.test("a witness that cosigned both sides of a fork is named", async () => {
  const [a, b] = [new TestLog(5), new TestLog(5, (i) => concat(utf8("x"), Uint8Array.of(i)))];
  const verdict = await checkEvidence(
    { ...HEAD, kind: "fork", checkpoints: [note(a.head(5)), note(b.head(5))], proof: [] },
    TRUSTED,
  );
  assert.ok(verdict.kind === "verified");
  assert.ok(verdict.proves.some((one) => /witness W .* cosigned both/.test(one)));
});

Deno.test("describeTime() agrees with the platform's calendar", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      const expected = new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
      assert.equal(describeTime(BigInt(seconds)), expected);
    }),
  );
  assert.equal(describeTime(1n << 62n), `${1n << 62n} s after 1970`);
});
