/**
 * The gate: what becomes of a listed file, by what the log says of it. Pure.
 *
 * A refused file stays listed, its URL leading to our own refusal: a client then
 * stops and prints that URL, whose path is the reason. If it were left out, or
 * yanked, pip and uv would silently take an older version.
 *
 * @module
 */

import { encodeHex, type Hash, type Publisher } from "@indelible/core";
import type { ListedFile } from "../simple/listing.ts";

/** Why a file, or a whole project, is refused: as it stands in the URL that clients print. */
export const REASONS = {
  "not-in-the-log": "the log has no entry for this file",
  "digest-differs-from-the-log": "the registry lists another digest than the one that was logged",
  "digest-differs-from-first-seen":
    "the registry lists another digest than when this file was first seen here",
  "registry-lists-no-sha256": "the registry lists no SHA-256 of this file, and the log has none",
  "registry-url-names-another-file":
    "the registry's URL of this file ends in another name, which clients would take it for",
  "registry-moved-it-to-a-forbidden-host":
    "the registry's URL of this file leads where the proxy must not connect",
  "bytes-differ-from-the-log": "the registry serves other bytes than those that were logged",
  "log-unreachable": "the log cannot be reached, and no proof that is young enough is kept",
  "log-answer-unproven": "the log's answer does not prove what it says",
  "log-checkpoint-refused": "the log's checkpoint does not satisfy the policy",
  "log-shows-two-histories": "the log shows another history than before",
  "publisher-not-allowed": "its publisher is not one whom the provenance policy allows",
  "builder-not-trusted": "it was not built by a workflow that the provenance policy trusts",
  "provenance-missing": "it has not the provenance that the policy requires",
  "provenance-not-verified": "its provenance does not verify",
  "provenance-unavailable": "its provenance, which the policy requires, cannot be fetched",
  "publisher-changed": "somebody else publishes this project of late, and --strict refuses that",
  "provenance-disappeared":
    "its project's releases had provenance and it has none, and --strict refuses that",
  "first-release-in-years":
    "it is the first release of its project in years, and --strict refuses that",
  "unreviewed": "not enough of the keys that you trust say that it is ok, and --reviews wants that",
  "marked-bad": "a key that you trust says that it is not ok",
  "registry-answer-unusable": "the registry's answer for this project cannot be used",
} as const;

/** A reason to refuse a file. */
export type Reason = keyof typeof REASONS;

/** What the log, or the lack of it, says of a file. */
export type Said =
  | {
    readonly kind: "vouched";
    /** Who says so: the log, or our own of what was seen first. */
    readonly by: "log" | "first-seen";
    /** The one digest. */
    readonly digest: Hash;
    /** The leaf index of the entry. */
    readonly index: bigint;
    /** The publisher that the entry names, if it names one. */
    readonly publisher?: Publisher;
  }
  | { readonly kind: "missing" }
  | {
    readonly kind: "unknown";
    /** Why nothing is known of it. */
    readonly reason: Reason;
  };

/** What the user chose. */
export interface GateRules {
  /** What to do with files that the log does not have. */
  readonly onMissing: "refuse" | "warn";
  /** Whether the log need not know the files of a project, by its normalised name. */
  readonly isExempt: (project: string) => boolean;
}

/** What becomes of a file. */
export type Passage =
  | {
    readonly kind: "pass";
    /** Its SHA-256 in hex, which clients will check. */
    readonly sha256: string;
    /** Who vouches for it, or why it passes nevertheless. */
    readonly by: "log" | "first-seen" | "exemption" | "warning";
  }
  | {
    readonly kind: "refuse";
    /** Why. */
    readonly reason: Reason;
    /** The digest that was logged, in hex, if the log knows the file. */
    readonly logged: string | null;
    /** The reason with names, where it has more to say. */
    readonly detail?: string;
  };

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Decides about one file.
 *
 * @param file As the registry lists it.
 * @param said What the log says of it; of an exempt file it is not asked.
 * @param onMissing What to do when the log does not have it.
 */
export function judgeFile(
  file: ListedFile,
  said: Said | "exempt",
  onMissing: GateRules["onMissing"],
): Passage {
  const listed = listedSha256(file);
  const logged = said !== "exempt" && said.kind === "vouched" ? encodeHex(said.digest) : null;
  // pip goes by the end of the URL: another file's digest must not vouch for that name.
  if (!endsInItsName(file)) {
    return { kind: "refuse", reason: "registry-url-names-another-file", logged };
  }
  if (said !== "exempt" && said.kind === "vouched") {
    const sha256 = logged!;
    if (listed === null || listed === sha256) return { kind: "pass", sha256, by: said.by };
    const reason = said.by === "log"
      ? "digest-differs-from-the-log"
      : "digest-differs-from-first-seen";
    return { kind: "refuse", reason, logged };
  }
  const by = said === "exempt"
    ? "exemption"
    : said.kind === "missing" && onMissing === "warn"
    ? "warning"
    : null;
  // Without a digest pip and uv would install any bytes.
  if (by !== null && listed !== null) return { kind: "pass", sha256: listed, by };
  const reason = by !== null
    ? "registry-lists-no-sha256"
    : said !== "exempt" && said.kind === "unknown"
    ? said.reason
    : "not-in-the-log";
  return { kind: "refuse", reason, logged: null };
}

/** The SHA-256 that the registry lists, in lowercase hex; `null` if it lists none. */
export function listedSha256({ hashes }: ListedFile): string | null {
  const sha256 = hashes.get("sha256")?.toLowerCase();
  return sha256 !== undefined && SHA256.test(sha256) ? sha256 : null;
}

function endsInItsName({ filename, url }: ListedFile): boolean {
  try {
    return decodeURIComponent(url.pathname.split("/").at(-1)!) === filename;
  } catch {
    return false;
  }
}
