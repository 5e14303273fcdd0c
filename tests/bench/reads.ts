/** Reading a full tile and the checkpoint, against the file server of Go's standard library. */

import { formatSkey } from "@indelible/core";
import assert from "node:assert/strict";
import { loadgen } from "../peers/loadgen.ts";
import { startTessera } from "../peers/tessera.ts";
import { bulkAppend, madeUpFile, newKey, startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";

/** Measures. */
export async function benchReads(short: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    await bulkAppend(log.url, Array.from({ length: 600 }, (_, i) => madeUpFile(i)));
    await using tessera = await startTessera({ skey: formatSkey(newKey("bench.test/tessera")) });
    if (tessera === null) return;
    await loadgen({ url: tessera.url, mode: "tessera", requests: 600, connections: 300 });
    for (const path of ["tile/0/000", "tile/entries/000", "checkpoint"]) {
      const cost = { log: new Series(), tessera: new Series() };
      const requests = short ? 4000 : 30_000;
      for (let round = -1; round < (short ? 1 : 5); round++) {
        for (const [name, server] of [["log", log], ["tessera", tessera]] as const) {
          const load = await loadgen({
            url: `${server.url}/${path}`,
            mode: "get",
            requests,
            connections: 64,
            pids: [server.pid],
          });
          if (load === null) return;
          assert.equal(load.ok, requests, JSON.stringify(load));
          if (round >= 0) cost[name].push(1e6 * load.server_cpu_s / load.ok);
        }
      }
      figures.push({
        what: `CPU for GET /${path} (peer: Go's file server)`,
        ours: cost.log.format("µs"),
        peer: cost.tessera.format("µs"),
        ratio: ratios(cost.log, cost.tessera).format(),
      });
    }
  });
  return figures;
}
