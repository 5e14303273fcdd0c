/**
 * Least privilege (design §2): what the launcher permits is tried out, by a probe
 * that runs with the very flags and worker options of the log.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checksumOf, post, serveLog } from "./http_fixture.ts";
import { Crew } from "../tools/fsck_crew.ts";
import { ScanCrew } from "../tools/monitor/scan_crew.ts";
import { freePort, run } from "./peers/process.ts";
import { programCommand } from "./programs.ts";
import { add, madeUpFile, startLog, writeLogKeys } from "./running_log.ts";
import { inFolder } from "./temporary.ts";
import type { Attempt } from "./testdata/permission_probe.ts";

const PROBE = new URL("testdata/permission_probe.ts", import.meta.url);

/** What no program of the log may do, wherever it runs. */
function forbidden(folder: string, port: number): Attempt[] {
  return [
    ["read", "/etc/passwd"],
    ["read", "/proc/self/environ"],
    ["list", "/"],
    ["list", folder],
    ["read", `${folder}/other`],
    ["read", `${folder}/data-too/secret`],
    ["read", `${folder}/data/../other`],
    ["read", `${folder}/data/link`], // A link in the data folder that leads out of it.
    ["write", `${folder}/other`],
    ["write", `${folder}/data-too/x`],
    ["write", `${folder}/private.key`],
    ["write", `${folder}/public.key`],
    ["remove", `${folder}/private.key`],
    ["write", "/tmp/indelible-probe"],
    ["write", fileURLToPath(new URL("../log/main.ts", import.meta.url))],
    ["read", fileURLToPath(new URL("../deno.json", import.meta.url))],
    ["connect", `127.0.0.1:${port + 1}`],
    ["connect", "192.0.2.1:443"],
    ["listen", "127.0.0.1:0"],
    ["listen", `127.0.0.1:${port + 1}`],
    ["listen", `0.0.0.0:${port}`],
    ["fetch", "http://192.0.2.1/"],
    ["fetch", "file:///etc/passwd"],
    ["resolve", "example.com"],
    ["env", "HOME"],
    ["env", "PATH"],
    ["run", "true"],
    ["run", "deno"],
    ["sys", "hostname"],
    ["sys", "networkInterfaces"],
    ["ffi", "/lib/x86_64-linux-gnu/libc.so.6"],
    ["import", "https://192.0.2.1/mod.ts"],
    ["import", "file:///etc/passwd"],
  ];
}

Deno.test("the log can touch its data, its keys and its address, and nothing else", () =>
  inFolder(async (folder) => {
    await writeLogKeys(folder, "log.test/permissions");
    for (const name of ["data", "data-too"]) await Deno.mkdir(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/other`, "");
    await Deno.writeTextFile(`${folder}/data-too/secret`, "");
    await Deno.symlink(`${folder}/other`, `${folder}/data/link`);
    const port = freePort();
    const command = await programCommand("log", [
      "--storage-dir=data",
      "--private-key=private.key",
      "--public-key=public.key",
      `--port=${port}`,
    ], { cwd: folder });
    const main = command.findIndex((word) => word.endsWith("log/main.ts"));
    const allowed: Attempt[] = [
      ["read", `${folder}/private.key`],
      ["read", `${folder}/public.key`],
      ["list", `${folder}/data`],
      ["write", `${folder}/data/x`],
      ["remove", `${folder}/data/x`],
      ["listen", `127.0.0.1:${port}`],
    ];
    const attempts = JSON.stringify([...forbidden(folder, port), ...allowed]);
    const [deno, ...words] = command.slice(0, main);
    const probe = await run(deno!, [...words, fileURLToPath(PROBE), attempts], { cwd: folder });
    equal(probe.code, 0, probe.stderr);
    const permitted = JSON.parse(probe.stdout) as string[];
    // Deno goes by names and would follow the link; the log itself refuses links (F20).
    const link = `read ${folder}/data/link`;
    deepEqual(
      permitted.filter((attempt) => attempt !== link),
      allowed.map((attempt) => attempt.join(" ")),
    );
    // What is permitted are words of this list and no other kinds.
    const kinds = command.filter((word) => word.startsWith("--allow"))
      .map((word) => word.replace(/=.*/, ""));
    deepEqual(kinds, ["--allow-read", "--allow-write", "--allow-net", "--allow-sys"]);
    ok(command.includes("--no-prompt"));
  }));

Deno.test("the workers of the log, of fsck and of the monitor can do nothing but compute", async () => {
  const started = new Map<string, WorkerOptions>();
  const Real = globalThis.Worker;
  globalThis.Worker = class extends Real {
    constructor(url: string | URL, options?: WorkerOptions) {
      started.set(new URL(url).pathname.split("/").at(-1)!, options!);
      super(url, options);
    }
  };
  try {
    await using log = await serveLog();
    equal((await post(log, { filename: "a.whl", checksum: checksumOf("a") })).status, 200);
    using _ = new Crew(1, {
      words: new Uint32Array(new SharedArrayBuffer(8)),
      seed: new Uint32Array(2),
    });
    using __ = new ScanCrew(1, { seed: new Uint32Array(4), rules: [] });
  } finally {
    globalThis.Worker = Real;
  }
  deepEqual([...started.keys()].sort(), [
    "fsck_worker.ts",
    "hash_worker.ts",
    "scan_worker.ts",
    "second_opinion_worker.ts",
  ]);
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/other`, "");
    const attempts = forbidden(folder, freePort());
    for (const [name, options] of started) {
      const worker = new Worker(PROBE, options);
      const permitted = await new Promise<string[]>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
        worker.postMessage(attempts);
      });
      worker.terminate();
      deepEqual(permitted, [], name);
    }
  });
});

Deno.test("a log keeps its data in folders with any name, also behind links", () =>
  inFolder(async (outer) => {
    const odd = `${outer}/a b \u00fc 'q' "d" $HOME =x;&%20#?*~`;
    await Deno.mkdir(odd);
    await Deno.symlink(odd, `${outer}/link`);
    const file = madeUpFile(0);
    for (const folder of [odd, `${outer}/link`]) {
      await using log = await startLog({ folder });
      equal((await add(log.url, file)).body.index, 0);
    }
    ok((await Deno.stat(`${odd}/data/checkpoint`)).isFile);
  }));
