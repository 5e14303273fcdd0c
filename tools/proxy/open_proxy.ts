/**
 * Puts a proxy together, for `proxy`, which serves it for long, and for `run` and
 * `why`, which have it for one command.
 *
 * @module
 */

import { join } from "node:path";
import { HeadFiles } from "../head_files.ts";
import { describe, sendRequest } from "../http_client.ts";
import { LookupQueue } from "../lookup_queue.ts";
import { type PackageIndex, parseIndexUrl } from "../package_index.ts";
import { discoverIndex } from "../pip_index.ts";
import { retryAfter, TryLater } from "../retry.ts";
import { type SplitView, TrustedHead } from "../trusted_head.ts";
import { FileHosts } from "./file_hosts.ts";
import type { FileDesk } from "./http.ts";
import { PageDesk, type PageReport } from "./judge_page.ts";
import { streamedUrl } from "./page.ts";
import { ProvenFolder } from "./proven_files.ts";
import { headsFolder, indexOfVariable, type JudgingFlags, type Settings } from "./settings.ts";
import { StreamDesk } from "./stream.ts";
import { LogVouching, type Vouching } from "./vouching.ts";

/** A proxy's parts, ready to serve. */
export interface OpenProxy extends AsyncDisposable {
  /** The registry. */
  readonly index: PackageIndex;
  /** Judges pages. */
  readonly desk: PageDesk;
  /** Serves files; without one they stay at the registry. */
  readonly files?: FileDesk;
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
  const index = flags.upstream ?? indexOfVariable() ?? parseIndexUrl(await discoverIndex());
  const { onPage, onRegistryTrouble, onTrouble, signal } = options;
  const files = options.stream && new StreamDesk({
    index,
    hosts: new FileHosts(index.url, options.stream.fileHosts),
    now: Date.now,
    onTrouble: options.stream.onTrouble,
    signal,
  });
  const vouching = settings.trust
    ? await openLogVouching(flags, settings, options)
    : await options.openFirstSeen(join(settings.stateDir, "first-seen"), onTrouble);
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
    onPage,
    onRegistryTrouble,
  });
  if (files) files.factsOf = (filename) => desk.factsOf(filename);
  return {
    index,
    desk,
    ...(files && { files }),
    [Symbol.asyncDispose]: () => vouching[Symbol.asyncDispose](),
  };
}

async function openLogVouching(
  { maxAge }: JudgingFlags,
  settings: Settings,
  { onTrouble, signal }: ProxyOptions,
): Promise<OpenVouching> {
  const { log, policy } = settings.trust!;
  const heads = new HeadFiles(headsFolder(settings));
  const trusted = new TrustedHead(
    policy,
    heads,
    (path) => fetchTile(new URL(path, log), signal),
    // Only cosignatures have an age.
    maxAge !== undefined && policy.witnesses.length > 0 ? { maxAge: Math.ceil(maxAge / 1000) } : {},
  );
  let evidence: SplitView | null = null;
  for (const { key } of policy.logs) evidence ??= await heads.evidence(key.name);
  return new LogVouching({
    lookups: new LookupQueue(log, trusted, { signal }),
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
