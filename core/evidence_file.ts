/**
 * Evidence files as bytes: JSON in one spelling, members in a fixed order, and last
 * the SHA-256 of all before it. So a file that was damaged on its way is told from one
 * that is wrong; what makes it true are the signatures inside (`evidence_check.ts`).
 *
 * @module
 */

import { encodeHex, equalBytes, parseBase64, parseDecimal, parseHex, utf8 } from "./bytes.ts";
import {
  CHECKPOINT_REPORTS,
  ENTRY_REPORTS,
  EVIDENCE_FORMAT,
  type EvidenceFile,
  type EvidenceHead,
} from "./evidence.ts";
import { sha256 } from "./hash.ts";
import { type Json, type JsonObject, parseJson } from "./json.ts";

/** The most bytes an evidence file may have. */
export const MAX_EVIDENCE_SIZE = 1 << 20;
/** The most tiles in evidence of a root mismatch: every level's two at most. */
const MAX_TILES = 32;
const MAX_PROOF = 128;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/;

/**
 * The bytes of an evidence file.
 *
 * @throws {RangeError} If they would be too many.
 */
export function encodeEvidence(evidence: EvidenceFile): Uint8Array<ArrayBuffer> {
  const members = { format: EVIDENCE_FORMAT, ...inOrder(evidence) };
  const digest = encodeHex(sha256(utf8(JSON.stringify(members))));
  const bytes = utf8(JSON.stringify({ ...members, sha256: digest }, null, 2) + "\n");
  if (bytes.length > MAX_EVIDENCE_SIZE) {
    throw new RangeError(`Cannot write evidence: it has over ${MAX_EVIDENCE_SIZE} bytes`);
  }
  return bytes;
}

/** The members of evidence, in the order in which they stand in its file. */
function inOrder(evidence: EvidenceFile): Record<string, unknown> {
  const { kind, origin, time, summary, policy } = evidence;
  const head = { kind, origin, time, summary, policy };
  switch (evidence.kind) {
    case "fork":
      return { ...head, checkpoints: evidence.checkpoints, proof: evidence.proof };
    case "second-digest":
      return { ...head, entries: evidence.entries };
    case "root-mismatch": {
      const { checkpoint, tiles, entry } = evidence;
      return {
        ...head,
        checkpoint,
        tiles: tiles.map(({ path, bytes }) => ({ path, bytes })),
        ...(entry && { entry: { index: entry.index, bytes: entry.bytes } }),
      };
    }
    case "unauthorised":
    case "watched":
    case "publisher-changed":
    case "publisher-vanished":
    case "artifact-differs":
    case "artifact-missing": {
      const { entry, before, artifact } = evidence;
      return {
        ...head,
        entry,
        ...(before !== undefined && { before }),
        ...(artifact && { artifact: artifactInOrder(artifact) }),
      };
    }
    case "witness-silent":
    case "checkpoint-stale":
    case "log-stalled":
    case "not-accepted": {
      const { checkpoint, witness } = evidence;
      return { ...head, checkpoint, ...(witness !== undefined && { witness }) };
    }
  }
}

function artifactInOrder(
  { url, sha256, time }: { url: string; sha256?: string; time: string },
): Record<string, string> {
  return { url, ...(sha256 !== undefined && { sha256 }), time };
}

/**
 * Parses an evidence file. Nothing that it says is verified hereby.
 *
 * @throws {SyntaxError} If it is not evidence in its one spelling.
 */
export function parseEvidence(bytes: Uint8Array): EvidenceFile {
  if (bytes.length > MAX_EVIDENCE_SIZE) throw malformed(`it has over ${MAX_EVIDENCE_SIZE} bytes`);
  const members = object(parseJson(bytes), "it");
  if (members["format"] !== EVIDENCE_FORMAT) {
    throw malformed(`format must be "${EVIDENCE_FORMAT}"`);
  }
  const evidence = readEvidence(members);
  // Members that nobody knows, another order and another digest all end here.
  if (!equalBytes(encodeEvidence(evidence), bytes)) {
    throw malformed("it was changed since it was written: its bytes are not those of its content");
  }
  return evidence;
}

function readEvidence(members: JsonObject): EvidenceFile {
  const text = (name: string) => string(members[name], name);
  const head: EvidenceHead = {
    origin: text("origin"),
    time: time(members["time"], "time"),
    summary: text("summary"),
    policy: text("policy"),
  };
  const kind = text("kind");
  switch (kind) {
    case "fork":
      return {
        ...head,
        kind,
        checkpoints: pair(members, "checkpoints"),
        proof: list(members, "proof", MAX_PROOF).map((hash) => base64(hash, "proof")),
      };
    case "second-digest":
      return { ...head, kind, entries: pair(members, "entries") };
    case "root-mismatch":
      return {
        ...head,
        kind,
        checkpoint: text("checkpoint"),
        tiles: list(members, "tiles", MAX_TILES).map((tile) => {
          const { path, bytes } = object(tile, "tiles");
          return { path: string(path, "tiles.path"), bytes: base64(bytes, "tiles.bytes") };
        }),
        ...(members["entry"] !== undefined && { entry: readServedEntry(members["entry"]) }),
      };
  }
  const report = ENTRY_REPORTS.find((report) => report === kind);
  if (report) {
    return {
      ...head,
      kind: report,
      entry: text("entry"),
      ...(members["before"] !== undefined && { before: text("before") }),
      ...(members["artifact"] !== undefined && { artifact: readArtifact(members["artifact"]) }),
    };
  }
  const state = CHECKPOINT_REPORTS.find((report) => report === kind);
  if (!state) throw malformed("kind must be one of docs/monitor.md");
  return {
    ...head,
    kind: state,
    checkpoint: text("checkpoint"),
    ...(members["witness"] !== undefined && { witness: text("witness") }),
  };
}

function readServedEntry(value: Json): { index: string; bytes: string } {
  const entry = object(value, "entry");
  const index = string(entry["index"], "entry.index");
  parseDecimal(index, "entry.index");
  return { index, bytes: base64(entry["bytes"], "entry.bytes") };
}

function readArtifact(value: Json): { url: string; sha256?: string; time: string } {
  const artifact = object(value, "artifact");
  const digest = artifact["sha256"];
  if (digest !== undefined && parseHex(string(digest, "artifact.sha256")).length !== 32) {
    throw malformed("artifact.sha256 must have 64 digits");
  }
  return {
    url: string(artifact["url"], "artifact.url"),
    ...(digest !== undefined && { sha256: digest as string }),
    time: time(artifact["time"], "artifact.time"),
  };
}

function object(value: Json | undefined, what: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw malformed(`${what} must be an object`);
}

function string(value: Json | undefined, what: string): string {
  if (typeof value === "string") return value;
  throw malformed(`${what} must be a string`);
}

function base64(value: Json | undefined, what: string): string {
  const text = string(value, what);
  parseBase64(text);
  return text;
}

function time(value: Json | undefined, what: string): string {
  const text = string(value, what);
  if (TIME.test(text)) return text;
  throw malformed(`${what} must be a time of RFC 3339 in UTC`);
}

function list(members: JsonObject, name: string, most: number): Json[] {
  const value = members[name];
  if (Array.isArray(value) && value.length <= most) return value;
  throw malformed(`${name} must be a list of at most ${most}`);
}

function pair(members: JsonObject, name: string): [string, string] {
  const [first, second, ...rest] = list(members, name, 2);
  if (rest.length > 0 || second === undefined) throw malformed(`${name} must be a list of two`);
  return [string(first, name), string(second, name)];
}

function malformed(why: string): SyntaxError {
  return new SyntaxError(`Cannot parse evidence: ${why}`);
}
