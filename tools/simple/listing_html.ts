/**
 * The HTML form of a project's page (PEP 503 with 592, 658, 714 and 740), to and
 * from the words of the JSON form. What HTML cannot say (size, upload time,
 * versions) is absent in both directions.
 *
 * @module
 */

import type { Json, JsonObject } from "@indelible/core";
import { Parser } from "htmlparser2";
import type { Listing } from "./listing.ts";

/**
 * Reads a page.
 *
 * @param html The page.
 * @param project Its project, which HTML need not name.
 * @returns It in the words of PEP 691.
 */
export function parseHtmlListing(html: string, project: string): JsonObject {
  const files: JsonObject[] = [];
  const meta: JsonObject = { "api-version": "1.0" };
  const status: JsonObject = {};
  let anchor: { attributes: Record<string, string>; text: string } | null = null;
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === "a") anchor = { attributes, text: "" };
      if (name !== "meta") return;
      const { name: key, content = "" } = attributes;
      if (key === "pypi:repository-version") meta["api-version"] = content;
      if (key === "pypi:project-status") status["status"] = content;
      if (key === "pypi:project-status-reason") status["reason"] = content;
    },
    ontext(text) {
      if (anchor) anchor.text += text;
    },
    onclosetag(name) {
      if (name !== "a" || !anchor) return;
      files.push(fileOfAnchor(anchor.attributes, anchor.text.trim()));
      anchor = null;
    },
  }, { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true });
  parser.end(html);
  return {
    meta,
    name: project,
    ...("status" in status && { "project-status": status }),
    files,
  };
}

function fileOfAnchor(attributes: Record<string, string>, filename: string): JsonObject {
  const href = attributes["href"] ?? "";
  const [url, fragment = ""] = splitOnce(href, "#");
  const file: JsonObject = { filename, url, hashes: hashOf(fragment) };
  const python = attributes["data-requires-python"];
  if (python !== undefined) file["requires-python"] = python;
  const yanked = attributes["data-yanked"];
  if (yanked !== undefined) file["yanked"] = yanked === "" ? true : yanked;
  const signed = attributes["data-gpg-sig"];
  if (signed !== undefined) file["gpg-sig"] = signed === "true";
  const provenance = attributes["data-provenance"];
  if (provenance !== undefined) file["provenance"] = provenance;
  for (
    const [attribute, member] of [
      ["data-core-metadata", "core-metadata"],
      ["data-dist-info-metadata", "dist-info-metadata"],
    ] as const
  ) {
    const value = attributes[attribute];
    if (value === undefined) continue;
    file[member] = value === "true" ? true : value === "false" ? false : hashOf(value);
  }
  return file;
}

/** `sha256=…` as the member of an object; nothing else is one. */
function hashOf(text: string): JsonObject {
  const [algorithm, value = ""] = splitOnce(text, "=");
  return /^[a-z0-9_]+$/.test(algorithm) && value !== "" ? { [algorithm]: value } : {};
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * A listing in the HTML form.
 *
 * @param listing The listing; of several hashes of a file only its sha256 fits into a URL.
 */
export function formatHtml({ name, members, files }: Listing): string {
  const meta = members["meta"];
  const version = isObject(meta) ? meta["api-version"] : undefined;
  const status = members["project-status"];
  const lines = [
    "<!DOCTYPE html>",
    "<html>",
    "  <head>",
    tag("meta", { name: "pypi:repository-version", content: version ?? "1.0" }, 4),
  ];
  if (isObject(status)) {
    lines.push(tag("meta", { name: "pypi:project-status", content: status["status"] ?? "" }, 4));
    if (status["reason"] !== undefined) {
      const content = status["reason"];
      lines.push(tag("meta", { name: "pypi:project-status-reason", content }, 4));
    }
  }
  lines.push(`    <title>Links for ${escape(name)}</title>`, "  </head>", "  <body>");
  lines.push(`    <h1>Links for ${escape(name)}</h1>`);
  for (const { filename, hashes, members } of files) {
    const url = String(members["url"]);
    const sha256 = hashes.get("sha256");
    const href = sha256 === undefined ? url : `${url}#sha256=${sha256}`;
    const attributes = { href, ...attributesOf(members) };
    lines.push(`${tag("a", attributes, 4)}${escape(filename)}</a><br/>`);
  }
  lines.push("  </body>", "</html>", "");
  return lines.join("\n");
}

function attributesOf(members: JsonObject): Record<string, Json> {
  const attributes: Record<string, Json> = {};
  const python = members["requires-python"];
  if (typeof python === "string") attributes["data-requires-python"] = python;
  const yanked = members["yanked"];
  if (yanked === true) attributes["data-yanked"] = "";
  else if (typeof yanked === "string") attributes["data-yanked"] = yanked;
  const signed = members["gpg-sig"];
  if (typeof signed === "boolean") attributes["data-gpg-sig"] = String(signed);
  const provenance = members["provenance"];
  if (typeof provenance === "string") attributes["data-provenance"] = provenance;
  for (const name of ["core-metadata", "dist-info-metadata"]) {
    const value = members[name];
    if (typeof value === "boolean") attributes[`data-${name}`] = String(value);
    if (!isObject(value)) continue;
    const sha256 = value["sha256"];
    attributes[`data-${name}`] = typeof sha256 === "string" ? `sha256=${sha256}` : "true";
  }
  return attributes;
}

function tag(name: string, attributes: Record<string, Json>, indent: number): string {
  const written = Object.entries(attributes).map(([key, value]) =>
    ` ${key}="${escape(String(value))}"`
  );
  return `${" ".repeat(indent)}<${name}${written.join("")}>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function isObject(json: Json | undefined): json is JsonObject {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}
