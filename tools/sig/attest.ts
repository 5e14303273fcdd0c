/**
 * `sig attest`: signs what the user says about files, folders and packages, and keeps it
 * in the user's repository.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { interruptible } from "../main.ts";
import { ask, askYesNo } from "./ask.ts";
import { type Attestation, attestationJson, type Review } from "./attestation.ts";
import { type HomeOf, permissionsToWrite, print, SIG_FLAGS, type SigFlags } from "./cli.ts";
import { lockHome, readHome, refreshOwner, signAsOwner, writeOwn } from "./home.ts";
import { LOG_FLAGS, openLog, together } from "./log_settings.ts";
import { showPythonJson } from "./python_json.ts";
import { permissionsForReleases, RELEASE_FLAGS, type ReleaseFlags } from "./release.ts";
import { withAttestations } from "./repository.ts";
import { identifyAll, pathsIn, type Thing } from "./things.ts";

/** Flags of `sig attest`. */
export type AttestFlags = SigFlags & ReleaseFlags & {
  /** Whether a human has reviewed it. */
  readonly reviewed?: boolean;
  /** Whether it is as expected. */
  readonly ok?: boolean;
  /** Anything else. */
  readonly comment?: string;
};

/** Something to attest, and what is said about it. */
export interface Reviewed {
  /** As the user named it. */
  readonly name: string;
  /** What is signed. */
  readonly review: Review;
}

/** The command line of `sig attest`. */
export function attestCommand(homeOf: HomeOf): Command<AttestFlags, string[]> {
  return {
    name: "sig attest",
    brief: "Sign what you say about files, folders or packages",
    description: [
      "Asks for what no flag says. With --reviewed and --ok (or --no-ok) nothing is asked.",
      "Of a package that is each of its files that the log has (or of --file), by the digests",
      "that the log has: it needs --log and --policy, or the configuration's.",
      "",
      "Examples:",
      "  sig attest ./signet.py",
      "  sig attest ./signet.py --reviewed --ok --comment='My first attestation!'",
      "  sig attest requests==2.32.0 --file=requests-2.32.0.tar.gz --policy=log.policy",
    ].join("\n"),
    parameters: {
      positional: {
        kind: "array",
        minimum: 1,
        parameter: {
          parse: String,
          placeholder: "FILE",
          brief: "Files, folders, or packages as NAME==VERSION",
        },
      },
      flags: {
        ...SIG_FLAGS,
        ...LOG_FLAGS,
        ...RELEASE_FLAGS,
        reviewed: { kind: "boolean", optional: true, brief: "You have reviewed it" },
        ok: {
          kind: "boolean",
          optional: true,
          brief: "It performs as expected and is free of major flaws",
        },
        comment: { kind: "parsed", parse: String, optional: true, brief: "Anything else" },
      },
    },
    async permissions(flags, ...names) {
      return together(
        permissionsToWrite(flags, homeOf),
        { read: pathsIn(names) },
        await permissionsForReleases(flags, names),
      );
    },
    async run(flags, ...names) {
      // Before a question is asked and before the lock is taken, which is held shortly.
      await readHome(homeOf(flags), new Date());
      const things = await interruptible((signal) =>
        identifyAll(names, flags, () => openLog(flags, signal))
      );
      const reviewed: Reviewed[] = [];
      let isWhole = true;
      for (const thing of things) {
        const { name, kind, parts } = thing;
        if (things.length > 1 || kind === "package") {
          for (const { id, label } of parts) {
            console.error(`${excerpt(kind === "package" ? label : name, 255)}: ${id}`);
          }
        }
        const opinion = opinionBy(flags, thing);
        isWhole &&= opinion !== null;
        if (!opinion) continue;
        for (const { id, label } of parts) {
          reviewed.push({ name: kind === "package" ? label : name, review: { id, ...opinion } });
        }
      }
      const saved = reviewed.length > 0 ? await attest(homeOf(flags), reviewed) : [];
      const lines = reviewed.flatMap(({ name, review }) => [
        `Saved attestation for ${excerpt(name, 200)}:`,
        showPythonJson(review),
      ]);
      print(flags, { attestations: saved.map(attestationJson) }, lines);
      return isWhole ? 0 : EXIT_FAILURE;
    },
  };
}

/**
 * Signs reviews and adds them to the user's repository, all or none.
 *
 * @param folder The home.
 * @param reviews What to sign.
 */
export async function attest(
  folder: string,
  reviews: readonly Reviewed[],
): Promise<Attestation[]> {
  using _ = lockHome(folder);
  const home = await refreshOwner(await readHome(folder, new Date()));
  const attestations: Attestation[] = [];
  for (const { review } of reviews) attestations.push(await signAsOwner(review, home));
  await writeOwn(home, withAttestations(home.own, attestations));
  return attestations;
}

/** What the user says about a thing, or `null` if nobody has looked at it. */
function opinionBy(flags: AttestFlags, { kind }: Thing): Omit<Review, "id"> | null {
  const isAsked = flags.reviewed === undefined || flags.ok === undefined;
  if (!(flags.reviewed ?? askYesNo(`I have reviewed this ${kind}`, "--reviewed"))) {
    console.error(`Please review the ${kind}`);
    return null;
  }
  const question = "It performs as expected and is free of major flaws";
  const ok = flags.ok ?? askYesNo(question, "--ok or --no-ok");
  const comment = flags.comment ?? (isAsked ? ask("Comment: ", "--comment") : "");
  return { ok, reviewed: true, ...(comment !== "" && { comment }) };
}
