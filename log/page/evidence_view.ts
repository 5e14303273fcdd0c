/**
 * Evidence: files in which a monitor keeps what the log or somebody else signed. The
 * page checks each under the policy that this browser trusts, and says what it proves
 * and what it does not.
 *
 * @module
 */

import {
  checkEvidence,
  type EvidenceFile,
  type EvidenceVerdict,
  type Json,
  parseEvidence,
  type Policy,
} from "@indelible/core";
import { type Child, element, saveLink } from "./dom.ts";
import { section, type View } from "./view.ts";
import type { LogClient } from "./log_client.ts";
import { listOf, objectOf, textOf } from "./status.ts";
import { Unavailable, unverifiable, type Verdict, verdictOf, verified, wrong } from "./verdict.ts";
import { verdictLine, verdictMark } from "./verdict_mark.ts";

const SHOWN = 20;
const NAME = /^[a-z0-9][a-z0-9-]{0,99}\.json$/;

/** An evidence file that was read and checked. */
export interface JudgedEvidence {
  /** Its content; `null` when it is malformed or not there. */
  readonly evidence: EvidenceFile | null;
  /** What it proves; `null` when it is malformed or not there. */
  readonly outcome: EvidenceVerdict | null;
  /** In one answer: a proof is verified, a report is not, a refused file is wrong. */
  readonly verdict: Verdict;
}

/** Checks the bytes of an evidence file. */
export async function judgeEvidence(
  bytes: Uint8Array,
  policy: Policy | null,
): Promise<JudgedEvidence> {
  let evidence: EvidenceFile;
  try {
    evidence = parseEvidence(bytes);
  } catch (error) {
    return { evidence: null, outcome: null, verdict: verdictOf(error) };
  }
  const outcome = await checkEvidence(evidence, policy);
  return { evidence, outcome, verdict: verdictOfEvidence(outcome) };
}

function verdictOfEvidence(outcome: EvidenceVerdict): Verdict {
  if (outcome.kind === "refused") return wrong(`The file proves nothing: ${outcome.why}.`);
  return outcome.strength === "proof"
    ? verified(`The signatures in it prove it, against ${outcome.against}.`)
    : unverifiable("What was signed is proven; what the monitor says about it is its word.");
}

/** Lists what `/evidence` offers, each file fetched and checked. */
export async function evidenceList(
  json: Json | null,
  client: LogClient,
  policy: Policy,
): Promise<Child> {
  const files = listOf(json ?? []).map(objectOf).slice(0, SHOWN);
  if (files.length === 0) {
    return element("p", { class: "quiet" }, "None: no monitor has left any with this log.");
  }
  const rows = await Promise.all(files.map(async (file) => {
    const name = textOf(file["name"]) ?? "";
    const { verdict, evidence } = await fetchEvidence(name, client, policy);
    const said = evidence?.summary ?? textOf(file["summary"]) ?? name;
    return element(
      "li",
      { class: verdict.kind },
      element(
        "span",
        { class: "row-name" },
        NAME.test(name) ? element("a", { href: `#/evidence/${name}` }, said) : said,
      ),
      verdictMark(verdict.kind),
      element("p", { class: "why" }, verdict.why),
    );
  }));
  return element("ol", { class: "rows" }, ...rows);
}

interface Fetched extends JudgedEvidence {
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

async function fetchEvidence(name: string, client: LogClient, policy: Policy): Promise<Fetched> {
  const nothing = { bytes: null, evidence: null, outcome: null };
  try {
    if (!NAME.test(name)) throw new Unavailable("This is not the name of an evidence file.");
    const bytes = await client.resource(`evidence/${name}`);
    if (!bytes) throw new Unavailable("The log does not serve this file.");
    const copy = new Uint8Array(bytes);
    return { bytes: copy, ...await judgeEvidence(copy, policy) };
  } catch (error) {
    return { ...nothing, verdict: verdictOf(error) };
  }
}

/** The page of one evidence file. */
export async function evidenceView(
  name: string,
  client: LogClient,
  policy: Policy,
): Promise<View> {
  const judged = await fetchEvidence(name, client, policy);
  const body = evidenceDetails(judged);
  if (judged.bytes && NAME.test(name)) {
    body.push(
      element("p", { class: "actions" }, saveLink("Save the evidence", name, judged.bytes)),
    );
  }
  return { title: "Evidence", body };
}

/** What an evidence file says, proves and does not prove. */
export function evidenceDetails({ verdict, evidence, outcome }: JudgedEvidence): Child[] {
  const body: Child[] = [verdictLine(verdict)];
  if (evidence) {
    body.push(element("p", { class: "lead" }, evidence.summary));
    body.push(
      element("p", { class: "quiet" }, `${evidence.kind}, ${evidence.time}, a monitor’s words`),
    );
  }
  if (outcome?.kind !== "verified") return body;
  const lists: [string, readonly string[]][] = [
    ["What it proves", outcome.proves],
    ["What it only reports", outcome.reports],
    ["What it does not prove", outcome.provesNot],
  ];
  for (const [title, sentences] of lists) {
    if (sentences.length === 0) continue;
    const items = sentences.map((sentence) => element("li", {}, sentence));
    body.push(section(title, element("ul", { class: "prose" }, ...items)));
  }
  return body;
}
