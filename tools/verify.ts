/**
 * `verify`: checks a file against its tlog-proof, offline. It reads the files
 * that its flags name and nothing else, and has no network.
 *
 * @module
 */

import { formatChecksum, type Policy, type TlogProof } from "@indelible/core";
import {
  type Command,
  EXIT_FAILURE,
  parseDuration,
  type Permissions,
  UsageError,
} from "@indelible/core/command";
import { basename } from "node:path";
import { loadDefaults, permissionsForDefaults } from "./defaults.ts";
import { digestFile } from "./digest.ts";
import { formatTime, requireFresh } from "./freshness.ts";
import { runMain } from "./main.ts";
import { PROOF_EXTENSION, readProof } from "./proof_file.ts";
import { checkStatement, type Statement } from "./statement.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "./trust.ts";

/** Flags of `verify`. */
export type VerifyFlags = TrustFlags & {
  /** The tlog-proof; by default beside the file. */
  readonly proof?: string;
  /** The name to expect in the entry; by default the file's own. */
  readonly filename?: string;
  /** How old cosignatures may be, in milliseconds. */
  readonly maxAge?: number;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

function needsDefaults({ policy, publicKey }: TrustFlags): boolean {
  return policy === undefined && publicKey === undefined;
}

async function trustFlags(flags: TrustFlags): Promise<TrustFlags> {
  return needsDefaults(flags) ? await loadDefaults() : flags;
}

/** The command line of `verify`. */
export const command: Command<VerifyFlags, [string]> = {
  name: "verify",
  brief: "Check a file against its proof, offline",
  description: [
    "Checks, without network, that a file is the one that was logged: its digest and name",
    "are the entry's, the entry is under a signed checkpoint, and the policy's witnesses",
    "have seen that checkpoint. Ends with 0 when all of it holds, else with 1.",
    "",
    "Examples:",
    "  deno task verify pkg-1.0-py3-none-any.whl --policy=log.policy",
    "  deno task verify download --filename=pkg-1.0.tar.gz \\",
    "    --proof=pkg-1.0.tar.gz.tlog-proof --public-key=public.key --max-age=7d",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: String,
        placeholder: "FILE",
        brief: "File to check",
      }],
    },
    flags: {
      ...TRUST_FLAGS,
      proof: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Proof file (default: FILE.tlog-proof)",
      },
      filename: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Name that was logged, if the file is called otherwise here",
      },
      maxAge: {
        kind: "parsed",
        parse: parseDuration,
        optional: true,
        brief: "How old the witnesses' cosignatures may be, such as 24h or 7d",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  async permissions(flags, file): Promise<Permissions> {
    const read = [file, flags.proof ?? file + PROOF_EXTENSION];
    if (!needsDefaults(flags)) return { read: [...read, ...trustPaths(flags)] };
    const defaults = permissionsForDefaults();
    const paths = trustPaths(await loadDefaults());
    return {
      read: [...read, ...paths, ...defaults.read ?? []],
      env: defaults.env ?? [],
    };
  },
  async run(flags, file) {
    const policy = await loadTrust(await trustFlags(flags));
    if (!policy) {
      throw new UsageError(
        "whom to trust is not said: give --policy=F, or --public-key=F for a log without witnesses",
      );
    }
    const filename = flags.filename ?? basename(file);
    await checkThere(file, filename, flags.proof);
    const proof = await readProof(flags.proof ?? file + PROOF_EXTENSION);
    const digest = await digestFile(file);
    const statement = fresh(
      checkStatement(proof, { filename, digest }, policy),
      policy,
      flags.maxAge,
    );
    const report = { file, proof, policy, checksum: formatChecksum(digest) };
    if (flags.json) console.log(JSON.stringify(toJson(statement, report)));
    else print(statement, report);
    return statement.kind === "proven" ? 0 : EXIT_FAILURE;
  },
};

/** What is missing, said in the words of whoever typed the command. */
async function checkThere(
  file: string,
  filename: string,
  proof: string | undefined,
): Promise<void> {
  if (!await exists(file)) throw new Error(`There is no file ${file} to check`);
  if (proof !== undefined || await exists(file + PROOF_EXTENSION)) return;
  throw new Error(
    `There is no proof ${file}${PROOF_EXTENSION} beside ${file}: get it where you got the file, ` +
      `or from the log at /bundle/${filename}, and name it with --proof if it is elsewhere`,
  );
}

/** Whether something is there; what else is wrong with it shows when it is read. */
async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function fresh(
  statement: Statement,
  policy: Policy,
  maxAge: number | undefined,
): Statement {
  if (statement.kind === "refused") return statement;
  const now = Math.floor(Date.now() / 1000);
  // Cosignatures have whole seconds.
  const seconds = maxAge === undefined ? undefined : Math.ceil(maxAge / 1000);
  const verdict = requireFresh(statement.verdict, policy, now, seconds);
  return verdict.kind === "refused" ? verdict : { ...statement, verdict };
}

/** What the outcome is told with. */
interface Report {
  readonly file: string;
  readonly proof: TlogProof;
  readonly policy: Policy;
  readonly checksum: string;
}

function print(statement: Statement, report: Report): void {
  const { file, proof, policy, checksum } = report;
  if (statement.kind === "refused") {
    console.error(`verify: ${file} is NOT verified: ${statement.why}`);
    return;
  }
  const { entry, verdict: { checkpoint, log, cosigned } } = statement;
  const event = entry.event === "publish" ? "" : ` (${entry.event})`;
  console.log(`${file}: verified`);
  console.log(`  digest     ${checksum}, the file's and the entry's`);
  console.log(
    `  logged     as entry ${proof.index} of ${log.key.name}${event}, in a tree of ${checkpoint.size}`,
  );
  if (entry.publisher) {
    const { issuer, subject } = entry.publisher;
    console.log(`  publisher  ${subject}, by ${issuer}`);
  }
  const witnesses = cosigned.map(({ witness, time }) => `${witness.name} at ${formatTime(time)}`);
  console.log(
    witnesses.length > 0
      ? `  witnessed  by ${witnesses.join(", ")}`
      : "  witnessed  by nobody: only the log's own key vouches that everyone sees this entry",
  );
  if (policy.quorum !== null) console.log(`  quorum     ${policy.quorum}, met`);
}

function toJson(
  statement: Statement,
  { file, proof, checksum }: Report,
): Record<string, unknown> {
  if (statement.kind === "refused") {
    return { file, verified: false, checksum, error: statement.why };
  }
  const { entry, verdict: { checkpoint, log, cosigned } } = statement;
  return {
    file,
    verified: true,
    checksum,
    filename: entry.file,
    event: entry.event,
    ...(entry.publisher && { publisher: entry.publisher }),
    log: log.key.name,
    index: jsonNumber(proof.index),
    treeSize: jsonNumber(checkpoint.size),
    witnesses: cosigned.map(({ witness, time }) => ({
      name: witness.name,
      time: formatTime(time),
    })),
  };
}

/** A number where JSON holds it exactly, else its digits as text. */
function jsonNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

if (import.meta.main) await runMain(command);
