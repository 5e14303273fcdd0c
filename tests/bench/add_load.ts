/**
 * What a published, witnessed and proven `/add` costs at 4,000 connections, against
 * Tessera's `/add`, which answers the index alone; then how many a second at 8,000. Both
 * servers stay up; the loads take turns. The witness's own time is not the log's.
 */

import assert from "node:assert/strict";
import { formatSkey } from "@indelible/core";
import { loadgen, type LoadResult } from "../peers/loadgen.ts";
import { startTessera } from "../peers/tessera.ts";
import { newKey } from "../running_log.ts";
import { inFolder } from "../temporary.ts";
import { type Figure, ratios, Series } from "./figures.ts";
import { startWitnessedLog } from "./witnessed_log.ts";

const CONNECTIONS = 4000;
const MANY_CONNECTIONS = 8000;
const GOALS = { cost: 1.2, rate: 8000, p99: 2500 } as const;

/** Measures. */
export async function benchAddLoad(short: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  await inFolder(async (folder) => {
    await using witnessed = await startWitnessedLog(folder);
    const { log } = witnessed;
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
        ours: cost.log.measured("µs"),
        peer: cost.tessera.measured("µs"),
        ratio: ratio.measured(),
        goal: `≤ ${GOALS.cost}`,
        met: ratio.median <= GOALS.cost,
      },
      {
        what: "↳ adds a second",
        ours: rate.log.measured("/s"),
        peer: rate.tessera.measured("/s"),
        ratio: ratios(rate.log, rate.tessera).measured(),
      },
      {
        what: "↳ half of them answered within",
        ours: p50.log.measured("ms"),
        peer: p50.tessera.measured("ms"),
      },
      {
        what: "↳ 99 % of them within",
        ours: p99.log.measured("ms"),
        peer: p99.tessera.measured("ms"),
      },
    );
    const rates = new Series();
    const slowest = new Series();
    for (let round = 0; round < (short ? 1 : 5); round++) {
      const connections = MANY_CONNECTIONS;
      const load = await loadgen({ url: log.url, mode: "bt", requests, connections });
      if (load === null) return;
      assert.deepEqual([load.ok, load.errors], [requests, 0], JSON.stringify(load));
      rates.push(load.per_sec);
      slowest.push(load.p99_ms);
    }
    figures.push({
      what: `adds a second at ${MANY_CONNECTIONS} connections`,
      ours: rates.measured("/s"),
      goal: `≥ ${GOALS.rate}`,
      met: rates.median >= GOALS.rate,
    }, {
      what: "↳ 99 % of them answered within",
      ours: slowest.measured("ms"),
      goal: `≤ ${GOALS.p99} ms`,
      met: slowest.median <= GOALS.p99,
    });
  });
  return figures;
}

function told(load: LoadResult): string {
  const { ok, per_sec, server_cpu_s, other_cpu_s, p50_ms, p99_ms, server_rss_mib } = load;
  return `${(1e6 * server_cpu_s / ok).toFixed(1)} CPU-µs, ${per_sec.toFixed(0)}/s, ` +
    `p50 ${p50_ms} ms, p99 ${p99_ms} ms, RSS ${server_rss_mib} MiB, others ${other_cpu_s} CPU-s`;
}
