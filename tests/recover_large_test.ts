/**
 * `recover` over more files than fit in memory: nothing of it may grow with their
 * number but what is on disk.
 */

import { deepEqual, equal } from "node:assert/strict";
import { inFolder } from "./temporary.ts";

/** Of V8's old space, in MiB: less than the facts about 50,000 files alone take. */
const HEAP = 32;

Deno.test("a registry of 50,000 files, most of them changed, is judged and told in 32 MiB", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        `--v8-flags=--max-old-space-size=${HEAP}`,
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        new URL("recover_large.ts", import.meta.url).pathname,
        folder,
      ],
    }).output();
    const text = new TextDecoder();
    equal(code, 0, text.decode(stderr).slice(-2_000));
    deepEqual(JSON.parse(text.decode(stdout)), {
      due: 37_500,
      // Log, registry, three lines for each that drifted, what was not looked at, mirror, plan,
      // its steps, verdict.
      printed: 2 + 3 * 37_500 + 1 + 2 + 50_000 + 1,
      steps: 50_000,
      counts: { replaced: 25_000, missing: 12_500, unchanged: 12_500 },
      drift: 37_500,
      mirrorDrift: 50_000,
      clean: false,
    });
    const types: Record<string, number> = {};
    let [rest, last] = ["", ""];
    using file = await Deno.open(`${folder}/drift.jsonl`);
    for await (const piece of file.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const type = /^\{"type":"([a-z]+)"/.exec(line)![1]!;
        types[type] = (types[type] ?? 0) + 1;
        last = line;
      }
    }
    deepEqual(types, { run: 1, file: 50_000, mirror: 50_000, summary: 1 });
    equal(JSON.parse(last).drift, 37_500);
  }));
