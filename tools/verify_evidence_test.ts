import {
  encodeEvidence,
  formatEntry,
  formatVkey,
  KeyType,
  parseUtf8,
  sha256,
  signerKey,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, makeLog, POLICY, publication, runHere } from "./_testing.ts";
import { command } from "./verify_evidence.ts";

/** A folder with evidence of a second digest, a policy and another log's. */
async function prepare(folder: string): Promise<string> {
  const entries = ["a", "b", "a"].map((name, i) =>
    formatEntry(publication(`${name}-1.zip`, `content ${i}`))
  );
  const log = makeLog(entries, 1_790_000_000n);
  const proof = async (index: number) => parseUtf8(await log.proof(index));
  const path = join(folder, "evidence.json");
  await Deno.writeFile(
    path,
    encodeEvidence({
      kind: "second-digest",
      origin: "log.test/tools",
      time: "2026-11-22T17:00:00Z",
      summary: "a-1.zip has a second digest\u001b[2J\u202e",
      policy: POLICY,
      entries: [await proof(0), await proof(2)],
    }),
  );
  await Deno.writeTextFile(join(folder, "policy"), POLICY);
  const other = formatVkey(signerKey("log.test/other", KeyType.ed25519, sha256(utf8("other"))));
  await Deno.writeTextFile(join(folder, "other"), `log ${other}\nquorum none\n`);
  return path;
}

Deno.test("verify-evidence says what is proven, against whom, and what is not", () =>
  inFolder(async (folder) => {
    const path = await prepare(folder);
    const ran = await runHere(command, [path, `--policy=${join(folder, "policy")}`]);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /: verified, a proof of second-digest$/m);
    assert.match(ran.stdout, /against: the log log\.test\/tools \(key log\.test\/tools\+/);
    assert.match(ran.stdout, /What the signatures prove:\n {2}- The log .*a-1\.zip with SHA-256/);
    assert.match(ran.stdout, /What this does not prove:\n {2}- Which of the two digests/);
    for (const one of ["names them itself", "\u001b", "\u202e"]) {
      assert.ok(!ran.stdout.includes(one));
    }
    const own = await runHere(command, [path]);
    assert.equal(own.code, 0);
    assert.match(own.stdout, /this file names them itself/);
    const json = JSON.parse((await runHere(command, [path, "--json"])).stdout);
    assert.deepEqual([json.verified, json.kind, json.strength], [true, "second-digest", "proof"]);
  }));

Deno.test("verify-evidence ends with 1 for another log's policy and for a changed file", () =>
  inFolder(async (folder) => {
    const path = await prepare(folder);
    const other = await runHere(command, [path, `--policy=${join(folder, "other")}`]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /is NOT verified: no trusted key signed the checkpoint/);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace("2026-11-22", "2026-11-23"));
    const changed = await runHere(command, [path, "--json"]);
    assert.equal(changed.code, 1);
    assert.match(JSON.parse(changed.stdout).error, /it was changed since it was written/);
    assert.equal((await runHere(command, [])).code, 2);
    const missing = await runHere(command, [join(folder, "none")]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no such file/);
  }));
