/**
 * What `GET /search` is asked for: strictly one of project, file name and digest.
 *
 * @module
 */

import { checkEcosystem, checkFile, EntryError, normalizeProject } from "@indelible/core";

/** A search, as it was asked for. */
export interface SearchQuery {
  /** What is searched for: a normalised project, a file, or 64 hexadecimal digits. */
  readonly by:
    | { readonly kind: "project"; readonly project: string }
    | { readonly kind: "filename"; readonly ecosystem: string; readonly file: string }
    | { readonly kind: "digest"; readonly digest: string };
  /** Only leaves below this one. */
  readonly before: number;
  /** How many at most. */
  readonly limit: number;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const MAX_PROJECT = 2048;
const TERMS = ["project", "filename", "digest"] as const;
const KNOWN: readonly string[] = [...TERMS, "ecosystem", "before", "limit"];

/**
 * Parses the query of a search.
 *
 * @param query What the URL has after `?`.
 * @throws {EntryError} If a parameter is wrong, naming it.
 */
export function parseSearch(query: string): SearchQuery {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!KNOWN.includes(name)) {
      throw new EntryError("query", `must have no parameters but ${KNOWN.join(", ")}`);
    }
    if (given.has(name)) throw new EntryError(name, "must be given once");
    given.set(name, value);
  }
  const terms = TERMS.filter((term) => given.has(term));
  if (terms.length !== 1) {
    throw new EntryError(terms[1] ?? "project", `must be the only one of ${TERMS.join(", ")}`);
  }
  const [kind] = terms as [typeof TERMS[number]];
  if (kind !== "filename" && given.has("ecosystem")) {
    throw new EntryError("ecosystem", "goes with filename alone");
  }
  return {
    by: termOf(kind, given.get(kind)!, given.get("ecosystem") ?? "pypi"),
    before: given.has("before") ? decimal("before", given.get("before")!) : Infinity,
    limit: given.has("limit") ? limitOf(given.get("limit")!) : DEFAULT_LIMIT,
  };
}

function termOf(
  kind: typeof TERMS[number],
  value: string,
  ecosystem: string,
): SearchQuery["by"] {
  switch (kind) {
    case "project": {
      // deno-lint-ignore no-control-regex -- they are what is refused.
      if (value === "" || value.length > MAX_PROJECT || /[\u0000-\u0020\u007f]/.test(value)) {
        const most = `must have 1 to ${MAX_PROJECT} characters and no spaces`;
        throw new EntryError("project", most);
      }
      return { kind, project: normalizeProject(value.normalize("NFC")) };
    }
    case "filename":
      return { kind, ecosystem: checkEcosystem(ecosystem), file: checkFile(value) };
    case "digest": {
      const [, digest] = /^(?:sha256:)?([0-9a-f]{64})$/.exec(value) ?? [];
      if (digest === undefined) {
        throw new EntryError("digest", 'must be "sha256:" and 64 lowercase hexadecimal digits');
      }
      return { kind, digest };
    }
  }
}

function decimal(field: string, text: string): number {
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  throw new EntryError(field, "must be a whole number below 10^15");
}

function limitOf(text: string): number {
  const limit = decimal("limit", text);
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new EntryError("limit", `must be a number from 1 to ${MAX_LIMIT}`);
}
