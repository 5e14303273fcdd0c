/**
 * The registry behind the proxy: one configured index, and the hosts that its
 * pages name for files. Nothing that a client sends chooses a host, and nothing
 * that the registry sends makes us connect to this machine or its networks, unless
 * the index itself is there (faults P4 to P7).
 *
 * @module
 */

import { normalizeProject } from "@indelible/core";
import { describe, sendRequest } from "../http_client.ts";
import { checkProject, type PackageIndex } from "../package_index.ts";
import { retryAfter, TryLater } from "../retry.ts";
import { ACCEPT, type Listing, parseListing } from "../simple/listing.ts";

/** The largest page: a project of some ten thousand files takes 5 MB. */
const MAX_PAGE = 64 << 20;
/** How long the registry may be silent, in milliseconds. */
const SILENCE = 20_000;

/** A page, or that there is none. */
export type PageAnswer =
  | { readonly kind: "page"; readonly listing: Listing }
  | { readonly kind: "no-such-project" };

/**
 * Fetches the page of a project.
 *
 * @param index The registry's index.
 * @param project The project's name, in any spelling.
 * @throws {TryLater} If the registry cannot now.
 * @throws {Error} If it answers with something else.
 */
export async function fetchPage(index: PackageIndex, project: string): Promise<PageAnswer> {
  const url = new URL(`${normalizeProject(checkProject(project))}/`, index.url);
  const { status, headers, body } = await sendRequest(url, {
    headers: { accept: ACCEPT, ...index.headers },
    maxBytes: MAX_PAGE,
    silence: SILENCE,
    mayFollow: staysWithin,
  });
  if (status === 404 || status === 410) return { kind: "no-such-project" };
  if (status === 429 || status >= 500) {
    throw new TryLater(`${describe(url)} answers ${status}`, retryAfter(headers));
  }
  if (status !== 200) throw new Error(`${describe(url)} answers ${status}`);
  try {
    const type = headers.get("content-type") ?? "";
    return { kind: "page", listing: parseListing(body, type, url, normalizeProject(project)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`Cannot understand ${describe(url)}: ${error.message}`);
  }
}

/** A redirect that changes neither the host nor the protection of the connection. */
export function staysWithin(from: URL, to: URL): boolean {
  return to.host === from.host && to.protocol === from.protocol && to.username === "" &&
    to.password === "";
}
