/**
 * Evidence that a monitor of this log has found, shown by the log itself: a folder of
 * self-contained files (`core/evidence.ts`), which the log reads and never writes. What
 * they prove is for their reader to verify; here they are only listed and passed on.
 *
 * A name has one strict grammar, a link is no file, and all is bounded: the folder is
 * another program's.
 *
 * @module
 */

import { EVIDENCE_FORMAT, type JsonObject, parseJson } from "@indelible/core";

/** An evidence file in the list. */
export interface EvidenceItem {
  /** Its name, for `GET /evidence/<name>`. */
  readonly name: string;
  /** What it is evidence of. */
  readonly kind: string;
  /** When it was found, in RFC 3339. */
  readonly time: string;
  /** One sentence. */
  readonly summary: string;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,99}\.json$/;
/** What breaks a log's promise: it comes first, as many notices as there may be beside it. */
const GRAVE: readonly string[] = ["fork", "second-digest", "root-mismatch"];
/** Names that are looked at (a monitor keeps 10,000 reports), and items that are listed, at most. */
const MAX_NAMES = 20_000;
const MAX_LISTED = 1000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_TEXT = 500;
/** Milliseconds for which a list is believed. */
const FRESH = 2000;

/** Opens a folder's evidence. */
export class EvidenceFolder {
  readonly #folder: string | null;
  /** By name: what a file of that size and time said; `null` for one that is no evidence. */
  readonly #known = new Map<
    string,
    { readonly stamp: string; readonly item: EvidenceItem | null }
  >();
  #listed: { readonly items: Promise<readonly EvidenceItem[]>; readonly at: number } | null = null;

  /** @param folder Where it is; `null` for a log that shows none. */
  constructor(folder: string | null) {
    this.#folder = folder;
  }

  /** Whether there is a folder at all. */
  get shown(): boolean {
    return this.#folder !== null;
  }

  /** What there is: first what breaks the log's promise, then the rest, each newest first. */
  list(): Promise<readonly EvidenceItem[]> {
    const now = performance.now();
    if (this.#listed === null || now - this.#listed.at > FRESH) {
      this.#listed = { items: this.#list(), at: now };
    }
    return this.#listed.items;
  }

  /** The bytes of a file; `null` when there is no such evidence. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#folder === null || !NAME.test(name)) return null;
    return await readPlainFile(`${this.#folder}/${name}`);
  }

  async #list(): Promise<readonly EvidenceItem[]> {
    const items: EvidenceItem[] = [];
    for (const name of await this.#names()) {
      const item = await this.#item(name);
      if (item) items.push(item);
    }
    // By their own time; where that is the same, by name, so that the order is always one.
    const isGrave = ({ kind }: EvidenceItem) => Number(GRAVE.includes(kind));
    items.sort((a, b) =>
      isGrave(b) - isGrave(a) || compare(b.time, a.time) || compare(a.name, b.name)
    );
    return items.slice(0, MAX_LISTED);
  }

  async #names(): Promise<string[]> {
    const names: string[] = [];
    if (this.#folder === null) return names;
    try {
      for await (const { name, isFile } of Deno.readDir(this.#folder)) {
        if (isFile && NAME.test(name)) names.push(name);
        if (names.length === MAX_NAMES) break;
      }
    } catch (error) {
      // A monitor makes it when it first finds something.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const there = new Set(names);
    for (const known of this.#known.keys()) if (!there.has(known)) this.#known.delete(known);
    return names;
  }

  async #item(name: string): Promise<EvidenceItem | null> {
    const path = `${this.#folder}/${name}`;
    const info = await lstatOrNull(path);
    if (!info?.isFile) return null;
    const stamp = `${info.size} ${info.mtime?.getTime()} ${info.ino}`;
    const known = this.#known.get(name);
    if (known?.stamp === stamp) return known.item;
    const bytes = await readPlainFile(path);
    const item = bytes && itemOf(name, bytes);
    this.#known.set(name, { stamp, item });
    return item;
  }
}

/** What the list says of a file; `null` when it is no evidence. */
function itemOf(name: string, bytes: Uint8Array): EvidenceItem | null {
  let evidence: JsonObject;
  try {
    evidence = parseJson(bytes) as JsonObject;
  } catch {
    return null;
  }
  const { format, kind, time, summary } = evidence ?? {};
  if (format !== EVIDENCE_FORMAT || typeof kind !== "string") return null;
  if (typeof time !== "string" || typeof summary !== "string") return null;
  const short = (text: string) => text.slice(0, MAX_TEXT);
  return { name, kind: short(kind), time: short(time), summary: short(summary) };
}

async function readPlainFile(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const expected = await lstatOrNull(path);
  if (!expected?.isFile || expected.size > MAX_BYTES) return null;
  try {
    using file = await Deno.open(path, { read: true });
    const { ino, dev, size } = await file.stat();
    // A link planted in between leads to another file.
    if (ino !== expected.ino || dev !== expected.dev || size > MAX_BYTES) return null;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let count; at < size && (count = await file.read(bytes.subarray(at))) !== null;) {
      at += count;
    }
    return bytes.subarray(0, at);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function lstatOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
