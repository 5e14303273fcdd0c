/**
 * The split-view drill, with real programs and nothing else: a log's operator
 * keeps a second history under the log's own key for one victim. The witness
 * catches it and prints the evidence; what the victim was given, `verify` refuses.
 */

import { formatVkey, openNote, parseCheckpoint, parseVkey, verifierOf } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "./programs.ts";
import { startLog, writeLogKeys } from "./running_log.ts";
import { inFolder } from "./temporary.ts";
import { KEY, startWitness, writeKeys } from "./witness_program.ts";

const ORIGIN = "log.test/split-view";
const FILE = "lib-1.0.tar.gz";

Deno.test("split view: the witness prints the evidence, the consumer's verify refuses", () =>
  inFolder(async (folder) => {
    const [honest, forked] = [join(folder, "honest"), join(folder, "forked")];
    for (const operator of [honest, forked]) await Deno.mkdir(operator);
    const vkey = formatVkey((await writeLogKeys(honest, ORIGIN))!);
    for (const name of ["private.key", "public.key"]) {
      await Deno.copyFile(join(honest, name), join(forked, name)); // One log, by its key.
    }
    await writeKeys(folder);
    await Deno.writeTextFile(join(folder, "logs"), `${ORIGIN} ${vkey}\n`);
    const flags = ["--database-path=witness.db", "--log-list=logs"];
    await using witness = await startWitness(folder, ...flags);
    const policy = `log ${vkey}\nwitness W ${formatVkey(KEY)} ${witness.url}\nquorum W\n`;
    await Deno.writeTextFile(join(folder, "policy"), policy);
    const tool = (name: string, operator: string, ...args: string[]) =>
      runProgram(name, [join(operator, FILE), ...args], { cwd: folder });

    // Everyone but the victim is shown this history.
    await Deno.writeTextFile(join(honest, FILE), "what was built");
    await using log = await startLog({ folder: honest, flags: ["--policy=../policy"] });
    const added = await tool("add", honest, `--log=${log.url}`, "--policy=policy");
    assert.equal(added.code, 0, added.stderr);
    assert.equal((await tool("verify", honest, "--policy=policy")).code, 0);

    // The victim is shown another, which no witness is told of, with a proof of its own.
    await Deno.writeTextFile(join(forked, FILE), "what the attacker built");
    const publicKey = `--public-key=${join(forked, "public.key")}`;
    {
      await using secret = await startLog({ folder: forked });
      const given = await tool("add", forked, `--log=${secret.url}`, publicKey);
      assert.equal(given.code, 0, given.stderr);
    }
    assert.equal((await tool("verify", forked, publicKey)).code, 0, "the key alone is deceived");
    const refused = await tool("verify", forked, "--policy=policy");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is NOT verified: .*quorum "W" is not met/);

    // So the attacker asks the witness for its cosignature.
    await using greedy = await startLog({ folder: forked, flags: ["--policy=../policy"] });
    const again = await tool("add", forked, `--log=${greedy.url}`, "--policy=policy");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /\(503\).*; entry 0 is in the tree but not published yet/);
    assert.match(witness.process.output(), / ERROR evidence: fork origin=log\.test\/split-view /);

    // What the witness has kept proves it by itself: two heads of one size by the log's key.
    const { evidence } = await (await fetch(`${witness.url}/evidence`)).json();
    const fork = evidence.find(({ kind }: { kind: string }) => kind === "fork");
    const heads = [fork.checkpoint, fork.cosigned].map((note: string) => {
      const opened = openNote(Uint8Array.fromBase64(note), [verifierOf(parseVkey(vkey))]);
      assert.ok(opened.kind === "verified");
      return parseCheckpoint(opened.text);
    });
    assert.deepEqual(heads.map(({ size }) => size), [1n, 1n]);
    assert.notDeepEqual(heads[0]!.root, heads[1]!.root);
    assert.equal((await tool("verify", honest, "--policy=policy")).code, 0, "the others go on");
  }));
