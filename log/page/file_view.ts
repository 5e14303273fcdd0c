/**
 * What the log knows of a file that the reader has: its name, its digest, or both.
 *
 * @module
 */

import { encodeHex, equalBytes, formatChecksum, type Hash, parseTlogProof } from "@indelible/core";
import { type Child, code, element } from "./dom.ts";
import { entryList, eventText } from "./entry_list.ts";
import { section, type View } from "./view.ts";
import type { SignedHead } from "./head_report.ts";
import type { LogClient } from "./log_client.ts";
import { type ProvenEntry, readEntry } from "./proven_entry.ts";
import { search, secondDigest } from "./search.ts";
import { impossible } from "./search_query.ts";
import { facts } from "./statement_view.ts";
import {
  under,
  unverifiable,
  type Verdict,
  type VerdictKind,
  verdictOf,
  verified,
  wrong,
} from "./verdict.ts";
import { verdictLine } from "./verdict_mark.ts";

/** Looks a file up by its name and by its digest. */
export async function fileView(
  name: string,
  digest: Hash,
  client: LogClient,
  head: SignedHead,
  headKind: VerdictKind,
): Promise<View> {
  const hex = encodeHex(digest);
  const [byName, byDigest] = await Promise.all([
    entriesByName(client, head, name),
    search(client, head, { kind: "digest", text: hex }).then(({ found }) => found).catch(() => []),
  ]);
  const seen = new Set<bigint>();
  const all = [...byName.entries, ...byDigest].filter(({ index }) =>
    !seen.has(index) && seen.add(index)
  );
  const verdict = under(headKind, judgeFile(name, digest, byName, byDigest));
  const body: Child[] = [
    verdictLine(verdict),
    facts([["File", element("bdi", {}, name)], ["SHA-256, computed here", code(hex)]]),
    element("p", { class: "quiet" }, "The file itself has not left this device."),
  ];
  if (all.length > 0) body.push(section("In the log", entryList(all, headKind)));
  return { title: `File ${name}`, body };
}

interface ByName {
  readonly entries: readonly ProvenEntry[];
  readonly failure: Verdict | null;
}

/** The entries of a file name: by the log's search, or the one that `/bundle` points to. */
async function entriesByName(client: LogClient, head: SignedHead, name: string): Promise<ByName> {
  const query = { kind: "filename", text: name } as const;
  if (impossible(query) !== null) return { entries: [], failure: null };
  try {
    const { found, indexedTo } = await search(client, head, query);
    const isWhole = indexedTo !== null && indexedTo >= head.checkpoint.size;
    if (found.length > 0 || isWhole) return { entries: found, failure: null };
  } catch {
    // No search now: then what has its own path.
  }
  try {
    const bytes = await client.resource(`bundle/${encodeURIComponent(name)}`);
    if (!bytes) return { entries: [], failure: null };
    const proven = await readEntry(head, parseTlogProof(bytes).index);
    return { entries: [proven], failure: null };
  } catch (error) {
    return { entries: [], failure: verdictOf(error) };
  }
}

/** Judges a file by what is logged of its name, and of its digest. */
export function judgeFile(
  name: string,
  digest: Hash,
  { entries, failure }: ByName,
  byDigest: readonly ProvenEntry[],
): Verdict {
  const unproven = entries.find(({ verdict }) => verdict.kind !== "verified");
  if (unproven) return unproven.verdict;
  const ofName = entries.flatMap(({ entry }) => entry?.file === name ? entry : []);
  const conflict = secondDigest(ofName);
  if (conflict) return conflict;
  const same = ofName.filter((entry) => equalBytes(entry.digest, digest));
  if (same.some(({ event }) => event === "publish")) {
    const [newest] = same; // The log's search answers newest first.
    const since = newest!.event === "publish"
      ? ""
      : ` Since then it was ${eventText(newest!.event)}.`;
    return verified(
      `This is the file that was logged under this name: everyone gets these bytes.${since}`,
    );
  }
  if (same.length > 0) {
    return unverifiable("The log has this file with this digest, but no entry that published it.");
  }
  const [logged] = ofName;
  if (logged) {
    return wrong(
      `This is not the file that was logged under this name: that one has ` +
        `${formatChecksum(logged.digest)}. Do not install it.`,
    );
  }
  const renamed = byDigest.find(({ entry }) => entry && equalBytes(entry.digest, digest));
  if (renamed) {
    return renamed.verdict.kind === "verified"
      ? verified(`These bytes are logged, under the name ${renamed.entry!.file}.`)
      : renamed.verdict;
  }
  return failure ?? unverifiable("The log knows neither this name nor this digest.");
}
