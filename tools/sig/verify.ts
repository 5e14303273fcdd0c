/**
 * `sig verify`: says whether trusted keys say that files, folders and packages are ok.
 * Reads the home and the files, and touches nothing else, unless a log is named.
 *
 * @module
 */

import { excerpt } from "@indelible/core";
import { type Command, EXIT_FAILURE } from "@indelible/core/command";
import { interruptible } from "../main.ts";
import { type HomeOf, permissionsToRead, SIG_FLAGS, type SigFlags } from "./cli.ts";
import { type Demanded, demandLogged } from "./demand.ts";
import { gather, repositorySource, type Source } from "./gather.ts";
import { type Home, readHome } from "./home.ts";
import { judge, type Judgement, type Standing } from "./judge.ts";
import { shortId } from "./key_id.ts";
import { describeKey } from "./keyring.ts";
import { aboutOf, type LoggedAbout, readLogged } from "./log_reviews.ts";
import { LOG_FLAGS, type OpenLog, openLog, permissionsForLog, together } from "./log_settings.ts";
import { permissionsForReleases, RELEASE_FLAGS, type ReleaseFlags } from "./release.ts";
import { THRESHOLD_FLAG } from "./threshold.ts";
import { identifyAll, type Part, pathsIn } from "./things.ts";

/** Flags of `sig verify`. */
export type VerifyFlags = SigFlags & ReleaseFlags & {
  /** How many trusted keys must say so, if not as many as the settings say. */
  readonly threshold?: number;
};

/** The command line of `sig verify`. */
export function verifyCommand(homeOf: HomeOf): Command<VerifyFlags, string[]> {
  return {
    name: "sig verify",
    brief: "Say whether trusted keys say that files, folders or packages are ok",
    description: [
      "Ends with 0 only if of each one a trusted key says that it is ok and none that it is not.",
      "Of a package that is each of its files that the log has (or of --file), by the digests",
      "that the log has. With --log a review counts only if it is an entry of that log, and if",
      "the log has no other one by the same key that is not here.",
      "",
      "Examples:",
      "  sig verify ./signet.py --threshold=2",
      "  sig verify ./signet.py --log=https://log.example --policy=log.policy",
      "  sig verify requests==2.32.0 --policy=log.policy",
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
      flags: { ...SIG_FLAGS, threshold: THRESHOLD_FLAG, ...LOG_FLAGS, ...RELEASE_FLAGS },
    },
    async permissions(flags, ...names) {
      return together(
        permissionsToRead(flags, homeOf),
        { read: pathsIn(names) },
        await permissionsForReleases(flags, names),
        flags.log ? await permissionsForLog(flags) : {},
      );
    },
    async run(flags, ...names) {
      const now = new Date();
      const home = await readHome(homeOf(flags), now);
      for (const warning of unusableRemotes(home)) console.error(`sig: warning: ${warning}`);
      return await interruptible(async (signal) => {
        let opened: Promise<OpenLog> | null = null;
        const log = () => opened ??= openLog(flags, signal);
        const things = await identifyAll(names, flags, log);
        const parts = things.flatMap(({ parts }) => parts);
        const logged = flags.log ? await readLogged(await log(), parts.map(({ id }) => id)) : null;
        const verified: object[] = [];
        let isOk = true;
        for (const part of parts) {
          const judged = await judgeIdentity(home, part.id, now, {
            logged: logged && aboutOf(logged, part.id),
            ...(flags.threshold !== undefined && { threshold: flags.threshold }),
          });
          isOk &&= judged.judgement.kind === "ok";
          if (flags.json) verified.push(await verdictJson(home, part, judged));
          else await printVerdict(home, part, judged);
        }
        if (flags.json) console.log(JSON.stringify({ ok: isOk, verified }));
        return isOk ? 0 : EXIT_FAILURE;
      });
    },
  };
}

/** The user's own repository, and what was seen last of each remote. */
export function sourcesOf({ own, remotes }: Home): Source[] {
  const sources = [repositorySource("own", own)];
  for (const [name, seen] of remotes) {
    if ("repository" in seen) sources.push(repositorySource(name, seen.repository));
  }
  return sources;
}

/** A sentence for each remote that cannot be used. */
export function unusableRemotes({ remotes }: Home): string[] {
  return [...remotes].flatMap(([name, seen]) =>
    "unusable" in seen ? [`remote "${name}" is skipped: ${seen.unusable}`] : []
  );
}

/** How to judge, where it is not as the home's settings say. */
export interface JudgeOptions {
  /** What the demanded log has; `null` where none is demanded. */
  readonly logged?: LoggedAbout | null;
  /** How many trusted keys must say so. */
  readonly threshold?: number;
}

/** A decision, and what it was decided by. */
export interface Judged {
  /** The decision. */
  readonly judgement: Judgement;
  /** How many trusted keys it takes. */
  readonly threshold: number;
  /** What the demanded log has and no repository shows. */
  readonly unseen: Demanded["unseen"];
}

/** Gathers and judges what is said about one identity. */
export async function judgeIdentity(
  home: Home,
  id: string,
  now: Date,
  { logged = null, threshold = home.settings.threshold }: JudgeOptions = {},
): Promise<Judged> {
  const statements = await gather(id, sourcesOf(home), home.keyring, now);
  const policy = { trusted: home.settings.trusted, threshold };
  if (!logged) return { judgement: judge(statements, policy), threshold, unseen: [] };
  const { statements: demanded, unseen, withheld } = demandLogged(statements, logged);
  return { judgement: judge(demanded, { ...policy, withheld }), threshold, unseen };
}

const CLOSING = {
  ok: "is ok.",
  bad: "is marked bad!",
  "not-verified": "is not verified.",
  unknown: "is unknown!",
} as const;

async function printVerdict(home: Home, { kind, id, label }: Part, judged: Judged): Promise<void> {
  const { judgement, threshold, unseen } = judged;
  console.log(`identified ${kind} as ${id}`);
  for (const standing of judgement.standings) {
    const { kind, why } = standing;
    const reason = why ?? (kind === "not-ok" ? standing.review.comment : undefined);
    const told = reason === undefined ? "" : `: ${excerpt(reason, 200)}`;
    console.log(`${kind} ${await describeSigner(home, standing)}${told}`);
  }
  for (const { index, reviewer } of unseen) {
    const whose = reviewer === null ? "" : ` by ${reviewer}`;
    console.error(`sig: warning: entry ${index} of the log is a review${whose} that is not here`);
  }
  const yes = judgement.standings.filter((standing) => standing.kind === "ok").length;
  const short = judgement.kind === "not-verified" && yes > 0
    ? ` (${yes} of ${threshold} trusted keys)`
    : "";
  console.log(`${kind} ${excerpt(label, 500)} ${CLOSING[judgement.kind]}${short}`);
}

async function verdictJson(
  home: Home,
  { kind, id, label: path }: Part,
  { judgement, threshold, unseen }: Judged,
): Promise<object> {
  const keys = [];
  for (const standing of judgement.standings) {
    const { kind, key, review, created, why } = standing;
    const user = await describeSigner(home, standing);
    keys.push({ kind, key, user, comment: review.comment ?? null, created, why });
  }
  const others = unseen.map((one) => ({ ...one, index: Number(one.index) }));
  return { path, kind, id, verdict: judgement.kind, threshold, keys, unseen: others };
}

/** Who signed, for people. */
export async function describeSigner({ keyring }: Home, { key }: Standing): Promise<string> {
  const known = keyring.get(key);
  return known ? await describeKey(known) : shortId(key);
}
