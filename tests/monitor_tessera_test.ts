/** The monitor follows a log that is none of ours: Tessera's, which logs whatever it gets. */

import { formatSkey, formatVkey } from "@indelible/core";
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { evidenceOf, monitor, published, releases } from "./monitor_fixture.ts";
import { startTessera } from "./peers/tessera.ts";
import { newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

Deno.test("monitor follows a Tessera log, and proves the second digest that it logged", () =>
  inFolder(async (folder) => {
    const key = newKey("log.test/tessera");
    await using log = await startTessera({ skey: formatSkey(key) });
    if (log === null) return;
    await Deno.writeTextFile(join(folder, "policy"), `log ${formatVkey(key)}\nquorum none\n`);
    const add = async (entry: Uint8Array): Promise<void> => {
      const body = entry as Uint8Array<ArrayBuffer>;
      const response = await fetch(`${log.url}/add`, { method: "POST", body });
      equal(response.status, 200, await response.text());
    };
    const isPublished = async (size: number): Promise<void> => {
      for (;;) {
        const checkpoint = await (await fetch(`${log.url}/checkpoint`)).text();
        if (checkpoint.split("\n")[1] === `${size}`) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await Promise.all(releases(300).map(add));
    await isPublished(300);
    const flags = `--log=${log.url}`;
    const first = await monitor(folder, flags);
    equal(first.code, 0, first.stderr);
    deepEqual(first.kinds, []);

    await add(published("lib-1.7.tar.gz", "ef"));
    await isPublished(301);
    await add(new TextEncoder().encode("anything at all"));
    await add(new TextEncoder().encode("or else"));
    await isPublished(303);
    const second = await monitor(folder, flags);
    equal(second.code, 1);
    deepEqual(second.kinds, ["second-digest", "not-accepted"], second.stderr);
    const verdict = await evidenceOf(folder, second.alerts[0]!);
    equal(verdict.kind, "verified", JSON.stringify(verdict));
    match(second.alerts[1]!.summary, /^entry 301 is of no known form, .* 1 more up to entry 302/);
    deepEqual((await monitor(folder, flags)).kinds, []);
  }));
