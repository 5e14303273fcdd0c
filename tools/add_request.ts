/**
 * One `POST /add` and its answer, which is not believed: the caller checks the
 * {@linkcode TlogProof} that comes of it.
 *
 * @module
 */

import {
  type Event,
  excerpt,
  formatChecksum,
  formatEntry,
  type Hash,
  type JsonObject,
  parseEntry,
  parseJson,
  type Publisher,
  PYPI_V1,
  type TlogProof,
  utf8,
} from "@indelible/core";
import { describe, sendRequest } from "./http_client.ts";
import { asObject, bytes, byteStrings, natural, text } from "./json_members.ts";
import { retryAfter, TryLater } from "./retry.ts";

/** What is to be logged. */
export interface Submission {
  /** The registry's kind; `pypi` by default. */
  readonly ecosystem?: string;
  /** What happened to it; `publish` by default. */
  readonly event?: Event;
  /** The identifier. */
  readonly filename: string;
  /** The file's digest. */
  readonly digest: Hash;
  /** Who released it. */
  readonly publisher?: Publisher;
  /** The digest of a third party's attestation. */
  readonly attestation?: string;
}

/** What the log answers. */
export type AddAnswer =
  | { readonly kind: "logged"; readonly proof: TlogProof }
  | {
    readonly kind: "conflict";
    /** The leaf index of the entry that stands. */
    readonly index: number;
    /** The digest that stands, as the answer has it. */
    readonly checksum: string;
    /** The proof of the entry that stands, when the answer carries one. */
    readonly proof: TlogProof | null;
  };

const MAX_ANSWER = 4 << 20;

/**
 * Submits one file.
 *
 * @param log The log.
 * @param submission What to log.
 * @param headers Header fields, such as the token's.
 * @param signal Ends the request.
 * @throws {TryLater} If the log cannot now.
 * @throws {Error} If the log refuses or its answer is not one.
 */
export async function requestAdd(
  log: URL,
  submission: Submission,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<AddAnswer> {
  const { ecosystem, event, filename, digest, publisher, attestation } = submission;
  const request = {
    ...(ecosystem !== undefined && { ecosystem }),
    ...(event !== undefined && { event }),
    filename,
    checksum: formatChecksum(digest),
    ...(publisher && { publisher }),
    ...(attestation !== undefined && { attestation }),
  };
  const answer = await sendRequest(new URL("add", log), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: utf8(JSON.stringify(request)),
    maxBytes: MAX_ANSWER,
    ...(signal && { signal }),
  });
  const { status, body } = answer;
  if (status === 200 || status === 409) {
    try {
      const json = asObject(parseJson(body), "the answer");
      return status === 200 ? logged(json, submission) : conflict(json);
    } catch (error) {
      throw new Error(
        `Cannot understand the answer of ${describe(log)}: ${(error as Error).message}`,
      );
    }
  }
  const why = `(${status}): ${errorOf(body)}`;
  if (status === 503 || status === 429) {
    const index = indexOf(body);
    const state = index === null ? "" : `; entry ${index} is in the tree but not published yet`;
    const message = `${describe(log)} cannot log it now ${why}${state}`;
    throw new TryLater(message, retryAfter(answer.headers));
  }
  throw new Error(`${describe(log)} refuses ${why}`);
}

function logged(json: JsonObject, submission: Submission): AddAnswer {
  // bt-log sends no entry: then it can only be the one that we submitted.
  const extra = json["entry"] === undefined
    ? formatEntry({
      format: PYPI_V1,
      ecosystem: "pypi",
      event: "publish",
      file: submission.filename,
      digest: submission.digest,
      ...(submission.publisher && { publisher: submission.publisher }),
    })
    : bytes(json, "entry");
  return { kind: "logged", proof: proofOf(json, extra) };
}

function conflict(json: JsonObject): AddAnswer {
  const entry = json["entry"] === undefined ? null : bytes(json, "entry");
  const checksum = entry ? formatChecksum(parseEntry(entry).digest) : text(json, "checksum");
  return {
    kind: "conflict",
    index: natural(json, "index"),
    checksum,
    proof: entry && proofOf(json, entry),
  };
}

function proofOf(json: JsonObject, extra: Uint8Array): TlogProof {
  return {
    extra,
    index: BigInt(natural(json, "index")),
    proof: byteStrings(json, "inclusionProof"),
    checkpoint: bytes(json, "checkpoint"),
  };
}

/** The leaf index that an error answer names, if it does. */
function indexOf(body: Uint8Array): number | null {
  try {
    return natural(asObject(parseJson(body), "the answer"), "index");
  } catch {
    return null;
  }
}

/** What an error answer says: its JSON `error`, else the start of its text. */
export function errorOf(body: Uint8Array): string {
  try {
    return excerpt(text(asObject(parseJson(body), "the answer"), "error"), 500);
  } catch {
    const start = new TextDecoder().decode(body.subarray(0, 200)).trim();
    return start === "" ? "no reason given" : excerpt(start, 200);
  }
}
