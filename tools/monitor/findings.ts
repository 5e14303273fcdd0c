/**
 * What there is to tell of an entry that a rule wanted to see: that it is there, that
 * nobody authorised it, that its project's publisher is another one now or none any more.
 * Pure: what was before comes in as a value.
 *
 * @module
 */

import { type Entry, formatChecksum, projectOf } from "@indelible/core";
import { type Authorised, isAuthorised } from "./authorised.ts";
import { formatRule, type Rule, type RuleMatcher } from "./rules.ts";
import type { LastPublisher } from "./state.ts";

/** Something to tell of an entry. */
export interface Finding {
  /** What it is. */
  readonly kind: "watched" | "unauthorised" | "publisher-changed" | "publisher-vanished";
  /** One plain sentence. */
  readonly summary: string;
  /** More of it, for programs. */
  readonly facts: Readonly<Record<string, string>>;
  /** An earlier entry to compare with. */
  readonly before?: number;
}

/** By what entries are judged. */
export interface Judge {
  /** The rules. */
  readonly matcher: RuleMatcher;
  /** The projects whose publishers are kept. */
  readonly named: ReadonlySet<string>;
  /** What was authorised. */
  readonly authorised: Authorised;
}

/** What came of judging an entry. */
export interface Judged {
  /** What to tell. */
  readonly findings: readonly Finding[];
  /** The publisher to keep for its project, if that is followed by name. */
  readonly last?: { readonly project: string; readonly publisher: LastPublisher };
}

/**
 * Judges an entry.
 *
 * @param entry The entry.
 * @param leafIndex Its leaf index.
 * @param judge By what.
 * @param publishers Who released the last entry of each project.
 */
export function judgeEntry(
  entry: Entry,
  leafIndex: number,
  { matcher, named, authorised }: Judge,
  publishers: Readonly<Record<string, LastPublisher>>,
): Judged {
  const { event, file, publisher, ecosystem } = entry;
  const checksum = formatChecksum(entry.digest);
  const project = projectOf(entry);
  const says = event === "publish" ? `publishes ${file}` : `says "${event}" of ${file}`;
  const who = publisher ? `${publisher.issuer} ${publisher.subject}` : null;
  const facts = {
    event,
    ecosystem,
    file,
    checksum,
    ...project !== null && { project },
    ...who !== null && { publisher: who },
  };
  const findings: Finding[] = [];
  const rules = matcher.find({ ...entry, sha256: entry.digest.toHex() });
  const [guards, others] = split(rules);
  // A review is anybody's word about a file whose digest stands: not the maintainers' to allow.
  const theirs = event !== "review";
  if (theirs && guards.length > 0 && !isAuthorised(authorised, { event, file, checksum })) {
    const summary = `entry ${leafIndex} ${says} with ${checksum}, which nobody authorised`;
    findings.push({ kind: "unauthorised", summary, facts });
  }
  if (others.length > 0) {
    const met = others.map(formatRule).join(", ");
    findings.push({
      kind: "watched",
      summary: `entry ${leafIndex} ${says} with ${checksum}`,
      facts: { ...facts, rules: met },
    });
  }
  // Who says something later about a file need not be who released it.
  if (project === null || !named.has(project) || event !== "publish") return { findings };
  const before = publishers[project];
  // Read again after a stop: what it changed was told.
  if (before && before.leafIndex >= leafIndex) return { findings };
  if (before && before.publisher !== null && before.publisher !== who) {
    findings.push({
      kind: who === null ? "publisher-vanished" : "publisher-changed",
      summary: who === null
        ? `entry ${leafIndex} ${says} of ${project} without a publisher, the one before was ${before.publisher}`
        : `entry ${leafIndex} ${says} of ${project} by ${who}, the one before was ${before.publisher}`,
      facts: { ...facts, before: before.publisher },
      before: before.leafIndex,
    });
  }
  return { findings, last: { project, publisher: { leafIndex, publisher: who } } };
}

function split(rules: readonly Rule[]): [guards: Rule[], others: Rule[]] {
  return [
    rules.filter(({ kind }) => kind === "guard"),
    rules.filter(({ kind }) => kind !== "guard"),
  ];
}
