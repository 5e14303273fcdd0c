/**
 * Asks a log which files it vouches for (`POST /lookup`), and believes nothing of
 * the answer: the checkpoint must satisfy the policy and extend the last one
 * accepted, and each entry must say what it is asked about and be under the
 * checkpoint's root. That a file is missing is the log's word alone, which a
 * caller may only take as a reason to refuse.
 *
 * A log may answer with a proof for each file or with a tlog-proofs container, where
 * they share their nodes; what is proven is the same.
 *
 * @module
 */

import {
  checkFile,
  decodeTlogProofs,
  type Entry,
  EntryError,
  equalBytes,
  type Hash,
  type JsonObject,
  leafHash,
  parseEntry,
  parseJson,
  rootFromShared,
  singleProofs,
  utf8,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { errorOf } from "./add_request.ts";
import { describe, sendRequest } from "./http_client.ts";
import { asObject, bytes, byteStrings, natural, text } from "./json_members.ts";
import { ProvenTree } from "./proven_tree.ts";
import { retryAfter, TryLater } from "./retry.ts";
import { type Head, OlderThanHead, type TrustedHead } from "./trusted_head.ts";

/** A file that the log vouches for, proven. */
export interface Vouched {
  /** The leaf index of its first entry. */
  readonly index: bigint;
  /** That entry; its digest is the file's. */
  readonly entry: Entry;
  /** The entry's bytes. */
  readonly bytes: Uint8Array;
  /** The inclusion proof under the answer's checkpoint. */
  readonly proof: readonly Hash[];
}

/** What the log says of some files, under one checkpoint. */
export interface LookupAnswer {
  /** The accepted checkpoint. */
  readonly head: Head;
  /** The files that it vouches for, by name. */
  readonly found: ReadonlyMap<string, Vouched>;
  /** The files that it says it does not have, and those whose names no log takes. */
  readonly missing: ReadonlySet<string>;
}

/** The log answered with something that it cannot prove. */
export class Unproven extends Error {
  /** Tells it from other errors. */
  override readonly name = "Unproven";
}

/** The media type of a tlog-proofs container. */
const TLOG_PROOFS_TYPE = "application/vnd.indelible.tlog-proofs";
const ACCEPT = `${TLOG_PROOFS_TYPE}, application/json;q=0.5`;

/** How many names one request may carry. */
export const MAX_NAMES = 1_000;

/** 1,000 entries of the largest size with proofs of 40 hashes are well below. */
const MAX_ANSWER = 64 << 20;
/** How long the log may be silent, in milliseconds: someone waits for a package. */
const SILENCE = 10_000;
/** How long it may take over an answer, likewise. */
const DEADLINE = 60_000;

/** How often to ask anew when an answer was overtaken by a newer head, as by another process. */
const OVERTAKEN = 3;

/** How files are looked up. */
export interface LookupOptions {
  /** The ecosystem of the files, by default `pypi`. */
  readonly ecosystem?: string;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

/**
 * Looks files up, at most {@linkcode MAX_NAMES} of them.
 *
 * @param log The log's URL.
 * @param filenames The files, each once.
 * @param trusted Judges the checkpoint.
 * @param options How.
 * @throws {TryLater} If the log cannot now.
 * @throws {Unproven} If an answer does not hold.
 * @throws {NotAccepted} If the checkpoint is not to be relied on.
 * @throws {SplitView} If the log shows another history than before.
 */
export async function lookUp(
  log: URL,
  filenames: readonly string[],
  trusted: TrustedHead,
  options: LookupOptions = {},
): Promise<LookupAnswer> {
  if (filenames.length > MAX_NAMES) {
    throw new RangeError(`Cannot look up ${filenames.length} files at once: at most ${MAX_NAMES}`);
  }
  // One name that the log refuses would have it refuse the whole request.
  const loggable = filenames.filter(isLoggable);
  for (let tries = 1;; tries++) {
    try {
      const { head, found, missing } = await lookUpOnce(log, loggable, trusted, options);
      const others = filenames.filter((name) => !isLoggable(name));
      return { head, found, missing: new Set([...missing, ...others]) };
    } catch (error) {
      if (!(error instanceof OlderThanHead) || tries === OVERTAKEN) throw error;
    }
  }
}

async function lookUpOnce(
  log: URL,
  filenames: readonly string[],
  trusted: TrustedHead,
  { ecosystem = "pypi", signal }: LookupOptions,
): Promise<LookupAnswer> {
  const url = new URL("lookup", log);
  const { status, headers, body } = await sendRequest(url, {
    method: "POST",
    headers: { "content-type": "application/json", "accept": ACCEPT },
    body: utf8(JSON.stringify({ filenames, ...(ecosystem !== "pypi" && { ecosystem }) })),
    maxBytes: MAX_ANSWER,
    silence: SILENCE,
    deadline: DEADLINE,
    ...(signal && { signal }),
  });
  if (status !== 200) {
    const message = `${describe(url)} refuses (${status}): ${errorOf(body)}`;
    if (status === 503 || status === 429) throw new TryLater(message, retryAfter(headers));
    throw new Error(message);
  }
  try {
    if (headers.get("content-type") === TLOG_PROOFS_TYPE) {
      return await readContainer(body, filenames, trusted, ecosystem);
    }
    const answer = asObject(parseJson(body), "the answer");
    const head = await trusted.accept(bytes(answer, "checkpoint"));
    const found = readFound(answer, head, ecosystem);
    const missing = readMissing(answer);
    requireEachOnce(filenames, found, missing);
    return { head, found, missing };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Unproven(`Cannot use the answer of ${describe(url)}: ${error.message}`);
  }
}

/** Whether any log takes a file of this name. */
export function isLoggable(filename: string): boolean {
  try {
    checkFile(filename);
    return true;
  } catch (error) {
    if (error instanceof EntryError) return false;
    throw error;
  }
}

async function readContainer(
  body: Uint8Array,
  filenames: readonly string[],
  trusted: TrustedHead,
  ecosystem: string,
): Promise<LookupAnswer> {
  const { checkpoint: note, entries, nodes } = decodeTlogProofs(body);
  const head = await trusted.accept(note);
  const { size, root } = head.verdict.checkpoint;
  if (!equalBytes(rootFromShared(entries, size, nodes, kernel()), root)) {
    throw new SyntaxError(
      `the proofs of ${entries.length} entries do not lead to the checkpoint's root hash`,
    );
  }
  let proofs: Hash[][] | null = null;
  const proofOf = (at: number) => (proofs ??= singleProofs(entries, size, nodes, kernel()))[at]!;
  const found = new Map<string, Vouched>();
  for (const [at, { index, entry: entryBytes, said }] of entries.entries()) {
    const entry = said ?? parseEntry(entryBytes);
    requirePublication(entry, entry.file, ecosystem);
    if (found.has(entry.file)) throw new SyntaxError(`${entry.file} is in it twice`);
    found.set(entry.file, {
      index,
      entry,
      bytes: entryBytes,
      get proof() {
        return proofOf(at);
      },
    });
  }
  const missing = new Set(filenames.filter((name) => !found.has(name)));
  requireEachOnce(filenames, found, missing);
  return { head, found, missing };
}

let memory: KernelMemory | null = null;

/** Hashes in bulk, the proofs of an answer at once; made when first needed. */
export function kernel(): KernelMemory {
  return memory ??= new KernelMemory();
}

function requirePublication(
  { file, ecosystem, event }: Entry,
  filename: string,
  wanted: string,
): void {
  if (file !== filename || ecosystem !== wanted || event !== "publish") {
    throw new SyntaxError(`what it sends for ${filename} is another entry`);
  }
}

function readFound(
  answer: JsonObject,
  { verdict: { checkpoint } }: Head,
  ecosystem: string,
): Map<string, Vouched> {
  const { found } = answer;
  if (!Array.isArray(found)) throw new SyntaxError('"found" must be a list');
  const tree = new ProvenTree(checkpoint.size, checkpoint.root);
  const vouched = new Map<string, Vouched>();
  for (const item of found) {
    const object = asObject(item, 'an item of "found"');
    const filename = text(object, "filename");
    const entryBytes = bytes(object, "entry");
    const index = BigInt(natural(object, "index"));
    const proof = byteStrings(object, "inclusionProof");
    const entry = parseEntry(entryBytes);
    requirePublication(entry, filename, ecosystem);
    if (!tree.check(index, leafHash(entryBytes), proof)) {
      throw new SyntaxError(`the proof of ${filename} does not lead to the checkpoint's root hash`);
    }
    if (vouched.has(filename)) throw new SyntaxError(`${filename} is in it twice`);
    vouched.set(filename, { index, entry, bytes: entryBytes, proof });
  }
  return vouched;
}

function readMissing({ missing }: JsonObject): Set<string> {
  if (!Array.isArray(missing)) throw new SyntaxError('"missing" must be a list');
  return new Set(missing.map((name) => {
    if (typeof name === "string") return name;
    throw new SyntaxError('"missing" must be a list of strings');
  }));
}

function requireEachOnce(
  filenames: readonly string[],
  found: ReadonlyMap<string, Vouched>,
  missing: ReadonlySet<string>,
): void {
  for (const name of filenames) {
    if (found.has(name) === missing.has(name)) {
      throw new SyntaxError(`${name} must be either in "found" or in "missing"`);
    }
  }
  if (found.size + missing.size !== new Set(filenames).size) {
    throw new SyntaxError("it speaks of files that it was not asked about");
  }
}
