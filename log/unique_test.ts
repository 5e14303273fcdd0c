import {
  ARTIFACT_V2,
  type Entry,
  equalBytes,
  type Event,
  formatEntry,
  identifierKey,
  leafHash,
  PYPI_V1,
  sha256,
  utf8,
} from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal } from "node:assert/strict";
import type { Submission } from "./pool.ts";
import type { Known } from "./storage/ledger.ts";
import { decide, type Verdict } from "./unique.ts";

type Step = readonly [event: Event, file: string, content: string, publisher?: string];

function submission([event, file, content, publisher]: Step): Submission {
  const entry: Entry = {
    format: event === "publish" ? PYPI_V1 : ARTIFACT_V2,
    ecosystem: "pypi",
    event,
    file,
    digest: sha256(utf8(content)),
    ...(publisher && { publisher: { issuer: "https://issuer.test", subject: publisher } }),
  };
  return { entry, bytes: formatEntry(entry), key: identifierKey(entry), writer: null };
}

/** A ledger of plain lists, fed with what batches decide. */
class Model {
  readonly entries: Submission[] = [];
  readonly known = new Map<string, Omit<Known, "position">>();

  batch(steps: readonly Step[]): readonly Verdict[] {
    const submissions = steps.map(submission);
    const known = submissions.flatMap(({ entry }, position) => {
      const standing = this.known.get(entry.file);
      return standing ? [{ position, ...standing }] : [];
    });
    const { verdicts, fresh, introduced, laterEvents } = decide(
      submissions,
      known,
      this.entries.length,
    );
    this.entries.push(...fresh);
    for (const { submission: { entry, bytes }, index } of introduced) {
      const standing = { firstIndex: index, digest: entry.digest };
      this.known.set(entry.file, { ...standing, newestIndex: index, newestHash: leafHash(bytes) });
    }
    for (const { key, newestIndex, newestHash } of laterEvents) {
      const [file, standing] = [...this.known].find(([file]) =>
        equalBytes(identifierKey({ ecosystem: "pypi", file }), key)
      )!;
      this.known.set(file, { ...standing, newestIndex, newestHash });
    }
    return verdicts;
  }
}

const kinds = (verdicts: readonly Verdict[]) =>
  verdicts.map((verdict) => "index" in verdict ? `${verdict.kind} ${verdict.index}` : verdict.kind);

const STORIES: [name: string, steps: Step[], want: string[]][] = [
  ["a repeat, whoever publishes, has the first index", [
    ["publish", "a", "1"],
    ["publish", "a", "1"],
    ["publish", "a", "1", "someone-else"],
  ], ["new 0", "repeat 0", "repeat 0"]],
  ["another digest is a conflict with the first entry, for ever", [
    ["publish", "a", "1"],
    ["publish", "a", "2"],
    ["publish", "b", "2"],
    ["publish", "a", "2", "someone-else"],
  ], ["new 0", "conflict 0", "new 1", "conflict 0"]],
  ["yank, unyank, yank makes three leaves", [
    ["publish", "a", "1"],
    ["yank", "a", "1"],
    ["unyank", "a", "1"],
    ["yank", "a", "1"],
  ], ["new 0", "new 1", "new 2", "new 3"]],
  ["an event repeats only while it is the newest", [
    ["publish", "a", "1"],
    ["yank", "a", "1"],
    ["yank", "a", "1"],
    ["yank", "a", "1", "someone-else"],
    ["yank", "a", "1"],
  ], ["new 0", "new 1", "repeat 1", "new 2", "new 3"]],
  ["a publication after a yank is still the first", [
    ["publish", "a", "1"],
    ["yank", "a", "1"],
    ["publish", "a", "1"],
    ["yank", "a", "1"],
  ], ["new 0", "new 1", "repeat 0", "repeat 1"]],
  ["an event with another digest is a conflict, and moves nothing", [
    ["publish", "a", "1"],
    ["yank", "a", "2"],
    ["yank", "a", "1"],
    ["unyank", "a", "2"],
    ["yank", "a", "1"],
  ], ["new 0", "conflict 0", "new 1", "conflict 0", "repeat 1"]],
  ["nothing can happen to a file before it is published", [
    ["yank", "a", "1"],
    ["publish", "a", "1"],
    ["yank", "a", "1"],
    ["review", "b", "1"],
  ], ["not-published-yet", "new 0", "new 1", "not-published-yet"]],
];

for (const [name, steps, want] of STORIES) {
  Deno.test(`decide(): ${name}`, () => {
    deepEqual(kinds(new Model().batch(steps)), want, "in one batch");
    const model = new Model();
    deepEqual(kinds(steps.flatMap((step) => model.batch([step]))), want, "one batch each");
  });
}

Deno.test("decide() does not depend on how submissions fall into batches", () => {
  const step = fc.tuple(
    fc.constantFrom<Event>("publish", "publish", "yank", "unyank", "review"),
    fc.constantFrom("a", "b", "c"),
    fc.constantFrom("1", "1", "2"),
    fc.constantFrom(undefined, "someone"),
  ) as fc.Arbitrary<Step>;
  const cuts = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), cuts, (steps, cuts) => {
      const whole = new Model();
      const want = kinds(whole.batch(steps));
      const cut = new Model();
      const batches: Step[][] = [[]];
      steps.forEach((step, i) => {
        batches.at(-1)!.push(step);
        if (cuts[i]) batches.push([]);
      });
      deepEqual(kinds(batches.flatMap((batch) => cut.batch(batch))), want);
      deepEqual(cut.entries, whole.entries);
      // The promise itself: one digest per file, and each index given out once.
      const digests = new Map<string, string>();
      for (const { entry } of cut.entries) {
        const digest = entry.digest.toHex();
        equal(digests.get(entry.file) ?? digest, digest);
        digests.set(entry.file, digest);
      }
      const given = want.filter((kind) => kind.startsWith("new"));
      deepEqual(given, given.map((_, i) => `new ${i}`));
    }),
  );
});
