/**
 * Reading a full tile, its entry bundle and the checkpoint: requests a second on 64
 * connections of one client thread, and what one costs, against the file server of Go's
 * standard library over the same folder.
 */

import assert from "node:assert/strict";
import { requirePeer } from "../peers/peers.ts";
import { get, startServer } from "../peers/process.ts";
import { wrk } from "../peers/wrk.ts";
import { bulkAppend, madeUpFile, startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";
import { usageOf } from "./usage.ts";

const CONNECTIONS = 64;
const PATHS = ["tile/0/000", "tile/entries/000", "checkpoint"];
/** So many times as many requests a second as the peer. */
const GOAL = 1.2;

/** Measures. */
export async function benchReads(short: boolean): Promise<Figure[]> {
  const fileserver = await requirePeer("fileserver");
  if (fileserver === null || await requirePeer("wrk") === null) return [];
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    await bulkAppend(log.url, Array.from({ length: 600 }, (_, i) => madeUpFile(i)));
    const { checkpoint } = await bulkAppend(log.url, [madeUpFile(600)]);
    const peer = await startServer(
      fileserver,
      (address) => [`--dir=${log.storageDir}`, `--listen=${address}`],
      {
        ready: async (url) =>
          await get(`${url}/checkpoint`) === new TextDecoder().decode(checkpoint!),
      },
    );
    try {
      for (const path of PATHS) figures.push(...await contest(path, { log, peer }, short));
    } finally {
      await peer.stop();
    }
  });
  return figures;
}

/** A server that is read. */
interface Read {
  readonly url: string;
  readonly pid: number;
}

/** Both servers in turn. */
async function contest(
  path: string,
  servers: Readonly<Record<"log" | "peer", Read>>,
  short: boolean,
): Promise<Figure[]> {
  const rate = { log: new Series(), peer: new Series() };
  const cost = { log: new Series(), peer: new Series() };
  const seconds = short ? 1 : 3;
  for (let round = -1; round < (short ? 1 : 7); round++) {
    for (const name of ["log", "peer"] as const) {
      const { url, pid } = servers[name];
      const before = usageOf(pid).cpu;
      const load = await wrk(`${url}/${path}`, CONNECTIONS, round < 0 ? 1 : seconds);
      if (load === null) return [];
      assert.equal(load.ok, load.answered, `all of GET ${url}/${path} are answered well`);
      if (round < 0) continue;
      rate[name].push(load.perSecond);
      cost[name].push(1e6 * (usageOf(pid).cpu - before) / load.ok);
    }
  }
  const ratio = ratios(rate.log, rate.peer);
  return [
    {
      what: `GET /${path} (peer: Go's file server)`,
      ours: rate.log.measured("/s"),
      peer: rate.peer.measured("/s"),
      ratio: ratio.measured(),
      goal: `≥ ${GOAL}`,
      met: ratio.median >= GOAL,
    },
    {
      what: "↳ CPU time of the server for one",
      ours: cost.log.measured("µs"),
      peer: cost.peer.measured("µs"),
      ratio: ratios(cost.log, cost.peer).measured(),
    },
  ];
}
