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
import { deepEqual, equal, throws } from "node:assert/strict";
import { quorumStanding } from "./witness_status.ts";

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
    [log, ...numbers.map((i) => witnesses[i]!)].map((key) => signerOf(key, () => 1_700_000_000n)),
  );

Deno.test("quorumStanding() tells whom the quorum cannot lose", () => {
  const two = quorumStanding(policy(2), cosignedBy(0, 2));
  equal(two.holds, true);
  deepEqual(two.witnesses.map(({ needed }) => needed), [true, false, true]);
  deepEqual(two.witnesses.map(({ time }) => time), [1_700_000_000n, null, 1_700_000_000n]);
  const three = quorumStanding(policy(2), cosignedBy(0, 1, 2));
  deepEqual(three.witnesses.map(({ needed }) => needed), [false, false, false]);
});

Deno.test("quorumStanding() reports a quorum that does not hold, and refuses a stranger's note", () => {
  const one = quorumStanding(policy(2), cosignedBy(1));
  equal(one.holds, false);
  deepEqual(one.witnesses.map(({ needed }) => needed), [false, false, false]);
  const stranger = signNote(text, [signerOf(key("other.example", KeyType.ed25519), () => 1n)]);
  throws(() => quorumStanding(policy(1), stranger), /refused/);
});
