/**
 * Puts a proxy together, for `proxy`, which serves it for long, and for `run` and
 * `why`, which have it for one command.
 *
 * @module
 */

import type { Policy } from "@indelible/core";
import { join } from "node:path";
import { HeadFiles } from "../head_files.ts";
import { describe, sendRequest } from "../http_client.ts";
import { LookupQueue } from "../lookup_queue.ts";
import { type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { discoverIndex } from "../pip_index.ts";
import type { ProvenanceDesk } from "../provenance/provenance_desk.ts";
import { VerifiedFolder } from "../provenance/verified_folder.ts";
import { retryAfter, TryLater } from "../retry.ts";
import { type SplitView, TrustedHead } from "../trusted_head.ts";
import { FileHosts } from "./file_hosts.ts";
import type { FileDesk } from "./http.ts";
import { PageDesk, type PageReport } from "./judge_page.ts";
import { streamedUrl } from "./page.ts";
import { ProvenanceGate } from "./provenance_gate.ts";
import type { ReviewGate } from "./review_gate.ts";
import { ProvenFolder } from "./proven_files.ts";
import { headsFolder, type JudgingFlags, type Settings, upstreamOf } from "./settings.ts";
import { StreamDesk } from "./stream.ts";
import { LogVouching, type Vouching } from "./vouching.ts";
import { warmUp } from "./warm_up.ts";

/** A proxy's parts, ready to serve. */
export interface OpenProxy extends AsyncDisposable {
  /** The registry. */
  readonly index: PackageIndex;
  /** Judges pages. */
  readonly desk: PageDesk;
  /** Serves files; without one they stay at the registry. */
  readonly files?: FileDesk;
  /** Makes ready for the first request; it never fails, and need not be waited for. */
  warmUp(): Promise<void>;
}

/** Says what is known of files, until it is closed. */
export interface OpenVouching extends Vouching, AsyncDisposable {}

/** What a proxy is opened with. */
export interface ProxyOptions {
  /** Opens the log of what was seen first, in a folder. */
  readonly openFirstSeen: (
    folder: string,
    onTrouble: (error: Error) => void,
  ) => Promise<OpenVouching>;
  /** Told of every page that was judged. */
  readonly onPage: (page: PageReport) => void;
  /** Told of what keeps the registry from answering. */
  readonly onRegistryTrouble: (why: string) => void;
  /** Told of what keeps the log from answering. */
  readonly onTrouble: (error: Error) => void;
  /** Serve the files, too. */
  readonly stream?: {
    /** Hosts that files may come from, wherever they are, besides public ones. */
    readonly fileHosts: readonly string[];
    /** Told of what is wrong with files. */
    readonly onTrouble: (error: Error) => void;
  };
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** How long an answer of the log is good without asking again, in milliseconds. */
const FRESH_FOR = 30_000;
/** How long proven files are good while the log is away, unless it is said. */
const DEFAULT_MAX_AGE = 24 * 3_600_000;

/** The largest tile: 256 hashes. */
const MAX_TILE = 256 * 32;
/** How long the log may take over one, in milliseconds. */
const DEADLINE = 10_000;

/**
 * Opens a proxy.
 *
 * @param flags What the user said.
 * @param settings What it comes to.
 * @param options Whom to tell.
 */
export async function openProxy(
  flags: JudgingFlags,
  settings: Settings,
  options: ProxyOptions,
): Promise<OpenProxy> {
  const index = upstreamOf(flags) ?? parseIndexUrl(await discoverIndex());
  const { onPage, onRegistryTrouble, onTrouble, signal } = options;
  const files = options.stream && new StreamDesk({
    index,
    hosts: new FileHosts(index.url, options.stream.fileHosts),
    now: Date.now,
    onTrouble: options.stream.onTrouble,
    signal,
  });
  const log = settings.trust ? trustedLog(flags, settings, signal) : null;
  const vouching = log
    ? await openLogVouching(flags, settings, log, options)
    : await options.openFirstSeen(join(settings.stateDir, "first-seen"), onTrouble);
  const provenance = new ProvenanceGate({
    desk: await openProvenanceDesk(flags, settings, index, options),
    strict: flags.strict,
    now: Date.now,
  });
  const reviews = await openReviewGate(flags);
  const desk = new PageDesk({
    index,
    vouching,
    rules: {
      onMissing: flags.onMissing,
      isExempt: (project) => flags.exempt?.some((matches) => matches(project)) ?? false,
    },
    cooldown: flags.cooldown ?? 0,
    now: Date.now,
    fileUrl: files ? streamedUrl : null,
    ...(files && { found: files }),
    provenance,
    ...(reviews && { reviews }),
    onPage,
    onRegistryTrouble,
  });
  if (files) files.factsOf = (filename) => desk.factsOf(filename);
  return {
    index,
    desk,
    ...(files && { files }),
    warmUp: () => warmUp({ log, signal }),
    [Symbol.asyncDispose]: () => vouching[Symbol.asyncDispose](),
  };
}

/** Loaded when a policy asks for it: verifying attestations brings a library along. */
async function openProvenanceDesk(
  { trustedRoot }: JudgingFlags,
  { provenance: policy, cacheDir }: Settings,
  index: PackageIndex,
  { onTrouble, signal }: ProxyOptions,
): Promise<ProvenanceDesk | null> {
  if (!policy) return null;
  const { loadTrustedRoot } = await import("../provenance/trusted_root.ts");
  const { ProvenanceDesk } = await import("../provenance/provenance_desk.ts");
  const root = await loadTrustedRoot(trustedRoot);
  const verified = new VerifiedFolder(cacheDir, root.id);
  const now = Date.now;
  return new ProvenanceDesk({ policy, root, index, verified, now, onTrouble, signal });
}

/** Loaded when a home is named: verifying signatures brings a library along. */
async function openReviewGate(
  { reviews: folder, reviewed, reviewThreshold: threshold }: JudgingFlags,
): Promise<ReviewGate | null> {
  if (folder === undefined) return null;
  const { readHome } = await import("../sig/home.ts");
  const { describeSigner, judgeIdentity } = await import("../sig/verify.ts");
  const { ReviewGate } = await import("./review_gate.ts");
  const gate = new ReviewGate({
    readHome: (now) => readHome(folder, now),
    judgeIdentity: (home, id, now) =>
      judgeIdentity(home, id, now, threshold === undefined ? {} : { threshold }),
    describeSigner,
    isRequired: (project) => reviewed?.some((matches) => matches(project)) ?? true,
    now: Date.now,
  });
  await readHome(folder, new Date()); // A home that is none is said now.
  return gate;
}

/** The log of the user's choice. */
interface TrustedLog {
  readonly url: URL;
  readonly policy: Policy;
  /** Where its heads are kept. */
  readonly heads: HeadFiles;
  readonly trusted: TrustedHead;
}

function trustedLog(
  { maxAge }: JudgingFlags,
  settings: Settings,
  signal: AbortSignal,
): TrustedLog {
  const { log: url, policy } = settings.trust!;
  const heads = new HeadFiles(headsFolder(settings));
  const trusted = new TrustedHead(
    policy,
    heads,
    (path) => fetchTile(new URL(path, url), signal),
    // Only cosignatures have an age.
    maxAge !== undefined && policy.witnesses.length > 0 ? { maxAge: Math.ceil(maxAge / 1000) } : {},
  );
  return { url, policy, heads, trusted };
}

async function openLogVouching(
  { maxAge }: JudgingFlags,
  settings: Settings,
  { url, policy, heads, trusted }: TrustedLog,
  { onTrouble, signal }: ProxyOptions,
): Promise<OpenVouching> {
  let evidence: SplitView | null = null;
  for (const { key } of policy.logs) evidence ??= await heads.evidence(key.name);
  return new LogVouching({
    lookups: new LookupQueue(url, trusted, { signal }),
    files: new ProvenFolder(settings.cacheDir, policy),
    evidence,
    freshFor: FRESH_FOR,
    maxAge: maxAge ?? DEFAULT_MAX_AGE,
    now: Date.now,
    onTrouble,
  });
}

/** Reads a tile, at once or not at all: someone waits for a page. */
async function fetchTile(url: URL, signal: AbortSignal): Promise<Uint8Array | null> {
  const { status, headers, body } = await sendRequest(url, {
    maxBytes: MAX_TILE,
    deadline: DEADLINE,
    signal,
  });
  if (status === 200) return body;
  if (status === 404) return null;
  throw new TryLater(`${describe(url)} answers ${status}`, retryAfter(headers));
}
