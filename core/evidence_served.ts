/**
 * Evidence about what a log served. It signs its checkpoints only, not its tiles and
 * not its silence: so the checkpoint is shown, and the rest is the monitor's report,
 * of which it is checked that it contradicts the checkpoint.
 *
 * @module
 */

import { encodeHex, equalBytes, parseBase64, parseDecimal } from "./bytes.ts";
import type { CheckpointEvidence, EvidenceVerdict, RootMismatchEvidence } from "./evidence.ts";
import {
  describeCheckpoint,
  describeCosigned,
  describeLog,
  describeTime,
  EvidenceRefused,
  type EvidenceTrust,
  openSigned,
  type SignedCheckpoint,
} from "./evidence_open.ts";
import { HASH_SIZE, leafHash } from "./hash.ts";
import { type FetchResource, LogMismatch, LogReader } from "./log_reader.ts";
import { parseTilePath, TILE_WIDTH, tileAt, tilePath } from "./tile.ts";

/** Judges evidence of a root mismatch. */
export async function checkRootMismatch(
  { checkpoint: note, tiles, entry }: RootMismatchEvidence,
  trust: EvidenceTrust,
): Promise<EvidenceVerdict> {
  const signed = openSigned(note, trust);
  const { checkpoint, log } = signed;
  const served = new ServedTiles(tiles);
  const reader = new LogReader(checkpoint, served.fetch);
  const what = entry
    ? await wrongEntry(reader, parseDecimal(entry.index, "leaf index"), parseBase64(entry.bytes))
    : await wrongTile(reader, served.last);
  served.requireAllUsed();
  return {
    kind: "verified",
    strength: "report",
    against: describeLog(log),
    proves: [
      signedAs(signed),
      `No tree with that root hash can hold what is attached: ${what}.`,
    ],
    reports: [`The monitor says that ${log.key.name} served it under that checkpoint.`],
    provesNot: [
      "That the log served these bytes: it signs its checkpoints, not its tiles. " +
      "Fetch the same paths and compare.",
    ],
  };
}

/** The resources in the evidence, in place of the log. */
class ServedTiles {
  readonly #bytes: Map<string, Uint8Array>;
  readonly #unused: Set<string>;
  readonly #last: string | undefined;

  constructor(tiles: RootMismatchEvidence["tiles"]) {
    this.#bytes = new Map(tiles.map(({ path, bytes }) => [path, parseBase64(bytes)]));
    this.#unused = new Set(this.#bytes.keys());
    this.#last = tiles.at(-1)?.path;
    if (this.#bytes.size !== tiles.length) throw new EvidenceRefused("a tile in it stands twice");
  }

  readonly fetch: FetchResource = (path) => {
    this.#unused.delete(path);
    const bytes = this.#bytes.get(path);
    if (bytes) return Promise.resolve(bytes);
    // In place of a partial tile the log may have served the full one.
    const tile = parseTilePath(path);
    const full = tilePath({ ...tile, width: TILE_WIDTH });
    if (full !== path && this.#bytes.has(full)) return Promise.resolve(null);
    return Promise.reject(new EvidenceRefused(`${path} is missing in it`));
  };

  get last(): string {
    if (this.#last !== undefined) return this.#last;
    throw new EvidenceRefused("it holds nothing that the log served");
  }

  requireAllUsed(): void {
    for (const path of this.#unused) {
      throw new EvidenceRefused(`it holds ${path}, which has no part in it`);
    }
  }
}

async function wrongTile(reader: LogReader, path: string): Promise<string> {
  const tile = parseTilePath(path);
  // The full tile may have been served in place of a partial one.
  const inTree = tileAt(tile.level, tile.index, reader.size);
  if (!inTree) throw new EvidenceRefused(`the tree has no ${path}`);
  try {
    await reader.readTile(inTree);
  } catch (error) {
    if (error instanceof LogMismatch) return error.message;
    throw error;
  }
  throw new EvidenceRefused(`${path} is what the checkpoint says: there is no mismatch`);
}

async function wrongEntry(reader: LogReader, index: bigint, bytes: Uint8Array): Promise<string> {
  const tile = tileAt(0, index / 256n, reader.size);
  const offset = Number(index % 256n) * HASH_SIZE;
  if (!tile || offset >= tile.width * HASH_SIZE) {
    throw new EvidenceRefused(`the tree has no entry ${index}`);
  }
  let hashes: Uint8Array;
  try {
    hashes = await reader.readTile(tile);
  } catch (error) {
    if (!(error instanceof LogMismatch)) throw error;
    throw new EvidenceRefused(`its tiles are wrong themselves: ${error.message}`);
  }
  const expected = hashes.subarray(offset, offset + HASH_SIZE);
  if (equalBytes(leafHash(bytes), expected)) {
    throw new EvidenceRefused(`entry ${index} is what the checkpoint says: there is no mismatch`);
  }
  return `the leaf hash of entry ${index} is ${encodeHex(leafHash(bytes))}, ` +
    `the tree has ${encodeHex(expected)} there`;
}

/** What each report about a checkpoint says, and what is not shown. */
const WORDS: Readonly<
  Record<CheckpointEvidence["kind"], { readonly reported: string; readonly provesNot: string }>
> = {
  "witness-silent": {
    reported: "no newer cosignature of the witness was there",
    provesNot: "That the witness had not cosigned: whoever hands a note on can leave lines out.",
  },
  "checkpoint-stale": {
    reported: "this was the newest checkpoint that the log served",
    provesNot: "That the log had no newer checkpoint: it may have shown it to others.",
  },
  "log-stalled": {
    reported: "this was the newest checkpoint that the log served",
    provesNot: "That the log had no newer checkpoint: it may have shown it to others.",
  },
  "not-accepted": {
    reported: "the log served it, and the policy did not accept it then",
    provesNot: "That the log served it so: whoever hands a note on can leave lines out.",
  },
};

/** Judges evidence about a checkpoint as it stood. */
export function checkCheckpointReport(
  { kind, checkpoint: note, witness, time }: CheckpointEvidence,
  trust: EvidenceTrust,
): EvidenceVerdict {
  const signed = openSigned(note, trust);
  if ((kind === "witness-silent") !== (witness !== undefined)) {
    throw new EvidenceRefused("witness-silent goes with witness, and nothing else");
  }
  const { reported, provesNot } = WORDS[kind];
  return {
    kind: "verified",
    strength: "report",
    against: witness === undefined ? describeLog(signed.log) : `the witness ${witness}`,
    proves: [
      signedAs(signed),
      `It was cosigned by ${describeCosigned(signed)}.`,
      ...witness === undefined ? [] : [lastWord(witness, signed, trust)],
    ],
    reports: [`The monitor says that at ${time} ${reported}.`],
    provesNot: [provesNot],
  };
}

function lastWord(name: string, { cosigned }: SignedCheckpoint, { policy }: EvidenceTrust): string {
  if (!policy.witnesses.some((witness) => witness.name === name)) {
    throw new EvidenceRefused("the policy has no witness of that name");
  }
  const line = cosigned.find(({ witness }) => witness.name === name);
  return line
    ? `The witness ${name} cosigned it at ${describeTime(line.time)}.`
    : `It carries no cosignature of the witness ${name}.`;
}

function signedAs({ checkpoint, log }: SignedCheckpoint): string {
  return `${describeLog(log)} signed a checkpoint of ${describeCheckpoint(checkpoint)}.`;
}
