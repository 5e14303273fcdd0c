/**
 * Every format of the specs against the Go reference libraries, both ways: what core
 * makes they accept, what they make core accepts, and neither takes it once changed.
 */

import {
  checkConsistency,
  checkInclusion,
  checkPolicy,
  concat,
  cosignatureTime,
  EMPTY_ROOT,
  encodeEntryBundle,
  equalBytes,
  formatAddCheckpoint,
  formatCheckpoint,
  formatSkey,
  formatTlogProof,
  formatVkey,
  type Hash,
  KeyType,
  leafHash,
  newTiles,
  nodeHash,
  openCheckpoint,
  openNote,
  parseAddCheckpoint,
  parseEntryBundle,
  parsePolicy,
  parseSkey,
  parseTilePath,
  parseTlogProof,
  parseVkey,
  policyOfLog,
  proveConsistency,
  proveInclusion,
  rootNodes,
  type SignerKey,
  signerKey,
  signerOf,
  signNote,
  subtreeMessage,
  tilePath,
  utf8,
  verifierOf,
  verifyTlogProof,
} from "@indelible/core";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { Check } from "./peers/driver.ts";
import { runProgram } from "./programs.ts";
import { Dice, MemoryTree, syntheticEntry } from "./synthetic_log.ts";
import { inFolder } from "./temporary.ts";

const ORIGIN = "interop.example/log";
const NOW = 1_763_812_000n;
const LABEL = "interop";
const DEEPEST = 66_000;

function newKey(name: string, type: KeyType): SignerKey {
  return signerKey(name, type, crypto.getRandomValues(new Uint8Array(32)));
}

/** The tree that both sides hold; grown once. */
let grown: MemoryTree | undefined;
function tree(): MemoryTree {
  return grown ??= new MemoryTree(
    Array.from({ length: DEEPEST }, (_, i) => syntheticEntry(LABEL, i)),
  );
}

/** The root of our tree at a size. */
async function rootAt(size: number): Promise<Hash> {
  if (size === 0) return EMPTY_ROOT;
  const hashes = await tree().read(rootNodes(BigInt(size)));
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Sizes at which trees change shape, and others at random. */
function sizesOf(dice: Dice, random: number): number[] {
  const edges = [1, 2, 3, 4, 7, 8, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_793];
  return edges.concat(Array.from({ length: random }, () => dice.roll(1, DEEPEST)));
}

/** The same bytes with one bit changed. */
function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const changed = Uint8Array.from(bytes);
  changed[at] = changed[at]! ^ 1;
  return changed;
}

Deno.test("x/mod opens our notes and reads our key files, and we theirs", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      const made = await runProgram("keygen", [`--origin=${ORIGIN}`], { cwd: folder });
      assert.equal(made.code, 0, made.stderr);
      const skey = (await Deno.readTextFile(join(folder, "private.key"))).trim();
      const vkey = (await Deno.readTextFile(join(folder, "public.key"))).trim();
      const read = await check.must("key-parse", { skey });
      assert.deepEqual([read.name, read.vkey], [ORIGIN, vkey]);
      assert.equal((await check.must("key-parse", { vkey })).keyId, read.keyId);

      const theirs = await check.must("note-generate-key", { origin: "théirs.example/日本" });
      const key = parseSkey(theirs.skey);
      assert.equal(formatVkey(key), theirs.vkey);
      assert.equal(formatSkey(key), theirs.skey);

      const texts = ["one line\n", "é ünïcode 🚀\n", "\n", "two\n\nparagraphs\n", "a\n\n\nb\n"];
      for (const text of texts) {
        for (const skeys of [[skey], [skey, theirs.skey]]) {
          const keys = skeys.map(parseSkey);
          const note = signNote(text, keys.map((key) => signerOf(key, () => NOW)));
          const opened = await check.must("note-open", { vkeys: keys.map(formatVkey), note });
          assert.deepEqual(opened.text, utf8(text));
          assert.deepEqual(
            opened.verified,
            keys.map(({ name, keyId }) => ({ name, keyId })),
          );
          // Ed25519 is deterministic, and so is the frame.
          if (skeys.length > 1) continue;
          const signed = await check.must("note-sign", { skey, text: utf8(text) });
          assert.deepEqual(signed.note, Uint8Array.from(note));
        }
        const { note } = await check.must("note-sign", { skey: theirs.skey, text: utf8(text) });
        const verifier = verifierOf(parseVkey(theirs.vkey));
        const opened = openNote(note, [verifier]);
        assert.equal(opened.kind === "verified" && opened.text, text);
        for (let at = 0; at < note.length; at += 7) {
          const changed = flipped(note, at);
          const verdict = await check.call("note-open", { vkeys: [theirs.vkey], note: changed });
          assert(!opens(changed, verifier), `byte ${at} of ${text}`);
          assert(!verdict.ok || equalBytes(canonical(changed), note), `byte ${at} of ${text}`);
        }
      }
    });
  }));

/**
 * A text with every base64 written as it should be. Go's decoder forgives bits that
 * stand for nothing, and so takes a few texts that differ in such bits alone.
 */
function canonical(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes);
  return utf8(text.replace(/[A-Za-z0-9+/]+={1,2}$/gm, (base64) => {
    return Buffer.from(base64, "base64").toString("base64");
  }));
}

function opens(note: Uint8Array, verifier: ReturnType<typeof verifierOf>): boolean {
  try {
    return openNote(note, [verifier]).kind === "verified";
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

Deno.test("formats parses our checkpoints, and we theirs", () =>
  Check.use(async (check) => {
    const key = newKey(ORIGIN, KeyType.ed25519);
    const vkey = formatVkey(key);
    const verifiers = [verifierOf(key)];
    for (const size of [0, 1, 256, 65_537]) {
      const root = await rootAt(size);
      for (const extensions of [[], ["extension", "— another"]]) {
        const checkpoint = { origin: ORIGIN, size: BigInt(size), root, extensions };
        const note = signNote(formatCheckpoint(checkpoint), [signerOf(key, () => NOW)]);
        const parsed = await check.must("formats-checkpoint", { note, origin: ORIGIN, vkey });
        assert.equal(parsed.size, BigInt(size));
        assert.deepEqual(parsed.root, Uint8Array.from(root));
        assert.deepEqual(parsed.rest, utf8(extensions.map((line) => `${line}\n`).join("")));

        const theirs = await check.must("tlog-checkpoint", {
          label: LABEL,
          size,
          skey: formatSkey(key),
          extension: extensions.map((line) => `${line}\n`).join(""),
        });
        assert.deepEqual(theirs.note, Uint8Array.from(note));
        const opened = openCheckpoint(theirs.note, ORIGIN, verifiers);
        assert.deepEqual(opened.kind === "verified" && opened.checkpoint, checkpoint);
      }
    }
  }));

Deno.test("tlog checks our inclusion and consistency proofs, and we theirs", () =>
  Check.use(async (check) => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const dice = new Dice(seed);
    for (const size of sizesOf(dice, 40)) {
      const at = `size ${size}, seed ${seed}`;
      const root = await rootAt(size);
      const index = dice.roll(0, size - 1);
      const proof = await proveInclusion(BigInt(index), BigInt(size), tree().read);
      const leaf = tree().leaf(index);
      const theirs = await check.must("tlog-prove-record", { label: LABEL, size, index });
      assert.deepEqual(theirs.proof, proof.map((hash) => Uint8Array.from(hash)), at);
      assert.deepEqual(theirs.root, Uint8Array.from(root), at);
      assert.deepEqual(leafHash(theirs.entry!), leaf, at);
      const inclusion = { size, root, index, leafHash: leaf };
      await check.must("tlog-check-record", { ...inclusion, proof });
      assert(checkInclusion(BigInt(index), BigInt(size), leaf, theirs.proof, root), at);

      const oldSize = dice.roll(1, size);
      const oldRoot = await rootAt(oldSize);
      const growth = await proveConsistency(BigInt(oldSize), BigInt(size), tree().read);
      const sizes = { size1: oldSize, size2: size };
      const given = await check.must("tlog-prove-tree", { label: LABEL, ...sizes });
      assert.deepEqual(given.proof, growth.map((hash) => Uint8Array.from(hash)), at);
      const consistency = { ...sizes, root1: oldRoot, root2: root };
      await check.must("tlog-check-tree", { ...consistency, proof: growth });
      assert(checkConsistency(BigInt(oldSize), BigInt(size), oldRoot, root, given.proof), at);

      // One hash changed, dropped or added: both sides refuse.
      const changed = dice.roll(0, 2 ** 31);
      for (const wrong of variants(proof, changed)) {
        const verdict = await check.call("tlog-check-record", { ...inclusion, proof: wrong });
        assert.equal(verdict.ok, false, at);
        assert(!checkInclusion(BigInt(index), BigInt(size), leaf, wrong, root), at);
      }
      for (const wrong of variants(growth, changed)) {
        const verdict = await check.call("tlog-check-tree", { ...consistency, proof: wrong });
        assert.equal(verdict.ok, false, at);
        assert(!checkConsistency(BigInt(oldSize), BigInt(size), oldRoot, root, wrong), at);
      }
    }
  }));

/** A proof with one bit changed, one hash dropped, one hash more. */
function variants(proof: readonly Hash[], choice: number): Hash[][] {
  const more = [...proof, EMPTY_ROOT];
  if (proof.length === 0) return [more];
  const at = choice % proof.length;
  return [
    more,
    proof.toSpliced(at, 1),
    proof.with(at, flipped(proof[at]!, choice % 32)),
  ];
}

Deno.test("both sides name, cut and fill the same tiles as a tree grows", () =>
  Check.use(async (check) => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const dice = new Dice(seed);
    for (const size2 of sizesOf(dice, 10)) {
      const size1 = dice.roll(0, size2);
      const { paths } = await check.must("tlog-new-tiles", { size1, size2 });
      const ours = newTiles(BigInt(size1), BigInt(size2));
      assert.deepEqual(paths.toSorted(), ours.map(tilePath).toSorted(), `seed ${seed}`);
      const { level, index, width } = ours.at(dice.roll(0, ours.length - 1)) ??
        { level: 0, index: 0n, width: 1 };
      if (ours.length === 0) continue;
      const hashes = await check.must("tlog-tile", {
        label: LABEL,
        size: size2,
        path: tilePath({ level, index, width }),
      });
      assert.deepEqual(hashes.data, tree().tile(Number(level), Number(index), width));
      if (level !== 0) continue;
      const first = 256 * Number(index);
      const entries = Array.from({ length: width }, (_, i) => syntheticEntry(LABEL, first + i));
      const bundle = await check.must("tlog-tile", {
        label: LABEL,
        size: size2,
        path: tilePath({ level: "entries", index, width }),
      });
      assert.deepEqual(bundle.data, Uint8Array.from(encodeEntryBundle(entries)));
      assert.deepEqual(
        parseEntryBundle(bundle.data, width).map((entry) => Uint8Array.from(entry)),
        entries.map((entry) => Uint8Array.from(entry)),
      );
    }
    for (let i = 0; i < 50; i++) {
      // torchwood goes up to level 63, x/mod's numbers to 63 bits; both are core's bounds.
      const level = dice.roll(0, 6) === 0 ? "entries" as const : dice.roll(0, 63);
      const index = BigInt(dice.roll(0, 10 ** dice.roll(0, 9) - 1));
      const width = dice.roll(1, 256);
      const path = tilePath({ level, index, width });
      assert.equal((await check.must("torchwood-tile-path", { level, index, width })).path, path);
      const parsed = await check.must("torchwood-parse-tile-path", { path });
      assert.deepEqual([parsed.level, parsed.index, parsed.width], [
        String(level),
        index,
        BigInt(width),
      ]);
    }
    const paths = ["tile/0/x000/001", "tile/0/001.p/256", "tile/0/001.p/0", "tile/00/001"];
    paths.push("tile/0/01", "tile/0/x001", "tile/-1/000", "tile/0/000/", "tile/0/000.p/01");
    for (const path of paths) {
      assert.equal((await check.call("torchwood-parse-tile-path", { path })).ok, false, path);
      assert.throws(() => parseTilePath(path), SyntaxError);
    }
  }));

Deno.test("formats and torchwood verify our cosignatures of both kinds, and we theirs", () =>
  Check.use(async (check) => {
    const log = newKey(ORIGIN, KeyType.ed25519);
    const size = 300n;
    const text = formatCheckpoint({
      origin: ORIGIN,
      size,
      root: await rootAt(300),
      extensions: [],
    });
    const signed = signNote(text, [signerOf(log, () => NOW)]);
    for (const alg of ["cosignature", "ml-dsa-44"] as const) {
      const libraries = alg === "cosignature"
        ? ["formats", "torchwood"] as const
        : ["formats"] as const; // torchwood v0.9.0 has no ML-DSA verifier of its own.
      const type = alg === "cosignature" ? KeyType.ed25519Cosignature : KeyType.mlDsa44;
      const key = newKey("w.example/ours", type);
      const vkey = formatVkey(key);
      assert.equal((await check.must("key-parse", { vkey })).keyId, key.keyId);
      const note = signNote(text, [signerOf(log, () => NOW), signerOf(key, () => NOW)]);
      for (const library of libraries) {
        assert.equal((await check.must("cosign-verify", { vkey, note, library })).timestamp, NOW);
        const refused = flipped(note, note.length - 10);
        assert.equal(
          (await check.call("cosign-verify", { vkey, note: refused, library })).ok,
          false,
        );
      }
      const parsed = await check.must("formats-checkpoint", {
        note,
        origin: ORIGIN,
        vkey: formatVkey(log),
        vkeys: [vkey],
      });
      assert.deepEqual(parsed.verified.map(({ name }) => name), [ORIGIN, "w.example/ours"]);

      const theirs = await check.must("note-generate-key", { origin: "w.example/theirs", alg });
      for (const library of libraries) {
        const cosigned = await check.must("cosign-sign", {
          skey: theirs.skey,
          note: signed,
          library,
        });
        const verifier = verifierOf(parseVkey(theirs.vkey));
        const opened = openNote(cosigned.note, [verifier]);
        assert.equal(opened.kind, "verified");
        const [line] = opened.kind === "verified" ? opened.verified : [];
        const { timestamp } = await check.must("cosign-verify", {
          vkey: theirs.vkey,
          note: cosigned.note,
          library,
        });
        assert.equal(cosignatureTime(line!.signature), timestamp);
        assert(!opens(flipped(cosigned.note, cosigned.note.length - 10), verifier));
      }
    }
  }));

Deno.test("formats verifies our ML-DSA-44 subtree cosignatures, and we theirs", () =>
  Check.use(async (check) => {
    const key = newKey("w.example/subtrees", KeyType.mlDsa44);
    const { secretKey, publicKey } = ml_dsa44.keygen(key.seed);
    const cases = [
      { time: NOW, start: 0n, end: 300n },
      { time: 0n, start: 0n, end: 256n },
      { time: 0n, start: 256n, end: 512n },
    ];
    for (const { time, start, end } of cases) {
      const hash = await rootAt(256);
      const message = subtreeMessage({
        cosigner: key.name,
        time,
        origin: ORIGIN,
        start,
        end,
        hash,
      });
      const stamp = new Uint8Array(8);
      new DataView(stamp.buffer).setBigUint64(0, time);
      const signature = concat(stamp, ml_dsa44.sign(message, secretKey));
      const claim = { timestamp: time, origin: ORIGIN, start, end, hash };
      await check.must("cosign-subtree-verify", { vkey: formatVkey(key), ...claim, signature });
      const wrong = { ...claim, end: end + 1n };
      assert.equal(
        (await check.call("cosign-subtree-verify", { vkey: formatVkey(key), ...wrong, signature }))
          .ok,
        false,
      );
      const skey = formatSkey(key);
      const theirs = await check.must("cosign-subtree-sign", { skey, ...claim });
      assert(ml_dsa44.verify(theirs.signature.subarray(8), message, publicKey));
    }
  }));

Deno.test("torchwood verifies our tlog-proofs, and we verify torchwood's", () =>
  Check.use(async (check) => {
    const log = newKey(ORIGIN, KeyType.ed25519);
    const witness = newKey("w.example", KeyType.ed25519Cosignature);
    const policyText = `log ${formatVkey(log)}\nwitness w ${formatVkey(witness)}\nquorum w\n`;
    const policy = parsePolicy(utf8(policyText));
    const dice = new Dice(1);
    for (const size of [1, 2, 257, 65_537]) {
      const root = await rootAt(size);
      const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(size), root, extensions: [] });
      const signers = [log, witness].map((key) => signerOf(key, () => NOW));
      const checkpoint = signNote(text, signers);
      const index = dice.roll(0, size - 1);
      const entry = syntheticEntry(LABEL, index);
      const proof = await proveInclusion(BigInt(index), BigInt(size), tree().read);
      for (const extra of [null, entry, utf8("anything else")]) {
        const ours = formatTlogProof({ extra, index: BigInt(index), proof, checkpoint });
        const theirs = await check.must("torchwood-format-proof", {
          index,
          proof,
          checkpoint,
          ...(extra && { extra }),
        });
        assert.deepEqual(theirs.tlogProof, Uint8Array.from(ours));
        const verified = await check.must("torchwood-verify-proof", {
          policy: utf8(policyText),
          entry,
          tlogProof: ours,
        });
        assert.deepEqual(verified.extra, extra ? Uint8Array.from(extra) : undefined);
        const read = await check.must("formats-parse-proof", { tlogProof: ours });
        assert.equal(read.index, BigInt(index));
        const parsed = parseTlogProof(theirs.tlogProof);
        assert.equal(verifyTlogProof(parsed, leafHash(entry), policy).kind, "accepted");

        const wrong = leafHash(utf8("another entry"));
        assert.equal(verifyTlogProof(parsed, wrong, policy).kind, "refused");
        const refused = { policy: utf8(policyText), leafHash: wrong, tlogProof: ours };
        assert.equal((await check.call("torchwood-verify-proof", refused)).ok, false);
      }
      // Without the cosignature only a policy without a quorum is content.
      const bare = formatTlogProof({
        extra: entry,
        index: BigInt(index),
        proof,
        checkpoint: signNote(text, [signerOf(log, () => NOW)]),
      });
      const claim = { entry, tlogProof: bare };
      assert.equal(
        (await check.call("torchwood-verify-proof", { policy: utf8(policyText), ...claim })).ok,
        false,
      );
      await check.must("torchwood-verify-proof", { vkey: formatVkey(log), ...claim });
      const parsed = parseTlogProof(bare);
      assert.equal(verifyTlogProof(parsed, leafHash(entry), policy).kind, "refused");
      assert.equal(verifyTlogProof(parsed, leafHash(entry), policyOfLog(log)).kind, "accepted");
    }
  }));

Deno.test("a tlog-proof with one byte changed is refused on both sides", () =>
  Check.use(async (check) => {
    const log = newKey(ORIGIN, KeyType.ed25519);
    const size = 7;
    const index = 3;
    const entry = syntheticEntry(LABEL, index);
    const text = formatCheckpoint({
      origin: ORIGIN,
      size: BigInt(size),
      root: await rootAt(size),
      extensions: [],
    });
    const tlogProof = formatTlogProof({
      extra: null, // It is not authenticated: a change in it is nobody's concern.
      index: BigInt(index),
      proof: await proveInclusion(BigInt(index), BigInt(size), tree().read),
      checkpoint: signNote(text, [signerOf(log, () => NOW)]),
    });
    for (let at = 0; at < tlogProof.length; at++) {
      const changed = flipped(tlogProof, at);
      const theirs = await check.call("torchwood-verify-proof", {
        vkey: formatVkey(log),
        entry,
        tlogProof: changed,
      });
      assert(!accepts(changed), `byte ${at}`);
      assert(!theirs.ok || equalBytes(canonical(changed), tlogProof), `byte ${at}`);
    }

    function accepts(bytes: Uint8Array): boolean {
      try {
        const verdict = verifyTlogProof(parseTlogProof(bytes), leafHash(entry), policyOfLog(log));
        return verdict.kind === "accepted";
      } catch (error) {
        if (error instanceof SyntaxError) return false;
        throw error;
      }
    }
  }));

Deno.test("torchwood and we agree on policies, quorum by quorum", () =>
  Check.use(async (check) => {
    const log = newKey(ORIGIN, KeyType.ed25519);
    const witnesses = ["a", "b", "c", "d"].map((name) => ({
      name,
      key: newKey(`${name}.example`, KeyType.ed25519Cosignature),
    }));
    const text = formatCheckpoint({
      origin: ORIGIN,
      size: 5n,
      root: await rootAt(5),
      extensions: [],
    });
    const head = `# a comment\n\nlog ${formatVkey(log)} https://${ORIGIN}\n` +
      witnesses.map(({ name, key }) => `witness ${name}\t${formatVkey(key)}\n`).join("");
    const quorums = [
      "quorum none",
      "quorum b",
      "group g any a b c\nquorum g",
      "group g all a b\nquorum g",
      "group g 2 a b c d\nquorum g",
      "group x any a b\ngroup y any c d\ngroup both all x y\nquorum both",
      "group x 2 a b c\ngroup y any x d\nquorum y",
    ];
    for (const quorum of quorums) {
      const policy = utf8(`${head}${quorum}\n`);
      const ours = parsePolicy(policy);
      for (let holding = 0; holding < 16; holding++) {
        const keys = witnesses.filter((_, i) => holding >> i & 1).map(({ key }) => key);
        const note = signNote(text, [log, ...keys].map((key) => signerOf(key, () => NOW)));
        const theirs = await check.call("torchwood-check-policy", { policy, note });
        const accepted = checkPolicy(ours, note).kind === "accepted";
        assert.equal(accepted, theirs.ok, `${quorum}: ${holding}`);
      }
    }
    // Two groups with one member: the specification forbids it, torchwood does not look.
    assert.throws(
      () => parsePolicy(utf8(`${head}group g any a b\ngroup h any a c\nquorum h\n`)),
      SyntaxError,
    );
    const broken = [
      "quorum e",
      "group g 3 a b\nquorum g",
      "group g 0 a b\nquorum g",
      "group a any b c\nquorum a",
      "quorum a\nquorum b",
      "",
    ];
    for (const quorum of broken) {
      const policy = utf8(`${head}${quorum}\n`);
      assert.equal((await check.call("torchwood-parse-policy", { policy })).ok, false, quorum);
      assert.throws(() => parsePolicy(policy), SyntaxError, quorum);
    }
  }));

Deno.test("what a log sends a witness is the same text on both sides", () =>
  Check.use(async (check) => {
    const log = newKey(ORIGIN, KeyType.ed25519);
    for (const [size1, size2] of [[0, 1], [0, 300], [255, 257], [300, 300], [4, 65_537]] as const) {
      const theirs = await check.must("tlog-add-checkpoint-body", {
        label: LABEL,
        size1,
        size2,
        skey: formatSkey(log),
      });
      const proof = await proveConsistency(BigInt(size1), BigInt(size2), tree().read);
      const body = { oldSize: BigInt(size1), proof, checkpoint: theirs.note };
      assert.deepEqual(theirs.text, Uint8Array.from(formatAddCheckpoint(body)));
      const parsed = parseAddCheckpoint(theirs.text);
      assert.equal(parsed.oldSize, body.oldSize);
      assert(parsed.proof.every((hash, i) => equalBytes(hash, proof[i]!)));
    }
  }));
