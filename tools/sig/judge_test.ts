import { deepEqual, equal } from "node:assert/strict";
import { judge, type Statement } from "./judge.ts";
import type { Verdict } from "./openpgp_verify.ts";

const A = "A".repeat(40);
const B = "B".repeat(40);

function says(
  key: string,
  data: { ok?: boolean | string; reviewed?: boolean; comment?: string },
  verdict: Partial<Verdict> & { at?: number } = {},
): Statement {
  const { at = 0, ...rest } = verdict;
  const found = { kind: "good", signer: key, created: new Date(at), why: "why", ...rest };
  return {
    attestation: {
      data: { id: "x", ok: true, reviewed: true, ...data },
      key,
      sig: new Uint8Array([at]),
    },
    verdict: found as Verdict,
  };
}

const trusting = (...keys: string[]) => ({ trusted: new Set(keys), threshold: 1 });

Deno.test("judge() believes trusted keys only, and one no outweighs every yes", () => {
  const yes = [says(A, {}), says(B, {})];
  const no = says("C".repeat(40), { ok: false });
  equal(judge([], trusting(A)).kind, "unknown");
  equal(judge(yes, trusting()).kind, "not-verified");
  equal(judge(yes, trusting(A)).kind, "ok");
  equal(judge(yes, { ...trusting(A), threshold: 2 }).kind, "not-verified");
  equal(judge(yes, { ...trusting(A, B), threshold: 2 }).kind, "ok");
  equal(judge([...yes, no], trusting(A, B)).kind, "ok");
  const bySubkey = says(B, {}, { signer: A } as Partial<Verdict>);
  for (const key of [A, B]) equal(judge([bySubkey], trusting(key)).kind, "ok");
  equal(judge([...yes, no], trusting(A, B, no.attestation.key)).kind, "bad");
});

Deno.test("judge() takes the last word of a key, and of two at once the one that is not a yes", () => {
  const [yes, no] = [says(A, {}, { at: 1 }), says(A, { ok: false }, { at: 2 })];
  for (const both of [[yes, no], [no, yes]]) equal(judge(both, trusting(A)).kind, "bad");
  const later = says(A, {}, { at: 3 });
  for (const all of [[yes, no, later], [later, no, yes]]) equal(judge(all, trusting(A)).kind, "ok");
  const same = says(A, {}, { at: 2 });
  for (const both of [[same, no], [no, same]]) equal(judge(both, trusting(A)).kind, "bad");
});

Deno.test("judge() counts nothing that is expired, revoked, unknown or invalid, but a standing no", () => {
  const kinds = ["expired-key", "expired-signature", "revoked-key", "unknown-key", "bad"] as const;
  for (const kind of kinds) {
    equal(judge([says(A, {}, { kind })], trusting(A)).kind, "not-verified", kind);
    const no = judge([says(B, {}), says(A, { ok: false }, { kind })], trusting(A, B)).kind;
    equal(no, kind === "expired-key" ? "bad" : "ok", kind);
  }
  // A forgery does not take the place of what was said.
  const forged = says(A, { ok: false }, { kind: "bad" });
  equal(judge([says(A, {}, { at: 1 }), forged], trusting(A)).kind, "ok");
});

Deno.test("judge() takes true for yes and nothing else, and only what a human reviewed", () => {
  equal(judge([says(A, { ok: "yes" })], trusting(A)).kind, "bad");
  equal(judge([says(A, { reviewed: false })], trusting(A)).kind, "unknown");
  const { standings } = judge([says(B, {}), says(A, { comment: "c" })], trusting(A));
  deepEqual(standings.map(({ kind, key, review }) => [kind, key, review.comment]), [
    ["ok", A, "c"],
    ["untrusted", B, undefined],
  ]);
});

Deno.test("judge() counts a yes that a demanded log has, and of a key that hides nothing from it", () => {
  const logged = (statement: Statement, isLogged: boolean) => ({ ...statement, isLogged });
  const kinds = (all: Statement[], withheld: string[] = []) => {
    const policy = { ...trusting(A), withheld: new Set(withheld) };
    const { kind, standings } = judge(all, policy);
    return [kind, ...standings.map(({ kind }) => kind)];
  };
  deepEqual(kinds([logged(says(A, {}), true)]), ["ok", "ok"]);
  deepEqual(kinds([logged(says(A, {}), false)]), ["not-verified", "unlogged"]);
  deepEqual(kinds([logged(says(A, {}), true)], [A]), ["not-verified", "withheld"]);
  deepEqual(kinds([logged(says(A, {}), true)], [B]), ["ok", "ok"]);
  // A no blocks wherever it is, and an unlogged yes does not take it back.
  const no = logged(says(A, { ok: false }, { at: 1 }), false);
  deepEqual(kinds([no]), ["bad", "not-ok"]);
  deepEqual(kinds([no, logged(says(A, {}, { at: 2 }), false)], [A]), ["bad", "not-ok"]);
  deepEqual(kinds([no, logged(says(A, {}, { at: 2 }), true)]), ["ok", "ok"]);
  deepEqual(kinds([logged(says(B, {}), false)]), ["not-verified", "untrusted"]);
});
