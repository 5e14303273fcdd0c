/**
 * Addresses within the page: `#/entry/5`, `#/search/project/name`, and so on.
 *
 * @module
 */

import { type Hash, parseDecimal, parseHex } from "@indelible/core";
import { parseQuery, SEARCH_KINDS, type SearchQuery } from "./search_query.ts";

/** Where an address leads. */
export type Route =
  | { readonly kind: "overview" }
  | { readonly kind: "entry"; readonly index: bigint }
  | { readonly kind: "search"; readonly query: SearchQuery; readonly before: bigint | null }
  | { readonly kind: "file"; readonly name: string; readonly digest: Hash }
  | { readonly kind: "evidence"; readonly name: string }
  | { readonly kind: "unknown" };

/** Reads the part of an address from its `#` on; `null` for a place on the same view. */
export function parseRoute(hash: string): Route | null {
  if (hash === "" || hash === "#" || hash === "#/") return { kind: "overview" };
  if (!hash.startsWith("#/")) return null;
  try {
    return fromParts(hash.slice(2).split("/").map(decodeURIComponent)) ?? { kind: "unknown" };
  } catch {
    return { kind: "unknown" };
  }
}

function fromParts([place, first = "", second = "", third, ...rest]: string[]): Route | null {
  if (rest.length > 0) return null;
  switch (place) {
    case "entry":
      return { kind: "entry", index: parseDecimal(first, "leaf index") };
    case "search": {
      const kind = SEARCH_KINDS.find((kind) => kind === first);
      const query = kind && parseQuery(second, kind);
      if (!query) return null;
      return { kind: "search", query, before: third ? parseDecimal(third, "leaf index") : null };
    }
    case "file":
      return second.length === 64 ? { kind: "file", name: first, digest: parseHex(second) } : null;
    case "evidence":
      return first === "" ? null : { kind: "evidence", name: first };
    default:
      return null;
  }
}

/** The address of what is known of a file. */
export function fileHash(name: string, digestHex: string): string {
  return `#/file/${encodeURIComponent(name)}/${digestHex}`;
}
