/**
 * Proven files between runs: what a log has proved of a project, in a folder of
 * the user, so that the proxy can start while the log is away. They are written
 * whole or not at all and readable by the user alone, as the trusted head beside
 * them is; whoever can write there can just as well configure pip. A policy that
 * changes finds none: its folder is another.
 *
 * @module
 */

import {
  encodeHex,
  formatVkey,
  type Hash,
  parseHex,
  parseJson,
  type Policy,
  type Publisher,
  sha256,
  utf8,
} from "@indelible/core";
import { join } from "node:path";
import { asObject } from "../json_members.ts";

/** What a log has proved of a file. */
export interface Proven {
  /** The leaf index of its entry. */
  readonly index: bigint;
  /** Its digest. */
  readonly digest: Hash;
  /** The publisher that its entry names, if it names one. */
  readonly publisher?: Publisher;
}

/** Keeps proven files. */
export interface ProvenFiles {
  /** When the log last showed an accepted checkpoint, in milliseconds; `null` for never. */
  seenAt(): number | null;
  /** The files of a project; none when they were never kept or cannot be read. */
  load(project: string): Promise<Map<string, Proven>>;
  /**
   * Keeps files, and when the log was seen.
   *
   * @param project The project, normalised.
   * @param files All its proven files; `null` when they are as they were.
   * @param seenAt When the log was last seen, in milliseconds.
   */
  save(
    project: string,
    files: ReadonlyMap<string, Proven> | null,
    seenAt: number,
  ): Promise<void>;
}

/** How much later than noted the log may have been seen, in milliseconds. */
const NOTE_EVERY = 10_000;

/** Keeps them in a folder. */
export class ProvenFolder implements ProvenFiles {
  readonly #folder: string;
  #noted = -Infinity;

  /**
   * @param folder The folder; made when missing.
   * @param policy The policy that they were proven under.
   */
  constructor(folder: string, policy: Policy) {
    this.#folder = join(folder, "proven", idOf(policy));
  }

  /** When the log last showed an accepted checkpoint. */
  seenAt(): number | null {
    try {
      const { seenAt } = asObject(parseJson(Deno.readFileSync(this.#path(".seen"))), "it");
      return typeof seenAt === "number" ? seenAt : null;
    } catch (error) {
      if (isUnusable(error)) return null;
      throw error;
    }
  }

  /** The files of a project. */
  async load(project: string): Promise<Map<string, Proven>> {
    try {
      const bytes = await Deno.readFile(this.#path(project));
      const files = Object.entries(asObject(parseJson(bytes), "it"));
      return new Map(files.map(([filename, value]) => [filename, provenOf(value)]));
    } catch (error) {
      if (isUnusable(error)) return new Map();
      throw error;
    }
  }

  /** Keeps files, and when the log was seen. */
  async save(
    project: string,
    files: ReadonlyMap<string, Proven> | null,
    seenAt: number,
  ): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    if (files) {
      const lines = [...files].map(([filename, { index, digest, publisher }]) => {
        const who = publisher ? `,${JSON.stringify([publisher.issuer, publisher.subject])}` : "";
        return `${JSON.stringify(filename)}:[${index},"${encodeHex(digest)}"${who}]`;
      });
      await this.#write(project, `{${lines.join(",\n")}}\n`);
    }
    if (Math.abs(seenAt - this.#noted) < NOTE_EVERY) return;
    this.#noted = seenAt;
    await this.#write(".seen", JSON.stringify({ seenAt }));
  }

  /** Not synced: what a crash leaves half written is not JSON, and is asked for again. */
  async #write(name: string, text: string): Promise<void> {
    const temporary = this.#path(`${name}.${crypto.randomUUID()}`);
    await Deno.writeFile(temporary, utf8(text), { createNew: true, mode: 0o600 });
    await Deno.rename(temporary, this.#path(name));
  }

  #path(project: string): string {
    return join(this.#folder, `${project}.json`);
  }
}

function provenOf(value: unknown): Proven {
  const [index, digest, publisher] = Array.isArray(value) ? value : [];
  if (!Number.isSafeInteger(index) || typeof digest !== "string") {
    throw new SyntaxError("a proven file must be a leaf index and a digest");
  }
  const proven = { index: BigInt(index), digest: parseHex(digest) };
  if (publisher === undefined) return proven;
  const [issuer, subject] = Array.isArray(publisher) ? publisher : [];
  if (typeof issuer !== "string" || typeof subject !== "string") {
    throw new SyntaxError("a publisher must be an issuer and a subject");
  }
  return { ...proven, publisher: { issuer, subject } };
}

function isUnusable(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof SyntaxError;
}

/** The form of what is kept, new whenever entries are kept with more than before. */
const FORM = "with publishers";

/** Tells policies apart by whom they trust, not by how they are written. */
function idOf({ logs, witnesses, groups, quorum }: Policy): string {
  const trusted = JSON.stringify([
    FORM,
    logs.map(({ key }) => formatVkey(key)),
    witnesses.map(({ name, key }) => [name, formatVkey(key)]),
    [...groups],
    quorum,
  ]);
  return encodeHex(sha256(utf8(trusted)).subarray(0, 8));
}
