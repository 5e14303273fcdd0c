/**
 * What a proxy does while its client is still starting: it has the log's checkpoint
 * accepted, and goes through the code that judges a page, so that the first page waits
 * for none of it. It decides nothing: whatever fails here fails again at the first
 * request, and is told there. The registry is asked nothing: which of its pages is
 * wanted is the client's business, and its root is a list of all projects.
 *
 * @module
 */

import {
  countSharedNodes,
  decodeTlogProofs,
  EMPTY_ROOT,
  formatEntry,
  formatTlogProofs,
  parseCheckpoint,
  parseNote,
  PYPI_V1,
  rootFromShared,
  utf8,
} from "@indelible/core";
import { sendRequest } from "../http_client.ts";
import { kernel } from "../lookup.ts";
import { formatJson, JSON_TYPE, parseListing } from "../simple/listing.ts";
import type { TrustedHead } from "../trusted_head.ts";
import { judgeFile } from "./gate.ts";
import { rewritePage } from "./page.ts";

/** What is warmed up. */
export interface WarmUpParts {
  /** The log, and who judges its checkpoints; `null` when what was seen first is trusted. */
  readonly log: { readonly url: URL; readonly trusted: TrustedHead } | null;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How long the log may take, in milliseconds: later the client is there. */
const DEADLINE = 5_000;
/** A checkpoint with many cosignatures is a few KiB. */
const MAX_CHECKPOINT = 64 << 10;
/** As many files as a page of some size has, and how often: enough to be compiled. */
const FILES = 100;
const ROUNDS = 4;

/** Warms a proxy up; resolves whatever happens. */
export async function warmUp({ log, signal }: WarmUpParts): Promise<void> {
  const limits = { maxBytes: MAX_CHECKPOINT, deadline: DEADLINE, signal };
  await Promise.allSettled([
    rehearsePages(),
    log && acceptCheckpoint(log, limits),
  ]);
}

async function acceptCheckpoint(
  { url, trusted }: NonNullable<WarmUpParts["log"]>,
  limits: Parameters<typeof sendRequest>[1],
): Promise<void> {
  const { status, body } = await sendRequest(new URL("checkpoint", url), limits);
  if (status !== 200) return;
  const { note } = await trusted.accept(body);
  for (let round = 0; round < ROUNDS; round++) await rehearseProofs(note);
}

/** Judges a made-up page. */
async function rehearsePages(): Promise<void> {
  const base = new URL("https://index.invalid/simple/sample/");
  const digest = EMPTY_ROOT;
  const sha256 = digest.toHex();
  const files = Array.from({ length: FILES }, (_, i) => ({
    "core-metadata": { sha256 },
    filename: nameOf(i),
    hashes: { sha256 },
    "requires-python": ">=3.9",
    size: i,
    "upload-time": "2024-01-01T00:00:00.000000Z",
    url: `https://files.invalid/packages/${nameOf(i)}`,
    yanked: false,
  }));
  const meta = { "api-version": "1.1" };
  const page = utf8(JSON.stringify({ files, meta, name: "sample", versions: ["1.0"] }));
  for (let round = 0; round < ROUNDS; round++) {
    // What a client asks meanwhile goes first.
    await new Promise((resolve) => setTimeout(resolve));
    const listing = parseListing(page, JSON_TYPE, base, "sample");
    const judged = listing.files.map((file, i) => ({
      file,
      passage: judgeFile(
        file,
        { kind: "vouched", by: "log", digest, index: BigInt(i) },
        "refuse",
      ),
    }));
    formatJson(rewritePage(listing, judged, { fileUrl: null }));
  }
}

/** Reads made-up proofs, which prove nothing, under a real checkpoint. */
async function rehearseProofs(checkpoint: Uint8Array): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  const { size } = parseCheckpoint(parseNote(checkpoint).text);
  const count = size < FILES ? Number(size) : FILES;
  if (count === 0) return;
  const step = size / BigInt(count);
  const made = Array.from({ length: count }, (_, i) => ({
    index: BigInt(i) * step,
    entry: formatEntry({
      format: PYPI_V1,
      ecosystem: "pypi",
      event: "publish",
      file: nameOf(i),
      digest: EMPTY_ROOT,
    }),
  }));
  const needed = countSharedNodes(made.map(({ index }) => index), size);
  const nodes = Array.from({ length: needed }, () => EMPTY_ROOT);
  const { entries, nodes: read } = decodeTlogProofs(
    formatTlogProofs({ checkpoint, entries: made, nodes }),
  );
  rootFromShared(entries, size, read, kernel());
}

function nameOf(i: number): string {
  return `sample-1.${i}-py3-none-any.whl`;
}
