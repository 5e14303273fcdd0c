// Entries against each other, with fingerprints of the test's choice: also such that different
// identifiers have one, which a real log will not show in the age of the universe.

import { ARTIFACT_V2, type Entry, formatEntry, TILE_WIDTH } from "@indelible/core";
import assert from "node:assert/strict";
import { publication } from "./_testing.ts";
import { LATER_EVENT, PRESENT, WORDS } from "./fsck_entries.ts";
import { checkIdentifiers } from "./fsck_identifiers.ts";
import { findRepeats } from "./identifier_table.ts";

/** An entry, and which fingerprint to give it. */
type Fingerprinted = readonly [fingerprint: number, entry: Entry];

const YANK: Partial<Entry> = { format: ARTIFACT_V2, event: "yank" };
/** A file that all logs here may have between what is told of. */
const other = (n: number): Fingerprinted => [1000 + n, publication(`other-${n}`, `${n}`)];

async function check(
  log: readonly Fingerprinted[],
  options: { atOnce?: number; changed?: number } = {},
) {
  const words = new Uint32Array(log.length * WORDS);
  log.forEach(([fingerprint, { event }], i) => {
    words[WORDS * i] = fingerprint << 1 | (event === "publish" ? 0 : LATER_EVENT);
    words[WORDS * i + 1] = PRESENT;
  });
  const problems: string[] = [];
  const read: number[] = [];
  const counts = await checkIdentifiers(
    [findRepeats(words, 0, 1)],
    words,
    {
      readEntries(bundle) {
        read.push(bundle);
        const entries = log.slice(bundle * TILE_WIDTH, (bundle + 1) * TILE_WIDTH);
        return Promise.resolve(
          bundle === options.changed ? null : entries.map(([, entry]) => formatEntry(entry)),
        );
      },
      onProblem: (problem) => void problems.push(problem),
      onProgress() {},
    },
    options.atOnce,
  );
  return { ...counts, problems, read };
}

Deno.test("checkIdentifiers() reads nothing again where no fingerprint comes twice", async () => {
  const found = await check(Array.from({ length: 600 }, (_, n) => other(n)));
  assert.deepEqual(found, { files: 600, repeats: 0, problems: [], read: [] });
});

Deno.test("checkIdentifiers() compares digests, whatever the form and the event", async () => {
  const log = Array.from({ length: 700 }, (_, n) => other(n));
  log[3] = [1, publication("a.zip", "a")];
  log[4] = [1, publication("a.zip", "a", { publisher: { issuer: "i", subject: "ключ" } })];
  log[600] = [1, publication("a.zip", "a", YANK)];
  log[601] = [1, publication("a.zip", "b", YANK)];
  log[602] = [1, publication("a.zip", "c")];
  const { files, repeats, problems, read } = await check(log);
  assert.deepEqual({ files, repeats, read }, { files: 696, repeats: 1, read: [0, 2] });
  assert.equal(problems.length, 2);
  assert.match(problems[0]!, /^entry 3 and entry 601 give a\.zip two digests: [0-9a-f]{64} and /);
  assert.match(problems[1]!, /^entry 3 and entry 602 give a\.zip two digests: /);
});

Deno.test("checkIdentifiers() tells identifiers with one fingerprint apart", async () => {
  const { files, repeats, problems } = await check([
    [1, publication("a.zip", "1")],
    [1, publication("b.zip", "2")],
    [1, publication("a.zip", "3", { format: ARTIFACT_V2, ecosystem: "npm" })],
    [1, publication("b.zip", "2")],
    [1, publication("b.zip", "2", YANK)],
    [1, publication("a.zip", "3", { ...YANK, ecosystem: "npm" })],
    [1, publication("c.zip", "4", YANK)], // Nobody published it.
    [1, publication("b.zip", "5")], // Two digests.
    [1, publication("a.zip", "1")],
    [1, publication("c.zip", "4")],
    [1, publication("c.zip", "4", YANK)],
  ]);
  assert.deepEqual({ files, repeats }, { files: 4, repeats: 2 });
  assert.equal(problems.length, 2);
  assert.match(
    problems[0]!,
    /^entry 6 \(yank\) is about c\.zip, which no earlier entry published$/,
  );
  assert.match(problems[1]!, /^entry 1 and entry 7 give b\.zip two digests: /);
});

Deno.test("checkIdentifiers() finds the same by as many readings as it takes", async () => {
  const log: Fingerprinted[] = [];
  for (let n = 0; n < 900; n++) {
    if (n % 3 === 0) log.push(other(n));
    else if (n % 3 === 1) log.push([1000 + n - 1, publication(`other-${n - 1}`, `${n - 1}`, YANK)]);
    else if (n % 9 === 2) log.push([1000 + n - 2, publication(`other-${n - 2}`, "second")]);
    else log.push([5000 + n, publication(`nobody-${n}`, "1", YANK)]);
  }
  const whole = await check(log);
  assert.equal(whole.files, 300);
  assert.equal(whole.problems.length, 300);
  for (const atOnce of [1, 7, 299, 300]) {
    const { files, repeats, problems } = await check(log, { atOnce });
    assert.deepEqual({ files, repeats }, { files: 300, repeats: 0 });
    assert.deepEqual(problems.toSorted(), whole.problems.toSorted());
  }
});

Deno.test("checkIdentifiers() relies on no entry that is another than before", async () => {
  const log = Array.from({ length: 700 }, (_, n) => other(n));
  log[3] = [1, publication("a.zip", "a")];
  log[300] = [1, publication("a.zip", "b")];
  for (const [changed, from] of [[0, 0], [1, 256]] as const) {
    const { problems } = await check(log, { changed });
    assert.deepEqual(problems, [
      `the entries from ${from} on have changed since they were checked`,
    ]);
  }
});
