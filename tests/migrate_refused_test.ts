/**
 * Fault F30: a log with one entry changed, missing, added or in another place is not taken
 * over, nor one that breaks our promise, nor into a log that has other entries. Whatever
 * the reason, it is named, and not one entry is written.
 */

import {
  encodeEntryBundle,
  type Entry,
  formatEntry,
  formatSkey,
  formatVkey,
  leafHash,
  parseEntryBundle,
  tileAt,
  tilePath,
} from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { readLogKeys } from "../log/mod.ts";
import { command } from "../tools/import.ts";
import {
  LOG_KEY,
  makeLog,
  makeNumberedLog,
  POLICY,
  publication,
  type Ran,
  runHere,
  type TestLog,
  writeLog,
} from "../tools/_testing.ts";
import { serveLog } from "./http_fixture.ts";
import { readPypiFiles } from "./pypi_files.ts";
import { bulkAppend, entryOf, newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const SIZE = 700;
const { files } = await readPypiFiles();
const ENTRIES = files.slice(0, SIZE).map(entryOf);
const NOTHING = /; nothing was written\n$/;

/** Imports a log, as files, into another one. */
async function importLog(source: TestLog, url: string, ...flags: string[]): Promise<Ran> {
  let ran: Ran | undefined;
  await inFolder(async (folder) => {
    writeLog(folder, source);
    await Deno.writeTextFile(join(folder, "key"), formatVkey(LOG_KEY));
    await Deno.writeTextFile(join(folder, "policy"), POLICY);
    const trust = flags.some((flag) => flag.startsWith("--from-p"))
      ? []
      : ["--from-public-key=./key"];
    const args = [`--from-log=${folder}`, `--log=${url}`, ...trust, ...flags];
    ran = await runHere(command, args.map((arg) => arg.replace("=./", `=${folder}/`)));
  });
  return ran!;
}

async function sizeOf(url: string): Promise<number> {
  const [, size] = (await (await fetch(`${url}/checkpoint`)).text()).split("\n");
  return Number(size);
}

/** Imports a log that must be refused, into an empty one that must stay so. */
async function refuse(source: TestLog, why: RegExp, ...flags: string[]): Promise<void> {
  await using target = await serveLog();
  const { code, stdout, stderr } = await importLog(source, target.url, ...flags);
  assert.match(stderr, why);
  assert.match(stderr, NOTHING);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(await sizeOf(target.url), 0);
  assert.deepEqual(target.batches, []);
}

/** The path of the entry bundle, or of the tile, with that index in a log of {@linkcode SIZE}. */
function pathOf(level: number | "entries", index: number): string {
  return tilePath(tileAt(level, BigInt(index), BigInt(SIZE))!);
}

/** The log of {@linkcode ENTRIES}, some of its bundles with other entries than were logged. */
function tampered(
  change: (entries: Uint8Array[], bundle: number) => readonly Uint8Array[],
): TestLog {
  const log = makeLog(ENTRIES);
  for (const bundle of [0, 1, 2]) {
    const path = pathOf("entries", bundle);
    const width = tileAt("entries", BigInt(bundle), BigInt(SIZE))!.width;
    const entries = parseEntryBundle(log.objects.get(path)!, width);
    log.objects.set(path, encodeUnbounded(change(entries, bundle)));
  }
  return log;
}

/** A bundle of any number of entries. */
function encodeUnbounded(entries: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(entries.flatMap((entry) => [...encodeEntryBundle([entry])]));
}

/** One digit of an entry's digest is another one. */
function changed(entry: Uint8Array): Uint8Array {
  const at = 40;
  return entry.with(at, entry[at] === 0x30 ? 0x31 : 0x30);
}

const TAMPERED: readonly {
  readonly what: string;
  readonly change: (entries: Uint8Array[], bundle: number) => readonly Uint8Array[];
  readonly why: RegExp;
}[] = [
  {
    what: "one entry changed",
    change: (all, bundle) => bundle === 1 ? all.with(44, changed(all[44]!)) : all,
    why: /root hash of the checkpoint.* entry 300 in tile\/entries\/001 is not the one/,
  },
  {
    what: "the last entry changed",
    change: (all, bundle) => bundle === 2 ? all.with(-1, changed(all.at(-1)!)) : all,
    why: /entry 699 in tile\/entries\/002\.p\/188 is not the one/,
  },
  {
    what: "one entry missing",
    change: (all, bundle) => bundle === 1 ? all.toSpliced(44, 1) : all,
    why: /tile\/entries\/001: .*expected 256 entries, found 255/,
  },
  {
    what: "the last entry missing",
    change: (all, bundle) => bundle === 2 ? all.slice(0, -1) : all,
    why: /tile\/entries\/002\.p\/188: .*expected 188 entries, found 187/,
  },
  {
    what: "one entry missing and the others moved up",
    change: (all, bundle) => {
      const moved = ENTRIES.toSpliced(300, 1);
      moved.push(ENTRIES[0]!);
      return moved.slice(bundle * 256, bundle * 256 + all.length);
    },
    why: /entry 300 in tile\/entries\/001 is not the one/,
  },
  {
    what: "two neighbours in the other order",
    change: (all, bundle) => bundle === 1 ? all.with(44, all[45]!).with(45, all[44]!) : all,
    why: /entry 300 in tile\/entries\/001 is not the one/,
  },
  {
    what: "two entries of different bundles exchanged",
    change: (all, bundle) =>
      bundle === 0
        ? all.with(10, ENTRIES[600]!)
        : bundle === 2
        ? all.with(600 - 512, ENTRIES[10]!)
        : all,
    why: /entry 10 in tile\/entries\/000 is not the one/,
  },
  {
    what: "two bundles exchanged",
    change: (all, bundle) =>
      bundle < 2 ? ENTRIES.slice((1 - bundle) * 256, (2 - bundle) * 256) : all,
    why: /entry 0 in tile\/entries\/000 is not the one/,
  },
  {
    what: "one entry twice, in place of its neighbour",
    change: (all, bundle) => bundle === 1 ? all.with(45, all[44]!) : all,
    why: /entry 301 in tile\/entries\/001 is not the one/,
  },
  {
    what: "one entry twice, besides its neighbours",
    change: (all, bundle) => bundle === 1 ? all.toSpliced(45, 0, all[44]!) : all,
    why: /tile\/entries\/001: .*expected 256 entries, found 257/,
  },
  {
    what: "an entry more at the end",
    change: (all, bundle) => bundle === 2 ? [...all, ENTRIES[0]!] : all,
    why: /tile\/entries\/002\.p\/188: .*expected 188 entries, found 189/,
  },
  {
    what: "an entry cut short",
    change: (all, bundle) => bundle === 0 ? all.with(-1, all.at(-1)!.subarray(1)) : all,
    why: /entry 255 in tile\/entries\/000 is not the one/,
  },
];

for (const { what, change, why } of TAMPERED) {
  Deno.test(`a log with ${what} is not taken over`, () => refuse(tampered(change), why));
}

Deno.test("a log whose tiles were changed along with an entry is not taken over", () => {
  const log = tampered((all, bundle) => bundle === 1 ? all.with(44, changed(all[44]!)) : all);
  const path = pathOf(0, 1);
  const hashes = log.objects.get(path)!.slice();
  hashes.set(leafHash(changed(ENTRIES[300]!)), 44 * 32);
  log.objects.set(path, hashes);
  return refuse(log, /tile\/0\/001 does not lead to the root hash/);
});

Deno.test("a log whose entries were all changed under its old checkpoint is not taken over", () => {
  const log = makeNumberedLog(SIZE);
  log.objects.set("checkpoint", makeLog(ENTRIES).objects.get("checkpoint")!);
  return refuse(
    log,
    /root hash of the checkpoint, of size 700: the partial tiles of size 700 give/,
  );
});

Deno.test("a log that does not serve an entry bundle is not taken over", () => {
  const log = makeLog(ENTRIES);
  log.objects.delete(pathOf("entries", 1));
  return refuse(log, /the log does not serve tile\/entries\/001;/);
});

Deno.test("a log is not taken over by another key, without its quorum, or by another text", async () => {
  const log = makeLog(ENTRIES);
  await inFolder(async (folder) => {
    for (const key of [newKey(LOG_KEY.name), newKey("log.test/other")]) {
      await Deno.writeTextFile(join(folder, "key"), formatVkey(key));
      const flag = `--from-public-key=${join(folder, "key")}`;
      await refuse(log, /checkpoint: no trusted key signed/, flag);
    }
  });
  await refuse(log, /checkpoint: the quorum "W" is not met/, "--from-policy=./policy");
  const note = log.objects.get("checkpoint")!;
  const size = note.indexOf(0x37, LOG_KEY.name.length); // The 7 of 700.
  log.objects.set("checkpoint", note.with(size, 0x36));
  await refuse(log, /checkpoint: the signature by log\.test\/tools .* does not verify/);
  log.objects.set("checkpoint", new Uint8Array(0));
  await refuse(log, /checkpoint: /);
});

const later = (file: string, content: string, fields: Partial<Entry>): Uint8Array =>
  formatEntry(publication(file, content, { format: "artifact-transparency/v2", ...fields }));
const other = (event: Entry["event"]): Uint8Array => later("pkg-5.tar.gz", "content 5", { event });

/** Logs that signed what a log of ours would not log so; each has the entries after 300 others. */
const UNFIT: readonly {
  readonly what: string;
  readonly entries: readonly Uint8Array[];
  readonly why: RegExp;
}[] = [
  {
    what: "a second digest for a file",
    entries: [formatEntry(publication("pkg-5.tar.gz", "other"))],
    why: /entry 5 and entry 300 give pkg-5\.tar\.gz two digests: [0-9a-f]{64} and [0-9a-f]{64};/,
  },
  {
    what: "a second digest for a file, in the other format and by another publisher",
    entries: [
      later("pkg-5.tar.gz", "other", { publisher: { issuer: "i", subject: "s" } }),
    ],
    why: /entry 5 and entry 300 give pkg-5\.tar\.gz two digests/,
  },
  {
    what: "one publication twice",
    entries: [formatEntry(publication("pkg-5.tar.gz", "content 5"))],
    why: /entry 300 says again of pkg-5\.tar\.gz what entry 5 said/,
  },
  {
    what: "a yank of a file that was not published",
    entries: [later("unknown.tgz", "content", { event: "yank" })],
    why: /entry 300 \(yank\) is about unknown\.tgz, which no earlier entry published/,
  },
  {
    what: "a yank before the publication",
    entries: [
      later("late.tgz", "content", { event: "yank" }),
      formatEntry(publication("late.tgz", "content")),
    ],
    why: /entry 300 \(yank\) is about late\.tgz, which no earlier entry published/,
  },
  {
    what: "a yank of another digest",
    entries: [later("pkg-5.tar.gz", "other", { event: "yank" })],
    why: /entry 5 and entry 300 give pkg-5\.tar\.gz two digests/,
  },
  {
    what: "one yank twice in a row",
    entries: [other("yank"), other("unyank"), other("yank"), other("yank")],
    why: /entry 303 says again of pkg-5\.tar\.gz what entry 302 said/,
  },
  {
    what: "an entry of another form",
    entries: [new TextEncoder().encode("go.sum h1:abc"), other("yank")],
    why: /entry 300 is none of ours: .*first line must be/,
  },
  {
    what: "an entry without bytes",
    entries: [new Uint8Array(0)],
    why: /entry 300 is none of ours: /,
  },
  {
    what: "an entry that no request can bring",
    entries: [later("long.tgz", "c", {
      package: { name: "ü".repeat(2048), version: "ü".repeat(2048) },
      publisher: { issuer: "ü".repeat(2048), subject: "ü".repeat(2048) },
    })],
    why: /entry 300 is none of ours: it is too long to be added/,
  },
];

for (const { what, entries, why } of UNFIT) {
  Deno.test(`a log that has signed ${what} is not taken over`, () => {
    const { entries: before } = makeNumberedLog(300);
    return refuse(makeLog([...before, ...entries, ...ENTRIES]), why);
  });
}

Deno.test("a changed entry is told as such, also where it makes a second digest or no entry", () => {
  const second = formatEntry(publication(files[0]!.filename, "other"));
  const log = tampered((all, bundle) =>
    bundle === 1 ? all.with(44, second).with(45, new Uint8Array(3)) : all
  );
  return refuse(log, /entry 300 in tile\/entries\/001 is not the one under the root hash/);
});

Deno.test("a log is not taken over into one that has other entries", async () => {
  const source = makeLog(ENTRIES);
  const cases = [
    { what: "others", has: files.slice(SIZE, SIZE + 100) },
    { what: "the same in another order", has: [files[1]!, files[0]!] },
    { what: "one other after the first ones", has: [...files.slice(0, 300), files[SIZE]!] },
    { what: "one left out", has: files.slice(0, SIZE - 1).toSpliced(3, 1) },
    { what: "more of them", has: files.slice(1, SIZE + 100) },
    {
      what: "one other, then the rest",
      has: [...files.slice(0, SIZE - 1), ...files.slice(SIZE, 900)],
    },
  ];
  for (const { what, has } of cases) {
    await using target = await serveLog();
    await bulkAppend(target.url, has);
    const { code, stderr } = await importLog(source, target.url);
    assert.match(stderr, new RegExp(`holds other entries: its tree of size ${has.length} `), what);
    assert.match(stderr, NOTHING);
    assert.equal(code, 1);
    assert.equal(await sizeOf(target.url), has.length);
    assert.equal(target.batches.length, 1);
  }
});

Deno.test("a log is not taken over by one of the same origin", async () => {
  const keys = readLogKeys([formatSkey(LOG_KEY)], [formatVkey(LOG_KEY)], () => 1n);
  await using target = await serveLog({ keys });
  const { code, stderr } = await importLog(makeLog(ENTRIES), target.url);
  assert.match(
    stderr,
    /is log\.test\/tools too: a log is taken over by one with an origin of its own/,
  );
  assert.match(stderr, NOTHING);
  assert.equal(code, 1);
  assert.equal(await sizeOf(target.url), 0);
});

Deno.test("with --json a refusal is one line of JSON, and nothing else", async () => {
  await using target = await serveLog();
  const log = tampered((all, bundle) => bundle === 1 ? all.with(44, changed(all[44]!)) : all);
  const { code, stdout, stderr } = await importLog(log, target.url, "--json");
  assert.deepEqual([code, stderr], [1, ""]);
  const { ok, added, error } = JSON.parse(stdout);
  assert.deepEqual({ ok, added }, { ok: false, added: 0 });
  assert.match(error, /entry 300 .*; nothing was written$/);
});

Deno.test("import --from-log says what is missing or has no place beside it", async () => {
  const usage = async (...args: string[]) => {
    const { code, stderr } = await runHere(command, args);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await usage("--from-log=a"), /whom to trust is not said: give --from-public-key=F/);
  assert.match(await usage("--from=a", "--from-public-key=b"), /go with --from-log/);
  const log = ["--from-log=a", "--from-public-key=b"];
  assert.match(await usage(...log, "--from=c"), /give only one of --project=NAME, --from=FILE and/);
  assert.match(await usage(...log, "--state=c"), /--state has no place with --from-log/);
  assert.match(await usage(...log, "--index=http://a.test/"), /--index goes with --project/);
  const publisher = ["--publisher-issuer=a", "--publisher-subject=b"];
  assert.match(await usage(...log, ...publisher), /--publisher-issuer has no place/);
  assert.match(await usage("--from-log=ftp://a.test", "--from-public-key=b"), /--from-log must be/);
  const { code, stderr } = await runHere(command, [...log, "--log=http://127.0.0.1:9"]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot read --from-public-key b: there is no such file/);
});
