/**
 * `fsck`: derives a whole log again from its entries and compares.
 *
 * @module
 */

import { checkPolicy, encodeHex, type Policy, type PolicyVerdict } from "@indelible/core";
import { type Command, EXIT_FAILURE, type Permissions, UsageError } from "@indelible/core/command";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { audit } from "./fsck_audit.ts";
import { WORKER_SOURCES } from "./fsck_crew.ts";
import { interruptible, runMain } from "./main.ts";
import { type LogSource, openObjects, parseLogSource, permissionsForSource } from "./log_source.ts";
import { Progress } from "./progress.ts";
import { loadTrust, TRUST_FLAGS, type TrustFlags, trustPaths } from "./trust.ts";

/** Flags of `fsck`. */
export type FsckFlags = TrustFlags & {
  /** The log to check. */
  readonly log: LogSource;
  /** Whether to answer in JSON. */
  readonly json: boolean;
};

/** How many problems are told one by one. */
const MAX_PROBLEMS = 20;

/** The command line of `fsck`. */
export const command: Command<FsckFlags> = {
  name: "fsck",
  brief: "Check a whole log: every entry, tile, root and identifier",
  description: [
    "Verifies the log's checkpoint, derives every leaf hash, tile and the root again from",
    "the entries, and checks that each file name has one digest. Ends with 0 when all of",
    "it is right; else it names the objects and entries that are wrong and ends with 1.",
    "",
    "Examples:",
    "  deno task fsck --log=http://127.0.0.1:8080 --public-key=public.key",
    "  deno task fsck --log=/var/lib/indelible --policy=log.policy --json",
  ].join("\n"),
  parameters: {
    flags: {
      ...TRUST_FLAGS,
      log: {
        kind: "parsed",
        parse: parseLogSource,
        brief: "URL of the log, or the folder that it keeps",
      },
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the result as JSON",
      },
    },
  },
  permissions(flags): Permissions {
    const { read = [], net = [] } = permissionsForSource(flags.log);
    return { read: [...trustPaths(flags), ...read, ...WORKER_SOURCES], net };
  },
  async run(flags) {
    const policy = await loadTrust(flags);
    if (!policy) {
      throw new UsageError(
        "whom to trust is not said: give --public-key=F or --policy=F",
      );
    }
    return await interruptible((signal) => check(flags, policy, signal));
  },
};

async function check(
  { log, json }: FsckFlags,
  policy: Policy,
  signal: AbortSignal,
): Promise<number> {
  using objects = await openObjects(log, signal);
  const verdict = judge(policy, await objects.fetch("checkpoint"));
  let progress = new Progress("fsck", "entries");
  const problems: string[] = [];
  let problemCount = 0;
  function onProblem(problem: string): void {
    if (++problemCount > MAX_PROBLEMS) return;
    problems.push(problem);
    progress.clear();
    if (!json) console.error(`fsck: ${problem}`);
  }
  if (verdict.kind === "refused") {
    onProblem(`checkpoint: ${verdict.why}`);
    if (json) console.log(JSON.stringify({ ok: false, problems }));
    return EXIT_FAILURE;
  }
  const { origin, size, root } = verdict.checkpoint;
  const counts = await audit({ size, root }, objects, {
    onProblem,
    onProgress: (done, total) => progress.show(done, total),
    onReread(done, total) {
      if (done === 1) progress = new Progress("fsck", "bundles read again");
      progress.show(done, total);
    },
  });
  progress.clear();
  const found = {
    log: origin,
    treeSize: Number(size),
    root: encodeHex(root),
    ...counts,
  };
  const ok = problemCount === 0;
  if (json) {
    console.log(JSON.stringify({ ok, ...found, problemCount, problems }));
  } else {
    const { hashTiles, files, repeats, events } = counts;
    const witnesses = verdict.cosigned.map(({ witness }) => witness.name);
    console.log(`${origin}: tree of ${size}, root ${found.root}`);
    console.log(
      `  ${files} files, ${repeats} repeats, ${events} later events, ${hashTiles} hash tiles`,
    );
    console.log(
      `  witnessed by ${witnesses.length > 0 ? witnesses.join(", ") : "nobody"}`,
    );
    console.log(
      ok ? "  all of it is right" : `  ${problemCount} problems, see above`,
    );
  }
  return ok ? 0 : EXIT_FAILURE;
}

function judge(policy: Policy, checkpoint: Uint8Array | null): PolicyVerdict {
  if (!checkpoint) {
    return { kind: "refused", why: "the log has no such object" };
  }
  try {
    return checkPolicy(policy, checkpoint, nativeEd25519);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "refused", why: error.message };
  }
}

if (import.meta.main) await runMain(command);
