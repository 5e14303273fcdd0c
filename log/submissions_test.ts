import {
  concat,
  encodeEntryBundle,
  formatEntry,
  PYPI_V1,
  sha256,
  slabEntry,
  utf8,
} from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { Submissions } from "./submissions.ts";

const entries = Array.from({ length: 40 }, (_, i) =>
  formatEntry({
    format: PYPI_V1,
    ecosystem: "pypi",
    event: "publish",
    file: `f${i}-${"x".repeat(6 * i)}.zip`,
    digest: sha256(utf8(`${i}`)),
  }));

function listOf(from: number, to: number, ...room: number[]): Submissions {
  const list = new Submissions(...room);
  for (const entry of entries.slice(from, to)) list.append(entry);
  return list;
}

Deno.test("Submissions hold entries as an entry bundle does, however little room they began with", () => {
  for (const room of [[], [0, 0], [1, 1], [100, 100_000]]) {
    const list = listOf(0, 40, ...room);
    equal(list.count, 40);
    deepEqual(list.slab.bytes.slice(), encodeEntryBundle(entries));
    for (const [i, entry] of entries.entries()) {
      deepEqual(list.entryBytes(i).slice(), entry);
      deepEqual(slabEntry(list.slab, i).slice(), entry);
      deepEqual(formatEntry(list.entry(i)), entry);
      deepEqual([list.start(i + 1), list.end(i)], [list.end(i) + 2, list.start(i) + entry.length]);
    }
  }
});

Deno.test("Submissions join in order, and begin anew when cleared", () => {
  const list = new Submissions(0, 0);
  list.appendAll(new Submissions());
  equal(list.slab.bytes.length, 0);
  for (const [from, to] of [[0, 1], [1, 30], [30, 30], [30, 40]] as const) {
    list.appendAll(listOf(from, to));
  }
  deepEqual(list.slab.bytes.slice(), encodeEntryBundle(entries));
  list.clear();
  deepEqual([list.count, list.slab.bytes.length], [0, 0]);
  // A part of an array, as a request brings it.
  list.append(concat(utf8("{{"), entries[3]!, utf8("}")), 2, 2 + entries[3]!.length);
  deepEqual(list.entryBytes(0).slice(), entries[3]);
  equal(list.count, 1);
});
