import {
  formatCheckpoint,
  formatVkey,
  KeyType,
  leafHash,
  parsePolicy,
  signerKey,
  signerOf,
  signNote,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, match } from "node:assert/strict";
import { type HeadReport, judgeHead } from "./head_report.ts";
import type { LogClient } from "./log_client.ts";
import { Unavailable, type VerdictKind } from "./verdict.ts";

const seeded = (name: string, type: KeyType, byte: number) =>
  signerKey(name, type, new Uint8Array(32).fill(byte));
const LOG = seeded("log.test/head", KeyType.ed25519, 1);
const WITNESS = seeded("witness.test", KeyType.ed25519Cosignature, 2);
const POLICY = `log ${formatVkey(LOG)}\nwitness w ${formatVkey(WITNESS)}\nquorum w\n`;
const COSIGNED_AT = 1_800_000_000;
const DAY = 86_400;

/** A signed head; of its tree nothing can be read. */
function noteOf(size: bigint, content: string, cosigned = true): Uint8Array<ArrayBuffer> {
  const root = leafHash(utf8(content));
  const text = formatCheckpoint({ origin: LOG.name, size, root, extensions: [] });
  const keys = cosigned ? [LOG, WITNESS] : [LOG];
  return signNote(text, keys.map((key) => signerOf(key, () => BigInt(COSIGNED_AT))));
}

const silent: LogClient = {
  resource: () => Promise.reject(new Unavailable("The log did not answer.")),
  json: () => Promise.reject(new Unavailable("The log did not answer.")),
};

interface Visit {
  readonly note?: Uint8Array;
  readonly last?: Uint8Array | null;
  readonly policy?: string;
  readonly after?: number;
  readonly previous?: HeadReport | null;
}

function visit(
  { note = noteOf(1n, "a"), last = null, policy = POLICY, after = 60, previous = null }: Visit,
): Promise<HeadReport> {
  const parsed = parsePolicy(utf8(policy));
  const trust = {
    policy: parsed,
    text: policy,
    source: "remembered",
    lastNote: last,
    other: null,
  } as const;
  return judgeHead(note, { trust, client: silent, now: COSIGNED_AT + after, previous });
}

const VISITS: readonly [
  name: string,
  visit: Visit,
  kinds: readonly VerdictKind[],
  why: RegExp,
][] = [
  ["the first", {}, ["verified", "verified", "verified", "verified"], /first visit/],
  [
    "the same head again",
    { last: noteOf(1n, "a") },
    ["verified", "verified", "verified", "verified"],
    /saw last/,
  ],
  [
    "another root of the same size",
    { last: noteOf(1n, "b") },
    ["verified", "verified", "wrong", "verified"],
    /two histories/,
  ],
  [
    "a smaller head",
    { last: noteOf(2n, "b") },
    ["verified", "verified", "wrong", "verified"],
    /went back: it shows 1 .* of 2/,
  ],
  [
    "a larger head whose tree is not served",
    { note: noteOf(9n, "c"), last: noteOf(1n, "a") },
    ["verified", "verified", "unverifiable", "verified"],
    /did not answer/,
  ],
  [
    "two days later",
    { after: 2 * DAY },
    ["verified", "verified", "verified", "unverifiable"],
    /newer entries are being kept from you/,
  ],
  [
    "with a clock that is behind",
    { after: -DAY },
    ["verified", "verified", "verified", "unverifiable"],
    /24 hours in the future/,
  ],
  [
    "no cosignature",
    { note: noteOf(1n, "a", false) },
    ["verified", "unverifiable", "verified"],
    /none did/,
  ],
  [
    "a log without witnesses",
    { policy: `log ${formatVkey(LOG)}\nquorum none\n`, note: noteOf(1n, "a", false) },
    ["verified", "unverifiable", "verified"],
    /has no witnesses/,
  ],
  [
    "another log's key",
    { policy: `log ${formatVkey(seeded("log.test/head", KeyType.ed25519, 3))}\nquorum none\n` },
    ["wrong"],
    /No trusted key signed/,
  ],
  ["no checkpoint at all", { note: utf8("hello\n") }, ["wrong"], /Cannot parse note/],
];

for (const [name, how, kinds, why] of VISITS) {
  Deno.test(`judgeHead() on a visit to ${name}`, async () => {
    const { checks } = await visit(how);
    deepEqual(checks.map(({ verdict }) => verdict.kind), kinds);
    match(checks.map(({ verdict }) => verdict.why).join("\n"), why);
  });
}

Deno.test("judgeHead() judges only the age of the very same note anew", async () => {
  const previous = await visit({});
  const later = await visit({ previous, after: 3 * DAY });
  equal(later.head, previous.head);
  deepEqual(later.checks.slice(0, 3), previous.checks.slice(0, 3));
  equal(later.kind, "unverifiable");
  equal((await visit({ previous: later })).kind, "verified");
});
