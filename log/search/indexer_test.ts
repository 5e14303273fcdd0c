import {
  encodeHex,
  type Entry,
  formatEntry,
  identifierOf,
  parseEntry,
  projectOf,
  sha256,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { buildLog, corpusEntries } from "../../tests/built_log.ts";
import { newKey } from "../../tests/running_log.ts";
import { inFolder } from "../../tests/temporary.ts";
import { StoredLog } from "../stored_log.ts";
import { Indexer } from "./indexer.ts";
import { objectReader } from "./object_reader.ts";
import { fileTerm, type SearchTerm } from "./postings.ts";

const BASE = 256;
/** A longest segment of 16 bases, three of four, three of one, and a tail. */
const SIZE = BASE * (16 + 3 * 4 + 3) + 100;

/** Entries with projects of many files, and later events of some. */
function* entries(count: number): Generator<Uint8Array> {
  const corpus = corpusEntries(count);
  const before: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const about = before[Math.floor(i / 3)];
    if (i % 7 === 5 && about) {
      const { ecosystem, file, digest } = about;
      const event = i % 2 ? "yank" : "unyank";
      yield formatEntry({ format: "artifact-transparency/v2", ecosystem, event, file, digest });
    } else {
      const entry: Uint8Array = corpus.next().value!;
      before.push(parseEntry(entry));
      yield entry;
    }
  }
}

const ALL = [...entries(SIZE)].map((bytes) => parseEntry(bytes));

/** Of each entry, what it is to be found by. */
const TEXTS: readonly Record<SearchTerm["kind"], string | null>[] = ALL.map((entry) => ({
  project: projectOf(entry),
  digest: encodeHex(entry.digest),
  file: entry.event === "publish" ? null : fileTerm(identifierOf(entry)),
}));

/** The leaves that a plain scan finds, newest first. */
function scan({ kind, text }: SearchTerm, below: number, limit: number): number[] {
  const found: number[] = [];
  for (let i = below - 1; i >= 0 && found.length < limit; i--) {
    if (TEXTS[i]![kind] === text) found.push(i);
  }
  return found;
}

function termsOf(entry: Entry): SearchTerm[] {
  return [
    { kind: "project", text: projectOf(entry) ?? "none" },
    { kind: "digest", text: encodeHex(entry.digest) },
    { kind: "file", text: fileTerm(identifierOf(entry)) },
  ];
}

interface Opened {
  readonly indexer: Indexer;
  readonly faults: string[];
  readonly close: () => Promise<void>;
}

/** Opens the index of a log's folder and waits until it is at a size. */
async function open(folder: string, size: number, origin = "log.test/index"): Promise<Opened> {
  const faults: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const indexer = new Indexer({
    path: `${folder}/search`,
    origin,
    base: BASE,
    stored: new StoredLog(objectReader(folder)),
    onProgress: (to) => to >= size && resolve(),
    onFault: (error) => {
      faults.push(String(error));
      resolve();
    },
  });
  indexer.published(size, false);
  const running = indexer.run();
  await promise;
  return {
    indexer,
    faults,
    close: () => {
      indexer.close();
      return running;
    },
  };
}

async function checkAnswers({ indexer, faults }: Opened, size: number): Promise<void> {
  deepEqual(faults, []);
  equal(indexer.indexedTo, size);
  for (let i = 0; i < size; i += 61) {
    for (const term of termsOf(ALL[i]!)) {
      for (const [before, limit] of [[size, 5], [i + 1, 2], [i, 100], [0, 3]] as const) {
        const answer = await indexer.find({ term, before, limit });
        deepEqual(
          answer,
          { indices: scan(term, Math.min(size, before), limit), indexedTo: size },
          `${term.kind} ${term.text} before ${before}`,
        );
      }
    }
  }
  const unknown = { kind: "project", text: "no-such-project" } as const;
  deepEqual((await indexer.find({ term: unknown, before: size, limit: 9 })).indices, []);
}

function segmentNames(folder: string): string[] {
  return [...Deno.readDirSync(`${folder}/search`)].map(({ name }) => name).sort();
}

/** Runs a test on a log's folder. */
function onLog(test: (folder: string) => Promise<void>, size = SIZE): Promise<void> {
  return inFolder(async (folder) => {
    buildLog(folder, entries(size), newKey("log.test/index"));
    await test(folder);
  });
}

const SEGMENTS = ["0-4096", "4096-5120", "5120-6144", "6144-7168", "7168-7424", "7424-7680"];

Deno.test("an index finds what a scan of the log finds, in segments and in the tail", () =>
  onLog(async (folder) => {
    const opened = await open(folder, SIZE);
    await checkAnswers(opened, SIZE);
    await opened.close();
    deepEqual(segmentNames(folder), [...SEGMENTS, "7680-7936", "key"].sort());
  }));

Deno.test("an index is opened again without making anything anew", () =>
  onLog(async (folder) => {
    await (await open(folder, SIZE)).close();
    const stamp = (name: string) => Deno.statSync(`${folder}/search/${name}`).ino;
    const before = segmentNames(folder).map(stamp);
    const opened = await open(folder, SIZE);
    await checkAnswers(opened, SIZE);
    await opened.close();
    deepEqual(segmentNames(folder).map(stamp), before);
  }));

Deno.test("an index grows with the log, also by parts of a bundle", () =>
  onLog(async (folder) => {
    buildLog(folder, entries(SIZE - 300), newKey("log.test/index"));
    const opened = await open(folder, SIZE - 300);
    await checkAnswers(opened, SIZE - 300);
    opened.indexer.published(SIZE, true); // A busy log: it stands back, and comes there.
    for (let i = 0; opened.indexer.indexedTo < SIZE && i < 1000; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await checkAnswers(opened, SIZE);
    await opened.close();
  }));

Deno.test("a segment that is torn, changed, of other leaves or a link is noticed and made anew", () =>
  onLog(async (folder) => {
    await (await open(folder, SIZE)).close();
    const path = (name: string) => `${folder}/search/${name}`;
    const read = (name: string) => Deno.readFileSync(path(name));
    const whole = new Map(segmentNames(folder).map((name) => [name, read(name)]));
    const flip = (bytes: Uint8Array, at: number) => bytes.with(at, bytes[at]! ^ 1);
    const damages: ((name: string, bytes: Uint8Array) => void)[] = [
      (name, bytes) => Deno.writeFileSync(path(name), bytes.subarray(0, bytes.length - 8)),
      (name, bytes) => Deno.writeFileSync(path(name), bytes.subarray(0, 50)),
      (name) => Deno.writeFileSync(path(name), new Uint8Array(0)),
      (name, bytes) => Deno.writeFileSync(path(name), flip(bytes, bytes.length - 1)),
      (name, bytes) => Deno.writeFileSync(path(name), flip(bytes, 100)),
      (name) => Deno.writeFileSync(path(name), whole.get("5120-6144")!),
      (name) => {
        Deno.renameSync(path(name), `${folder}/elsewhere`);
        Deno.symlinkSync(`${folder}/elsewhere`, path(name));
      },
      (name) => {
        Deno.removeSync(path(name));
        Deno.mkdirSync(path(name));
        Deno.writeTextFileSync(`${path(name)}/x`, "x");
      },
    ];
    for (const [i, damage] of damages.entries()) {
      const name = i % 2 ? "0-4096" : "4096-5120";
      damage(name, read(name));
      const opened = await open(folder, SIZE);
      await checkAnswers(opened, SIZE);
      await opened.close();
      deepEqual(segmentNames(folder), [...whole.keys()].sort(), `damage ${i}`);
      ok(Deno.lstatSync(path(name)).isFile);
      deepEqual(read(name), whole.get(name), "the same postings, in the same order");
    }
  }));

Deno.test("what an end at any moment leaves behind is put in order", () =>
  onLog(async (folder) => {
    await (await open(folder, SIZE)).close();
    const path = (name: string) => `${folder}/search/${name}`;
    // Merged, and the parts not yet removed; half a new segment; files that mean nothing.
    const part = Deno.readFileSync(path("7424-7680"));
    Deno.writeFileSync(path("0-256"), part);
    Deno.writeFileSync(path("new"), part.subarray(0, 99));
    for (const name of ["0-255", "1-257", "00-256", "0-999999999999999", "x", "key2"]) {
      Deno.writeFileSync(path(name), part);
    }
    const opened = await open(folder, SIZE);
    await checkAnswers(opened, SIZE);
    await opened.close();
    deepEqual(segmentNames(folder), [...SEGMENTS, "7680-7936", "key"].sort());
  }));

Deno.test("the index of another log, or of a later state, is not this one's", () =>
  onLog(async (folder) => {
    await (await open(folder, SIZE)).close();
    const key = Deno.readFileSync(`${folder}/search/key`);
    // The log was restored from a backup: segments beyond it go.
    const size = 4096 + 700;
    buildLog(folder, entries(size), newKey("log.test/index"));
    const opened = await open(folder, size);
    await checkAnswers(opened, size);
    await opened.close();
    deepEqual(segmentNames(folder), ["0-4096", "4096-4352", "4352-4608", "key"]);
    // Another log, whose files somebody copied with the folder of the index.
    const renamed = await open(folder, size, "log.test/other");
    await checkAnswers(renamed, size);
    await renamed.close();
    notDeepEqual(Deno.readFileSync(`${folder}/search/key`), key);
    // The same origin, other entries.
    const search = `${folder}/search`;
    await inFolder(async (other) => {
      const others = Array.from({ length: 5000 }, (_, i) => otherEntry(i));
      buildLog(other, others, newKey("log.test/other"));
      await Deno.mkdir(`${other}/search`);
      for (const name of segmentNames(folder)) {
        await Deno.copyFile(`${search}/${name}`, `${other}/search/${name}`);
      }
      const opened = await open(other, 5000, "log.test/other");
      deepEqual(opened.faults, []);
      const term = { kind: "project", text: "other" } as const;
      const { indices } = await opened.indexer.find({ term, before: 5000, limit: 10_000 });
      equal(indices.length, 5000);
      const [mine] = termsOf(ALL[5]!);
      const gone = await opened.indexer.find({ term: mine!, before: 5000, limit: 9 });
      deepEqual(gone.indices, []);
      await opened.close();
    });
  }));

function otherEntry(i: number): Uint8Array {
  const digest = encodeHex(sha256(utf8(`${i}`)));
  return utf8(`pypi-transparency/v1\nsha256:${digest}\nother-1.${i}.tar.gz`);
}

Deno.test("an entry that is not the one in the tree stops the index there, and is told", () =>
  onLog(async (folder) => {
    const bundle = `${folder}/tile/entries/003`;
    const bytes = Deno.readFileSync(bundle);
    Deno.writeFileSync(bundle, bytes.with(40, bytes[40]! ^ 1));
    const opened = await open(folder, SIZE);
    equal(opened.faults.length, 1);
    ok(opened.faults[0]!.includes("tile/entries/003"));
    equal(opened.indexer.indexedTo, 3 * 256);
    await opened.close();
  }));

Deno.test("a small log's index has no segment, only what it has read", () =>
  onLog(async (folder) => {
    const opened = await open(folder, 10);
    await checkAnswers(opened, 10);
    await opened.close();
    deepEqual(segmentNames(folder), ["key"]);
  }, 10));
