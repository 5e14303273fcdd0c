import { formatVkey, KeyType, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { testKey } from "../tests/growing_log.ts";
import { checkLog, checkOrigin, parseLogList, TrustedLogs } from "./logs.ts";
import { logId } from "./store.ts";

const A = formatVkey(testKey("a.example/log"));
const B = formatVkey(testKey("b.example/log"));

Deno.test("parseLogList() joins the lines of one origin", () => {
  const file = `# logs\n\na.example/log ${A}\n b.example/log\t${B} https://b.example/ \r\n` +
    `a.example/log ${B} http://a.example`;
  assert.deepEqual(parseLogList(utf8(file)), [
    { origin: "a.example/log", vkeys: [A, B], url: "http://a.example" },
    { origin: "b.example/log", vkeys: [B], url: "https://b.example/" },
  ]);
  assert.deepEqual(parseLogList(utf8("")), []);
});

Deno.test("parseLogList() names the line that is wrong", () => {
  const bad = [
    "a.example/log",
    `a.example/log ${A} https://a.example more`,
    `a.example/log ${A} ftp://a.example`,
    `a.example/log ${A} a.example`,
    `a.example/log ${A.replace("+", "+0")}`,
    `${"a".repeat(256)} ${A}`,
  ];
  for (const line of bad) {
    assert.throws(() => parseLogList(utf8(`# first\n${line}\n`)), /^SyntaxError: .*line 2: /, line);
  }
});

Deno.test("checkLog() refuses the witness itself and ambiguous keys", () => {
  checkLog({ origin: "a.example/log", vkeys: [A, B, A] }, "witness.example");
  assert.throws(() => checkLog({ origin: "w", vkeys: [] }, "w"), /own name/);
  const own = testKey("witness.example", KeyType.ed25519Cosignature);
  const taken = formatVkey({ ...testKey("a.example/log"), publicKey: own.publicKey });
  assert.throws(() => checkLog({ origin: "o", vkeys: [taken] }, "w", [own]), /key ID|own key/);
  for (const origin of ["", "a\nb", "a\tb", "ä".repeat(128)]) {
    assert.throws(() => checkOrigin(origin), /origin must have 1–255 bytes/);
  }
});

Deno.test("TrustedLogs keeps the last configuration when the next one is refused", () => {
  const logs = new TrustedLogs({ name: "w", keys: [] });
  logs.configure([{ origin: "a.example/log", vkeys: [A] }]);
  assert.throws(() => logs.configure([{ origin: "w", vkeys: [A] }]), /own name/);
  assert.deepEqual(logs.configured, [{ origin: "a.example/log", vkeys: [A] }]);
});

Deno.test("TrustedLogs trusts the keys of the list and of the store, unless disabled", () => {
  const logs = new TrustedLogs({ name: "w", keys: [] });
  const origin = "a.example/log";
  const record = { origin, vkeys: [B, A], url: null, disabled: false, cosigned: null };
  const names = (record_: typeof record | null) =>
    logs.verifiersFor(origin, record_).map(({ name }) => name);
  assert.deepEqual(names(null), []);
  assert.deepEqual(names(record), ["b.example/log", "a.example/log"]);
  logs.configure([{ origin, vkeys: [A] }]);
  assert.deepEqual(names(null), ["a.example/log"]);
  assert.deepEqual(names(record), ["a.example/log", "b.example/log"]);
  assert.deepEqual(names({ ...record, disabled: true }), []);
});

Deno.test("logId() is the hexadecimal SHA-256 of the origin", () => {
  assert.equal(logId(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
