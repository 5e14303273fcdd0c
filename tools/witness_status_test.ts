import {
  formatCheckpoint,
  formatVkey,
  KeyType,
  parsePolicy,
  sha256,
  signerKey,
  signerOf,
  signNote,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { join } from "node:path";
import { inFolder, makeLog, POLICY, runHere } from "./_testing.ts";
import { command, quorumStanding } from "./witness_status.ts";

const NOW = 1_700_000_000;
const key = (name: string, type: KeyType) => signerKey(name, type, sha256(utf8(name)));
const log = key("log.example", KeyType.ed25519);
const witnesses = ["a", "b", "c"].map((name) => key(`${name}.example`, KeyType.ed25519Cosignature));
const text = formatCheckpoint({
  origin: "log.example",
  size: 7n,
  root: sha256(utf8("root")),
  extensions: [],
});

function policy(quorum: number) {
  const lines = [
    `log ${formatVkey(log)}`,
    ...witnesses.map((witness, i) => `witness w${i} ${formatVkey(witness)}`),
    `group g ${quorum} w0 w1 w2`,
    "quorum g",
  ];
  return parsePolicy(utf8(lines.join("\n") + "\n"));
}

const cosignedBy = (...numbers: number[]) =>
  signNote(
    text,
    [log, ...numbers.map((i) => witnesses[i]!)].map((key) => signerOf(key, () => BigInt(NOW - 10))),
  );

Deno.test("quorumStanding() tells whom the quorum cannot lose", () => {
  const two = quorumStanding(policy(2), cosignedBy(0, 2), NOW);
  equal(two.holds, true);
  deepEqual(two.witnesses.map(({ needed }) => needed), [true, false, true]);
  deepEqual(two.witnesses.map(({ time }) => time), [BigInt(NOW - 10), null, BigInt(NOW - 10)]);
  const three = quorumStanding(policy(2), cosignedBy(0, 1, 2), NOW);
  deepEqual(three.witnesses.map(({ needed }) => needed), [false, false, false]);
});

Deno.test("quorumStanding() reports a quorum that does not hold, and refuses a stranger's note", () => {
  const one = quorumStanding(policy(2), cosignedBy(1), NOW);
  equal(one.holds, false);
  deepEqual(one.witnesses.map(({ needed }) => needed), [false, false, false]);
  const stranger = signNote(text, [signerOf(key("other.example", KeyType.ed25519), () => 1n)]);
  throws(() => quorumStanding(policy(1), stranger, NOW), /refused/);
});

Deno.test("quorumStanding() counts only what is fresh, when asked to", () => {
  const cosigned = cosignedBy(0, 2);
  const at = (now: number, maxAge?: number) => quorumStanding(policy(2), cosigned, now, maxAge);
  equal(at(NOW, 10).holds, true);
  equal(at(NOW, 9).holds, false);
  equal(at(NOW + 10_000_000).holds, true, "any age");
  deepEqual(at(NOW, 9).witnesses.map(({ fresh }) => fresh), [false, false, false]);
  deepEqual(at(NOW, 10).witnesses.map(({ fresh }) => fresh), [true, false, true]);
  // From the future: no clock of ours has been there.
  equal(at(NOW - 1_000).holds, false);
});

Deno.test("witness-status ends with 1 when the quorum's cosignatures are older than --max-age", () =>
  inFolder(async (folder) => {
    const hoursAgo = BigInt(Math.floor(Date.now() / 1000) - 2 * 3600);
    const { objects } = makeLog([utf8("entry")], hoursAgo);
    Deno.writeFileSync(join(folder, "checkpoint"), objects.get("checkpoint")!);
    Deno.writeTextFileSync(join(folder, "policy"), POLICY);
    const run = (...flags: string[]) =>
      runHere(command, [`--policy=${join(folder, "policy")}`, `--log=${folder}`, ...flags]);
    for (const flags of [[], ["--max-age=1d"]]) {
      const { code, stdout, stderr } = await run(...flags);
      equal(code, 0, stderr);
      match(stdout, /the quorum holds, and would break without W$/m);
    }
    const { code, stdout } = await run("--max-age=1h");
    equal(code, 1);
    match(stdout, /W {2}cosigned 7\d\d\d s ago \(.*\), which does not count$/m);
    match(stdout, /does NOT hold by cosignatures of the last 3600 s$/m);
    const json = JSON.parse((await run("--max-age=1h", "--json")).stdout);
    deepEqual([json.quorum, json.witnesses[0].fresh], [false, false]);
  }));
