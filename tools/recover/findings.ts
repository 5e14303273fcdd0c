/**
 * What became of a file, judged from three accounts of it: the log's, the
 * registry's listing, and the bytes that the registry serves. Pure: the facts are
 * kept (`state.ts`), the judgement is made anew each time, so that an entry that
 * the log gets meanwhile counts at once.
 *
 * @module
 */

import { excerpt } from "@indelible/core";

/** What the log says of a file. */
export interface Logged {
  /** The one SHA-256, in hex. */
  readonly sha256: string;
  /** The leaf index of its publication. */
  readonly leafIndex: number;
  /** The leaf index of the newest entry about it. */
  readonly newest: number;
  /** Whether it is yanked, by the newest yank or unyank. */
  readonly yanked: boolean;
  /** Whether it is removed, by the newest remove or restore. */
  readonly removed: boolean;
}

/** When and how a project's page was read. */
export interface PageRead {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The tree size up to which the log was known then. */
  readonly treeSize: number;
  /** Why it could not be read; `null` if it was. */
  readonly trouble: string | null;
}

/** What the listing says of a file. */
export interface Listed {
  /** Where it is served. */
  readonly url: string;
  /** Its SHA-256 in hex; `null` if none is listed. */
  readonly sha256: string | null;
  /** Whether it is yanked. */
  readonly yanked: boolean;
  /** The reason that is given for the yank. */
  readonly reason: string | null;
  /** How often the page lists it. */
  readonly times: number;
}

/** What came when the file was fetched. */
export type Served =
  | { readonly kind: "bytes"; readonly sha256: string; readonly size: number; readonly at: number }
  | { readonly kind: "gone" | "unreachable"; readonly why: string; readonly at: number };

/** All that is known of a file. */
export interface Facts {
  /** Its name. */
  readonly filename: string;
  /** The project whose page lists it, or should. */
  readonly project: string;
  /** What the log says; `null` if it has no entry. */
  readonly logged: Logged | null;
  /** The page. */
  readonly page: PageRead;
  /** What the page says; `null` if it does not list it. */
  readonly listed: Listed | null;
  /** What is served; `null` if it was not fetched. */
  readonly served: Served | null;
}

/**
 * What became of it. `yanked` and `removed` are drift only where the log does not say
 * so; `unyanked` and `restored` are what the log says is yanked or removed, and is not.
 */
export type Kind =
  | "unchanged"
  | "replaced"
  | "missing"
  | "unlogged"
  | "yanked"
  | "unyanked"
  | "removed"
  | "restored"
  | "unreachable";

/** Every kind, the worst first. */
export const KINDS: readonly Kind[] = [
  "replaced",
  "missing",
  "unlogged",
  "restored",
  "unyanked",
  "yanked",
  "unreachable",
  "removed",
  "unchanged",
];

/** A judgement. */
export interface Judgement {
  /** What became of the file. */
  readonly kind: Kind;
  /** Whether the registry is not as the log says, or could not be asked. */
  readonly drift: boolean;
  /** What is wrong, or worth knowing, in a sentence; `null` if nothing is. */
  readonly why: string | null;
}

/** Judged facts. */
export type Finding = Facts & Judgement;

/** Judges one file. */
export function judge(facts: Facts): Judgement {
  const { logged, page, listed, served } = facts;
  if (page.trouble !== null) return drift("unreachable", page.trouble);
  if (!logged) return drift("unlogged", `the log has no entry for it${servedNote(served)}`);
  // What the log learnt after the page was read cannot be held against the page.
  const settled = logged.newest < page.treeSize;
  if (!listed) {
    return logged.removed || !settled
      ? { kind: "removed", drift: false, why: "the log says so" }
      : drift("missing", "the registry does not list it");
  }
  const differences = differencesOf(logged, listed, served);
  if (differences.length > 0) return drift("replaced", differences.join("; "));
  if (served && served.kind !== "bytes") {
    return drift(served.kind === "gone" ? "missing" : "unreachable", served.why);
  }
  if (logged.removed && settled) {
    return drift("restored", "the log says that it was removed, the registry lists it");
  }
  if (logged.yanked && !listed.yanked && settled) {
    return drift("unyanked", "the log says that it is yanked, the registry does not");
  }
  if (listed.yanked && !logged.yanked && settled) {
    return drift("yanked", `yanked, which is not logged${reasonNote(listed)}`);
  }
  return listed.yanked
    ? { kind: "yanked", drift: false, why: `yanked, as logged${reasonNote(listed)}` }
    : { kind: "unchanged", drift: false, why: null };
}

/** What is not as logged: the listing, the bytes, or both. */
function differencesOf(logged: Logged, listed: Listed, served: Served | null): string[] {
  const differences: string[] = [];
  if (listed.times > 1) differences.push(`the page lists it ${listed.times} times`);
  if (listed.sha256 === null) differences.push("the listing has no SHA-256 of it");
  else if (listed.sha256 !== logged.sha256) {
    differences.push(`the listing says sha256:${listed.sha256}`);
  }
  if (served?.kind === "bytes" && served.sha256 !== logged.sha256) {
    differences.push(`the bytes served are sha256:${served.sha256}`);
  }
  return differences;
}

function drift(kind: Kind, why: string): Judgement {
  return { kind, drift: true, why };
}

function servedNote(served: Served | null): string {
  return served?.kind === "bytes" ? `; the bytes served are sha256:${served.sha256}` : "";
}

function reasonNote({ reason }: Listed): string {
  return reason === null ? "" : `: ${excerpt(reason, 200)}`;
}
