/**
 * The operations of the shared test vectors (`tests/vectors/README.md`), each a
 * function from a case's `in` to what the core makes of it. An operation knows
 * nothing of `want`: comparing is the runner's part (`vectors.ts`).
 *
 * @module
 */

import {
  appendLeafHash,
  checkConsistency,
  checkInclusion,
  type Checkpoint,
  checkPolicy,
  concat,
  cosignatureMessage,
  cosignatureTime,
  EMPTY_EDGE,
  encodeBase64,
  encodeEntryBundle,
  formatCheckpoint,
  formatSignatureLine,
  formatVkey,
  type Hash,
  keyId,
  KeyType,
  leafHash,
  newTiles,
  nodeHash,
  openCheckpoint,
  openNote,
  parseBase64,
  parseCheckpoint,
  parseDecimal,
  parseEntryBundle,
  parsePolicy,
  parseSkey,
  parseTilePath,
  parseTlogProof,
  parseUtf8,
  parseVkey,
  type RightEdge,
  rootHash,
  sha256,
  signerKey,
  signerOf,
  signNote,
  subtreeMessage,
  tilePath,
  tileShape,
  utf8,
  type VerifierKey,
  verifierOf,
  verifyTlogProof,
} from "@indelible/core";
import { startWitness } from "./fresh_witness.ts";
import { runScenario, type Scenario } from "./witness_scenario.ts";

/** The `in` of a case. */
// deno-lint-ignore no-explicit-any -- each operation has its own members; the runner catches what a wrong one throws.
export type VectorInput = Record<string, any>;

/** One case of a vector file. */
export interface VectorCase {
  /** Unique in its file. */
  readonly name: string;
  /** The operation. */
  readonly op: string;
  /** What the operation takes. */
  readonly in: VectorInput;
  /** What must come of it. */
  readonly want: Record<string, unknown>;
}

/** One vector file. */
export interface VectorFile {
  /** What it is about; an operation belongs to a topic. */
  readonly topic: string;
  /** What its cases share. */
  readonly common?: {
    /** Names the synthetic log whose entries the cases are about. */
    readonly label?: string;
    /** Policy files by name. */
    readonly policies?: Readonly<Record<string, string>>;
  };
  /** Its cases. */
  readonly cases: readonly VectorCase[];
}

/**
 * What came of a case: the fields its `want` may name, or `null` when the input
 * is refused. A `SyntaxError` is a refusal too; any other error is a crash.
 */
export type VectorOutcome = Record<string, unknown> | null;

/** An operation. */
export type VectorOp = (
  input: VectorInput,
  file: VectorFile,
) => VectorOutcome | Promise<VectorOutcome>;

const text = (base64: string): string => parseUtf8(parseBase64(base64));
/** A size, index, width or time: beyond its grammar and 2^63-1 the case is refused. */
const int = (decimal: string): bigint => parseDecimal(decimal, "number");
const hashes = (list: readonly string[]): Hash[] => list.map(parseBase64);
const base64s = (list: readonly Uint8Array[]): string[] => list.map(encodeBase64);
const verdict = (accepted: boolean): VectorOutcome => accepted ? {} : null;

/** Runs what throws `RangeError` for arguments it refuses. */
function refusing(act: () => VectorOutcome): VectorOutcome {
  try {
    return act();
  } catch (error) {
    // The platform's own messages ("Maximum call stack …", "Invalid …") are crashes.
    if (error instanceof RangeError && error.message.startsWith("Cannot ")) {
      return null;
    }
    throw error;
  }
}

/** The size-0-to-`size` leaf hashes of each file's synthetic log, made once. */
const syntheticLogs = new Map<string, Hash[]>();

function leafHashes(size: number, { common }: VectorFile): Hash[] {
  const label = common?.label;
  if (label === undefined) throw new Error("the file has no common.label");
  const leaves = syntheticLogs.get(label) ?? [];
  syntheticLogs.set(label, leaves);
  for (let i = leaves.length; i < size; i++) {
    leaves.push(leafHash(sha256(utf8(`${label}:${i}`)).subarray(0, i % 33)));
  }
  return leaves.slice(0, size);
}

/** The tree over the first `size` entries of the synthetic log. */
function edgeOf(size: number, file: VectorFile): RightEdge {
  return leafHashes(size, file).reduce(appendLeafHash, EMPTY_EDGE);
}

/** What `tile_set` lists of a tree's tiles: all, or the first 3 and last 5 of over 12. */
function tileSet({ size }: VectorInput, file: VectorFile): VectorOutcome {
  const levels = [leafHashes(Number(int(size)), file)];
  const tiles = newTiles(0n, int(size)).map(({ level, index, width }) => {
    const below = levels[Number(level)]!;
    const start = Number(index) * 256;
    const data = concat(...below.slice(start, start + width));
    if (width === 256) {
      (levels[Number(level) + 1] ??= []).push(
        rootHash(
          below.slice(start, start + 256).reduce(
            appendLeafHash,
            EMPTY_EDGE,
          ),
        ),
      );
    }
    return { path: tilePath({ level, index, width }), data };
  });
  const listed = tiles.length > 12 ? [...tiles.slice(0, 3), ...tiles.slice(-5)] : tiles;
  return {
    count: String(tiles.length),
    tiles: listed.map(({ path, data }) => ({
      path,
      sha256: encodeBase64(sha256(data)),
      bytes: String(data.length),
      data_b64: encodeBase64(data),
    })),
    digest: encodeBase64(
      sha256(
        concat(...tiles.flatMap(({ path, data }) => [utf8(`${path}\n`), data])),
      ),
    ),
    root: encodeBase64(rootHash(edgeOf(Number(int(size)), file))),
  };
}

/** The key that a file's cases give a cosigner. */
function mlDsaKey(name: string, { cases }: VectorFile): VerifierKey | null {
  for (const { in: { vkey } } of cases) {
    if (typeof vkey !== "string" || !vkey.startsWith(`${name}+`)) continue;
    const key = parseVkey(vkey);
    if (key.type === KeyType.mlDsa44) return key;
  }
  return null;
}

function openWith(vkeys: readonly string[], note: Uint8Array): VectorOutcome {
  const keys = vkeys.map(parseVkey);
  const identities = new Set(keys.map(({ name, keyId }) => `${name}+${keyId}`));
  if (identities.size < keys.length) return null; // Ambiguous: openNote throws TypeError.
  const opened = openNote(note, keys.map((key) => verifierOf(key)));
  if (opened.kind !== "verified") return null;
  return {
    text_b64: encodeBase64(utf8(opened.text)),
    verified: opened.verified.map(({ name, keyId }) => ({
      name,
      key_id: keyId,
    })),
  };
}

function bundleEntry(
  { b64, fill, len }: { b64?: string; fill?: string; len?: string },
): Uint8Array {
  if (b64 !== undefined) return parseBase64(b64);
  return new Uint8Array(Number(len)).fill(parseInt(fill!, 16));
}

function encodeBundle({ entries }: VectorInput): VectorOutcome {
  const list: Uint8Array[] = entries.map(bundleEntry);
  const bundle = encodeEntryBundle(list);
  const leaves = list.map(leafHash);
  return {
    bytes: String(bundle.length),
    sha256: encodeBase64(sha256(bundle)),
    bundle_b64: encodeBase64(bundle),
    leaf_hashes: base64s(leaves),
    tile_sha256: encodeBase64(sha256(concat(...leaves))),
  };
}

/** The operations by topic and name. */
export const VECTOR_OPS: Readonly<Record<string, VectorOp>> = {
  "note/key_id"({ name, alg, public_key_b64 }) {
    const key = parseBase64(public_key_b64);
    const id = keyId(name, alg, key);
    const parts = { name, keyId: id, type: alg, publicKey: key };
    return { key_id: id, vkey: formatVkey(parts) };
  },
  "note/parse_skey"({ skey }) {
    const key = parseSkey(skey);
    return {
      name: key.name,
      vkey: formatVkey(key),
      seed_b64: encodeBase64(key.seed),
    };
  },
  "note/parse_vkey"({ vkey }) {
    const { name, keyId, type, publicKey } = parseVkey(vkey);
    return {
      name,
      key_id: keyId,
      alg: type,
      public_key_b64: encodeBase64(publicKey),
    };
  },
  "note/sign"({ skey, text_b64 }) {
    const signer = signerOf(parseSkey(skey), () => 0n);
    return { msg_b64: encodeBase64(signNote(text(text_b64), [signer])) };
  },
  "note/open": ({ vkeys, msg_b64 }) => openWith(vkeys, parseBase64(msg_b64)),

  "cosignature/cosign"({ name, seed_b64, timestamp, text_b64 }) {
    const seed = parseBase64(seed_b64);
    const key = signerKey(name, KeyType.ed25519Cosignature, seed);
    const time = int(timestamp);
    const note = text(text_b64);
    const signature = signerOf(key, () => time).sign(note);
    return {
      message_b64: encodeBase64(cosignatureMessage(note, time)),
      line_b64: encodeBase64(utf8(formatSignatureLine({ ...key, signature }))),
      vkey: formatVkey(key),
    };
  },
  "cosignature/verify"({ vkey, msg_b64 }) {
    const key = parseVkey(vkey);
    const opened = openNote(parseBase64(msg_b64), [verifierOf(key)]);
    if (opened.kind !== "verified" || key.type === KeyType.ed25519) return null;
    const [line] = opened.verified;
    return { timestamp: String(cosignatureTime(line!.signature)) };
  },
  "cosignature/subtree_message"(input, file) {
    return refusing(() => {
      const message = subtreeMessage({
        cosigner: input.cosigner_name,
        time: int(input.timestamp),
        origin: input.origin,
        start: int(input.start),
        end: int(input.end),
        hash: parseBase64(input.hash),
      });
      const key = mlDsaKey(input.cosigner_name, file);
      if (!key) throw new Error(`the file has no vkey ${input.cosigner_name}`);
      return { message_b64: encodeBase64(message), key_id: key.keyId };
    });
  },

  "checkpoint/parse"({ text_b64 }) {
    const { origin, size, root, extensions } = parseCheckpoint(text(text_b64));
    return {
      origin,
      size: String(size),
      root: encodeBase64(root),
      extensions,
    };
  },
  "checkpoint/format"({ origin, size, root, extensions }) {
    const checkpoint: Checkpoint = {
      origin,
      size: int(size),
      root: parseBase64(root),
      extensions: extensions ?? [],
    };
    return refusing(() => ({
      text_b64: encodeBase64(utf8(formatCheckpoint(checkpoint))),
    }));
  },
  "checkpoint/open"({ vkeys, origin, msg_b64 }) {
    const verifiers = vkeys.map((vkey: string) => verifierOf(parseVkey(vkey)));
    const note = parseBase64(msg_b64);
    return verdict(openCheckpoint(note, origin, verifiers).kind === "verified");
  },

  "merkle/leaf_hash": ({ entry_b64 }) => ({
    hash: encodeBase64(leafHash(parseBase64(entry_b64))),
  }),
  "merkle/node_hash": ({ left, right }) => ({
    hash: encodeBase64(nodeHash(parseBase64(left), parseBase64(right))),
  }),
  "merkle/leaf_hashes": ({ count }, file) => ({
    hashes: base64s(leafHashes(Number(int(count)), file)),
  }),
  "merkle/root": ({ size }, file) => ({
    root: encodeBase64(rootHash(edgeOf(Number(int(size)), file))),
  }),
  "merkle/roots"({ max_size }, file) {
    let edge = EMPTY_EDGE;
    const roots = [rootHash(edge)];
    for (const leaf of leafHashes(Number(int(max_size)), file)) {
      roots.push(rootHash(edge = appendLeafHash(edge, leaf)));
    }
    return { roots: base64s(roots) };
  },

  "inclusion/inclusion": ({ index, size, leaf_hash, proof, root }) =>
    verdict(checkInclusion(
      int(index),
      int(size),
      parseBase64(leaf_hash),
      hashes(proof),
      parseBase64(root),
    )),
  "consistency/consistency": ({ size1, size2, root1, root2, proof }) =>
    verdict(checkConsistency(
      int(size1),
      int(size2),
      parseBase64(root1),
      parseBase64(root2),
      hashes(proof),
    )),

  "tiles/tile_path"({ level, index, width }) {
    const tile = {
      level: level === "entries" ? level : Number(int(level)),
      index: int(index),
      width: Number(int(width)),
    };
    return refusing(() => ({ path: tilePath(tile) }));
  },
  "tiles/parse_tile_path"({ path }) {
    const { level, index, width } = parseTilePath(path);
    return {
      level: String(level),
      index: String(index),
      width: String(width),
    };
  },
  "tiles/tile_set": tileSet,
  "tiles/new_tiles": ({ old_size, new_size }) => ({
    paths: newTiles(int(old_size), int(new_size)).map(tilePath),
  }),
  "tiles/tile_shape": ({ size }) => ({
    levels: tileShape(int(size)).map((shape) => ({
      level: String(shape.level),
      full_tiles: String(shape.fullTiles),
      partial_width: String(shape.partialWidth),
    })),
  }),

  "bundles/encode_bundle": (input) => refusing(() => encodeBundle(input)),
  "bundles/decode_bundle": ({ width, bundle_b64 }) => ({
    entries: base64s(
      parseEntryBundle(parseBase64(bundle_b64), Number(int(width))),
    ),
  }),

  "proof/parse_proof"({ proof_b64 }) {
    const proof = parseTlogProof(parseBase64(proof_b64));
    return {
      index: String(proof.index),
      extra_b64: proof.extra ? encodeBase64(proof.extra) : undefined,
      proof: base64s(proof.proof),
      checkpoint_b64: encodeBase64(proof.checkpoint),
    };
  },
  "proof/verify_proof"({ policy, policy_b64, leaf_hash, proof_b64 }, file) {
    const trusted = policy === undefined
      ? parseBase64(policy_b64)
      : utf8(file.common!.policies![policy]!);
    const proof = parseTlogProof(parseBase64(proof_b64));
    const leaf = parseBase64(leaf_hash);
    return verdict(
      verifyTlogProof(proof, leaf, parsePolicy(trusted)).kind === "accepted",
    );
  },

  "policy/parse_policy"({ policy_b64 }) {
    parsePolicy(parseBase64(policy_b64));
    return {};
  },
  async "witness/scenario"(input) {
    const scenario = input as Scenario;
    await using witness = await startWitness(scenario.logs);
    return { final: await runScenario(scenario, witness) };
  },

  "policy/check_policy"({ policy_b64, msg_b64 }) {
    const policy = parsePolicy(parseBase64(policy_b64));
    return verdict(
      checkPolicy(policy, parseBase64(msg_b64)).kind === "accepted",
    );
  },
};
