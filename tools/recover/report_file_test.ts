import { deepEqual, equal, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inFolder } from "../_testing.ts";
import { writeReport } from "./report_file.ts";

/** Lines of more than one piece, with characters of several bytes across its edge. */
function* lines(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `{"line":${i},"name":"${"ü€".repeat(i % 7)}"}\n`;
}

Deno.test("writeReport() writes every line, and gives the digest of what is in the file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "drift.jsonl");
    const digest = writeReport(path, lines(5_000));
    equal(await Deno.readTextFile(path), [...lines(5_000)].join(""));
    const found = createHash("sha256").update(Deno.readFileSync(path)).digest();
    deepEqual(digest, new Uint8Array(found));
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["drift.jsonl"]);
  }));

Deno.test("writeReport() keeps the report that was there when it cannot finish, and then replaces it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "drift.jsonl");
    writeReport(path, lines(1));
    const stopped = function* () {
      yield* lines(5_000);
      throw new Error("stopped");
    };
    throws(() => writeReport(path, stopped()), /Cannot write --report .*: stopped/);
    equal(await Deno.readTextFile(path), [...lines(1)].join(""));
    writeReport(path, lines(2));
    equal(await Deno.readTextFile(path), [...lines(2)].join(""));
  }));

Deno.test("writeReport() follows no link that stands where it writes first", () =>
  inFolder(async (folder) => {
    const path = join(folder, "drift.jsonl");
    await Deno.writeTextFile(join(folder, "other"), "mine");
    Deno.symlinkSync(join(folder, "other"), `${path}.tmp`);
    writeReport(path, lines(3));
    equal(Deno.readTextFileSync(join(folder, "other")), "mine");
    equal(await Deno.readTextFile(path), [...lines(3)].join(""));
  }));
