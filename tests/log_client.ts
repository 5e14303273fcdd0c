/**
 * A client that believes nothing: it checks every answer of a log as it comes
 * and remembers all that it was promised, for {@linkcode checkLog} to hold
 * against the log's storage later.
 */

import { encodeHex, parseBase64, sha256, utf8 } from "@indelible/core";
import { deepEqual, equal, ok } from "node:assert/strict";
import { Promises } from "./check_log.ts";

/** Sends a request to a log: over HTTP, or straight to its handler. */
export type Send = (path: string, init?: RequestInit) => Promise<Response>;

/** What became of an add: `unknown` when the log gave no answer at all. */
export type Answer = "logged" | "conflict" | "unavailable" | "unknown";

/** The checksum of some content. */
export function checksumOf(content: string): string {
  return `sha256:${encodeHex(sha256(utf8(content)))}`;
}

/** Talks to one log over its restarts. */
export class LogClient {
  /** What the log has promised. */
  readonly promises: Promises;
  /** Where it is now; `null` while it is down. */
  send: Send | null = null;

  /** A client of the log with that key. */
  constructor(vkey: string) {
    this.promises = new Promises(vkey);
  }

  /** `POST /add`. */
  async add(file: string, checksum = checksumOf(file)): Promise<Answer> {
    const answer = await this.#ask("/add", {
      method: "POST",
      body: JSON.stringify({ filename: file, checksum }),
      headers: { "Content-Type": "application/json" },
    });
    if (answer === null) return "unknown";
    const { status, text } = answer;
    const before = this.promises.acknowledged.get(file);
    if (status === 503) {
      const { error, index } = JSON.parse(text);
      ok(error);
      // Where it says an index, the entry is in the tree and keeps it.
      if (index !== undefined) this.#announce(file, index);
      return "unavailable";
    }
    const { index, checkpoint, inclusionProof, entry, ...rest } = JSON.parse(text);
    if (status === 409) {
      equal(rest.filename, file);
      ok(rest.checksum !== checksum, `${file}: refused for the digest that stands`);
      if (before) equal(rest.checksum, before.checksum);
    } else {
      equal(status, 200, `${file}: ${text}`);
      if (before) equal(checksum, before.checksum, `${file}: a second digest was accepted`);
    }
    const announced = this.promises.announced.get(file);
    if (announced !== undefined) equal(index, announced, `${file}: announced at another index`);
    const stands = status === 409 ? rest.checksum : checksum;
    this.promises.receipt(
      file,
      { index, checksum: stands, entry: parseBase64(entry) },
      parseBase64(checkpoint),
      inclusionProof,
    );
    return status === 409 ? "conflict" : "logged";
  }

  /** `POST /admin/bulk/append`: all lines go into one batch. */
  async bulk(files: readonly string[], checksum = checksumOf): Promise<Answer> {
    const lines = files.map((filename) =>
      JSON.stringify({ filename, checksum: checksum(filename) })
    );
    const answer = await this.#ask("/admin/bulk/append", {
      method: "POST",
      body: lines.join("\n"),
      headers: { "Content-Type": "application/x-ndjson" },
    });
    if (answer === null) return "unknown";
    const { status, text } = answer;
    if (status === 503) return "unavailable";
    equal(status, 200, text);
    const [head, ...rest] = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const last = rest.pop();
    // A stream that was cut has promised nothing beyond the lines that arrived.
    if (last?.type !== "complete") return "unknown";
    deepEqual([head.type, last.count, rest.length], ["checkpoint", files.length, files.length]);
    const note = parseBase64(head.checkpoint);
    for (const [i, { result }] of rest.entries()) {
      const file = files[i]!;
      equal(result.filename, file);
      const stands = result.status === "logged" ? checksum(file) : result.existing.checksum;
      const receipt = { index: result.index, checksum: stands, entry: null };
      this.promises.receipt(file, receipt, note, result.inclusionProof ?? []);
    }
    return "logged";
  }

  /** `GET /checkpoint`: its size. */
  async checkpoint(): Promise<number | null> {
    const answer = await this.#ask("/checkpoint");
    if (answer === null) return null;
    equal(answer.status, 200, answer.text);
    return Number(this.promises.checkpoint(utf8(answer.text)).size);
  }

  #announce(file: string, index: number): void {
    const before = this.promises.acknowledged.get(file)?.index ??
      this.promises.announced.get(file) ?? index;
    equal(index, before, `${file}: announced at another index`);
    this.promises.announced.set(file, index);
  }

  /** `null` when no whole answer came: the log died over it, is down, or failed at it. */
  async #ask(path: string, init?: RequestInit): Promise<{ status: number; text: string } | null> {
    if (!this.send) return null;
    let response: Response;
    try {
      response = await this.send(path, init);
    } catch (error) {
      if (error instanceof TypeError || error instanceof Deno.errors.Http) return null;
      throw error;
    }
    // A body that is cut short promises nothing.
    const text = await response.text().catch(() => null);
    if (text === null || response.status === 500) return null;
    return { status: response.status, text };
  }
}
