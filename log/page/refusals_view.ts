/**
 * Refusals: attempts to log a second digest for a file. Nobody signs them, so they
 * are the log's word; what stands in the log instead is proven.
 *
 * @module
 */

import { formatChecksum, type Json } from "@indelible/core";
import { type Child, code, element } from "./dom.ts";
import { formatMoment } from "./format.ts";
import type { SignedHead } from "./head_report.ts";
import { type ProvenEntry, readEntries } from "./proven_entry.ts";
import { listOf, objectOf, sizeOf, textOf } from "./status.ts";
import { under, unverifiable, type Verdict, type VerdictKind, wrong } from "./verdict.ts";
import { verdictMark } from "./verdict_mark.ts";

interface Refusal {
  readonly time: string;
  readonly filename: string;
  readonly checksum: string;
  readonly existing: { readonly index: bigint | null; readonly checksum: string };
  readonly publisher: string;
}

function parseRefusal(json: Json): Refusal {
  const { time, filename, checksum, existing, publisher } = objectOf(json);
  const { index, checksum: standing } = objectOf(existing);
  return {
    time: textOf(time) ?? "",
    filename: textOf(filename) ?? "",
    checksum: textOf(checksum) ?? "",
    existing: { index: sizeOf(index), checksum: textOf(standing) ?? "" },
    publisher: textOf(publisher) ?? "",
  };
}

/** Lists what `/refusals` says, each against the entry that stands. */
export async function refusalList(
  json: Json | null,
  head: SignedHead,
  headKind: VerdictKind,
): Promise<Child> {
  const refusals = listOf(json ?? []).map(parseRefusal);
  if (refusals.length === 0) {
    return element("p", { class: "quiet" }, "None: nobody has tried to log a second digest.");
  }
  const indices = refusals.map(({ existing }) => existing.index ?? -1n);
  const standing = await readEntries(head, indices);
  const rows = refusals.map((refusal, i) => row(refusal, standing[i]!, headKind));
  return element("ol", { class: "rows refusals" }, ...rows);
}

function row(refusal: Refusal, standing: ProvenEntry, head: VerdictKind): HTMLElement {
  const verdict = under(head, judge(refusal, standing));
  const { index } = refusal.existing;
  const seconds = Date.parse(refusal.time) / 1000;
  return element(
    "li",
    { class: verdict.kind },
    element(
      "span",
      { class: "row-name", dir: "ltr" },
      index === null
        ? refusal.filename
        : element("a", { href: `#/entry/${index}` }, refusal.filename),
    ),
    verdictMark(verdict.kind),
    element(
      "span",
      { class: "row-note" },
      "refused ",
      code(`${refusal.checksum.slice(0, 23)}…`),
      Number.isFinite(seconds) ? ` · ${formatMoment(seconds)}` : "",
      refusal.publisher === "" ? "" : ` · ${refusal.publisher}`,
    ),
    element("p", { class: "why" }, verdict.why),
  );
}

/** The attempt itself is not signed by anybody; the digest that stands is. */
function judge({ filename, checksum, existing }: Refusal, standing: ProvenEntry): Verdict {
  const { entry, verdict } = standing;
  if (verdict.kind !== "verified" || !entry) return verdict;
  const stands = formatChecksum(entry.digest);
  if (entry.file !== filename || stands !== existing.checksum) {
    return wrong(
      `The log says that entry ${standing.index} is why it refused; that entry is of ` +
        `${entry.file}, ${stands.slice(0, 23)}….`,
    );
  }
  if (stands === checksum) {
    return unverifiable("The log says that it refused the very digest that it holds.");
  }
  return unverifiable(
    `The attempt is the log’s word. What stands is proven: ${stands.slice(0, 23)}… in entry ` +
      `${standing.index}.`,
  );
}
