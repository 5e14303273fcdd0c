import assert from "node:assert/strict";
import fc from "fast-check";
import { flipBit, mutations, parseOrRefuse, RUNS } from "./_testing.ts";
import { concat, utf8 } from "./bytes.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { signerOf } from "./cosignature.ts";
import { nativeEd25519 } from "./ed25519_native.ts";
import { EMPTY_ROOT } from "./hash.ts";
import { formatVkey, type KeyType, KeyType as Type, type SignerKey, signerKey } from "./key.ts";
import { formatSignatureLine, signNote } from "./note.ts";
import { checkPolicy, parsePolicy, type Policy, policyOfLog, quorumHolds } from "./policy.ts";

const TIME = 1762172726n;
const key = (name: string, type: KeyType, seed: number): SignerKey =>
  signerKey(name, type, new Uint8Array(32).fill(seed));
const LOG = key("log.example", Type.ed25519, 100);
const OTHER_LOG = key("log.example/2", Type.ed25519, 101);
const W = Array.from(
  { length: 32 },
  (_, i) => key(`w${i}.example`, Type.ed25519Cosignature, i),
);
const PQ = key("pq.example", Type.mlDsa44, 102);
const signer = (key: SignerKey) => signerOf(key, () => TIME, nativeEd25519);

const TEXT = formatCheckpoint({
  origin: LOG.name,
  size: 5n,
  root: EMPTY_ROOT,
  extensions: [],
});
const sign = (...keys: SignerKey[]) => signNote(TEXT, keys.map(signer));

const logLine = (key = LOG) => `log ${formatVkey(key)}\n`;
const witnessLine = (name: string, key: SignerKey) => `witness ${name} ${formatVkey(key)}\n`;
const witnesses = (count: number) =>
  W.slice(0, count).map((key, i) => witnessLine(`w${i}`, key)).join("");
const parse = (text: string): Policy => parsePolicy(utf8(text));
const check = (policy: Policy, note: Uint8Array) => checkPolicy(policy, note, nativeEd25519);

Deno.test("checkPolicy() decides the worked example of tlog-policy", () => {
  const policy = parse(
    "# one log, two operators\n" + logLine() +
      witnessLine("X1", W[0]!) + witnessLine("X2", W[1]!) +
      witnessLine("X3", W[2]!) + "group X 2 X1 X2 X3\n" +
      witnessLine("Y1", W[3]!).replace("\n", " https://y1.example/\n") +
      witnessLine("Y2", W[4]!) + "group Y any Y1 Y2\n" +
      "group X-and-Y all X Y\nquorum X-and-Y\n",
  );
  assert.equal(policy.witnesses[3]!.url, "https://y1.example/");
  const [X1, X2, X3, Y1, Y2] = W as [
    SignerKey,
    SignerKey,
    SignerKey,
    SignerKey,
    SignerKey,
  ];
  const accepted = check(policy, sign(LOG, X1, X3, Y2));
  assert.equal(accepted.kind, "accepted");
  assert.equal(accepted.log.key.name, "log.example");
  assert.equal(accepted.checkpoint.size, 5n);
  assert.deepEqual(
    accepted.cosigned.map(({ witness, time }) => [witness.name, time]),
    [["X1", TIME], ["X3", TIME], ["Y2", TIME]],
  );
  for (const cosigned of [[X1, X2, X3], [X1, Y1, Y2], [Y1], []]) {
    const verdict = check(policy, sign(LOG, ...cosigned));
    assert.equal(verdict.kind, "refused");
    assert.match(verdict.why, /the quorum "X-and-Y" is not met: cosigned by/);
  }
});

Deno.test("checkPolicy() counts to every threshold of 32 witnesses", () => {
  const notes = [15, 16, 17, 31, 32].map((count) =>
    [count, sign(LOG, ...W.slice(32 - count))] as const
  );
  for (const k of [1, 16, 17, 31, 32, "any", "all"]) {
    const names = W.map((_, i) => `w${i}`).join(" ");
    const policy = parse(
      logLine() + witnesses(32) + `group g ${k} ${names}\nquorum g\n`,
    );
    const threshold = k === "any" ? 1 : k === "all" ? 32 : Number(k);
    for (const [count, note] of notes) {
      assert.equal(
        check(policy, note).kind,
        count >= threshold ? "accepted" : "refused",
        `${count} of ${k}`,
      );
    }
  }
});

Deno.test("checkPolicy() counts a witness once, however often it cosigned", () => {
  const policy = parse(
    logLine() + witnesses(2) + "group g 2 w0 w1\nquorum g\n",
  );
  const later = signerOf(W[0]!, () => TIME + 1n, nativeEd25519);
  const note = concat(
    sign(LOG, W[0]!, W[0]!),
    utf8(formatSignatureLine({ ...W[0]!, signature: later.sign(TEXT) })),
  );
  assert.equal(check(policy, note).kind, "refused");
});

Deno.test("checkPolicy() refuses a failing line of any key it lists", () => {
  const policy = parse(
    logLine() + logLine(OTHER_LOG) + witnesses(2) + "quorum w0\n",
  );
  assert.equal(check(policy, sign(LOG, W[0]!)).kind, "accepted");
  for (const key of [LOG, OTHER_LOG, W[0]!, W[1]!]) {
    const signature = flipBit(signer(key).sign(TEXT), 100);
    const line = formatSignatureLine({ ...key, signature });
    const verdict = check(policy, concat(sign(LOG, W[0]!), utf8(line)));
    assert.equal(verdict.kind, "refused");
    assert.match(verdict.why, /does not verify/);
  }
  // That of a key it does not list is nobody's.
  const line = formatSignatureLine({ ...W[2]!, signature: EMPTY_ROOT });
  const verdict = check(policy, concat(sign(LOG, W[0]!), utf8(line)));
  assert.equal(verdict.kind, "accepted");
});

Deno.test("checkPolicy() wants the log whose name is the origin", () => {
  const policy = parse(
    logLine() + logLine(OTHER_LOG) + witnesses(1) + "quorum none\n",
  );
  assert.equal(check(policy, sign(LOG)).kind, "accepted");
  assert.equal(check(policy, sign(LOG, OTHER_LOG)).kind, "accepted");
  for (const keys of [[OTHER_LOG], [W[0]!], [OTHER_LOG, W[0]!], [W[1]!]]) {
    assert.equal(check(policy, sign(...keys)).kind, "refused");
  }
  const nobody = parse(witnesses(1) + "quorum none\n");
  assert.equal(check(nobody, sign(LOG, W[0]!)).kind, "refused");
  assert.throws(() => check(policy, signNote("no\n", [signer(LOG)])), SyntaxError);
});

Deno.test("checkPolicy() takes ML-DSA-44 keys of logs and witnesses", () => {
  const log = key("log.example", Type.mlDsa44, 103);
  const policy = parse(logLine(log) + witnessLine("pq", PQ) + "quorum pq\n");
  assert.equal(check(policy, sign(log, PQ)).kind, "accepted");
  assert.equal(check(policy, sign(log)).kind, "refused");
});

Deno.test("policyOfLog() trusts one key and asks for no witness", () => {
  const policy = policyOfLog(LOG, "https://log.example/");
  assert.equal(check(policy, sign(LOG)).kind, "accepted");
  assert.equal(check(policy, sign(OTHER_LOG)).kind, "refused");
});

Deno.test("parsePolicy() reads generated policies as what they were made of", () => {
  // Names are octets; "none" is taken, and "#" starts a comment only on its own.
  const octets = fc.uint8Array({ minLength: 1, maxLength: 6 }).filter((name) =>
    name.every((octet) => octet > 0x20 && octet !== 0x7f)
  );
  const names = fc.uniqueArray(octets, {
    minLength: 8,
    maxLength: 8,
    selector: (name) => name.toHex(),
  });
  const space = fc.constantFrom(" ", "\t", "  ", " \t ");
  fc.assert(
    fc.property(
      names,
      space,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(63),
      (names, space, k1, k2, holding) => {
        const [w0, w1, w2, w3, w4, w5, g1, g2] = names.map((name) =>
          Array.from(name, (octet) => String.fromCharCode(octet)).join("")
        ) as [string, ...string[]] as string[] as string8;
        if ([w0, w1, w2, w3, w4, w5, g1, g2].includes("none")) return;
        const text = [
          `#${w0} none\n\n \t\n`,
          ...[w0, w1, w2, w3, w4, w5].map((name, i) =>
            `${space}witness${space}${name}${space}${formatVkey(W[i]!)}\n`
          ),
          `group${space}${g1}${space}${k1}${space}${[w0, w1, w2].join(space)}\n`,
          `group ${g2} ${k2} ${g1} ${w3} ${w4}${space}\n`,
          `quorum${space}${g2}`,
        ].join("");
        const policy = parsePolicy(
          Uint8Array.from(text, (char) => char.charCodeAt(0)),
        );
        assert.deepEqual(
          policy.witnesses.map(({ name }) => name),
          [w0, w1, w2, w3, w4, w5],
        );
        assert.deepEqual([...policy.groups], [
          [g1, { threshold: k1, members: [w0, w1, w2] }],
          [g2, { threshold: k2, members: [g1, w3, w4] }],
        ]);
        assert.equal(policy.quorum, g2);
        const held = [w0, w1, w2, w3, w4, w5].filter((_, i) => holding >> i & 1);
        const has = (name: string) => Number(held.includes(name));
        const g1Holds = has(w0) + has(w1) + has(w2) >= k1;
        assert.equal(
          quorumHolds(policy, new Set(held)),
          Number(g1Holds) + has(w3) + has(w4) >= k2,
        );
      },
    ),
    { numRuns: RUNS },
  );
});
type string8 = [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];

Deno.test("quorumHolds() follows groups in groups to any depth", () => {
  let text = witnesses(1) + "group g0 1 w0\n";
  for (let i = 1; i < 20_000; i++) text += `group g${i} 1 g${i - 1}\n`;
  const policy = parse(text + "quorum g19999\n");
  assert.ok(quorumHolds(policy, new Set(["w0"])));
  assert.ok(!quorumHolds(policy, new Set()));
});

Deno.test("parsePolicy() refuses what could count a party twice or not at all", () => {
  const head = logLine() + witnesses(3);
  const again = signerKey("again.example", Type.ed25519Cosignature, W[0]!.seed);
  for (
    const [policy, why] of [
      ["", /must have a quorum line/],
      [head, /must have a quorum line/],
      [head + "quorum w0\nquorum w0\n", /quorum line already/],
      [head + "quorum w0 w1\n", /must be "quorum/],
      [head + "quorum w9\n", /"w9" is not defined above/],
      ["quorum w0\n" + head, /not defined above/],
      [head + "group g 0 w0\nquorum g\n", /threshold/],
      [head + "group g 3 w0 w1\nquorum g\n", /threshold/],
      [head + "group g -1 w0\nquorum g\n", /threshold/],
      [head + "group g 01 w0\nquorum g\n", /threshold/],
      [head + "group g +1 w0\nquorum g\n", /threshold/],
      [head + "group g 1e0 w0\nquorum g\n", /threshold/],
      [head + "group g 99999999999999999999 w0\nquorum g\n", /threshold/],
      [head + "group g most w0 w1\nquorum g\n", /threshold/],
      [head + "group g all\nquorum g\n", /must be "group/],
      [head + "group g any w0 w0\nquorum g\n", /"w0" is a member already/],
      [head + "group g any w0\ngroup h any w0\nquorum g\n", /member already/],
      [head + "group g any g\nquorum g\n", /"g" is not defined above/],
      [head + "group g any none\nquorum g\n", /"none" is not defined above/],
      [head + "group none any w0\nquorum none\n", /predefined/],
      [head + "group w0 any w1\nquorum w0\n", /"w0" is defined already/],
      [head + witnessLine("none", PQ) + "quorum none\n", /predefined/],
      [head + witnessLine("w0", PQ) + "quorum w0\n", /defined already/],
      [head + witnessLine("w9", again) + "quorum w0\n", /listed already/],
      [head + logLine() + "quorum w0\n", /this log's key is listed already/],
      [head + witnessLine("w9", OTHER_LOG) + "quorum w9\n", /0x04 or 0x06/],
      [head + "Quorum w0\n", /unknown keyword/],
      [head + "quorum w0 # comment\n", /must be "quorum/],
      [head + "quorum w0\r\n", /octet 0x0d/],
      [head + "# \0\nquorum w0\n", /octet 0x00/],
      [head + "# \x7f\nquorum w0\n", /octet 0x7f/],
      [head + "quorum\vw0\n", /octet 0x0b/],
      ["\ufeff" + head + "quorum w0\n", /line 1: unknown keyword/],
      [head + "log x\nquorum w0\n", /line 5: .*vkey/],
      [head + "witness w9\nquorum w0\n", /must be "witness/],
    ] as const
  ) {
    assert.throws(() => parse(policy), {
      name: "SyntaxError",
      message: new RegExp(`^Cannot parse policy: .*${why.source}`, "s"),
    }, policy.slice(-60));
  }
});

Deno.test("parsePolicy() refuses a log and a witness that no line could tell apart", () => {
  const log = key("same.example", Type.ed25519Cosignature, 7);
  assert.throws(
    () => parse(logLine(log) + witnessLine("w", log) + "quorum w\n"),
    /listed already/,
  );
  // One key pair may serve both when the types, and so the key IDs, differ.
  const plain = key("same.example", Type.ed25519, 7);
  parse(logLine(plain) + witnessLine("w", log) + "quorum w\n");
});

Deno.test("parsePolicy() refuses or reads every change of a policy, and no key is changed", () => {
  const file = utf8(
    logLine() + witnesses(2) + "group g 2 w0 w1\nquorum g\n",
  );
  const known = new Set([LOG, W[0]!, W[1]!].map(formatVkey));
  for (const changed of mutations(file)) {
    const policy = parseOrRefuse(() => parsePolicy(changed));
    if (!policy) continue;
    for (const { key } of [...policy.logs, ...policy.witnesses]) {
      assert.ok(known.has(formatVkey(key)));
    }
  }
});
