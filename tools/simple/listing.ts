/**
 * A project's page in the simple repository API (PEP 503, 592, 658, 691, 700,
 * 714, 740, 792), as one model for both of its forms. Every member is carried,
 * also those that no PEP knows yet: what a listing says to pip and uv is decided
 * by the registry, apart from the few members that a caller changes.
 *
 * @module
 */

import { excerpt, type Json, type JsonObject, parseJson, parseUtf8 } from "@indelible/core";
import { asObject, text } from "../json_members.ts";
import { parseHtmlListing } from "./listing_html.ts";

/** Media type of the JSON form (PEP 691). */
export const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
/** Media type of the HTML form (PEP 691). */
export const HTML_TYPE = "application/vnd.pypi.simple.v1+html";
/** What to ask a registry for: JSON, else HTML. */
export const ACCEPT = `${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.1`;

/** A file of a listing. */
export interface ListedFile {
  /** Its name. */
  readonly filename: string;
  /** Where the registry serves it, absolute and without fragment. */
  readonly url: URL;
  /** Its digests by algorithm, as listed. */
  readonly hashes: ReadonlyMap<string, string>;
  /** All its members in the words of PEP 691, as listed but for the URL, which is absolute. */
  readonly members: JsonObject;
}

/** A project's page. */
export interface Listing {
  /** The project's name, as listed. */
  readonly name: string;
  /** The page's members but `files`, in the words of PEP 691. */
  readonly members: JsonObject;
  /** Its files, in the registry's order. */
  readonly files: readonly ListedFile[];
}

/**
 * Parses a project's page.
 *
 * @param body The page.
 * @param contentType Its `content-type`.
 * @param base Where it was served: file URLs may be relative to it.
 * @param project The name that was asked for, for HTML, which need not say it.
 * @throws {SyntaxError} If it is not such a page.
 */
export function parseListing(
  body: Uint8Array,
  contentType: string,
  base: URL,
  project: string,
): Listing {
  const type = contentType.split(";")[0]!.trim().toLowerCase();
  const page = type === JSON_TYPE
    ? asObject(parseJson(body), "the listing")
    : type === HTML_TYPE || type === "text/html"
    ? parseHtmlListing(parseUtf8(body), project)
    : null;
  if (!page) {
    throw new SyntaxError(`a listing must be PEP 691 JSON or HTML, not "${excerpt(contentType)}"`);
  }
  const { files, ...members } = page;
  const version = text(asObject(members["meta"] ?? null, "meta"), "api-version");
  if (!/^1\.(?:0|[1-9][0-9]*)$/.test(version)) {
    throw new SyntaxError(`api-version must be 1.x, not "${excerpt(version)}"`);
  }
  if (!Array.isArray(files)) throw new SyntaxError('"files" must be a list');
  return {
    name: text(members, "name"),
    members,
    files: files.map((file) => listedFile(asObject(file, "a file"), base)),
  };
}

function listedFile(members: JsonObject, base: URL): ListedFile {
  const filename = text(members, "filename");
  const url = urlOf(text(members, "url"), base, filename);
  const hashes = asObject(members["hashes"] ?? null, `"hashes" of ${excerpt(filename, 255)}`);
  return {
    filename,
    url,
    hashes: new Map(Object.entries(hashes).map(([name, value]) => [name, hashText(value)])),
    // The page is served elsewhere: what was relative to its place must not move with it.
    members: { ...members, url: url.href },
  };
}

/** Pages have thousands of them, and parsing one takes a while: once each. */
function urlOf(href: string, base: URL, filename: string): URL {
  let url: URL;
  try {
    url = new URL(href, base);
  } catch {
    throw new SyntaxError(`the URL of ${excerpt(filename, 255)} cannot be parsed`);
  }
  if (url.hash !== "" || href.endsWith("#")) url.hash = "";
  if (url.protocol === "https:" || url.protocol === "http:") return url;
  throw new SyntaxError(`the URL of ${excerpt(filename, 255)} must be http or https`);
}

function hashText(value: Json): string {
  if (typeof value === "string") return value;
  throw new SyntaxError('a value of "hashes" must be a string');
}

/** A listing in the JSON form. */
export function formatJson({ members, files }: Listing): string {
  return JSON.stringify({ ...members, files: files.map((file) => file.members) });
}
