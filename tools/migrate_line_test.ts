import {
  type Entry,
  formatEntry,
  type JsonObject,
  parseEntry,
  parseEntryBundle,
  sha256,
  utf8,
} from "@indelible/core";
import assert from "node:assert/strict";
import { serveLog } from "../tests/http_fixture.ts";
import { type BulkLine, requestBulk } from "./bulk_request.ts";
import { lineOf } from "./migrate_line.ts";

const PYPI: Entry = {
  format: "pypi-transparency/v1",
  ecosystem: "pypi",
  event: "publish",
  file: "pkg-1.0.tar.gz",
  digest: sha256(utf8("content")),
};
const NPM: Entry = {
  format: "artifact-transparency/v2",
  ecosystem: "npm",
  event: "yank",
  file: "pkg-1.0.tgz",
  digest: sha256(utf8("content")),
};
const FIELDS: readonly Partial<Entry>[] = [
  { publisher: { issuer: "https://issuer.test", subject: "söme/one" } },
  { package: { name: "@scope/pkg", version: "1.0-β\"\\'" } },
  { native: "sha512:vQ0vnCMSlTXk+/==" },
  { size: 0n },
  { size: (1n << 63n) - 1n },
  { attestation: `sha256:${"9f".repeat(32)}` },
];

function bodyOf({ filename, checksum, more }: BulkLine): JsonObject {
  return { filename, checksum, ...more };
}

Deno.test("lineOf() gives what a log makes the very same bytes of", async () => {
  const fields = Object.assign({}, ...FIELDS);
  const entries = [
    PYPI,
    { ...PYPI, file: "b.whl", ...FIELDS[0] },
    { ...NPM, event: "publish" as const },
    { ...NPM, ecosystem: "pypi", file: "c.whl", event: "publish" as const, ...fields },
    // Each other than the one before, so that each gets a leaf.
    ...FIELDS.map((field) => ({ ...NPM, ...field })),
    { ...NPM, ...fields },
    NPM,
  ].map(formatEntry);
  await using log = await serveLog();
  const lines = entries.map((bytes) => lineOf(parseEntry(bytes)));
  const { results } = await requestBulk(new URL(log.url), lines);
  assert.deepEqual(results, entries.map((_, index) => ({ kind: "logged", index })));
  const logged = await fetch(`${log.url}/tile/entries/000.p/${entries.length}`);
  assert.deepEqual(parseEntryBundle(await logged.bytes(), entries.length), entries);
});

Deno.test("lineOf() refuses what is longer than a log takes, and nothing shorter", async () => {
  const long = (letters: number): Entry => ({
    ...NPM,
    event: "publish",
    // A quotation mark takes two bytes in JSON and one in the entry.
    package: { name: '"'.repeat(2048), version: '"'.repeat(2048) },
    publisher: { issuer: '"'.repeat(2048), subject: '"'.repeat(letters) },
  });
  const spare = 16 * 1024 - JSON.stringify(bodyOf(lineOf(long(1)))).length;
  const most = 1 + Math.floor(spare / 2);
  await using log = await serveLog();
  const { results } = await requestBulk(new URL(log.url), [lineOf(long(most))]);
  assert.deepEqual(results, [{ kind: "logged", index: 0 }]);
  assert.throws(() => lineOf(long(most + 1)), /too long to be added: a line of 1638[56] bytes/);
});
