/**
 * A sidecar expands to plain C2SP tlog-proofs: `verify` takes each for its file, and
 * so does a reader that is not ours.
 */

import { parseTlogProof, utf8 } from "@indelible/core";
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { LockScene } from "./lock_fixture.ts";
import { Check } from "./peers/driver.ts";
import { sha256Of } from "./registry.ts";
import { inFolder } from "./temporary.ts";

Deno.test("lock --expand writes tlog-proofs that verify and torchwood accept", () =>
  inFolder(async (folder) => {
    await using scene = await LockScene.set(folder);
    const files = [...scene.registry.files.values()].filter(({ project }) => project === "beta");
    const packages = files.map(({ filename, bytes }) =>
      `[[package]]\nname = "beta"\nversion = "${/-([0-9.]+[0-9])[-.]/.exec(filename)![1]}"\n` +
      `files = [{file = "${filename}", hash = "sha256:${sha256Of(bytes)}"}]\n`
    );
    await scene.write("poetry.lock", `${packages.join("")}[metadata]\nlock-version = "2.1"\n`);
    const locked = await scene.online("lock", "poetry.lock");
    equal(locked.code, 0, locked.stderr);
    const expanded = await scene.tool("lock", "poetry.lock", "--expand=proofs");
    equal(expanded.stdout, "proofs: 4 tlog-proofs\n", expanded.stderr);
    const proofs = [...Deno.readDirSync(join(folder, "proofs"))].map(({ name }) => name);
    deepEqual(proofs.sort(), files.map(({ filename }) => `${filename}.tlog-proof`).sort());
    for (const { filename, bytes } of files) {
      await Deno.writeFile(join(folder, filename), bytes);
      const proof = `--proof=proofs/${filename}.tlog-proof`;
      const verified = await scene.tool("verify", filename, proof, scene.trust);
      equal(verified.code, 0, verified.stderr);
      match(verified.stdout, /: verified$/m);
    }
    await Check.use(async (check) => {
      for (const { filename } of files) {
        const tlogProof = await Deno.readFile(join(folder, `proofs/${filename}.tlog-proof`));
        const entry = parseTlogProof(tlogProof).extra!;
        const policy = utf8(`log ${scene.log.vkey}\nquorum none\n`);
        const read = await check.must("torchwood-verify-proof", { policy, entry, tlogProof });
        deepEqual(read.extra, Uint8Array.from(entry));
      }
    });
  }));
