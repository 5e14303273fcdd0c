import { KeyType, parseNote, sha256, signerKey, utf8 } from "@indelible/core";
import { equal, match, throws } from "node:assert/strict";
import { checkReport, requireNoteKey, signReport } from "./report_note.ts";

const KEY = signerKey("registry.test/reports", KeyType.ed25519, sha256(utf8("reports")));
const REPORT = sha256(utf8('{"type":"run"}\n'));

Deno.test("a signed report verifies, and with any byte of its note changed it does not", () => {
  const note = signReport(REPORT, KEY);
  equal(checkReport(REPORT, note, KEY), null);
  for (let i = 0; i < note.length; i++) {
    const changed = note.slice();
    changed[i]! ^= 1;
    equal(typeof checkReport(REPORT, changed, KEY), "string", `byte ${i}`);
  }
  match(checkReport(sha256(utf8("another")), note, KEY)!, /another report/);
  const other = signerKey(KEY.name, KeyType.ed25519, sha256(utf8("other")));
  match(checkReport(REPORT, note, other)!, /no signature of registry\.test\/reports/);
});

Deno.test("what is signed cannot be taken for a checkpoint", () => {
  const [, second] = parseNote(signReport(REPORT, KEY)).text.split("\n");
  match(second!, /^sha256:/); // A checkpoint has its size there, in digits.
});

Deno.test("a witness's key signs no reports", () => {
  const witness = signerKey("w.test", KeyType.ed25519Cosignature, sha256(utf8("w")));
  throws(() => requireNoteKey(witness, "--private-key F"), /no witness's/);
});
