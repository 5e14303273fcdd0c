/**
 * The peers by themselves: each one is built, started, used and ended, so that a
 * failure of an interop test means our code and not the other end.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Check } from "./driver.ts";
import { startLitewitness } from "./litewitness.ts";
import { loadgen } from "./loadgen.ts";
import { run } from "./process.ts";
import { fsckLog, hammerRead, startTessera } from "./tessera.ts";

const ORIGIN = "peers.example/log";

const text = (s: string) => new TextEncoder().encode(s);

/** Entry `i` of a synthetic log, by the rule of the test vectors. */
const synthetic = (label: string, i: number) =>
  new Uint8Array(
    createHash("sha256").update(`${label}:${i}`).digest().subarray(0, i % 33),
  );

Deno.test("requirePeer() prints one line and returns null, or throws under REQUIRE_PEERS", async () => {
  const module = JSON.stringify(new URL("./peers.ts", import.meta.url).href);
  const script = `import { requirePeer } from ${module};
    console.log(await requirePeer("no-such-peer"), await requirePeer("no-such-peer"));`;
  const probe = (required: string) =>
    run(Deno.execPath(), ["eval", script], {
      env: { REQUIRE_PEERS: required, NO_COLOR: "1" },
    });
  const quiet = await probe("0");
  assert.equal(quiet.stdout, "skipped: needs no-such-peer\nnull null\n");
  const loud = await probe("1");
  assert.notEqual(loud.code, 0);
  assert.match(loud.stderr, /Cannot run a test without its peer no-such-peer/);
});

Deno.test("check runs x/mod notes, and tells a refusal from a fault", () =>
  Check.use(async (check) => {
    const { modules } = await check.must("versions", {});
    assert.equal(modules["golang.org/x/mod"], "v0.42.0");
    assert.equal(modules["filippo.io/torchwood"], "v0.9.0");
    assert.equal(modules["github.com/transparency-dev/formats"], "v0.1.1");

    const { skey, vkey } = await check.must("note-generate-key", {
      origin: ORIGIN,
    });
    const parsed = await check.must("key-parse", { skey });
    assert.deepEqual(
      { name: parsed.name, vkey: parsed.vkey },
      { name: ORIGIN, vkey },
    );
    const body = text("one\ntwo\n");
    const { note } = await check.must("note-sign", { skey, text: body });
    const opened = await check.must("note-open", { vkeys: [vkey], note });
    assert.deepEqual(opened.text, body);
    assert.deepEqual(opened.verified, [{ name: ORIGIN, keyId: parsed.keyId }]);

    note[0] = note[0]! ^ 1;
    const refused = await check.call("note-open", { vkeys: [vkey], note });
    assert.equal(refused.ok, false);
    await assert.rejects(
      check.call("note-open", { vkeys: ["nonsense"], note }),
      TypeError,
    );
  }));

Deno.test("check proves and checks trees, with any byte of a proof changed refused", () =>
  Check.use(async (check) => {
    const tree = { label: "peers" };
    for (const [size, index] of [[1, 0], [256, 255], [300, 7]] as const) {
      const proven = await check.must("tlog-prove-record", {
        ...tree,
        size,
        index,
      });
      assert.deepEqual(proven.entry, synthetic("peers", index));
      const claim = { ...proven, size, index };
      const { proof, root, leafHash } = claim;
      assert.equal(
        (await check.call("tlog-check-record", {
          proof,
          root,
          leafHash,
          size,
          index,
        })).ok,
        true,
      );
      for (const hash of [root, leafHash, ...proof]) {
        hash[31] = hash[31]! ^ 1;
        assert.equal(
          (await check.call("tlog-check-record", {
            proof,
            root,
            leafHash,
            size,
            index,
          })).ok,
          false,
        );
        hash[31] = hash[31]! ^ 1;
      }
    }
    const sizes = { size1: 100, size2: 300 };
    const grown = await check.must("tlog-prove-tree", { ...tree, ...sizes });
    assert.equal(
      (await check.call("tlog-check-tree", { ...grown, ...sizes })).ok,
      true,
    );
    assert.equal(
      (await check.call("tlog-check-tree", {
        ...grown,
        ...sizes,
        root1: grown.root2,
      })).ok,
      false,
    );
    const { paths } = await check.must("tlog-new-tiles", sizes);
    assert.deepEqual(paths, [
      "tile/0/000",
      "tile/0/001.p/44",
      "tile/1/000.p/1",
    ]);
    // Above 2^62 this library would never answer.
    await assert.rejects(
      check.call("tlog-check-record", {
        proof: [],
        root: grown.root1,
        leafHash: grown.root1,
        size: 2n ** 63n - 1n,
        index: 0,
      }),
      TypeError,
    );
  }));

Deno.test("check cosigns with 0x04 and 0x06, and each library reads what it can", () =>
  Check.use(async (check) => {
    const log = await check.must("note-generate-key", { origin: ORIGIN });
    const { note } = await check.must("tlog-checkpoint", {
      label: "peers",
      size: 5,
      skey: log.skey,
    });
    for (const alg of ["cosignature", "ml-dsa-44"] as const) {
      const witness = await check.must("note-generate-key", {
        origin: "w.example",
        alg,
      });
      const { vkey } = witness;
      const libraries = alg === "cosignature"
        ? ["formats", "torchwood"] as const
        : ["formats"] as const;
      for (const library of libraries) {
        const cosigned = await check.must("cosign-sign", {
          skey: witness.skey,
          note,
          library,
        });
        for (const reader of libraries) {
          const { timestamp } = await check.must("cosign-verify", {
            vkey,
            note: cosigned.note,
            library: reader,
          });
          assert(timestamp > 0n);
        }
        const checkpoint = await check.must("formats-checkpoint", {
          note: cosigned.note,
          origin: ORIGIN,
          vkey: log.vkey,
          vkeys: [vkey],
        });
        assert.equal(checkpoint.size, 5n);
        assert.deepEqual(checkpoint.verified.map(({ name }) => name), [
          ORIGIN,
          "w.example",
        ]);
      }
    }
  }));

Deno.test("check makes and verifies offline proofs under a policy", () =>
  Check.use(async (check) => {
    const log = await check.must("note-generate-key", { origin: ORIGIN });
    const witness = await check.must("note-generate-key", {
      origin: "w.example",
      alg: "cosignature",
    });
    const policy = text(
      `log ${log.vkey}\nwitness w ${witness.vkey}\nquorum w\n`,
    );
    const size = 300;
    const index = 290;
    const signed = await check.must("tlog-checkpoint", {
      label: "peers",
      size,
      skey: log.skey,
    });
    const { note } = await check.must("cosign-sign", {
      skey: witness.skey,
      note: signed.note,
    });
    const { proof, entry } = await check.must("tlog-prove-record", {
      label: "peers",
      size,
      index,
    });
    assert(entry !== undefined);
    const make = async (checkpoint: Uint8Array) =>
      (await check.must("torchwood-format-proof", {
        index,
        proof,
        checkpoint,
        extra: entry,
      })).tlogProof;
    const tlogProof = await make(note);
    assert.deepEqual(
      await check.call("torchwood-verify-proof", { policy, entry, tlogProof }),
      { ok: true, extra: entry },
    );
    assert.equal(
      (await check.must("formats-parse-proof", { tlogProof })).index,
      BigInt(index),
    );
    const refused = [
      { entry: text("another"), tlogProof },
      { entry, tlogProof: await make(signed.note) },
    ];
    for (const claim of refused) {
      assert.equal(
        (await check.call("torchwood-verify-proof", { policy, ...claim })).ok,
        false,
      );
    }
  }));

Deno.test("check reads back the log it wrote as files, and fsck agrees", () =>
  Check.use(async (check) => {
    const { skey, vkey } = await check.must("note-generate-key", {
      origin: ORIGIN,
    });
    const dir = await Deno.makeTempDir({ prefix: "indelible-peers-test-" });
    try {
      const size = 600;
      await check.must("tlog-write-log", { label: "peers", size, skey, dir });
      const read = await check.must("torchwood-read-entries", {
        dir,
        vkey,
        start: 250,
        wantEntries: true,
      });
      assert.equal(read.count, 350n);
      assert.deepEqual(read.entries?.[0], synthetic("peers", 250));
      assert.deepEqual(read.entries?.[349], synthetic("peers", 599));
      const { root } = await check.must("tlog-root", { label: "peers", size });
      assert.deepEqual(read.root, root);

      const whole = await fsckLog(`file://${dir}`, vkey);
      if (whole === null) return;
      assert(whole.ok, whole.output);
      const path = join(dir, "tile/0/001");
      const tile = await Deno.readFile(path);
      tile[100] = tile[100]! ^ 1;
      await Deno.writeFile(path, tile);
      const broken = await fsckLog(`file://${dir}`, vkey);
      assert.equal(broken?.ok, false);
      assert.equal(
        (await check.call("torchwood-read-entries", { dir, vkey })).ok,
        false,
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }));

Deno.test("litewitness cosigns growth and refuses what does not follow", () =>
  Check.use(async (check) => {
    const log = await check.must("note-generate-key", { origin: ORIGIN });
    await using witness = await startLitewitness({
      name: "w.example/lite",
      logs: [{ origin: ORIGIN, vkey: log.vkey }],
    });
    if (witness === null) return;
    const post = async (size1: number, size2: number, label: string) => {
      const body = await check.must("tlog-add-checkpoint-body", {
        label,
        size1,
        size2,
        skey: log.skey,
      });
      const response = await fetch(`${witness.url}/add-checkpoint`, {
        method: "POST",
        body: new Uint8Array(body.text),
      });
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        answer: await response.text(),
        note: body.note,
      };
    };
    assert.equal(witness.latest("unknown.example"), undefined);
    assert.equal(witness.latest(ORIGIN)?.size, 0n);
    for (const [size1, size2] of [[0, 5], [5, 300], [300, 300]] as const) {
      const { status, answer, note } = await post(size1, size2, "peers");
      assert.equal(status, 200, answer);
      const cosigned = new Uint8Array([...note, ...text(answer)]);
      for (const library of ["formats", "torchwood"] as const) {
        await check.must("cosign-verify", {
          vkey: witness.vkey,
          note: cosigned,
          library,
        });
      }
      await check.must("torchwood-check-policy", {
        policy: text(
          `log ${log.vkey}\nwitness w ${witness.vkey}\nquorum w\n`,
        ),
        note: cosigned,
      });
    }
    const stale = await post(5, 400, "peers");
    assert.deepEqual([stale.status, stale.type, stale.answer], [
      409,
      "text/x.tlog.size",
      "300\n",
    ]);
    const fork = await post(300, 400, "another history");
    assert.equal(fork.status, 422);
    const { root } = await check.must("tlog-root", {
      label: "peers",
      size: 300,
    });
    assert.deepEqual(witness.latest(ORIGIN), { size: 300n, root });
  }));

Deno.test("Tessera takes 300 entries, and fsck, hammer and torchwood read them", () =>
  Check.use(async (check) => {
    const { skey, vkey } = await check.must("note-generate-key", {
      origin: ORIGIN,
    });
    await using tessera = await startTessera({ skey });
    if (tessera === null) return;
    const { url, pid } = tessera;

    const add = async (body: string) => {
      const response = await fetch(`${url}/add`, { method: "POST", body });
      assert.equal(response.status, 200);
      return await response.text();
    };
    assert.equal(await add("first"), "0");
    assert.equal(await add("first"), "0", "a repeat has its first index");
    const load = await loadgen({
      url,
      mode: "tessera",
      requests: 300,
      connections: 300,
      pids: [pid],
    });
    if (load === null) return;
    assert.deepEqual([load.ok, load.errors], [300, 0]);

    // An entry has its index before a checkpoint covers it.
    let read = await check.must("torchwood-read-entries", {
      baseUrl: url,
      vkey,
    });
    while (read.size < 301n) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      read = await check.must("torchwood-read-entries", { baseUrl: url, vkey });
    }
    assert.deepEqual([read.origin, read.size, read.count], [
      ORIGIN,
      301n,
      301n,
    ]);
    const one = await check.must("torchwood-read-entry", {
      baseUrl: url,
      vkey,
      index: 0,
    });
    assert.deepEqual(one.entry, text("first"));

    const whole = await fsckLog(url, vkey);
    if (whole === null) return;
    assert(whole.ok, whole.output);
    const hammered = await hammerRead(url, vkey);
    if (hammered === null) return;
    assert(hammered.ok, hammered.output);

    const stranger = await check.must("note-generate-key", { origin: ORIGIN });
    assert.equal((await fsckLog(url, stranger.vkey))?.ok, false);
    assert.equal((await hammerRead(url, stranger.vkey))?.ok, false);
  }));
