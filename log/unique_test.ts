import {
  ARTIFACT_V2,
  type Entry,
  equalBytes,
  type Event,
  formatEntry,
  type Hash,
  leafHash,
  parseEntry,
  PYPI_V1,
  sha256,
  utf8,
} from "@indelible/core";
import fc from "fast-check";
import { deepEqual, equal } from "node:assert/strict";
import { LATER_EVENT, putEntryFingerprint } from "./entry_fingerprint.ts";
import { Submissions } from "./submissions.ts";
import { decide, type Known, type Verdict } from "./unique.ts";

type Step = readonly [event: Event, file: string, content: string, publisher?: string];
/** Makes the two words of an entry's fingerprint. */
type Fingerprint = (bytes: Uint8Array, into: Uint32Array, at: number) => void;

function entryOf([event, file, content, publisher]: Step): Entry {
  return {
    format: event === "publish" ? PYPI_V1 : ARTIFACT_V2,
    ecosystem: "pypi",
    event,
    file,
    digest: sha256(utf8(content)),
    ...(publisher && { publisher: { issuer: "https://issuer.test", subject: publisher } }),
  };
}

const SEED = Uint32Array.of(1, 2);
const honest: Fingerprint = (bytes, into, at) =>
  putEntryFingerprint(bytes, 0, bytes.length, SEED, into, at);
/** All identifiers have the same one. */
const colliding: Fingerprint = (bytes, into, at) => {
  honest(bytes, into, at);
  into.set([into[at]! & LATER_EVENT, 7], at);
};

/** A batch as the sequencer has it. */
class TestBatch {
  readonly #submissions = new Submissions();
  readonly fingerprints: Uint32Array;

  constructor(steps: readonly Step[], fingerprint: Fingerprint) {
    this.fingerprints = new Uint32Array(2 * steps.length);
    for (const [i, step] of steps.entries()) {
      this.#submissions.append(formatEntry(entryOf(step)));
      fingerprint(this.bytes(i), this.fingerprints, 2 * i);
    }
  }

  get count() {
    return this.#submissions.count;
  }

  entry(i: number) {
    return this.#submissions.entry(i);
  }

  bytes(i: number) {
    return this.#submissions.entryBytes(i);
  }
}

/** A log of plain lists, fed with what batches decide. */
class Model {
  readonly entries: Uint8Array[] = [];
  readonly #known = new Map<
    string,
    Omit<Known, "position" | "otherDigest"> & { readonly digest: Hash }
  >();
  readonly #fingerprint: Fingerprint;

  constructor(fingerprint = honest) {
    this.#fingerprint = fingerprint;
  }

  batch(steps: readonly Step[]): readonly Verdict[] {
    const batch = new TestBatch(steps, this.#fingerprint);
    const known = steps.flatMap(([event, file], position): Known[] => {
      const standing = this.#known.get(file);
      if (!standing) return [];
      const { digest, ...more } = standing;
      const otherDigest = equalBytes(digest, batch.entry(position).digest) ? null : digest;
      return [{ ...more, position, otherDigest, ...(event === "publish" && { newestHash: null }) }];
    });
    const size = this.entries.length;
    const { verdicts, fresh, laterEvents } = decide(batch, batch.fingerprints, known, size);
    for (const position of fresh) {
      const { event, file, digest } = batch.entry(position);
      const index = this.entries.push(batch.bytes(position)) - 1;
      if (event !== "publish") continue;
      equal(this.#known.has(file), false);
      this.#known.set(file, { firstIndex: index, digest, newestIndex: index, newestHash: null });
    }
    for (const { firstIndex, newestIndex } of laterEvents) {
      const [file, standing] = [...this.#known].find(([, known]) =>
        known.firstIndex === firstIndex
      )!;
      const newestHash = leafHash(this.entries[newestIndex]!);
      this.#known.set(file, { ...standing, newestIndex, newestHash });
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
    for (const fingerprint of [honest, colliding]) {
      deepEqual(kinds(new Model(fingerprint).batch(steps)), want, "in one batch");
      const model = new Model(fingerprint);
      deepEqual(kinds(steps.flatMap((step) => model.batch([step]))), want, "one batch each");
    }
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
    fc.property(fc.array(step, { maxLength: 30 }), cuts, fc.boolean(), (steps, cuts, collide) => {
      const whole = new Model(collide ? colliding : honest);
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
      for (const bytes of cut.entries) {
        const { file, digest } = parseEntry(bytes);
        equal(digests.get(file) ?? digest.toHex(), digest.toHex());
        digests.set(file, digest.toHex());
      }
      const given = want.filter((kind) => kind.startsWith("new"));
      deepEqual(given, given.map((_, i) => `new ${i}`));
    }),
  );
});
