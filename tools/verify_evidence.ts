/**
 * `verify-evidence`: checks an evidence file, offline, and says in plain words what it
 * proves, against whom, and what it does not prove. It reads the files that its flags
 * name and nothing else, and has no network.
 *
 * @module
 */

import {
  checkEvidence,
  type EvidenceFile,
  type EvidenceVerdict,
  excerpt,
  MAX_EVIDENCE_SIZE,
  parseEvidence,
} from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions } from "@indelible/core/command";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { readSmallFile } from "./files.ts";
import { runMain } from "./main.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "./trust.ts";

/** Flags of `verify-evidence`. */
export type VerifyEvidenceFlags = TrustFlags & {
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** The longest text of the file that is printed. */
const LONGEST = 2_000;

/** The command line of `verify-evidence`. */
export const command: Command<VerifyEvidenceFlags, [string]> = {
  name: "verify-evidence",
  brief: "Check an evidence file, offline, and say what it proves",
  description: [
    "Checks, without network, what a monitor wrote down against a log: that the signatures",
    "are the log's, that the proofs lead where they must, and that it is the contradiction",
    "it claims to be. Says what follows from the signatures, what is only the monitor's",
    "word, and what does not follow. Ends with 0 when it holds, else with 1.",
    "",
    "Without --policy the keys are those that the file names itself: then it tells what",
    "the holder of that key did, and whose key it is remains for you to find out.",
    "",
    "Examples:",
    "  deno task verify-evidence fork-5bd1f4c0a1b2c3d4.json --policy=log.policy",
    "  deno task verify-evidence second-digest-0123456789abcdef.json --json",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "Evidence file to check" }],
    },
    flags: {
      ...TRUST_FLAGS,
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as one line of JSON",
      },
    },
  },
  permissions(flags, file): Permissions {
    return { read: [file, ...trustPaths(flags)] };
  },
  async run(flags, file) {
    const trusted = await loadTrust(flags);
    const bytes = await readSmallFile(file, "evidence", MAX_EVIDENCE_SIZE);
    let evidence: EvidenceFile | null = null;
    let verdict: EvidenceVerdict;
    try {
      evidence = parseEvidence(bytes);
      verdict = await checkEvidence(evidence, trusted, nativeEd25519);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      verdict = { kind: "refused", why: error.message };
    }
    if (flags.json) console.log(JSON.stringify(toJson(file, evidence, verdict)));
    else print(file, evidence, verdict);
    return verdict.kind === "verified" ? 0 : EXIT_FAILURE;
  },
};

function print(file: string, evidence: EvidenceFile | null, verdict: EvidenceVerdict): void {
  if (verdict.kind === "refused") {
    console.error(`verify-evidence: ${file} is NOT verified: ${printable(verdict.why)}`);
    return;
  }
  const { kind, time, summary } = evidence!;
  const { strength, against, proves, reports, provesNot } = verdict;
  console.log(`${file}: verified, ${strength === "proof" ? "a proof" : "a report"} of ${kind}`);
  console.log(`  against: ${printable(against)}`);
  console.log(`  in the monitor's words, at ${time}: ${printable(summary)}`);
  section("What the signatures prove", proves);
  section("What only the monitor says", reports);
  section("What this does not prove", provesNot);
}

function section(title: string, sentences: readonly string[]): void {
  if (sentences.length === 0) return;
  console.log(`\n${title}:`);
  for (const sentence of sentences) console.log(`  - ${printable(capital(sentence))}`);
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** What stands in the file may be hostile to a terminal. */
function printable(text: string): string {
  return excerpt(text, LONGEST);
}

function toJson(
  file: string,
  evidence: EvidenceFile | null,
  verdict: EvidenceVerdict,
): Record<string, unknown> {
  if (verdict.kind === "refused") return { file, verified: false, error: verdict.why };
  const { kind: _, ...what } = verdict;
  const { kind, origin, time, summary } = evidence!;
  return { file, verified: true, kind, origin, time, summary, ...what };
}

if (import.meta.main) await runMain(command);
