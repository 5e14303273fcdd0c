/**
 * The whole story of a file, for `GET /why/<file>` and `deno task why`: pip and uv
 * print no more of a refusal than its URL.
 *
 * @module
 */

import { formatTime } from "../freshness.ts";
import type { Head } from "../trusted_head.ts";
import { listedSha256, type Passage, type Reason, REASONS } from "./gate.ts";
import type { Judged } from "./page.ts";

/** What the proxy decided about a file, and why. */
export interface Story {
  /** The file. */
  readonly filename: string;
  /** Its project. */
  readonly project: string;
  /** `passes`, `left-out`, or the reason of the refusal. */
  readonly verdict: "passes" | "left-out" | Reason;
  /** All of it, in plain words. */
  readonly lines: readonly string[];
}

/** What a story is made of: the file, what became of it, and why. */
export interface Facts extends Judged {
  /** The project, normalised. */
  readonly project: string;
  /** Whether it was left out of the page, as too new. */
  readonly leftOut: boolean;
  /** The checkpoint that was asked, if any. */
  readonly head: Head | null;
  /** What kept the log from answering; `null` if nothing did. */
  readonly trouble: string | null;
}

/** A checkpoint for people and for JSON. */
export interface DescribedHead {
  /** The log. */
  readonly origin: string;
  /** The tree size. */
  readonly size: number;
  /** Who cosigned it. */
  readonly witnesses: readonly string[];
  /** When the last of them did, in ISO 8601. */
  readonly witnessed: string | null;
}

/** Describes a checkpoint. */
export function describeHead({ verdict: { checkpoint, cosigned } }: Head): DescribedHead {
  const newest = cosigned.map(({ time }) => time).sort((a, b) => (a < b ? 1 : -1))[0];
  return {
    origin: checkpoint.origin,
    size: Number(checkpoint.size),
    witnesses: cosigned.map(({ witness }) => witness.name),
    witnessed: newest === undefined ? null : formatTime(newest),
  };
}

/** Tells it. */
export function tell(facts: Facts): Story {
  const { project, file, passage, leftOut, head, trouble, warnings = [], proven = [] } = facts;
  const { filename } = file;
  const listed = listedSha256(file);
  const refused = passage.kind === "refuse";
  const uploaded = String(file.members["upload-time"] ?? "(none)");
  const lines = [
    leftOut
      ? `${filename} is LEFT OUT: by the registry's upload time ${uploaded} it is newer than --cooldown.`
      : refused
      ? `${filename} is REFUSED: ${REASONS[passage.reason]}.`
      : `${filename} passes: ${HOW[passage.by]}.`,
    "",
    `  project        ${project}`,
    `  registry says  ${listed === null ? "no sha256" : `sha256:${listed}`}, at ${file.url}`,
    `  log says       ${logSays(passage, trouble)}`,
  ];
  if (head) {
    const { origin, size, witnesses, witnessed } = describeHead(head);
    const seen = witnesses.length > 0
      ? `witnessed by ${witnesses.join(", ")} at ${witnessed}`
      : "witnessed by nobody";
    lines.push(`  checkpoint     ${origin}, size ${size}, ${seen}`);
  }
  if (trouble !== null) lines.push(`  trouble        ${trouble}`);
  lines.push(...proven.map((what) => `  provenance     ${what}`));
  if (refused && passage.detail) lines.push(`  because        ${passage.detail}`);
  lines.push(...warnings.map(({ text }) => `  warning        ${text}`));
  if (refused) lines.push("", `What to do: ${ADVICE[passage.reason]}`);
  const verdict = leftOut ? "left-out" : refused ? passage.reason : "passes";
  return { filename, project, verdict, lines };
}

const HOW = {
  log: "the log proves its digest",
  "first-seen": "its digest is the one that was seen first",
  exemption: "its project is exempt, the registry's word was taken and the log not asked",
  warning: "the log does not know it, and --on-missing=warn lets it pass on the registry's word",
} as const;

function logSays(passage: Passage, trouble: string | null): string {
  if (passage.kind === "pass" && (passage.by === "log" || passage.by === "first-seen")) {
    return `sha256:${passage.sha256}`;
  }
  if (passage.kind === "pass" && passage.by === "exemption") return "it was not asked";
  if (passage.kind === "refuse" && passage.logged !== null) return `sha256:${passage.logged}`;
  return trouble === null ? "it has no entry for this file" : "nothing that can be relied on";
}

const CHANGED = "do not install it from anywhere. The registry, or what is between it and you, " +
  "serves a file that was changed after it was published: tell the registry's security contact.";

const HISTORY =
  "ask the project, elsewhere than at the registry, whether the release is theirs. Accounts are taken over that way; without --strict it is a warning, and after 90 days it is none any more.";

const ADVICE: Readonly<Record<Reason, string>> = {
  "not-in-the-log":
    "if the file is new, the registry may log it in a minute; if it stays so, nobody vouches for it: do not install it. Private projects can be exempt (--exempt).",
  "digest-differs-from-the-log": CHANGED,
  "digest-differs-from-first-seen": CHANGED,
  "registry-lists-no-sha256":
    "ask the registry to list digests; without one nothing protects the bytes.",
  "registry-url-names-another-file": CHANGED,
  "registry-moved-it-to-a-forbidden-host":
    "the registry names a private address, another protocol or too many redirects: ask its operator why.",
  "bytes-differ-from-the-log": CHANGED,
  "log-unreachable": "check the network and the log's address, then try again.",
  "log-answer-unproven": "check that the log's address is right; if it is, tell its operator.",
  "log-checkpoint-refused":
    "check the policy; if it is right, the log has not been witnessed lately: tell its operator.",
  "log-shows-two-histories":
    "do not install anything. Two signed heads that contradict each other are kept as evidence: send them to the log's operator and its witnesses.",
  "publisher-not-allowed": "check the provenance policy, and ask the project who releases it.",
  "builder-not-trusted": "check the provenance policy, and ask the project how it builds.",
  "provenance-missing":
    "take a release that has provenance, or ask the project why this one has none; if the policy asks for too much, change it.",
  "provenance-not-verified":
    "do not install it. If its certificate is of an authority or log that is newer than the trusted root, name a newer one (--trusted-root); else tell the registry's security contact.",
  "provenance-unavailable": "try again in a minute; if it stays so, tell the registry's operator.",
  "publisher-changed": HISTORY,
  "provenance-disappeared": HISTORY,
  "first-release-in-years": HISTORY,
  "unreviewed":
    "review it yourself and say so with `sig attest`, or `sig fetch` what others have said of it.",
  "marked-bad": "do not install it; ask whoever marked it, or take another version.",
  "registry-answer-unusable": "see what the proxy printed; the registry has to mend it.",
};
