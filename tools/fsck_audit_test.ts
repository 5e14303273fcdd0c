// Audits by workers: the same verdicts as without any, whatever is wrong with a log.

import {
  ARTIFACT_V2,
  checkPolicy,
  concat,
  formatEntry,
  formatVkey,
  parseVkey,
  policyOfLog,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { LOG_KEY, makeLog, publication, type TestLog } from "./_testing.ts";
import { audit } from "./fsck_audit.ts";
import { Crew } from "./fsck_crew.ts";
import type { LogObjects } from "./log_source.ts";

/** How a log's objects can be read: as from a URL, and as from a folder. */
const READINGS: Readonly<Record<string, (log: TestLog) => LogObjects>> = {
  "as they come": ({ objects }) => ({
    fetch: (path) => Promise.resolve(objects.get(path) ?? null),
  }),
  "at once": ({ objects }) => ({
    fetch: (path) => Promise.resolve(objects.get(path) ?? null),
    readNow(path, target) {
      const bytes = objects.get(path);
      if (!bytes || bytes.length >= target.length) return -1;
      target.set(bytes);
      return bytes.length;
    },
  }),
  "at once now and then": ({ objects }) => {
    let reads = 0;
    return {
      fetch: (path) => Promise.resolve(objects.get(path) ?? null),
      readNow(path, target) {
        const bytes = objects.get(path);
        if (!bytes || bytes.length >= target.length || reads++ % 50 > 20) return -1;
        target.set(bytes);
        return bytes.length;
      },
    };
  },
};

async function run(log: TestLog, reading: string, workers?: number) {
  const policy = policyOfLog(parseVkey(formatVkey(LOG_KEY)));
  const verdict = checkPolicy(policy, log.objects.get("checkpoint")!);
  assert(verdict.kind === "accepted");
  const problems: string[] = [];
  const progress: number[] = [];
  const counts = await audit(verdict.checkpoint, READINGS[reading]!(log), {
    ...(workers !== undefined && { workers }),
    onProblem: (problem) => void problems.push(problem),
    onProgress: (done) => void progress.push(done),
    onReread() {},
  });
  return { ...counts, problems, progress };
}

/** 19 full bundles and a partial one, with entries of every kind. */
const SIZE = 19 * 256 + 200;
const YANK = { format: ARTIFACT_V2, event: "yank" } as const;
const entries = Array.from({ length: SIZE }, (_, n) => {
  const earlier = n % 256 + 10; // Entries 10 to 265 are plain.
  switch (n < 300 ? 0 : n % 64) {
    case 1:
      return publication(`pkg-${earlier}.zip`, `${earlier}`, YANK);
    case 2:
      return publication(`pkg-${earlier}.zip`, `${earlier}`);
    case 3:
      return publication(`pkg-${n}.zip`, `${n}`, { publisher: { issuer: "i", subject: "ключ" } });
    case 4:
      return publication(`pkg-${n}.zip`, `${n}`, { format: ARTIFACT_V2, ecosystem: "npm" });
    case 5:
      return publication(`pkg-${n}.zip`, `${n}`, { publisher: { issuer: "i", subject: "s" } });
    default:
      return publication(`pkg-${n}.zip`, `${n}`);
  }
}).map(formatEntry);
const later = entries.filter((_, n) => n >= 300 && n % 64 === 1).length;
const again = entries.filter((_, n) => n >= 300 && n % 64 === 2).length;
const sound = makeLog(entries);
const SOUND = {
  hashTiles: 20 + 1,
  files: SIZE - later - again,
  repeats: again,
  events: later,
};

for (const reading of Object.keys(READINGS)) {
  for (const workers of [0, 1, 3]) {
    Deno.test(`audit() accepts a log that is read ${reading}, with ${workers} workers`, async () => {
      const { problems, progress, ...counts } = await run(sound, reading, workers);
      assert.deepEqual(problems, []);
      assert.deepEqual(counts, SOUND);
      assert.deepEqual(progress, progress.toSorted((a, b) => a - b));
      assert.equal(progress.at(-1), 19 * 256);
    });
  }
}

Deno.test("audit() by workers names the same wrong objects as without any", async () => {
  // The first, the last of a slice and the first of the next, the last one.
  const places = ["000", "015", "016", "019.p/200"];
  let turn = 0;
  for (const path of places.flatMap((place) => [`tile/entries/${place}`, `tile/0/${place}`])) {
    const bytes = sound.objects.get(path)!;
    const middle = bytes.length >> 1;
    const damages: Record<string, Uint8Array | null> = {
      "a flipped bit": bytes.with(middle, bytes[middle]! ^ 4),
      "cut": bytes.subarray(0, -1),
      "a byte too many": concat(bytes, Uint8Array.of(0)),
      "missing": null,
    };
    for (const [what, damaged] of Object.entries(damages)) {
      const objects = new Map(sound.objects);
      if (damaged) objects.set(path, damaged);
      else objects.delete(path);
      const expected = await run({ ...sound, objects }, "as they come", 0);
      // Entries that are lost are missed by later events about them.
      const [first, ...more] = expected.problems;
      assert.ok(first?.startsWith(`${path}: `), `${path}: ${what}: ${first}`);
      assert.ok(more.every((problem) => problem.endsWith("which no earlier entry published")));
      const reading = Object.keys(READINGS)[turn++ % 3]!;
      const found = await run({ ...sound, objects }, reading, 2);
      assert.deepEqual(
        { ...found, progress: [] },
        { ...expected, progress: [] },
        `${path}: ${what}, ${reading}`,
      );
    }
  }
});

Deno.test("audit() by workers finds wrong entries, in the log's order", async () => {
  const changed = [...entries];
  changed[290] = utf8("hello");
  changed[1000] = formatEntry(publication("pkg-7.zip", "second"));
  changed[4500] = formatEntry(publication("pkg-7.zip", "third", YANK));
  changed[4600] = formatEntry(publication("nobody.zip", "1", YANK));
  changed[SIZE - 1] = utf8("pypi-transparency/v1\n");
  const log = makeLog(changed);
  for (const workers of [0, 2]) {
    const { problems } = await run(log, "at once", workers);
    assert.equal(problems.length, 5, problems.join("\n"));
    assert.match(problems[0]!, /^entry 290 is of no known form: /);
    assert.match(problems[1]!, new RegExp(`^entry ${SIZE - 1} is of no known form: `));
    assert.match(problems[2]!, /^entry 7 and entry 1000 give pkg-7\.zip two digests: /);
    assert.match(problems[3]!, /^entry 7 and entry 4500 give pkg-7\.zip two digests: /);
    assert.match(problems[4]!, /^entry 4600 \(yank\) is about nobody\.zip, which no earlier /);
  }
});

Deno.test("audit() takes entries of any size", async () => {
  const subject = (n: number) => "s".repeat(n % 2 === 0 ? 2048 : 1);
  const log = makeLog(Array.from({ length: 20 * 256 }, (_, n) => {
    const publisher = { issuer: "i".repeat(n >> 8 === 3 ? 2048 : 1), subject: subject(n >> 8) };
    return formatEntry(publication(`pkg-${n}.zip`, `${n}`, { publisher }));
  }));
  for (const reading of ["as they come", "at once"]) {
    const { problems, files } = await run(log, reading, 2);
    assert.deepEqual({ problems, files }, { problems: [], files: 20 * 256 });
  }
});

Deno.test("audit() refuses a tree too large for its tables", async () => {
  const head = { size: 2n ** 40n, root: new Uint8Array(32) };
  const options = { onProblem() {}, onProgress() {}, onReread() {} };
  await assert.rejects(
    audit(head, { fetch: () => Promise.resolve(null) }, options),
    /Cannot check a tree of 1099511627776 entries: it takes more memory than there is/,
  );
});

Deno.test("a crew tells that a worker died, then and later", async () => {
  const words = new Uint32Array(new SharedArrayBuffer(8));
  using crew = new Crew(1, { words, seed: Uint32Array.of(1, 2) });
  const slice = { first: 0, buffer: new SharedArrayBuffer(1), ends: [1] }; // No room for a tile.
  await assert.rejects(crew.check(slice, 0), /^Error: Cannot check: a worker died: .*RangeError/);
  await assert.rejects(crew.findRepeats(), /^Error: Cannot check: a worker died: /);
});

Deno.test("audit() notices a log that answers otherwise when it is read again", async () => {
  const honest = Array.from(
    { length: 300 },
    (_, n) => formatEntry(publication(`pkg-${n}.zip`, `${n}`)),
  );
  for (const [place, from] of [[7, 0], [290, 256]] as const) {
    // Two digests of a file: in the tree, but not when the entries are compared.
    const log = makeLog(honest.with(place, formatEntry(publication("pkg-3.zip", "second"))));
    const shown = makeLog(honest).objects;
    const times = new Map<string, number>();
    const problems: string[] = [];
    const fetch = (path: string) => {
      const time = times.get(path) ?? 0;
      times.set(path, time + 1);
      const objects = path.startsWith("tile/entries/") && time > 0 ? shown : log.objects;
      return Promise.resolve(objects.get(path) ?? null);
    };
    const policy = policyOfLog(parseVkey(formatVkey(LOG_KEY)));
    const verdict = checkPolicy(policy, log.objects.get("checkpoint")!);
    assert(verdict.kind === "accepted");
    await audit(verdict.checkpoint, { fetch }, {
      onProblem: (problem) => void problems.push(problem),
      onProgress() {},
      onReread() {},
    });
    assert.deepEqual(problems, [
      `the entries from ${from} on have changed since they were checked`,
    ]);
  }
});
