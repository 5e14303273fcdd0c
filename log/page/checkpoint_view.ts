/**
 * A checkpoint with its signatures: its text as signed, and for each line below it
 * whose it is and whether it holds.
 *
 * @module
 */

import {
  cosignatureTime,
  KeyType,
  type NoteSignature,
  parseNote,
  type Policy,
  type VerifierKey,
  verifierOf,
} from "@indelible/core";
import { element } from "./dom.ts";
import { formatMoment } from "./format.ts";
import { unverifiable, type Verdict, verified, wrong } from "./verdict.ts";
import { verdictMark } from "./verdict_mark.ts";

/** One signature line, judged by itself. */
export interface JudgedSignature {
  /** The key's name, as the line says. */
  readonly name: string;
  /** Whose it is, and whether it holds. */
  readonly verdict: Verdict;
}

/**
 * Judges each signature line of a checkpoint under a policy.
 *
 * @throws {SyntaxError} If the note is malformed.
 */
export function judgeSignatures(note: Uint8Array, policy: Policy): JudgedSignature[] {
  const { text, signatures } = parseNote(note);
  return signatures.map((line) => ({ name: line.name, verdict: judge(line, text, policy) }));
}

function judge(line: NoteSignature, text: string, policy: Policy): Verdict {
  const isOf = ({ key }: { key: VerifierKey }) =>
    key.name === line.name && key.keyId === line.keyId;
  const log = policy.logs.find(isOf);
  const known = log ?? policy.witnesses.find(isOf);
  if (!known) return unverifiable(`Key ${line.keyId} is not in the policy.`);
  if (!verifierOf(known.key).verify(text, line.signature)) {
    return wrong(`Not a signature of this checkpoint by key ${line.keyId}.`);
  }
  const who = log ? "The log" : "A witness";
  if (known.key.type === KeyType.ed25519) return verified(`${who}, key ${line.keyId}.`);
  const time = formatMoment(Number(cosignatureTime(line.signature)));
  return verified(`${who}, key ${line.keyId}, at ${time}.`);
}

/** Shows a checkpoint and its signatures. */
export function checkpointView(note: Uint8Array, policy: Policy): HTMLElement {
  let judged: JudgedSignature[];
  try {
    judged = judgeSignatures(note, policy);
  } catch (error) {
    return element("p", { class: "error" }, (error as Error).message);
  }
  return element(
    "div",
    {},
    element("pre", { dir: "ltr" }, parseNote(note).text.trimEnd()),
    element(
      "ul",
      { class: "rows", label: "Signatures" },
      ...judged.map(({ name, verdict }) =>
        element(
          "li",
          { class: verdict.kind },
          element("span", { class: "row-name", dir: "ltr" }, name),
          verdictMark(verdict.kind),
          element("span", { class: "row-note" }, verdict.why),
        )
      ),
    ),
  );
}
