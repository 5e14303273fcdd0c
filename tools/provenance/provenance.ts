/**
 * `provenance`: checks a file against its attestations, offline: who published
 * it, who built it, and whether the policy allows them. It reads the files that
 * its flags name and nothing else, and has no network.
 *
 * @module
 */

import { encodeHex, projectOf, PYPI_V1 } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions } from "@indelible/core/command";
import { basename } from "node:path";
import { digestFile } from "../digest.ts";
import { readSmallFile } from "../files.ts";
import { runMain } from "../main.ts";
import { type Claims, describeSigner } from "./claims.ts";
import { type Found, judgeProvenance, type ProvenanceVerdict } from "./judge.ts";
import { parseProvenancePolicy, type ProvenancePolicy, ruleFor } from "./policy.ts";
import { checkProvenance } from "./provenance_desk.ts";
import { loadTrustedRoot } from "./trusted_root.ts";
import type { AttestedFile } from "./verify_attestation.ts";

/** Flags of `provenance`. */
export type ProvenanceFlags = {
  /** Files with attestations, or a provenance object. */
  readonly attestation?: readonly string[];
  /** The name that was attested; by default the file's own. */
  readonly filename?: string;
  /** The file that says who may publish and build. */
  readonly provenancePolicy?: string;
  /** Whose certificates and logs verify attestations. */
  readonly trustedRoot?: string;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** What is looked for beside a file. */
const EXTENSION = ".provenance";

/** The command line of `provenance`. */
export const command: Command<ProvenanceFlags, [string]> = {
  name: "provenance",
  brief: "Check who published and built a file, offline",
  description: [
    "Verifies a file's attestations (PEP 740): the certificate, the signature, the entry in the",
    "transparency log, and that the statement is about this file. With --provenance-policy it",
    "then says whether those who published and built it are whom you trust. Without one it only",
    "tells who they are: that an attestation verifies is no reason to trust its signer.",
    "Ends with 0 when all of it holds, else with 1.",
    "",
    "Examples:",
    "  deno task provenance pkg-1.0.tar.gz --provenance-policy=provenance.policy",
    "  deno task provenance pkg-1.0.tar.gz --attestation=pkg-1.0.tar.gz.publish.attestation",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "FILE", brief: "File to check" }],
    },
    flags: {
      attestation: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: ",",
        placeholder: "FILE",
        brief: "Attestations, or a provenance object (default: FILE.provenance)",
      },
      filename: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Name that was attested, if the file is called otherwise here",
      },
      provenancePolicy: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Who may publish and build which projects",
      },
      trustedRoot: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Sigstore's trusted_root.json (default: its production root)",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  permissions(flags, file): Permissions {
    const { provenancePolicy, trustedRoot } = flags;
    const named = [provenancePolicy, trustedRoot].filter((path) => path !== undefined);
    return { read: [file, ...attestationPaths(flags, file), ...named] };
  },
  async run(flags, path) {
    const filename = flags.filename ?? basename(path);
    const file = { filename, sha256: encodeHex(await digestFile(path)) };
    const root = await loadTrustedRoot(flags.trustedRoot);
    const found = { kind: "checked", claims: [] as Claims[], failures: [] as string[] } as const;
    for (const attestation of attestationPaths(flags, path)) {
      const bytes = await readSmallFile(attestation, "attestation");
      const checked = checkProvenance(bytes, file, root);
      if (checked.kind !== "checked") continue;
      found.claims.push(...checked.claims);
      found.failures.push(...checked.failures);
    }
    const verdict = await judge(flags.provenancePolicy, filename, found);
    const isGood = verdict ? verdict.kind === "pass" : isVerified(found);
    if (flags.json) console.log(JSON.stringify(toJson(file, found, verdict)));
    else print(file, found, verdict);
    return isGood ? 0 : EXIT_FAILURE;
  },
};

function attestationPaths({ attestation }: ProvenanceFlags, file: string): readonly string[] {
  return attestation ?? [file + EXTENSION];
}

type Checked = Extract<Found, { kind: "checked" }>;

/** Without a policy nothing may fail: nobody says what is enough. */
function isVerified({ claims, failures }: Checked): boolean {
  return claims.length > 0 && failures.length === 0;
}

async function judge(
  path: string | undefined,
  filename: string,
  found: Checked,
): Promise<ProvenanceVerdict | null> {
  if (path === undefined) return null;
  const bytes = await readSmallFile(path, "--provenance-policy");
  const cannot = (why: string) => new Error(`Cannot use --provenance-policy ${path}: ${why}`);
  let policy: ProvenancePolicy;
  try {
    policy = parseProvenancePolicy(bytes);
  } catch (error) {
    throw cannot((error as Error).message);
  }
  const digest = new Uint8Array(32);
  const project = projectOf({
    format: PYPI_V1,
    ecosystem: "pypi",
    event: "publish",
    file: filename,
    digest,
  });
  const rule = project === null ? null : ruleFor(policy, project);
  if (!rule) throw cannot(`it says nothing of the project of ${filename}`);
  if (rule.required.size === 0) throw cannot(`it requires no provenance of ${project}`);
  return judgeProvenance(rule, found, null);
}

function toJson(file: AttestedFile, found: Checked, verdict: ProvenanceVerdict | null) {
  const { claims, failures } = found;
  return {
    ...file,
    verified: isVerified(found),
    accepted: verdict && verdict.kind === "pass",
    claims,
    failures,
    ...(verdict?.kind === "refuse" && { reason: verdict.reason, detail: verdict.detail }),
  };
}

function print(
  { filename, sha256 }: AttestedFile,
  { claims, failures }: Checked,
  verdict: ProvenanceVerdict | null,
): void {
  if (verdict?.kind === "refuse") {
    console.error(`provenance: ${filename} is NOT accepted: ${verdict.reason}: ${verdict.detail}`);
    return;
  }
  if (!verdict && !isVerified({ kind: "checked", claims, failures })) {
    const why = failures.join("; ") || "there is no attestation";
    console.error(`provenance: ${filename} is NOT verified: ${why}`);
    return;
  }
  console.log(`${filename}: ${verdict ? "accepted by the policy" : "verified"}`);
  console.log(`  digest     sha256:${sha256}, the file's and the statements'`);
  for (const claim of claims) {
    const word = claim.kind === "publish" ? "published" : "built    ";
    console.log(`  ${word}  by ${describeSigner(claim)}`);
    console.log(`             from ${claim.repository ?? "(not said)"}, at ${claim.signed}`);
  }
  for (const failure of failures) console.log(`  ignored    an attestation: ${failure}`);
  if (!verdict) console.log("  policy     none: whether to trust them is yours to say");
}

if (import.meta.main) await runMain(command);
