/**
 * Measures the table of identifiers, by hand: `deno run -A log/identifiers_bench.ts [folder]`.
 *
 * First the table by itself, in nanoseconds a fingerprint and bytes; then, where the
 * folder of a log is given, what a start takes: twice from its blocks, and before that
 * from its entries if there are none.
 *
 * @module
 */

import { FingerprintTable } from "@indelible/core";
import { loadIdentifiers } from "./load_identifiers.ts";
import { BlockFile } from "./storage/block_file.ts";
import { openFsObjects } from "./storage/objects_fs.ts";
import { StoredLog } from "./stored_log.ts";

const row = (...cells: (string | number)[]) =>
  console.log(
    cells.map((cell, i) => i === 0 ? `${cell}`.padEnd(24) : `${cell}`.padStart(12)).join(""),
  );
const rss = () => `${Math.round(Deno.memoryUsage().rss / 1e6)} MB`;

function nanoseconds(count: number, run: () => void): number {
  const start = performance.now();
  run();
  return Math.round((performance.now() - start) * 1e6 / count);
}

function benchTable(count: number): void {
  const fingerprints = new Uint32Array(2 * count);
  for (let at = 0; at < fingerprints.length; at += 16_384) {
    crypto.getRandomValues(fingerprints.subarray(at, at + 16_384));
  }
  const asked = Math.min(count, 1_000_000);
  const loaded = new FingerprintTable(count);
  const load = nanoseconds(count, () => loaded.insertAll(fingerprints, 0, () => true));
  const grown = new FingerprintTable();
  const insert = nanoseconds(count, () => {
    for (let i = 0; i < count; i++) {
      grown.insert(fingerprints[2 * i]!, fingerprints[2 * i + 1]!, i);
    }
  });
  const find = (other: number) =>
    nanoseconds(asked, () => {
      for (let i = 0; i < asked; i++) {
        const at = 2 * ((i * 7919) % count);
        loaded.candidates(fingerprints[at]!, fingerprints[at + 1]! ^ other);
      }
    });
  const bytes = (grown.bytes / count).toFixed(1);
  row(count, load, insert, find(0), find(0x5bd1e995), bytes);
}

async function benchStart(folder: string): Promise<void> {
  const objects = await openFsObjects(folder);
  const note = await objects.read("checkpoint");
  if (!note) throw new Error(`There is no checkpoint in ${folder}`);
  const [origin, size] = new TextDecoder().decode(note).split("\n") as [string, string];
  const load = async (what: string) => {
    const file = new BlockFile(`${folder}/identifiers`, false);
    const start = performance.now();
    let derived = 0;
    const identifiers = await loadIdentifiers({
      origin,
      size: Number(size),
      stored: new StoredLog(objects),
      file,
      onDerived: (leaves) => derived = leaves,
      onFault: (error) => console.error(error),
    });
    const table = `${Math.round(identifiers.bytes / 1e6)} MB`;
    row(what, `${Math.round(performance.now() - start)} ms`, table, rss(), derived);
    file.close();
  };
  row(`a start at ${size}`, "time", "table", "RSS", "derived");
  for (const what of ["first", "second", "third"]) await load(what);
  await objects.close();
}

row("fingerprints", "load", "insert", "found", "not found", "bytes each");
for (const count of [100_000, 1_000_000, 10_000_000]) benchTable(count);
if (Deno.args[0] !== undefined) await benchStart(Deno.args[0]);
