/**
 * What a search found, each entry proven.
 *
 * @module
 */

import { type Child, code, element } from "./dom.ts";
import { entryList } from "./entry_list.ts";
import type { View } from "./view.ts";
import { formatCount, formatEntries } from "./format.ts";
import type { SignedHead } from "./head_report.ts";
import type { LogClient } from "./log_client.ts";
import { coverage, search, type SearchResult } from "./search.ts";
import { SEARCH_KINDS, type SearchKind, type SearchQuery } from "./search_query.ts";
import { unverifiable, type VerdictKind, verdictOf } from "./verdict.ts";
import { verdictLine } from "./verdict_mark.ts";

const KIND_TEXT: Readonly<Record<SearchKind, string>> = {
  project: "project",
  filename: "file name",
  digest: "digest",
};

/** Searches, and shows what was found. */
export async function searchView(
  query: SearchQuery,
  before: bigint | null,
  client: LogClient,
  head: SignedHead,
  headKind: VerdictKind,
): Promise<View> {
  const title = `Search: ${query.text}`;
  let result: SearchResult;
  try {
    result = await search(client, head, query, before);
  } catch (error) {
    return { title, body: [asked(query), verdictLine(verdictOf(error)), otherKinds(query)] };
  }
  const { found, conflict, next } = result;
  const body: Child[] = [asked(query)];
  if (conflict) body.push(verdictLine(conflict));
  if (found.length === 0) {
    body.push(verdictLine(unverifiable(
      "The log’s search finds nothing. That there is nothing cannot be proven: only reading " +
        "every entry, as a monitor does, tells.",
    )));
  } else {
    body.push(entryList(found, headKind));
  }
  if (next !== null) {
    const older = `${searchHash(query)}/${next}`;
    body.push(
      element("p", {}, element("a", { href: older }, `Older than entry ${formatCount(next)}`)),
    );
  }
  const covered = coverage(result, head);
  if (covered) body.push(element("p", { class: "quiet" }, covered));
  if (found.length > 0 && next === null && before === null) {
    body.push(element("p", { class: "quiet" }, `${formatEntries(found.length)} found.`));
  }
  body.push(otherKinds(query));
  return { title, body };
}

function asked({ kind, text }: SearchQuery): HTMLElement {
  return element("p", {}, `Entries by ${KIND_TEXT[kind]} `, code(text), ".");
}

function otherKinds({ kind, text }: SearchQuery): HTMLElement {
  const links = SEARCH_KINDS.filter((other) => other !== kind).flatMap((other): Child[] => [
    " ",
    element("a", { href: searchHash({ kind: other, text }) }, KIND_TEXT[other]),
  ]);
  return element("p", { class: "quiet" }, "Search for the same text as a", ...links);
}

/** The address of a search on this page. */
export function searchHash({ kind, text }: SearchQuery): string {
  return `#/search/${kind}/${encodeURIComponent(text)}`;
}
