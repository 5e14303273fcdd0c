/**
 * `add`: logs package files and keeps their proofs. A file is done when the
 * log's answer has been checked in full: signature or policy, inclusion, and an
 * entry that says this file and this digest. Then its tlog-proof is written.
 *
 * @module
 */

import { checkFile, type Hash, parseChecksum, type Policy, policyOfLog } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions, UsageError } from "@indelible/core/command";
import { basename } from "node:path";
import { addOne, type Job, reportOutcome } from "./add_job.ts";
import { requestAdd, type Submission } from "./add_request.ts";
import { type Defaults, loadDefaults, permissionsForDefaults } from "./defaults.ts";
import { digestFile } from "./digest.ts";
import { pathsToReplace } from "./files.ts";
import { describe, hostOf, isLoopback, parseLogUrl, sendRequest } from "./http_client.ts";
import { parseVkeyLine } from "./key_files.ts";
import { interruptible, runMain } from "./main.ts";
import { inParallel } from "./parallel.ts";
import { PROOF_EXTENSION } from "./proof_file.ts";
import { PUBLISHER_FLAGS, type PublisherFlags, publisherOf } from "./publisher_flags.ts";
import { retrying, TryLater } from "./retry.ts";
import { authorization, TOKEN_FILE_FLAG } from "./token.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "./trust.ts";

/** Flags of `add`. */
export type AddFlags = TrustFlags & PublisherFlags & {
  /** The log. */
  readonly log?: URL;
  /** The file with the token. */
  readonly tokenFile?: string;
  /** The name to log, in place of a file. */
  readonly filename?: string;
  /** The digest to log, in place of a file. */
  readonly checksum?: Hash;
  /** Whether to retry while the log is busy. */
  readonly wait: boolean;
  /** Whether to answer in JSON lines. */
  readonly json: boolean;
};

const DEFAULT_LOG = "http://127.0.0.1:8080";
/** How many requests are under way at once: the log batches what is waiting. */
const PARALLEL = 32;
/** How long `--wait` waits, in milliseconds. */
const PATIENCE = 15 * 60_000;

/** Everything the flags and the defaults say together. */
interface Settings {
  readonly log: URL;
  readonly trust: TrustFlags;
  readonly tokenFile: string | undefined;
}

async function settingsOf(flags: AddFlags): Promise<Settings> {
  const { policy, publicKey } = flags;
  const trusted = policy !== undefined || publicKey !== undefined;
  const complete = flags.log && trusted && flags.tokenFile !== undefined;
  const defaults: Defaults = complete ? {} : await loadDefaults();
  const tokenFile = flags.tokenFile ?? defaults.tokenFile;
  return {
    log: flags.log ?? parseLogUrl(defaults.log ?? DEFAULT_LOG),
    trust: trusted ? flags : defaults,
    tokenFile,
  };
}

function jobsOf(flags: AddFlags, files: readonly string[]): Job[] {
  const { filename, checksum } = flags;
  const publisher = publisherOf(flags);
  const submission = (filename: string, digest: Hash): Submission => ({
    filename,
    digest,
    ...(publisher && { publisher }),
  });
  if (filename === undefined && checksum === undefined) {
    if (files.length > 0) {
      return files.map((file) => ({
        name: file,
        proofPath: file + PROOF_EXTENSION,
        submission: async () => submission(checkFile(basename(file)), await digestFile(file)),
      }));
    }
    throw new UsageError(
      "nothing to add: name files, or give --filename and --checksum",
    );
  }
  if (filename === undefined || checksum === undefined || files.length > 0) {
    throw new UsageError(
      "--filename and --checksum are given together, and without files",
    );
  }
  return [{
    name: filename,
    proofPath: filename + PROOF_EXTENSION,
    submission: () => Promise.resolve(submission(filename, checksum)),
  }];
}

/** The command line of `add`. */
export const command: Command<AddFlags, string[]> = {
  name: "add",
  brief: "Log package files and keep their proofs",
  description: [
    "Logs the digest of each file under its name, checks the log's answer in full, and",
    "writes the proof to FILE.tlog-proof. A repeat gets the first entry's proof; another",
    "digest under a logged name is refused for ever.",
    "",
    "Examples:",
    "  deno task add dist/pkg-1.0-py3-none-any.whl --public-key=public.key",
    "  deno task add dist/* --log=https://log.example --policy=log.policy \\",
    "    --token-file=token --wait",
    "  deno task add --filename=pkg-1.0.tar.gz --checksum=sha256:3b97…",
  ].join("\n"),
  parameters: {
    positional: {
      kind: "array",
      parameter: {
        parse: String,
        placeholder: "FILE",
        brief: "Files to log, each under its base name",
      },
    },
    flags: {
      ...TRUST_FLAGS,
      ...PUBLISHER_FLAGS,
      log: {
        kind: "parsed",
        parse: parseLogUrl,
        optional: true,
        brief: `URL of the log (default: ${DEFAULT_LOG})`,
      },
      tokenFile: TOKEN_FILE_FLAG,
      filename: {
        kind: "parsed",
        parse: checkFile,
        optional: true,
        brief: "Name to log when the file is not here",
      },
      checksum: {
        kind: "parsed",
        parse: (text: string) => parseChecksum(text),
        optional: true,
        brief: "Digest to log when the file is not here: sha256:<hex>",
      },
      wait: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Try again while the log answers that it cannot publish now",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one JSON object a file",
      },
    },
  },
  async permissions(flags, ...files): Promise<Permissions> {
    const jobs = jobsOf(flags, files);
    const { log, trust, tokenFile } = await settingsOf(flags);
    const proofs = jobs.flatMap(({ proofPath }) => pathsToReplace(proofPath));
    const defaults = permissionsForDefaults();
    return {
      read: [
        ...files,
        ...proofs,
        ...trustPaths(trust),
        ...(tokenFile === undefined ? [] : [tokenFile]),
        ...defaults.read ?? [],
      ],
      write: proofs,
      net: [hostOf(log)],
      env: defaults.env ?? [],
    };
  },
  async run(flags, ...files) {
    const jobs = jobsOf(flags, files);
    const { log, trust, tokenFile } = await settingsOf(flags);
    const policy = await loadTrust(trust) ?? await trustOfLoopback(log);
    const headers = await authorization(tokenFile, log);
    const outcomes = await interruptible((signal) =>
      inParallel(jobs, PARALLEL, async (job) => {
        const outcome = await addOne(job, async (submission) => {
          const attempt = () => requestAdd(log, submission, headers, signal);
          return flags.wait
            ? await retrying(attempt, {
              patience: PATIENCE,
              worthwhile: (error) => error instanceof TryLater,
              onWait: (error, seconds) =>
                console.error(`add: ${error.message}; again in ${seconds} s`),
              signal,
            })
            : await attempt().catch(suggestWaiting);
        }, policy);
        reportOutcome(outcome, flags.json);
        return outcome;
      })
    );
    return outcomes.every(({ kind }) => kind === "logged") ? 0 : EXIT_FAILURE;
  },
};

/** What to do about a log that cannot now; other failures are as they are. */
function suggestWaiting(error: unknown): never {
  if (!(error instanceof TryLater)) throw error;
  throw new Error(`${error.message}: run it again, or use --wait`, { cause: error });
}

/** The log's own word for its key, which only means something on this machine. */
async function trustOfLoopback(log: URL): Promise<Policy> {
  if (!isLoopback(log)) {
    throw new UsageError(
      `whom to trust is not said: give --public-key=F or --policy=F for ${describe(log)}`,
    );
  }
  const path = new URL(".well-known/public-key", log);
  const { status, body } = await sendRequest(path, { maxBytes: 65_536 });
  if (status !== 200) {
    throw new Error(`${describe(path)} answers ${status}, expected its key`);
  }
  const key = parseVkeyLine(body);
  console.error(
    `add: no --public-key or --policy given: trusting the key that ${
      describe(log)
    } serves itself, ${key.name}+${key.keyId} (only done on this machine)`,
  );
  return policyOfLog(key);
}

if (import.meta.main) await runMain(command);
