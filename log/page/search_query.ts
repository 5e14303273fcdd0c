/**
 * What is searched for: a project, a file name or a digest; told from the text
 * itself unless the reader says. And what of an entry answers it.
 *
 * @module
 */

import { checkFile, encodeHex, type Entry, normalizeProject, projectOf } from "@indelible/core";

/** What a search can be for. */
export const SEARCH_KINDS = ["project", "filename", "digest"] as const;
/** One of {@linkcode SEARCH_KINDS}. */
export type SearchKind = typeof SEARCH_KINDS[number];

/** A search. */
export interface SearchQuery {
  /** What for. */
  readonly kind: SearchKind;
  /** The text: a normalised project, an exact file name, or 64 hexadecimal digits. */
  readonly text: string;
}

const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/i;
const FILE = /\.(?:whl|egg|zip|tgz|gem|crate|tar|exe|msi|rpm|deb|tar\.[a-z0-9]+|[a-z]*z2?)$/i;

/** Reads what was typed; `null` when it is nothing. */
export function parseQuery(typed: string, kind: SearchKind | "any" = "any"): SearchQuery | null {
  const text = typed.trim();
  if (text === "") return null;
  const digest = DIGEST.exec(text)?.[1]?.toLowerCase();
  if (kind === "digest" || (kind === "any" && digest)) {
    return { kind: "digest", text: digest ?? text };
  }
  if (kind === "filename" || (kind === "any" && FILE.test(text))) return { kind: "filename", text };
  return { kind: "project", text: normalizeProject(text) };
}

/** Whether an entry is one that was searched for. */
export function answers({ kind, text }: SearchQuery, entry: Entry): boolean {
  switch (kind) {
    case "project":
      return projectOf(entry) === text;
    case "filename":
      return entry.file === text;
    case "digest":
      return encodeHex(entry.digest) === text;
  }
}

/** Why nothing can be logged that answers, or `null`: then the log need not be asked. */
export function impossible({ kind, text }: SearchQuery): string | null {
  switch (kind) {
    case "project":
      return text.length <= 2048 && !/[\s\p{C}]/u.test(text)
        ? null
        : "This can be no project’s name.";
    case "filename":
      try {
        checkFile(text);
        return null;
      } catch {
        return "This can be no file’s name in a log: it holds characters that none may.";
      }
    case "digest":
      return /^[0-9a-f]{64}$/.test(text) ? null : "A digest has 64 hexadecimal digits.";
  }
}

/** The query of `GET /search`. */
export function searchPath({ kind, text }: SearchQuery, before: bigint | null, limit: number) {
  const parameters = new URLSearchParams({ [kind]: kind === "digest" ? `sha256:${text}` : text });
  if (before !== null) parameters.set("before", String(before));
  parameters.set("limit", String(limit));
  return `search?${parameters}`;
}
