import { checkFile, parseChecksum, sha256, utf8 } from "@indelible/core";
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, runHere } from "./_testing.ts";
import { corpus, type CorpusFile } from "./corpus.ts";
import { openJsonLines } from "./import_line.ts";
import { command } from "./make_corpus.ts";

function take(seed: number, count: number): CorpusFile[] {
  const files = corpus(seed);
  return Array.from({ length: count }, () => files.next().value);
}

Deno.test("corpus() gives the same files for a seed, for ever", () => {
  const digest = (files: CorpusFile[]) => sha256(utf8(JSON.stringify(files))).toHex();
  // Benchmarks of different versions are only to be compared if this stays.
  assert.equal(
    digest(take(1, 10_000)),
    "b100ef377b63055815bbcdbedebe1759e6908bdda6d51ce44f741d3e4a0da21b",
  );
  assert.deepEqual(take(7, 500), take(7, 3000).slice(0, 500));
  assert.notDeepEqual(take(7, 500), take(8, 500));
});

Deno.test("corpus() gives files like the real ones, and none twice", () => {
  const files = take(2, 100_000);
  assert.equal(new Set(files.map(({ filename }) => filename)).size, files.length);
  for (const { filename, checksum } of files) {
    checkFile(filename);
    parseChecksum(checksum);
  }
  // The real ones: 57.3 characters, 95.5 % wheels, 1.8 % yanked.
  const share = (test: (file: CorpusFile) => boolean) => files.filter(test).length / files.length;
  const length = files.reduce((sum, { filename }) => sum + filename.length, 0) / files.length;
  assert.ok(Math.abs(length - 57.3) < 2, `${length}`);
  assert.ok(Math.abs(share(({ filename }) => filename.endsWith(".whl")) - 0.955) < 0.01);
  assert.ok(Math.abs(share(({ yanked }) => yanked) - 0.018) < 0.006);
  assert.ok(Math.abs(share(({ publisher }) => publisher !== undefined) - 0.2) < 0.08);
  const times = files.map(({ uploadTime }) => uploadTime);
  assert.deepEqual(times, times.toSorted());
});

Deno.test("make-corpus writes lines that import reads", () =>
  inFolder(async (folder) => {
    const path = join(folder, "corpus.jsonl");
    const ran = await runHere(command, ["--count=5000", "--seed=3", `--out=${path}`]);
    assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
    const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line)), take(3, 5000));
    const source = await openJsonLines(path);
    assert.equal(source.total, 5000);
    const [chunk] = await Array.fromAsync(source.chunks(0, { lines: 5000, bytes: 1e7 }));
    assert.deepEqual([chunk!.lines, chunk!.unusable], [5000, []]);
    const again = await runHere(command, ["--count=1", `--out=${path}`]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /it exists already, and nothing is overwritten/);
  }));

Deno.test("make-corpus takes whole numbers", async () => {
  for (const flags of [[], ["--count=0"], ["--count=1e3"], ["--count=1", "--seed=4294967296"]]) {
    const { code, stderr } = await runHere(command, [...flags, "--out=unused"]);
    assert.equal(code, 2, stderr);
  }
});
