/**
 * What a published, proven `/add` costs at 4,000 connections, against Tessera's `/add`,
 * which answers the index alone. Both servers stay up; the loads take turns.
 */

import assert from "node:assert/strict";
import { formatSkey } from "@indelible/core";
import { loadgen, type LoadResult } from "../peers/loadgen.ts";
import { startTessera } from "../peers/tessera.ts";
import { newKey, startLog } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";

const CONNECTIONS = 4000;

/** Measures. */
export async function benchAddLoad(short: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    await using log = await startLog({ folder });
    await using tessera = await startTessera({ skey: formatSkey(newKey("bench.test/tessera")) });
    const cost = { log: new Series(), tessera: new Series() };
    const rate = { log: new Series(), tessera: new Series() };
    const p50 = { log: new Series(), tessera: new Series() };
    const p99 = { log: new Series(), tessera: new Series() };
    const requests = short ? 8000 : 40_000;
    for (let round = -1; round < (short ? 1 : 5); round++) {
      for (const [name, server] of [["log", log], ["tessera", tessera]] as const) {
        if (server === null) continue;
        const load = await loadgen({
          url: server.url,
          mode: name === "log" ? "bt" : "tessera",
          requests,
          connections: CONNECTIONS,
          pids: [server.pid],
          // What is measured is proven: x/mod checks every receipt of the first round.
          ...(name === "log" && round < 0 ? { vkeyFile: log.publicKey } : {}),
        });
        if (load === null) return;
        assert.deepEqual([load.ok, load.errors], [requests, 0], JSON.stringify(load));
        console.error(`  round ${round} ${name}: ${told(load)}`);
        if (round < 0) continue; // Warm-up: compilers, caches.
        cost[name].push(1e6 * load.server_cpu_s / load.ok);
        rate[name].push(load.per_sec);
        p50[name].push(load.p50_ms);
        p99[name].push(load.p99_ms);
      }
    }
    const ratio = ratios(cost.log, cost.tessera);
    figures.push(
      {
        what: `CPU for an /add at ${CONNECTIONS} connections (peer: Tessera, index only)`,
        ours: cost.log.format("µs"),
        peer: cost.tessera.format("µs"),
        ratio: ratio.format(),
        goal: "≤ 1.8",
        met: ratio.median <= 1.8,
      },
      {
        what: "↳ adds a second",
        ours: rate.log.format(),
        peer: rate.tessera.format(),
        ratio: ratios(rate.log, rate.tessera).format(),
      },
      {
        what: "↳ half of them answered within",
        ours: p50.log.format("ms"),
        peer: p50.tessera.format("ms"),
      },
      { what: "↳ 99 % of them within", ours: p99.log.format("ms"), peer: p99.tessera.format("ms") },
    );
  });
  return figures;
}

function told(load: LoadResult): string {
  const { ok, per_sec, server_cpu_s, other_cpu_s, p50_ms, p99_ms, server_rss_mib } = load;
  return `${(1e6 * server_cpu_s / ok).toFixed(1)} CPU-µs, ${per_sec.toFixed(0)}/s, ` +
    `p50 ${p50_ms} ms, p99 ${p99_ms} ms, RSS ${server_rss_mib} MiB, others ${other_cpu_s} CPU-s`;
}
