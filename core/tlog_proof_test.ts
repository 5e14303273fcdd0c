import assert from "node:assert/strict";
import fc from "fast-check";
import { flipBit, mutations, parseOrRefuse, RUNS, TestLog } from "./_testing.ts";
import { concat, MAX_INT63, parseUtf8, utf8 } from "./bytes.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { signerOf } from "./cosignature.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { KeyType, signerKey } from "./key.ts";
import { LogReader } from "./log_reader.ts";
import { signNote } from "./note.ts";
import { policyOfLog } from "./policy.ts";
import { formatTlogProof, parseTlogProof, type TlogProof, verifyTlogProof } from "./tlog_proof.ts";

const log = new TestLog(300);
const KEY = signerKey("log.example", KeyType.ed25519, new Uint8Array(32));
const UNKNOWN = signerKey("x", KeyType.ed25519, new Uint8Array(32).fill(1));
const POLICY = policyOfLog(KEY);

function checkpointOf(size: number): Uint8Array {
  const head = { ...log.head(size), origin: KEY.name, extensions: [] };
  const signers = [KEY, UNKNOWN].map((key) => signerOf(key, () => 0n, nativeEd25519));
  return signNote(formatCheckpoint(head), signers);
}

async function prove(index: number, size: number): Promise<TlogProof> {
  const reader = new LogReader(log.head(size), log.at(size));
  return {
    extra: log.entries[index]!,
    index: BigInt(index),
    proof: await reader.proveInclusion(BigInt(index)),
    checkpoint: checkpointOf(size),
  };
}

const verify = (proof: TlogProof, leaf = log.leaves[Number(proof.index)]!) =>
  verifyTlogProof(proof, leaf, POLICY, nativeEd25519).kind;

Deno.test("parseTlogProof() reads what formatTlogProof() writes", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const proof: fc.Arbitrary<TlogProof> = fc.record({
    extra: fc.option(fc.uint8Array({ maxLength: 50 })),
    index: fc.bigInt({ min: 0n, max: MAX_INT63 }),
    proof: fc.array(hash, { maxLength: 63 }),
    checkpoint: fc.uint8Array({ maxLength: 50 }), // Verbatim, whatever it is.
  }, { noNullPrototype: true });
  fc.assert(
    fc.property(proof, (proof) => {
      assert.deepEqual(parseTlogProof(formatTlogProof(proof)), proof);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("verifyTlogProof() accepts every entry at some sizes", async () => {
  for (const size of [1, 2, 3, 255, 256, 257, 300]) {
    for (const index of new Set([0, size >> 1, size - 1])) {
      const proof = await prove(index, size);
      assert.equal(verify(proof), "accepted", `${index} of ${size}`);
      assert.equal(proof.proof.length === 0, size === 1);
    }
  }
});

Deno.test("verifyTlogProof() never takes a changed proof for another statement", async () => {
  const proof = await prove(2, 3);
  const leaf = log.leaves[2]!;
  for (const changed of mutations(formatTlogProof(proof))) {
    const parsed = parseOrRefuse(() => parseTlogProof(changed));
    if (!parsed) continue;
    assert.deepEqual(formatTlogProof(parsed), changed);
    const verdict = parseOrRefuse(() => verifyTlogProof(parsed, leaf, POLICY, nativeEd25519));
    if (verdict?.kind !== "accepted") continue;
    // Nothing signs `extra`, and lines of unknown keys count for nothing.
    assert.equal(parsed.index, proof.index);
    assert.deepEqual(parsed.proof, proof.proof);
    assert.equal(verdict.checkpoint.size, 3n);
    assert.deepEqual(verdict.checkpoint.root, log.head(3).root);
  }
});

Deno.test("verifyTlogProof() refuses another entry, index, size or order", async () => {
  const proof = await prove(100, 300);
  const refused = (fields: Partial<TlogProof>, leaf = log.leaves[100]!) =>
    assert.equal(verify({ ...proof, ...fields }, leaf), "refused");
  refused({}, log.leaves[101]!);
  refused({}, flipBit(log.leaves[100]!, 0));
  refused({}, log.head(300).root);
  for (const index of [0n, 99n, 101n, 299n, 300n, MAX_INT63]) refused({ index });
  for (const size of [0, 1, 299]) refused({ checkpoint: checkpointOf(size) });
  refused({ proof: proof.proof.toReversed() });
  refused({ proof: proof.proof.slice(1) });
  refused({ proof: proof.proof.slice(0, -1) });
  refused({ proof: [...proof.proof, log.leaves[0]!] });
  const other = policyOfLog(UNKNOWN);
  const { kind } = verifyTlogProof(proof, log.leaves[100]!, other);
  assert.equal(kind, "refused"); // Signed by it, but not as this origin.
});

Deno.test("parseTlogProof() refuses malformed heads", async () => {
  const text = parseUtf8(formatTlogProof(await prove(0, 2)));
  const [header, extra, index, hash] = text.split("\n") as [
    string,
    string,
    string,
    string,
  ];
  for (
    const [from, to] of [
      [header, "c2sp.org/tlog-proof@v2"],
      [header, `${header} `],
      [header, `\ufeff${header}`],
      [header, `${header}\r`],
      [header, `\n${header}`],
      [`${header}\n`, ""],
      [extra, `${extra}\n${extra}`],
      [`${extra}\n${index}`, `${index}\n${extra}`],
      [extra, "extra ?"],
      [extra, "extra"],
      [extra, "extra AA"],
      [extra, "Extra AAAA"],
      [`${index}\n`, ""],
      [index, `${index}\n${index}`],
      [index, "index 00"],
      [index, "index +0"],
      [index, "index -0"],
      [index, "index  0"],
      [index, "index 0 "],
      [index, "index"],
      [index, "index "],
      [index, "index 0x0"],
      [index, `index ${2n ** 63n}`],
      [index, `index ${2n ** 64n}`],
      [hash, hash.slice(0, -1)],
      [hash, `${hash} `],
      [hash, hash.slice(4)],
      [hash, "AAAA" + hash],
      [`${hash}\n\n`, `${hash}\n`],
    ] as const
  ) {
    assert.ok(text.includes(from));
    const changed = utf8(text.replace(from, to));
    const proof = parseOrRefuse(() => parseTlogProof(changed));
    // Without its blank line the head ends at the note's own, and nothing is left to open.
    if (proof) assert.throws(() => verify(proof), SyntaxError, `${from} ${to}`);
  }
  const empty = text.replace(extra, "extra ");
  assert.deepEqual(parseTlogProof(utf8(empty)).extra, new Uint8Array(0));
  const twoBlankLines = utf8(text.replace("\n\n", "\n\n\n"));
  assert.equal(verify(parseTlogProof(twoBlankLines)), "refused");
  for (const tail of ["\n", "x", "\0"]) {
    const proof = parseTlogProof(concat(utf8(text), utf8(tail)));
    assert.throws(() => verify(proof), SyntaxError);
  }
});
