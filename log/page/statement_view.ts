/**
 * What an entry states, field by field, and its very bytes.
 *
 * @module
 */

import { encodeHex, type Entry, parseUtf8, projectOf } from "@indelible/core";
import { type Child, code, element } from "./dom.ts";
import { eventText, readableText } from "./entry_list.ts";
import { formatBytes } from "./format.ts";

/** Describes an entry; with links to search where those lead somewhere. */
export function statement(
  entry: Entry | null,
  bytes: Uint8Array,
  options: { readonly links: boolean },
): HTMLElement {
  if (!entry) {
    return element("p", {}, "It holds: ", code(readableText(bytes, 400)));
  }
  const digest = encodeHex(entry.digest);
  const project = projectOf(entry);
  const linked = (text: string, href: string): Child =>
    options.links ? element("a", { href, dir: "ltr" }, text) : text;
  const rows: [string, Child][] = [
    ["File", linked(entry.file, `#/search/filename/${encodeURIComponent(entry.file)}`)],
    ["Event", `${eventText(entry.event)} in ${entry.ecosystem}`],
    ["SHA-256", code(digest)],
  ];
  if (project !== null) {
    rows.push(["Project", linked(project, `#/search/project/${encodeURIComponent(project)}`)]);
  }
  if (entry.package) rows.push(["Package", `${entry.package.name} ${entry.package.version}`]);
  rows.push([
    "Publisher",
    entry.publisher
      ? element(
        "span",
        {},
        element("bdi", {}, entry.publisher.subject),
        " by ",
        element("bdi", {}, entry.publisher.issuer),
      )
      : "not stated",
  ]);
  if (entry.size !== undefined) rows.push(["Size", formatBytes(Number(entry.size))]);
  if (entry.native !== undefined) rows.push(["Native digest", code(entry.native)]);
  if (entry.attestation !== undefined) rows.push(["Attestation", code(entry.attestation)]);
  return element(
    "div",
    {},
    facts(rows),
    element(
      "details",
      {},
      element("summary", {}, `The logged bytes (${bytes.length})`),
      element("pre", { dir: "ltr" }, parseUtf8(bytes)),
    ),
  );
}

/** A list of names and values. */
export function facts(rows: readonly (readonly [name: string, value: Child])[]): HTMLElement {
  return element(
    "dl",
    { class: "facts" },
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value))
    ),
  );
}
