/**
 * `sig publish`: puts the digests of the user's own attestations into a log, so that
 * everyone can see that there is one, and that there is no other.
 *
 * @module
 */

import { equalBytes, excerpt, formatEntry, leafHash, verifyTlogProof } from "@indelible/core";
import type { Entry } from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import type { Command } from "@indelible/core/command";
import { requestAdd } from "../add_request.ts";
import { describe } from "../http_client.ts";
import { interruptible } from "../main.ts";
import { retrying, TryLater } from "../retry.ts";
import { authorization, TOKEN_FILE_FLAG } from "../token.ts";
import { type Attestation, attestationDigest, reviewOf } from "./attestation.ts";
import { type HomeOf, permissionsToRead, print, SIG_FLAGS, type SigFlags } from "./cli.ts";
import { type Home, readHome } from "./home.ts";
import { aboutOf, readLogged } from "./log_reviews.ts";
import {
  LOG_FLAGS,
  type LogFlags,
  type OpenLog,
  openLog,
  permissionsForLog,
  together,
} from "./log_settings.ts";
import { digestOf, ownSubject, reviewEntry, type Subject } from "./review_entry.ts";

/** Flags of `sig publish`. */
export type PublishFlags = SigFlags & LogFlags & {
  /** The file with the token. */
  readonly tokenFile?: string;
};

/** An attestation in the log. */
interface PublishedReview {
  /** What it is about. */
  readonly id: string;
  /** Its digest. */
  readonly attestation: string;
  /** Its leaf index. */
  readonly index: number;
  /** Whether it was there before. */
  readonly isNew: boolean;
}

/** How long a log that cannot now is asked again, in milliseconds. */
const PATIENCE = 60_000;

/** The command line of `sig publish`. */
export function publishCommand(homeOf: HomeOf): Command<PublishFlags> {
  return {
    name: "sig publish",
    brief: "Put the digests of your attestations into a log",
    description: [
      "What is not in the log yet becomes an entry: the file, your key and the attestation's",
      "digest, not what it says. Then `sig verify --log` of others counts it, and whoever has",
      "your key's reviews in the log sees if you show them another one.",
      "The attestations themselves are published as before: by serving the folder `repo`.",
      "",
      "Example:",
      "  sig publish --log=https://log.example --policy=log.policy --token-file=token",
    ].join("\n"),
    parameters: { flags: { ...SIG_FLAGS, ...LOG_FLAGS, tokenFile: TOKEN_FILE_FLAG } },
    async permissions(flags) {
      const { tokenFile } = flags;
      return together(
        permissionsToRead(flags, homeOf),
        await permissionsForLog(flags),
        { read: tokenFile === undefined ? [] : [tokenFile] },
      );
    },
    async run(flags) {
      const home = await readHome(homeOf(flags), new Date());
      return await interruptible(async (signal) => {
        const log = await openLog(flags, signal);
        const headers = await authorization(flags.tokenFile, log.url);
        const published: PublishedReview[] = [];
        for await (const one of publish(home, log, headers)) {
          published.push(one);
          if (flags.json) continue;
          const state = one.isNew ? "is now" : "is already";
          console.log(`review of ${one.id} ${state} entry ${one.index} of ${describe(log.url)}`);
        }
        const lines = published.length === 0 ? ["There is nothing to publish yet."] : [];
        print(flags, { log: describe(log.url), published }, lines);
        return 0;
      });
    },
  };
}

/** The user's own reviews that a log can have, oldest first for each identity. */
function ownReviews({ own, owner }: Home): Attestation[] {
  return [...own.attestations.values()].flat().filter((attestation) => {
    const { id, reviewed } = reviewOf(attestation);
    return attestation.key === owner && reviewed && digestOf(id) !== null;
  });
}

async function* publish(
  home: Home,
  log: OpenLog,
  headers: Readonly<Record<string, string>>,
): AsyncGenerator<PublishedReview> {
  const reviews = ownReviews(home);
  const logged = await readLogged(log, reviews.map((review) => reviewOf(review).id));
  const subjects = new Map<string, Subject>();
  for (const review of reviews) {
    const { id } = reviewOf(review);
    const attestation = attestationDigest(review);
    const about = aboutOf(logged, id);
    const known = about.reviews.find((one) =>
      one.attestation === attestation && one.reviewer === review.key
    );
    if (known) {
      yield { id, attestation, index: Number(known.index), isNew: false };
      continue;
    }
    let subject = about.subject ?? subjects.get(id);
    if (!subject) {
      subject = ownSubject(id);
      await submit(log, publicationOf(subject), headers);
      subjects.set(id, subject);
    }
    const index = await submit(log, reviewEntry(review, subject), headers);
    yield { id, attestation, index: Number(index), isNew: true };
  }
}

function publicationOf(subject: Subject): Entry {
  return { format: "artifact-transparency/v2", event: "publish", ...subject };
}

/** Logs an entry and checks the receipt in full; gives its leaf index. */
async function submit(
  { url, policy, trusted, signal }: OpenLog,
  entry: Entry,
  headers: Readonly<Record<string, string>>,
): Promise<bigint> {
  const { file, ...rest } = entry;
  const request = { ...rest, filename: file };
  const answer = await retrying(() => requestAdd(url, request, headers, signal), {
    patience: PATIENCE,
    worthwhile: (error) => error instanceof TryLater,
    signal,
  });
  if (answer.kind === "conflict") {
    throw new Error(
      `Cannot log a review of ${excerpt(file, 255)}: ${describe(url)} has it with ` +
        `another digest, ${answer.checksum}`,
    );
  }
  const { proof } = answer;
  const bytes = formatEntry(entry);
  if (!proof.extra || !equalBytes(proof.extra, bytes)) {
    throw new Error(`The answer of ${describe(url)} does not hold: it is about another entry`);
  }
  const verdict = verifyTlogProof(proof, leafHash(bytes), policy, nativeEd25519);
  if (verdict.kind === "refused") {
    throw new Error(`The answer of ${describe(url)} does not hold: ${verdict.why}`);
  }
  await trusted.accept(proof.checkpoint);
  return proof.index;
}
