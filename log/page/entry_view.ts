/**
 * The page of one entry: what it states, its proof, the checkpoint it is under, and
 * what to save to check all of it elsewhere.
 *
 * @module
 */

import { leafHash, utf8 } from "@indelible/core";
import { button, type Child, code, element, saveLink } from "./dom.ts";
import { checkpointView } from "./checkpoint_view.ts";
import { formatCount } from "./format.ts";
import type { SignedHead } from "./head_report.ts";
import { merkleDrawing } from "./merkle_drawing.ts";
import { merklePath } from "./merkle_path.ts";
import { type EntryWithProof, readEntryWithProof, tlogProofOf } from "./proven_entry.ts";
import type { LogView } from "./session.ts";
import { verifyCommand } from "./shell_word.ts";
import { statement } from "./statement_view.ts";
import { section, type View } from "./view.ts";
import { under } from "./verdict.ts";
import { verdictLine } from "./verdict_mark.ts";

type Judged = Extract<LogView, { kind: "judged" }>;

/** Shows one entry under the head that was judged. */
export async function entryView(index: bigint, view: Judged): Promise<View> {
  const { report, trust } = view;
  const { head } = report;
  const title = `Entry ${formatCount(index)}`;
  if (!head) {
    const verdict = under(report.kind, { kind: "verified", why: "" });
    return { title, body: [verdictLine(verdict)] };
  }
  const proven = await readEntryWithProof(head, index);
  const verdict = under(report.kind, proven.verdict);
  const body: Child[] = [verdictLine(verdict)];
  if (proven.bytes) {
    body.push(section("Statement", statement(proven.entry, proven.bytes, { links: true })));
    body.push(...proofSection(proven, head, trust.text));
    body.push(section("Checkpoint", checkpointView(head.note, report.policy)));
  }
  return { title: proven.entry?.file ?? title, body };
}

function proofSection(proven: EntryWithProof, head: SignedHead, policy: string): Child[] {
  const { index, bytes, proof, entry } = proven;
  const { size, root } = head.checkpoint;
  const path = bytes && proof && merklePath(index, size, leafHash(bytes), proof, root);
  const tlogProof = tlogProofOf(head, proven);
  if (!path || !tlogProof) return [];
  const name = entry?.file ?? `entry-${index}`;
  const size_ = formatCount(size);
  return [
    section(
      "Proof",
      element("p", {}, `Leaf index ${formatCount(index)} in a tree of ${size_} entries.`),
      merkleDrawing(path),
    ),
    section(
      "Check it yourself",
      element(
        "p",
        {},
        "Save the proof and the policy beside the file, in a clone of the project. Then this command " +
          "checks the file without any network:",
      ),
      commandLine(verifyCommand(name)),
      element(
        "p",
        { class: "actions" },
        saveLink("Save the proof", `${name}.tlog-proof`, tlogProof),
        " ",
        saveLink("Save the policy", "policy", utf8(policy)),
      ),
    ),
  ];
}

function commandLine(command: string): HTMLElement {
  const copy = button("Copy", () => {
    // Missing on pages without TLS; the command can still be selected.
    navigator.clipboard?.writeText(command).then(
      () => copy.textContent = "Copied",
      () => copy.textContent = "Not copied",
    );
  });
  return element("div", { class: "command" }, code(command), copy);
}
