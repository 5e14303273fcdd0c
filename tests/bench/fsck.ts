/**
 * Auditing a whole log: `fsck` against Tessera's, over the same folder and over the same
 * HTTP server. Ours also checks that each identifier has one digest. Each run is a whole
 * process, its start included; ours has the permissions that the launcher computes.
 */

import { formatVkey, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { corpus } from "../../tools/corpus.ts";
import { buildLog, corpusEntries } from "../built_log.ts";
import { requirePeer } from "../peers/peers.ts";
import { get, startServer } from "../peers/process.ts";
import { programCommand } from "../programs.ts";
import { newKey } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, round, Series } from "./figures.ts";
import { runMeasured } from "./usage.ts";

/** Entries of a log in the contests, and the bytes of each. */
const FULL_SIZE = 500_000;
const ENTRY_BYTES = 128;
/** Workers of Tessera's fsck: more were no faster. */
const PEER_WORKERS = 4;
/** The registry's whole history, and how long its audit may take, in seconds. */
const HISTORY = 10_000_000;
const HISTORY_SECONDS = 60;

/** Measures. */
export async function benchFsck(short: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    const size = short ? 100_000 : FULL_SIZE;
    const log = await makeLog(folder, "even", evenEntries(size), size);
    const fileserver = await requirePeer("fileserver");
    figures.push(...await contest("from files", log, log.folder, short ? 2 : 7));
    if (fileserver !== null) {
      const checkpoint = await Deno.readTextFile(join(log.folder, "checkpoint"));
      const server = await startServer(
        fileserver,
        (address) => [`--dir=${log.folder}`, `--listen=${address}`],
        { ready: async (url) => await get(`${url}/checkpoint`) === checkpoint },
      );
      figures.push(...await contest("over HTTP", log, server.url, short ? 2 : 7));
      await server.stop();
    }
    if (!short) figures.push(...await benchHistory(folder));
  });
  return figures;
}

/** A log's folder, and the file of its key. */
interface BuiltLog {
  readonly folder: string;
  readonly publicKey: string;
  readonly size: number;
}

async function makeLog(
  parent: string,
  name: string,
  entries: Iterable<Uint8Array>,
  size: number,
): Promise<BuiltLog> {
  const key = newKey(`bench.test/${name}`);
  const folder = join(parent, name);
  assert.equal(buildLog(folder, entries, key), size);
  const publicKey = join(parent, `${name}.key`);
  await Deno.writeTextFile(publicKey, formatVkey(key) + "\n");
  return { folder, publicKey, size };
}

/** Entries of {@linkcode ENTRY_BYTES} bytes. */
function* evenEntries(count: number): Generator<Uint8Array> {
  const files = corpus(1);
  for (let i = 0; i < count; i++) {
    const head = `pypi-transparency/v1\n${files.next().value.checksum}\nfile-${i}-`;
    yield utf8(head.padEnd(ENTRY_BYTES, "x"));
  }
}

/** Both audits in turn, of a log at a folder or a URL. */
async function contest(how: string, log: BuiltLog, at: string, rounds: number): Promise<Figure[]> {
  const contestants = [["ours", await ours(log, at)], ["peer", await peers(log, at)]] as const;
  const rate = { ours: new Series(), peer: new Series() };
  const cost = { ours: new Series(), peer: new Series() };
  for (let turn = -1; turn < rounds; turn++) {
    for (const [name, command] of contestants) {
      if (command === null) return [];
      const run = await audited(command, log);
      if (turn < 0) continue;
      rate[name].push(log.size / run.wall);
      cost[name].push(1e6 * run.cpu / log.size);
    }
  }
  const what = `fsck of ${round(log.size)} entries ${how} (peer: Tessera's)`;
  const ratio = ratios(rate.ours, rate.peer);
  return [
    {
      what,
      ours: rate.ours.measured("entries/s"),
      peer: rate.peer.measured("entries/s"),
      ratio: ratio.measured(),
      // Of fewer entries, it is the start of the program that is measured.
      ...(log.size >= FULL_SIZE && { goal: "≥ 1", met: ratio.median >= 1 }),
    },
    {
      what: `CPU time of it for an entry`,
      ours: cost.ours.measured("µs"),
      peer: cost.peer.measured("µs"),
      ratio: ratios(cost.ours, cost.peer).measured(),
    },
  ];
}

/** The audit of ten million entries shaped like a registry's. */
async function benchHistory(folder: string): Promise<Figure[]> {
  const log = await makeLog(folder, "history", corpusEntries(HISTORY), HISTORY);
  const command = await ours(log, log.folder);
  const [wall, memory] = [new Series(), new Series()];
  for (let turn = 0; turn < 3; turn++) {
    const run = await audited(command, log);
    wall.push(run.wall);
    memory.push(run.peak);
  }
  const what = `fsck of ${round(HISTORY)} entries from files`;
  return [
    {
      what,
      ours: wall.measured("s"),
      goal: `≤ ${HISTORY_SECONDS} s`,
      met: wall.median <= HISTORY_SECONDS,
    },
    { what: "its peak memory", ours: memory.measured("MiB") },
  ];
}

async function audited(command: readonly string[], { folder, size }: BuiltLog) {
  const run = await runMeasured(command, folder);
  assert.equal(run.code, 0, run.output);
  assert.match(
    run.output,
    new RegExp(`all of it is right|Successfully fsck'd log with size ${size}`),
  );
  return run;
}

function ours({ folder, publicKey }: BuiltLog, at: string): Promise<string[]> {
  return programCommand("fsck", [`--log=${at}`, `--public-key=${publicKey}`], { cwd: folder });
}

async function peers({ publicKey }: BuiltLog, at: string): Promise<string[] | null> {
  const fsck = await requirePeer("fsck");
  const url = at.startsWith("http") ? at : `file://${at}`;
  return fsck === null ? null : [
    fsck,
    `--storage_url=${url}/`,
    `--public_key=${publicKey}`,
    `--N=${PEER_WORKERS}`,
    "--ui=false",
  ];
}
