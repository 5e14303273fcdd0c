/**
 * `fsck` as it is launched, with the permissions of its flags alone, over a log that is
 * large enough for its workers; Tessera's fsck agrees that such a log is whole.
 */

import { formatVkey } from "@indelible/core";
import { equal, match, ok } from "node:assert/strict";
import { buildLog, corpusEntries } from "./built_log.ts";
import { fsckLog } from "./peers/tessera.ts";
import { runProgram } from "./programs.ts";
import { newKey } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const SIZE = 300 * 256 + 100;

Deno.test("fsck of 76,900 entries, from files and over HTTP, with a flipped bit and without", () =>
  inFolder(async (folder) => {
    const key = newKey("log.test/large");
    const data = `${folder}/data`;
    equal(buildLog(data, corpusEntries(SIZE, 7), key), SIZE);
    Deno.writeTextFileSync(`${folder}/public.key`, formatVkey(key) + "\n");
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const path = data + new URL(request.url).pathname;
        return await Deno.readFile(path).then(
          (bytes) => new Response(bytes),
          () => new Response(null, { status: 404 }),
        );
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const fsck = (log: string) =>
      runProgram("fsck", [`--log=${log}`, "--public-key=public.key", "--json"], { cwd: folder });

    for (const log of ["data", url]) {
      const { code, stdout, stderr } = await fsck(log);
      equal(code, 0, stderr);
      const { treeSize, hashTiles, files } = JSON.parse(stdout);
      equal(treeSize, SIZE);
      equal(hashTiles, 301 + 2 + 1);
      equal(files, SIZE);
    }
    for (const log of [`file://${data}`, url]) {
      const theirs = await fsckLog(log, formatVkey(key));
      if (theirs !== null) ok(theirs.ok, theirs.output);
    }

    const file = `${data}/tile/entries/123`;
    const bytes = Deno.readFileSync(file);
    Deno.writeFileSync(file, bytes.with(5000, bytes[5000]! ^ 1));
    for (const log of ["data", url]) {
      const { code, stdout } = await fsck(log);
      equal(code, 1);
      const { ok, problems } = JSON.parse(stdout);
      equal(ok, false);
      equal(problems.length, 1);
      match(problems[0], /^tile\/entries\/123: entry 31\d{3} is not the one that was logged: /);
    }
  }));
