/**
 * A package index that speaks PEP 691 JSON: the files of a project with their
 * SHA-256, as published.
 *
 * @module
 */

import { excerpt, type Json, normalizeProject, parseJson } from "@indelible/core";
import { describe, sendRequest } from "./http_client.ts";
import { fileLine, type ImportLine } from "./import_line.ts";
import { asObject, text } from "./json_members.ts";
import { retryAfter, TryLater } from "./retry.ts";

const MEDIA_TYPE = "application/vnd.pypi.simple.v1+json";
const MAX_LISTING = 256 << 20;
const PROJECT = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** A package index: where it is, and how to be let in. */
export interface PackageIndex {
  /** Its base, without credentials, with a final slash. */
  readonly url: URL;
  /** Header fields that carry the credentials, if any. */
  readonly headers: Readonly<Record<string, string>>;
  /** A user whose password the URL does not tell. */
  readonly userOnly?: string;
}

/**
 * Parses the URL of an index; a user and password in it become a header field,
 * so that they are in no message.
 *
 * @throws {SyntaxError} If it is not an http or https URL. The message does not repeat it.
 */
export function parseIndexUrl(text: string): PackageIndex {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new SyntaxError("the index must be an http or https URL");
  }
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = "";
  url.password = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  if (user === "" && password === "") return { url, headers: {} };
  const credentials = new TextEncoder().encode(`${user}:${password}`);
  const headers = { authorization: `Basic ${credentials.toBase64()}` };
  return { url, headers, ...(password === "" && { userOnly: user }) };
}

/**
 * An index with the credentials that the launcher found for it, if it did.
 *
 * @param index The index as it was named.
 * @param found The one that the launcher hands on.
 */
export function letIn(index: PackageIndex, found: PackageIndex | null): PackageIndex {
  const isComplete = index.headers["authorization"] !== undefined && index.userOnly === undefined;
  return !isComplete && found?.url.href === index.url.href ? found : index;
}

/**
 * Checks the name of a project (PEP 508).
 *
 * @throws {SyntaxError} If it cannot be one.
 */
export function checkProject(name: string): string {
  if (PROJECT.test(name)) return name;
  throw new SyntaxError(
    "it must be a project name: letters, digits and ._- between them",
  );
}

/**
 * Lists the files of a project.
 *
 * @param index The index.
 * @param project Its name, in any spelling.
 * @param signal Ends the request.
 * @returns A line for each file; unusable where the index has no SHA-256.
 * @throws {TryLater} If the index cannot now.
 */
export async function listFiles(
  index: PackageIndex,
  project: string,
  signal?: AbortSignal,
): Promise<ImportLine[]> {
  const url = new URL(`${normalizeProject(project)}/`, index.url);
  const { status, headers, body } = await sendRequest(url, {
    headers: { accept: MEDIA_TYPE, ...index.headers },
    maxBytes: MAX_LISTING,
    ...(signal && { signal }),
  });
  if (status === 404) {
    throw new Error(`${describe(url)} answers 404: it has no such project`);
  }
  if (status === 503 || status === 429) {
    throw new TryLater(
      `${describe(url)} answers ${status}`,
      retryAfter(headers),
    );
  }
  if (status !== 200) throw new Error(`${describe(url)} answers ${status}`);
  const type = headers.get("content-type") ?? "none";
  if (type.split(";")[0]!.trim().toLowerCase() !== MEDIA_TYPE) {
    throw new Error(
      `${describe(url)} answers with type ${excerpt(type)}, expected PEP 691 JSON`,
    );
  }
  try {
    return parseListing(parseJson(body));
  } catch (error) {
    throw new Error(
      `Cannot understand ${describe(url)}: ${(error as Error).message}`,
    );
  }
}

function parseListing(json: Json): ImportLine[] {
  const listing = asObject(json, "the listing");
  const version = text(
    asObject(listing["meta"] ?? null, "meta"),
    "api-version",
  );
  if (!/^1\.[0-9]+$/.test(version)) {
    throw new SyntaxError(`api-version must be 1.x, not ${excerpt(version)}`);
  }
  const { files } = listing;
  if (!Array.isArray(files)) throw new SyntaxError('"files" must be a list');
  return files.map((item) => {
    const file = asObject(item, "a file");
    const filename = text(file, "filename");
    const { sha256 } = asObject(file["hashes"] ?? null, "hashes");
    if (typeof sha256 === "string") {
      return fileLine(filename, `sha256:${sha256}`);
    }
    const why = `${excerpt(filename, 255)}: the index has no sha256 of it`;
    return { kind: "unusable", why };
  });
}
