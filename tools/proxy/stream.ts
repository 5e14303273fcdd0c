/**
 * `--stream`: the proxy serves the files, too. It fetches each from where the
 * registry's page says, within limits, and lets go of its last bytes only when its
 * digest is the one that was logged.
 *
 * What the log does not cover, the metadata that a registry serves beside a wheel,
 * is served only as it stands in the wheel itself, once that came through here.
 *
 * @module
 */

import { concat } from "@indelible/core";
import { createHash } from "node:crypto";
import { type HttpStream, openRequest, RedirectRefused } from "../http_client.ts";
import type { PackageIndex } from "../package_index.ts";
import { retrying, TryLater } from "../retry.ts";
import type { ListedFile } from "../simple/listing.ts";
import type { FileHosts } from "./file_hosts.ts";
import type { Reason } from "./gate.ts";
import { BytesDiffer, type Expected, holdBack } from "./held_back.ts";
import type { FileDesk, FileOutcome } from "./http.ts";
import type { FoundBytes } from "./judge_page.ts";
import type { Facts } from "./story.ts";
import { metadataOfWheel } from "./wheel.ts";

/** What {@linkcode StreamDesk} works with. */
export interface StreamParts {
  /** The registry. */
  readonly index: PackageIndex;
  /** Where files may be fetched from. */
  readonly hosts: FileHosts;
  /** The time, in milliseconds. */
  readonly now: () => number;
  /** Told of bytes that differ, and of metadata that does. */
  readonly onTrouble: (error: Error) => void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** The largest file, where the registry does not say how large it is. */
const MAX_FILE = 8 * 2 ** 30;
/** How long the registry may be silent, in milliseconds. */
const SILENCE = 20_000;
/** How long a registry that cannot now is asked again, in milliseconds. */
const PATIENCE = 5_000;
/** A file may take a minute, and more at this many bytes a millisecond. */
const SLOWEST = 16;
/** How long bytes that differed are refused without fetching them again, in milliseconds. */
const REFUSED_FOR = 5 * 60_000;
/** The largest wheel that is kept whole on its way, to read its metadata. */
const MAX_WHEEL = 32 << 20;
/** Of how many files something is remembered. */
const MAX_REMEMBERED = 2_000;

/** Serves files. */
export class StreamDesk implements FileDesk, FoundBytes {
  readonly #parts: StreamParts;
  /** By digest: metadata that stands in that wheel. */
  readonly #metadata = new Map<string, Uint8Array<ArrayBuffer>>();
  /** By name and digest: when its bytes differed. */
  readonly #differed = new Map<string, number>();
  /** What is known of a file; set by whoever judges its page. */
  factsOf: (filename: string) => Promise<Facts | null> = () => Promise.resolve(null);

  /** @param parts What it works with. */
  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** Why the bytes that the registry serves are refused. */
  refusalOf(filename: string, sha256: string): Reason | null {
    const at = this.#differed.get(`${sha256} ${filename}`);
    return at !== undefined && this.#parts.now() - at < REFUSED_FOR
      ? "bytes-differ-from-the-log"
      : null;
  }

  /** The SHA-256 of a file's own metadata, if the registry announces the same. */
  metadataOf({ members }: ListedFile, sha256: string): string | null {
    const announced = announcedMetadata(members);
    const own = this.#metadata.get(sha256);
    if (announced === null || !own) return null;
    const digest = hexSha256(own);
    return announced === true || announced === digest ? digest : null;
  }

  /** Serves a file, or the metadata of a wheel that came through here. */
  async serve(sha256: string, filename: string, method: string): Promise<FileOutcome> {
    if (filename.endsWith(".metadata")) {
      const metadata = this.#metadata.get(sha256);
      return metadata ? respond(metadata, metadata.length, method) : { kind: "none" };
    }
    const facts = await this.factsOf(filename);
    if (!facts || facts.leftOut) return { kind: "none" };
    const { passage } = facts;
    if (passage.kind === "refuse") return { kind: "refused", reason: passage.reason, filename };
    // A URL of another time, or made up: the log has one digest for each file.
    if (passage.sha256 !== sha256) return { kind: "none" };
    const differed = this.refusalOf(filename, sha256);
    if (differed) return { kind: "refused", reason: differed, filename };
    const { file } = facts;
    const listed = file.members["size"];
    const size = typeof listed === "number" && listed >= 0 ? listed : null;
    if (method === "HEAD") return respond(null, size, method);
    try {
      return await this.#fetch(file, { sha256, size });
    } catch (error) {
      return { kind: "refused", reason: this.#explain(file, sha256, error as Error), filename };
    }
  }

  async #fetch(file: ListedFile, expected: Expected): Promise<FileOutcome> {
    const { status, body } = await this.#open(file, expected);
    if (status === 404 || status === 410) {
      await drop(body);
      return { kind: "none" };
    }
    if (status !== 200) {
      await drop(body);
      throw new Error(`${file.url} answers ${status}`);
    }
    const pieces = holdBack(this.#reading(file, expected, body), expected);
    // Nothing is answered before there is something that may be let go of.
    const first = await pieces.next();
    const rest = this.#told(file, expected.sha256, pieces);
    const stream = ReadableStream.from(first.done ? rest : startingWith(first.value, rest));
    return respond(stream, expected.size, "GET");
  }

  /** Sends the request, and again if the registry cannot now. */
  async #open({ url }: ListedFile, { size }: Expected): Promise<HttpStream> {
    const { index, hosts, signal } = this.#parts;
    if (!await hosts.allow(url)) throw new RedirectRefused(`${url} is not to be fetched from`);
    const limit = Math.min(size ?? MAX_FILE, MAX_FILE);
    const deadline = 60_000 + limit / SLOWEST;
    return await retrying(async () => {
      const stream = await openRequest(url, {
        headers: {
          "accept-encoding": "identity",
          ...(url.origin === index.url.origin && index.headers),
        },
        // One more, to be told from one that is whole.
        maxBytes: limit + 1,
        silence: SILENCE,
        deadline,
        signal,
        mayFollow: (from, to) => hosts.allowRedirect(from, to),
      });
      if (stream.status !== 429 && stream.status < 500) return stream;
      await drop(stream.body);
      throw new TryLater(`${url} answers ${stream.status}`, null);
    }, { patience: PATIENCE, signal });
  }

  /** Keeps a wheel whose metadata is announced, to read its own once it is known to be right. */
  async *#reading(
    { filename, members }: ListedFile,
    { sha256, size }: Expected,
    body: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const announced = announcedMetadata(members);
    const wanted = announced !== null && filename.endsWith(".whl") && size !== null &&
      size <= MAX_WHEEL && !this.#metadata.has(sha256);
    if (!wanted) return yield* body;
    const kept: Uint8Array[] = [];
    for await (const piece of body) {
      kept.push(piece);
      yield piece;
    }
    const wheel = concat(...kept);
    if (hexSha256(wheel) !== sha256) return;
    const metadata = metadataOfWheel(wheel);
    if (!metadata) return;
    remember(this.#metadata, sha256, metadata as Uint8Array<ArrayBuffer>);
    if (announced !== true && announced !== hexSha256(metadata)) {
      this.#parts.onTrouble(
        new Error(`${filename}: the registry lists other metadata than what is in the wheel`),
      );
    }
  }

  /** Tells of bytes that differ when it is too late for a refusal: the client gets no whole file. */
  async *#told(
    file: ListedFile,
    sha256: string,
    pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      yield* pieces;
    } catch (error) {
      this.#explain(file, sha256, error as Error);
      throw error;
    }
  }

  #explain({ filename, url }: ListedFile, sha256: string, error: Error): Reason {
    const differ = error instanceof BytesDiffer || error instanceof RangeError;
    if (differ) remember(this.#differed, `${sha256} ${filename}`, this.#parts.now());
    const why = differ ? `${url} serves other bytes than those that were logged` : "";
    this.#parts.onTrouble(new Error(differ ? `${why}: ${error.message}` : error.message));
    if (differ) return "bytes-differ-from-the-log";
    return error instanceof RedirectRefused
      ? "registry-moved-it-to-a-forbidden-host"
      : "registry-answer-unusable";
  }
}

function respond(
  body: BodyInit | null,
  size: number | null,
  method: string,
): FileOutcome {
  const response = new Response(method === "HEAD" ? null : body, {
    headers: {
      "content-type": "application/octet-stream",
      // The URL names the digest, so what it gives can never be other bytes.
      "cache-control": "public, max-age=31536000, immutable",
      "accept-ranges": "none",
      ...(size !== null && { "content-length": String(size) }),
    },
  });
  return { kind: "response", response };
}

/** What the registry announces as a file's metadata: its SHA-256, `true` without one, or nothing. */
function announcedMetadata(members: ListedFile["members"]): string | true | null {
  const announced = members["core-metadata"] ?? members["dist-info-metadata"] ?? false;
  if (typeof announced === "boolean") return announced || null;
  if (announced === null || typeof announced !== "object" || Array.isArray(announced)) return null;
  return typeof announced["sha256"] === "string" ? announced["sha256"] : true;
}

async function* startingWith<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

async function drop(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) break;
}

function hexSha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MAX_REMEMBERED) break;
    map.delete(oldest);
  }
}
