/**
 * The real log with Go programs on the other end: Tessera's fsck and hammer read it,
 * torchwood reads it and verifies its proofs, litewitness cosigns it.
 */

import {
  formatSkey,
  formatVkey,
  KeyType,
  leafHash,
  LogReader,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseTlogProof,
  parseVkey,
  utf8,
  verifierOf,
  verifyTlogProof,
} from "@indelible/core";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Check } from "./peers/driver.ts";
import { startLitewitness } from "./peers/litewitness.ts";
import { loadgen } from "./peers/loadgen.ts";
import { freePort } from "./peers/process.ts";
import { fsckLog, hammerRead, startTessera } from "./peers/tessera.ts";
import { runProgram } from "./programs.ts";
import {
  add,
  bulkAppend,
  entryOf,
  type LoggedFile,
  madeUpFile,
  newKey,
  type RunningLog,
  startLog,
} from "./running_log.ts";
import { inFolder } from "./temporary.ts";

/** Sizes at which a tile or a level is just not full, just full, just over. */
const SIZES = [1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 65_793];

Deno.test("Tessera's fsck and hammer, and torchwood, read our log at every size", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      await using log = await startLog({
        folder,
        origin: "interop.example/sizes",
        flags: ["--batch-interval=100ms"],
      });
      const dir = log.storageDir;
      assert.equal(await checkpointSize(log), 0n);
      const files: LoggedFile[] = [];
      const earlier: { size: number; root: Uint8Array }[] = [];
      for (const size of SIZES) {
        const grown = Array.from(
          { length: size - files.length },
          (_, i) => madeUpFile(files.length + i),
        );
        for (let at = 0; at < grown.length; at += 50_000) {
          await bulkAppend(log.url, grown.slice(at, at + 50_000));
        }
        files.push(...grown);
        for (const url of [log.url, `file://${dir}`]) {
          const whole = await fsckLog(url, log.vkey);
          assert(whole?.ok, `size ${size} at ${url}: ${whole?.output}`);
        }
        const expected = framed(files);
        for (const source of [{ baseUrl: log.url }, { dir }]) {
          const read = await check.must("torchwood-read-entries", { ...source, vkey: log.vkey });
          assert.deepEqual([read.size, read.count], [BigInt(size), BigInt(size)]);
          assert.deepEqual(read.sha256, expected);
        }
        // What it has signed at one size is a prefix of what it signs at the next.
        const note = await get(log, "checkpoint");
        const { root } = await check.must("formats-checkpoint", {
          note,
          origin: "interop.example/sizes",
          vkey: log.vkey,
        });
        const reader = new LogReader({ size: BigInt(size), root }, (path) => get(log, path));
        for (const old of earlier) {
          await check.must("tlog-check-tree", {
            size1: old.size,
            root1: old.root,
            size2: size,
            root2: root,
            proof: await reader.proveConsistency(BigInt(old.size)),
          });
        }
        earlier.push({ size, root });
      }

      // Readers follow while it grows, an entry at a time.
      let growing = true;
      const growth = (async () => {
        for (let i = files.length; growing; i++) {
          assert.equal((await add(log.url, madeUpFile(i))).status, 200);
        }
      })();
      const hammered = await hammerRead(log.url, log.vkey, { seconds: 4 });
      growing = false;
      await growth;
      assert(hammered?.ok, hammered?.output);
      assert(hammered.reads > 100, `${hammered.reads} reads`);
      const index = 65_792;
      const read = await check.must("torchwood-read-entry", {
        baseUrl: log.url,
        vkey: log.vkey,
        index,
      });
      assert.deepEqual(read.entry, entryOf(files[index]!));
      const looked = await fetch(`${log.url}/lookup`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ filenames: [files[index]!.filename] }),
      });
      const { found: [found] } = await looked.json();
      assert.equal(found.index, index);
      assert.deepEqual(
        found.inclusionProof.map((hash: string) => Uint8Array.fromBase64(hash)),
        read.proof,
      );
    });
  }));

/** SHA-256 over entries behind their two-byte lengths. */
function framed(files: readonly LoggedFile[]): Uint8Array {
  const digest = createHash("sha256");
  for (const file of files) {
    const entry = entryOf(file);
    digest.update(Uint8Array.of(entry.length >> 8, entry.length & 255)).update(entry);
  }
  return new Uint8Array(digest.digest());
}

async function get(log: RunningLog, path: string): Promise<Uint8Array> {
  const response = await fetch(`${log.url}/${path}`);
  assert.equal(response.status, 200, path);
  return await response.bytes();
}

async function checkpointSize(log: RunningLog): Promise<bigint> {
  return parseCheckpoint(parseNote(await get(log, "checkpoint")).text).size;
}

Deno.test("x/mod checks every receipt of a thousand adds at once", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder, flags: ["--batch-interval=200ms"] });
    const load = await loadgen({
      url: log.url,
      mode: "bt",
      requests: 1500,
      connections: 300,
      publisher: true,
      vkeyFile: log.publicKey,
    });
    if (load === null) return;
    const { ok, errors, repeated_indices } = load;
    assert.deepEqual({ ok, errors, repeated_indices }, {
      ok: 1500,
      errors: 0,
      repeated_indices: 0,
    }, JSON.stringify(load.errors_by_kind));
  }));

Deno.test("we read Tessera's log, every entry under its checkpoint", () =>
  Check.use(async (check) => {
    const { skey, vkey } = await check.must("note-generate-key", { origin: "tessera.example" });
    await using tessera = await startTessera({ skey });
    if (tessera === null) return;
    const { url } = tessera;
    await loadgen({ url, mode: "tessera", requests: 600, connections: 300 });
    const verifier = verifierOf(parseVkey(vkey));
    const head = await until(async () => {
      const note = await (await fetch(`${url}/checkpoint`)).bytes();
      const opened = openCheckpoint(note, "tessera.example", [verifier]);
      assert.equal(opened.kind, "verified");
      return opened.kind === "verified" && opened.checkpoint.size === 600n
        ? opened.checkpoint
        : null;
    });
    const reader = new LogReader(head, async (path) => {
      const response = await fetch(`${url}/${path}`);
      if (response.ok) return await response.bytes();
      await response.body?.cancel();
      return null;
    });
    const digest = createHash("sha256");
    for (let bundle = 0n; bundle < 3n; bundle++) {
      for (const entry of await reader.readEntries(bundle)) {
        digest.update(Uint8Array.of(entry.length >> 8, entry.length & 255)).update(entry);
      }
    }
    const read = await check.must("torchwood-read-entries", { baseUrl: url, vkey });
    assert.deepEqual(new Uint8Array(digest.digest()), read.sha256);
    const proof = await reader.proveInclusion(300n);
    const one = await check.must("torchwood-read-entry", { baseUrl: url, vkey, index: 300 });
    assert.deepEqual(proof.map((hash) => Uint8Array.from(hash)), one.proof);
  }));

Deno.test("fsck tells a log whose tile was changed", () =>
  inFolder(async (folder) => {
    let vkey: string;
    {
      await using log = await startLog({ folder });
      await bulkAppend(log.url, Array.from({ length: 600 }, (_, i) => madeUpFile(i)));
      vkey = log.vkey;
    }
    const data = join(folder, "data");
    const sound = await fsckLog(`file://${data}`, vkey);
    if (sound === null) return;
    assert(sound.ok, sound.output);
    const path = join(data, "tile/entries/001");
    const bytes = await Deno.readFile(path);
    bytes[100] = bytes[100]! ^ 1;
    await Deno.writeFile(path, bytes);
    assert.equal((await fsckLog(`file://${data}`, vkey))?.ok, false);
  }));

Deno.test("litewitness cosigns our log, and torchwood verifies what is published", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      await using witness = await startLitewitness({ name: "w.example/lite" });
      if (witness === null) return;
      const origin = "interop.example/cosigned";
      // A log that signs with ML-DSA-44 too: litewitness takes the line that it knows.
      const post = newKey(origin, KeyType.mlDsa44);
      await Deno.writeTextFile(join(folder, "post.key"), formatSkey(post));
      await Deno.writeTextFile(
        join(folder, "policy"),
        `witness lite ${witness.vkey} ${witness.url}\nquorum lite\n`,
      );
      const flags = [
        "--policy=policy",
        "--private-key=post.key",
        "--batch-interval=200ms",
        "--witness-timeout=1s",
      ];
      const key = newKey(origin);
      witness.addLog(origin, formatVkey(key));
      await Deno.writeTextFile(join(folder, "private.key"), formatSkey(key));
      await Deno.writeTextFile(join(folder, "public.key"), formatVkey(key));
      await using log = await startLog({ folder, flags });
      const policyText = `log ${log.vkey}\nwitness lite ${witness.vkey}\nquorum lite\n`;
      const policy = utf8(policyText);

      const first = await add(log.url, madeUpFile(0));
      assert.deepEqual([first.status, first.body.index], [200, 0], first.body.error);
      const note = Uint8Array.fromBase64(first.body.checkpoint!);
      const accepted = await check.must("torchwood-check-policy", { policy, note });
      assert.equal(accepted.size, 1n);
      assert.equal(witness.latest(origin)?.size, 1n);
      for (const library of ["formats", "torchwood"] as const) {
        await check.must("cosign-verify", { vkey: witness.vkey, note, library });
      }
      const both = await check.must("formats-checkpoint", {
        note,
        origin,
        vkey: log.vkey,
        vkeys: [witness.vkey, formatVkey(post)],
      });
      assert.equal(both.verified.length, 3);
      for (const vkey of [log.vkey, witness.vkey, formatVkey(post)]) {
        const opened = openCheckpoint(note, origin, [verifierOf(parseVkey(vkey))]);
        assert.equal(opened.kind, "verified");
      }

      // The proofs of GET /bundle and of `add`, offline.
      await bulkAppend(log.url, Array.from({ length: 400 }, (_, i) => madeUpFile(i)));
      const { filename, checksum } = madeUpFile(300);
      await Deno.writeTextFile(join(folder, "trust"), policyText);
      const added = await runProgram("add", [
        `--log=${log.url}`,
        "--policy=trust",
        `--filename=${filename}`,
        `--checksum=${checksum}`,
      ], { cwd: folder });
      assert.equal(added.code, 0, added.stderr);
      const entry = entryOf({ filename, checksum });
      const proofs = [
        await get(log, `bundle/${filename}`),
        await Deno.readFile(join(folder, `${filename}.tlog-proof`)),
      ];
      for (const tlogProof of proofs) {
        const verified = await check.must("torchwood-verify-proof", { policy, entry, tlogProof });
        assert.deepEqual(verified.extra, entry);
        const parsed = await check.must("formats-parse-proof", { tlogProof });
        assert.equal(parsed.index, 300n);
        const verdict = verifyTlogProof(
          parseTlogProof(tlogProof),
          leafHash(entry),
          parsePolicy(policy),
        );
        assert.equal(verdict.kind, "accepted");
        for (
          const other of [madeUpFile(301), { ...madeUpFile(300), checksum: madeUpFile(1).checksum }]
        ) {
          const claim = { policy, entry: entryOf(other), tlogProof };
          assert.equal((await check.call("torchwood-verify-proof", claim)).ok, false);
        }
      }

      // Without its witness the log takes an entry but publishes nothing.
      const before = await get(log, "checkpoint");
      await witness.kill();
      const refused = await add(log.url, madeUpFile(400));
      assert.equal(refused.status, 503);
      assert.equal(refused.body.index, 400, JSON.stringify(refused.body));
      assert.match(refused.retryAfter ?? "", /^[1-9][0-9]*$/);
      const again = await add(log.url, madeUpFile(400));
      assert.deepEqual([again.status, again.body.index], [503, 400]);
      await delay(500);
      assert.deepEqual(await get(log, "checkpoint"), before);
      assert.equal((await fetch(`${log.url}/bundle/${madeUpFile(400).filename}`)).status, 404);
      // A repeat of what is published already needs no witness.
      assert.deepEqual([(await add(log.url, madeUpFile(7))).status], [200]);

      await witness.restart();
      const recovered = await until(async () => {
        const answer = await add(log.url, madeUpFile(400));
        return answer.status === 200 ? answer : null;
      });
      assert.equal(recovered.body.index, 400);

      // One that hangs is one that is not there.
      Deno.kill(witness.pid, "SIGSTOP");
      const hung = await add(log.url, madeUpFile(401));
      Deno.kill(witness.pid, "SIGCONT");
      assert.deepEqual([hung.status, hung.body.index], [503, 401]);
      const woken = await until(async () => {
        const answer = await add(log.url, madeUpFile(401));
        return answer.status === 200 ? answer : null;
      });
      assert.equal(woken.body.index, 401);

      const newest = Uint8Array.fromBase64(woken.body.checkpoint!);
      await check.must("torchwood-check-policy", { policy, note: newest });
      const read = await check.must("torchwood-read-entries", { baseUrl: log.url, policy });
      assert.equal(read.count, 402n);
      const whole = await fsckLog(log.url, log.vkey);
      assert(whole?.ok, whole?.output);
    });
  }));

Deno.test("one cosignature of two is enough where the policy says so", () =>
  inFolder(async (folder) => {
    await Check.use(async (check) => {
      await using witness = await startLitewitness({ name: "w.example/there" });
      if (witness === null) return;
      const origin = "interop.example/any";
      const key = newKey(origin);
      witness.addLog(origin, formatVkey(key));
      await Deno.writeTextFile(join(folder, "private.key"), formatSkey(key));
      await Deno.writeTextFile(join(folder, "public.key"), formatVkey(key));
      const gone = formatVkey(newKey("w.example/gone", KeyType.ed25519Cosignature));
      const witnesses = [
        `log ${formatVkey(key)}`,
        `witness gone ${gone} http://127.0.0.1:${freePort()}`,
        `witness there ${witness.vkey} ${witness.url}`,
      ];
      const policyOf = (quorum: string) =>
        utf8([...witnesses, `group g ${quorum} gone there`, "quorum g", ""].join("\n"));
      await Deno.writeFile(join(folder, "policy"), policyOf("any"));
      await using log = await startLog({ folder, flags: ["--policy=policy"] });
      const answer = await add(log.url, madeUpFile(0));
      assert.equal(answer.status, 200, answer.body.error);
      const note = Uint8Array.fromBase64(answer.body.checkpoint!);
      await check.must("torchwood-check-policy", { policy: policyOf("any"), note });
      const all = { policy: policyOf("all"), note };
      assert.equal((await check.call("torchwood-check-policy", all)).ok, false);
    });
  }));

Deno.test("a log that lost its memory is stopped by its witness", () =>
  inFolder(async (folder) => {
    await using witness = await startLitewitness({ name: "w.example/lite" });
    if (witness === null) return;
    const origin = "interop.example/forgetful";
    const key = newKey(origin);
    witness.addLog(origin, formatVkey(key));
    await Deno.writeTextFile(join(folder, "private.key"), formatSkey(key));
    await Deno.writeTextFile(join(folder, "public.key"), formatVkey(key));
    await Deno.writeTextFile(
      join(folder, "policy"),
      `witness lite ${witness.vkey} ${witness.url}\nquorum lite\n`,
    );
    const flags = ["--policy=policy"];
    {
      await using log = await startLog({ folder, flags });
      assert.equal((await add(log.url, madeUpFile(0))).status, 200);
    }
    await Deno.remove(join(folder, "data"), { recursive: true });
    await assert.rejects(startLog({ folder, flags }), /witness/);
  }));

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks again and again until there is an answer, at most 20 seconds. */
async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  const limit = performance.now() + 20_000;
  while (performance.now() < limit) {
    const answer = await ask();
    if (answer !== null) return answer;
    await delay(100);
  }
  throw new Error("It did not come about in 20 seconds");
}
