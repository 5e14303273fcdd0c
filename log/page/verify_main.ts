/**
 * The offline page: checks a tlog-proof, or a file of evidence, that the reader
 * brings. Its own policy forbids the browser to connect anywhere, so it also works
 * without a network, and when it is opened from a clone of the project.
 *
 * @module
 */

import { encodeHex, leafHash, parsePolicy, type Policy, utf8 } from "@indelible/core";
import { checkpointView } from "./checkpoint_view.ts";
import { byId, type Child, chooseFile, code, element, fill } from "./dom.ts";
import { acceptDrops } from "./drop.ts";
import { evidenceDetails, judgeEvidence } from "./evidence_view.ts";
import { digestFile } from "./file_digest.ts";
import { formatBytes, formatCount } from "./format.ts";
import { merkleDrawing } from "./merkle_drawing.ts";
import { type HeldFile, judgeProof, type ProofReport } from "./offline_proof.ts";
import { browserStore, Memory } from "./remembered.ts";
import { banner, checkList } from "./report_view.ts";
import { facts, statement } from "./statement_view.ts";
import type { VerdictKind } from "./verdict.ts";
import { verdictWord } from "./verdict_mark.ts";
import { section } from "./view.ts";

const MAX_TEXT = 1 << 20;

/** What the reader brought. */
const held: {
  proof: Uint8Array | null;
  evidence: Uint8Array | null;
  file: HeldFile | null;
  policy: { readonly parsed: Policy; readonly from: string } | null;
} = { proof: null, evidence: null, file: null, policy: rememberedPolicy() };

byId("tools").hidden = false;
for (const what of ["Choose a proof", "Choose the file", "Choose a policy"]) {
  byId("choose").append(chooseFile(what, (file) => void take([file])));
}
acceptDrops((files) => void take(files));
void show();

/** The policy that this browser keeps for the log that the page came from. */
function rememberedPolicy() {
  const text = new Memory(browserStore()).read()?.policy;
  try {
    const from = "the policy that this browser keeps for this log";
    return text === undefined ? null : { parsed: parsePolicy(utf8(text)), from };
  } catch {
    return null;
  }
}

/** Takes files, and tells from what is in them what each is. */
async function take(files: readonly File[]): Promise<void> {
  fill(byId("problem"));
  for (const file of files) {
    try {
      await takeOne(file);
    } catch (error) {
      fill(byId("problem"), `Cannot read ${file.name}: ${(error as Error).message}`);
    }
  }
  await show();
}

async function takeOne(file: File): Promise<void> {
  const bytes = file.size <= MAX_TEXT ? new Uint8Array(await file.arrayBuffer()) : null;
  const text = bytes && new TextDecoder().decode(bytes.subarray(0, 4096));
  if (bytes && text!.startsWith("c2sp.org/tlog-proof@")) {
    held.proof = bytes;
    held.evidence = null;
  } else if (bytes && text!.includes('"format": "indelible-evidence/')) {
    held.evidence = bytes;
    held.proof = null;
  } else if (bytes && /^(?:log|witness|quorum) /m.test(text!)) {
    held.policy = { parsed: parsePolicy(bytes), from: `the policy in ${file.name}` };
  } else {
    const progress = byId("hashing");
    const size = formatBytes(file.size);
    const digest = await digestFile(file, (done) => {
      fill(progress, `Computing the digest: ${formatBytes(done)} of ${size}`);
    });
    fill(progress);
    held.file = { name: file.name, digest };
  }
}

async function show(): Promise<void> {
  fill(byId("brought"), brought());
  const policy = held.policy?.parsed ?? null;
  let body: Child[] = [];
  if (held.evidence) {
    body = [
      element("h2", { class: "visually-hidden" }, "Evidence"),
      ...evidenceDetails(await judgeEvidence(held.evidence, policy)),
    ];
  } else if (held.proof) {
    body = proofDetails(judgeProof(held.proof, policy, held.file), policy);
  }
  fill(byId("result"), ...body);
}

function brought(): HTMLElement {
  const rows: [string, Child][] = [];
  if (held.file) {
    const { name, digest } = held.file;
    rows.push([
      "File",
      element("span", {}, element("bdi", {}, name), " ", code(encodeHex(digest))),
    ]);
  }
  rows.push(["Trusting", held.policy ? held.policy.from : "nobody yet: choose a policy"]);
  return facts(rows);
}

const ANSWERS: Readonly<Record<VerdictKind, string>> = {
  verified: "All of it holds.",
  unverifiable: "Nothing contradicts it, but not all of it could be proven.",
  wrong: "It does not hold. Do not rely on it.",
};

function proofDetails(report: ProofReport, policy: Policy | null): Child[] {
  const { kind, checks, proof, entry, path } = report;
  const body: Child[] = [
    banner(kind, verdictWord(kind), ANSWERS[kind]),
    checkList(checks),
  ];
  if (!proof) return body;
  if (proof.extra) body.push(section("Statement", statement(entry, proof.extra, { links: false })));
  if (path) body.push(section("Proof", merkleDrawing(path)));
  else if (proof.extra) {
    const leaf = encodeHex(leafHash(proof.extra));
    body.push(section(
      "Proof",
      element(
        "p",
        {},
        `${formatCount(proof.proof.length)} hashes, not as many as there must be from `,
        code(leaf),
        ".",
      ),
    ));
  }
  if (policy) body.push(section("Checkpoint", checkpointView(proof.checkpoint, policy)));
  return body;
}
