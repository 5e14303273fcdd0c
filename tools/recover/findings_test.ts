import { deepEqual, equal } from "node:assert/strict";
import { type Facts, judge, KINDS } from "./findings.ts";

const RIGHT = "aa".repeat(32);
const WRONG = "bb".repeat(32);

/** A file that is as logged, but for what a test says. */
function facts(parts: {
  readonly logged?: Partial<NonNullable<Facts["logged"]>> | null;
  readonly listed?: Partial<NonNullable<Facts["listed"]>> | null;
  readonly served?: Facts["served"];
  readonly page?: Partial<Facts["page"]>;
}): Facts {
  const { logged = {}, listed = {}, page = {} } = parts;
  return {
    filename: "alpha-1.0.tar.gz",
    project: "alpha",
    page: { at: 1, treeSize: 10, trouble: null, ...page },
    logged: logged &&
      { sha256: RIGHT, leafIndex: 3, newest: 3, yanked: false, removed: false, ...logged },
    listed: listed &&
      {
        url: "https://x.example/a",
        sha256: RIGHT,
        yanked: false,
        reason: null,
        times: 1,
        ...listed,
      },
    served: parts.served === undefined ? bytes(RIGHT) : parts.served,
  };
}

function bytes(sha256: string): Facts["served"] {
  return { kind: "bytes", sha256, size: 1, at: 2 };
}

const gone = { kind: "gone", why: "404", at: 2 } as const;
const away = { kind: "unreachable", why: "refused", at: 2 } as const;

for (
  const [name, parts, kind, drift, why] of [
    ["all is as logged", {}, "unchanged", false, null],
    ["only the list was read", { served: null }, "unchanged", false, null],
    ["the bytes differ", { served: bytes(WRONG) }, "replaced", true, /^the bytes served/],
    ["the list differs", { listed: { sha256: WRONG } }, "replaced", true, /^the listing says/],
    ["the list has no digest", { listed: { sha256: null } }, "replaced", true, /no SHA-256/],
    ["it is listed twice", { listed: { times: 2 } }, "replaced", true, /lists it 2 times/],
    [
      "the list differs and nothing is served",
      { listed: { sha256: WRONG }, served: gone },
      "replaced",
      true,
      /^the listing says/,
    ],
    ["it is not listed", { listed: null, served: null }, "missing", true, /does not list/],
    ["it is listed and gone", { served: gone }, "missing", true, /404/],
    ["it cannot be fetched", { served: away }, "unreachable", true, /refused/],
    ["the page cannot be read", { page: { trouble: "500" } }, "unreachable", true, /500/],
    ["it is not logged", { logged: null }, "unlogged", true, /no entry/],
    ["it is yanked, not logged", { listed: { yanked: true } }, "yanked", true, /not logged/],
    [
      "it is yanked, as logged",
      { logged: { yanked: true }, listed: { yanked: true } },
      "yanked",
      false,
      /as logged/,
    ],
    [
      "its yank was taken back",
      { logged: { yanked: true } },
      "unyanked",
      true,
      /registry does not/,
    ],
    [
      "its yank is newer than the page",
      { logged: { yanked: true, newest: 10 } },
      "unchanged",
      false,
      null,
    ],
    [
      "it is removed, as logged",
      { logged: { removed: true, newest: 4 }, listed: null, served: null },
      "removed",
      false,
      /log says so/,
    ],
    ["it is back", { logged: { removed: true, newest: 4 } }, "restored", true, /was removed/],
    [
      "a swap wins over a yank",
      { listed: { yanked: true }, served: bytes(WRONG) },
      "replaced",
      true,
      /bytes/,
    ],
  ] as const
) {
  Deno.test(`judge() says ${kind}${drift ? "" : ", no drift,"} when ${name}`, () => {
    const judged = judge(facts(parts as Parameters<typeof facts>[0]));
    deepEqual([judged.kind, judged.drift], [kind, drift]);
    equal(why === null ? judged.why === null : why.test(judged.why!), true, judged.why ?? "null");
    equal(KINDS.includes(judged.kind), true);
  });
}
