/**
 * How large sidecars are (issue 6: 300 packages take at most 90 KB on a log of 28,798
 * entries and 220 KB on one of 10^7), on the real files and on a tree of 10^7 whose hashes
 * are made up: how many there are depends on the leaf indices alone.
 */

import {
  countSharedNodes,
  formatCheckpoint,
  formatEntry,
  formatTlogProofs,
  HASH_SIZE,
  parseChecksum,
  parseTlogProofs,
  PYPI_V1,
  rootFromShared,
  signerOf,
  signNote,
  type TlogProofs,
} from "@indelible/core";
import { deepEqual, ok } from "node:assert/strict";
import { releaseIn } from "../tools/lock/release.ts";
import { readPypiFiles } from "./pypi_files.ts";
import { type LoggedFile, newKey } from "./running_log.ts";
import { Dice } from "./synthetic_log.ts";

const PACKAGES = 300;
const SIGNERS = ["log.example/registry", "w1.example", "w2.example", "w3.example"];

const { text } = await readPypiFiles();
const files: (LoggedFile & { project: string })[] = text.trimEnd().split("\n").map((line) =>
  JSON.parse(line)
);

/** A sidecar of some files, `at` the leaf indices that they have in a log of `size`. */
function sidecar(chosen: ReadonlyMap<number, LoggedFile>, size: number): Uint8Array {
  const entries = [...chosen].toSorted(([a], [b]) => a - b).map(([at, file]) => ({
    index: BigInt(at),
    entry: formatEntry({
      format: PYPI_V1,
      ecosystem: "pypi",
      event: "publish",
      file: file.filename,
      digest: parseChecksum(file.checksum),
    }),
  }));
  const indices = entries.map(({ index }) => index);
  const nodes = Array.from(
    { length: countSharedNodes(indices, BigInt(size)) },
    () => crypto.getRandomValues(new Uint8Array(HASH_SIZE)),
  );
  // Whatever the made-up hashes lead to is the root: the file is one that verifies.
  const root = rootFromShared(entries, BigInt(size), nodes);
  const head = { origin: SIGNERS[0]!, size: BigInt(size), root, extensions: [] };
  const signers = SIGNERS.map((name) => signerOf(newKey(name), () => 0n));
  const checkpoint = signNote(formatCheckpoint(head), signers);
  const proofs: TlogProofs = { checkpoint, entries, nodes };
  const bytes = formatTlogProofs(proofs);
  deepEqual(parseTlogProofs(bytes), proofs);
  return bytes;
}

/** Different numbers below `end`. */
function chooseNumbers(dice: Dice, count: number, end: number): number[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(dice.roll(0, end - 1));
  return [...numbers];
}

function kilobytes({ length }: Uint8Array): string {
  return `${(length / 1000).toFixed(1)} KB`;
}

for (const [size, limit] of [[files.length, 90_000], [10_000_000, 220_000]] as const) {
  Deno.test(`a file of each of ${PACKAGES} packages, on a log of ${size}`, () => {
    // Spread over the whole log, they share the fewest nodes.
    const dice = new Dice(6);
    const places = chooseNumbers(dice, PACKAGES, size);
    const chosen = chooseNumbers(dice, PACKAGES, files.length);
    const bytes = sidecar(new Map(places.map((at, i) => [at, files[chosen[i]!]!])), size);
    console.log(`${PACKAGES} files on a log of ${size}: ${kilobytes(bytes)}`);
    ok(bytes.length <= limit, `${bytes.length}`);
  });
}

/** The files of each release, with their leaf indices in the log of the real files. */
function releases(): [number, LoggedFile][][] {
  const byName = new Map<string, [number, LoggedFile][]>();
  files.forEach((file, at) => {
    const name = `${file.project} ${releaseIn(file.filename, file.project)}`;
    byName.set(name, [...byName.get(name) ?? [], [at, file]]);
  });
  return [...byName.values()];
}

for (const size of [files.length, 10_000_000]) {
  Deno.test(`all files of ${PACKAGES} releases, on a log of ${size}`, () => {
    const dice = new Dice(6);
    const all = releases();
    const chosen = chooseNumbers(dice, PACKAGES, all.length).map((i) => all[i]!);
    // In a larger log each release is somewhere else, its files as far apart as they are.
    const moves = size === files.length
      ? chosen.map(() => 0)
      : chooseNumbers(dice, PACKAGES, size - files.length);
    const moved = chosen.flatMap((release, i) =>
      release.map(([at, file]) => [at + moves[i]!, file] as const)
    );
    const bytes = sidecar(new Map(moved), size);
    const each = Math.round(bytes.length / moved.length);
    console.log(
      `${moved.length} files of ${PACKAGES} releases on a log of ${size}: ` +
        `${kilobytes(bytes)}, ${each} bytes a file`,
    );
    // Files of a release stand close together: each costs its digest, its name, a node or so.
    ok(each <= 120, `${each}`);
  });
}
