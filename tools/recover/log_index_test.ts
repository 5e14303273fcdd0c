import { formatEntry, LogMismatch, parseCheckpoint, parseNote } from "@indelible/core";
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { inFolder, makeLog, makeNumberedLog, publication, type TestLog } from "../_testing.ts";
import { growIndex } from "./log_index.ts";
import { RecoverState } from "./state.ts";

const SUBJECT = { origin: "log.test/tools", registry: "https://registry.test/simple" };

/** Takes a log's entries; counts the bundles that were read for it. */
async function grow(
  state: RecoverState,
  log: TestLog,
): Promise<{ bundles: number; notes: string[] }> {
  let bundles = 0;
  const notes: string[] = [];
  const fetch = (path: string) => {
    if (path.startsWith("tile/entries/")) bundles++;
    return Promise.resolve(log.objects.get(path) ?? null);
  };
  const head = parseCheckpoint(parseNote(log.objects.get("checkpoint")!).text);
  const listener = { onProgress: () => {}, onNote: (note: string) => void notes.push(note) };
  await growIndex(state.logged, head, fetch, listener);
  return { bundles, notes };
}

const numbered = (size: number) =>
  Array.from(
    { length: size },
    (_, n) => formatEntry(publication(`pkg-${n}.tar.gz`, `content ${n}`)),
  );

Deno.test("the index grows with the log, over restarts, and reads nothing twice", () =>
  inFolder(async (folder) => {
    const sizes = [0, 1, 255, 256, 257, 700, 700, 1300];
    for (const [i, size] of sizes.entries()) {
      using state = await RecoverState.open(folder, SUBJECT);
      const { bundles } = await grow(state, makeNumberedLog(size));
      const before = sizes[i - 1] ?? 0;
      const expected = size === before ? 0 : Math.ceil(size / 256) - Math.floor(before / 256);
      equal(bundles, expected, `${before} -> ${size}`);
      deepEqual([state.logged.tree?.taken, state.logged.ofProject("pkg").size], [size, size]);
    }
  }));

Deno.test("entries of another history are dropped, and read again", () =>
  inFolder(async (folder) => {
    using state = await RecoverState.open(folder, SUBJECT);
    await grow(state, makeNumberedLog(300));
    const entries = numbered(300);
    entries[7] = formatEntry(publication("other-7.tar.gz", "other"));
    const { notes } = await grow(state, makeLog(entries));
    match(notes[0]!, /of another history/);
    equal(state.logged.file("pkg-7.tar.gz"), null);
    equal(state.logged.file("other-7.tar.gz")!.project, "other");
    equal(state.logged.ofProject("pkg").size, 299);
  }));

Deno.test("a log that serves other entries than it signed is refused, and nothing is taken", () =>
  inFolder(async (folder) => {
    using state = await RecoverState.open(folder, SUBJECT);
    const log = makeNumberedLog(10);
    const path = "tile/entries/000.p/10";
    const bytes = log.objects.get(path)!.slice();
    bytes[bytes.length - 1]! ^= 1;
    log.objects.set(path, bytes);
    await rejects(grow(state, log), LogMismatch);
    equal(state.logged.ofProject("pkg").size, 0);
  }));

Deno.test("a log with two digests for a file is not relied on", () =>
  inFolder(async (folder) => {
    using state = await RecoverState.open(folder, SUBJECT);
    const entries = [...numbered(3), formatEntry(publication("pkg-1.tar.gz", "another"))];
    await rejects(grow(state, makeLog(entries)), /two digests for pkg-1\.tar\.gz: entries 1 and 3/);
    equal(state.logged.ofProject("pkg").size, 0);
  }));

Deno.test("one process at a time uses a state", () =>
  inFolder(async (folder) => {
    using _state = await RecoverState.open(folder, SUBJECT);
    await rejects(RecoverState.open(folder, SUBJECT), /another process is using it/);
    using _other = await RecoverState.open(folder, { ...SUBJECT, registry: "" });
  }));

Deno.test("the budget is kept between runs", () =>
  inFolder(async (folder) => {
    {
      using state = await RecoverState.open(folder, SUBJECT);
      equal(state.passes.loadBucket(), null);
      state.passes.saveBucket({ tokens: 0.25, at: 5 });
    }
    using state = await RecoverState.open(folder, SUBJECT);
    deepEqual({ ...state.passes.loadBucket() }, { tokens: 0.25, at: 5 });
  }));
