/**
 * One file on its way into the log: submitted, its answer checked in full, its
 * tlog-proof written; and what to say of it.
 *
 * @module
 */

import { formatChecksum, formatTlogProof, parseEntry, type Policy } from "@indelible/core";
import type { AddAnswer, Submission } from "./add_request.ts";
import { replaceFile } from "./files.ts";
import { Interrupted } from "./main.ts";
import { checkStatement } from "./statement.ts";

/** What is to be logged, and where its proof goes. */
export interface Job {
  /** What the user calls it. */
  readonly name: string;
  /** Where the proof goes. */
  readonly proofPath: string;
  /** Makes what is submitted, reading the file if there is one. */
  readonly submission: () => Promise<Submission>;
}

/** What became of one file. */
export type Outcome =
  | {
    readonly kind: "logged";
    readonly name: string;
    readonly proofPath: string;
    readonly filename: string;
    readonly checksum: string;
    readonly index: bigint;
    readonly log: string;
    readonly witnesses: readonly string[];
  }
  | {
    readonly kind: "failed";
    readonly name: string;
    readonly error: string;
    readonly existing?: { readonly index: number; readonly checksum: string };
  };

/**
 * Submits one file, checks the answer and keeps the proof.
 *
 * @param job The file.
 * @param submit Asks the log.
 * @param policy Whom the caller trusts.
 * @throws {Interrupted} If the user stops it; other failures are outcomes.
 */
export async function addOne(
  { name, proofPath, submission }: Job,
  submit: (submission: Submission) => Promise<AddAnswer>,
  policy: Policy,
): Promise<Outcome> {
  try {
    const held = await submission();
    const answer = await submit(held);
    if (answer.kind === "conflict") {
      const { index, checksum } = answer;
      return {
        kind: "failed",
        name,
        error: `it is logged with another digest: entry ${index} has ${checksum}, ` +
          `the file has ${formatChecksum(held.digest)}; ` +
          conflictProof(answer, held.filename, policy),
        existing: { index, checksum },
      };
    }
    const statement = checkStatement(answer.proof, held, policy);
    if (statement.kind === "refused") {
      return {
        kind: "failed",
        name,
        error: `the log's answer does not hold: ${statement.why}`,
      };
    }
    replaceFile(proofPath, formatTlogProof(answer.proof));
    return {
      kind: "logged",
      name,
      proofPath,
      filename: held.filename,
      checksum: formatChecksum(held.digest),
      index: answer.proof.index,
      log: statement.verdict.log.key.name,
      witnesses: statement.verdict.cosigned.map(({ witness }) => witness.name),
    };
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return {
      kind: "failed",
      name,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Whether the log proves that another digest stands. */
function conflictProof(
  { proof }: Extract<AddAnswer, { kind: "conflict" }>,
  filename: string,
  policy: Policy,
): string {
  if (!proof?.extra) return "the log sent no proof of it";
  const { digest } = parseEntry(proof.extra);
  const { kind } = checkStatement(proof, { filename, digest }, policy);
  return kind === "proven" ? "the log's proof of it holds" : "the log's proof of it does NOT hold";
}

/** Tells what became of a file, in one line. */
export function reportOutcome(outcome: Outcome, json: boolean): void {
  if (json) {
    const { kind, ...rest } = outcome;
    const index = "index" in rest ? { index: Number(rest.index) } : {};
    console.log(JSON.stringify({ status: kind, ...rest, ...index }));
  } else if (outcome.kind === "failed") {
    console.error(`add: ${outcome.name}: ${outcome.error}`);
  } else {
    const { name, index, log, witnesses, proofPath } = outcome;
    const seen = witnesses.length > 0 ? `, witnessed by ${witnesses.join(", ")}` : "";
    console.log(
      `${name}: entry ${index} of ${log}${seen}; proof in ${proofPath}`,
    );
  }
}
