/**
 * `GET /status` in JSON and `GET /metrics` for Prometheus: how the log is doing.
 *
 * @module
 */

import { encodeBase64, formatPolicy, parseVkey, type Policy, policyOfLog } from "@indelible/core";
import config from "./deno.json" with { type: "json" };
import type { CurrentHead, LiveFeed } from "./live_feed.ts";
import type { LogKeys } from "./log_keys.ts";
import type { Metrics } from "./metrics.ts";
import { ANY_ORIGIN, json } from "./respond.ts";
import type { WitnessHealth } from "./witness_client.ts";

/** What is told. */
export interface StatusParts {
  /** The log's keys. */
  readonly keys: LogKeys;
  /** The witnesses and their quorum; `null` for a log without. */
  readonly policy: Policy | null;
  /** Whether the disk cannot be written. */
  readonly readOnly: boolean;
  /** Whether it publishes without its witnesses' quorum. */
  readonly witnessFailOpen: boolean;
  /** The committed size. */
  readonly size: () => number;
  /** The published checkpoint; `null` before the first. */
  readonly head: () => CurrentHead | null;
  /** How many submissions wait. */
  readonly pending: () => number;
  /** How each witness is doing. */
  readonly witnesses: () => readonly WitnessHealth[];
  /** Bytes free on the disk, if that can be told. */
  readonly freeBytes: () => Promise<number | null>;
  /** How many workers hash. */
  readonly workers: () => number | null;
  /** What was counted. */
  readonly metrics: Metrics;
  /** The search index, those who listen, the evidence. */
  readonly feed: Pick<LiveFeed, "search" | "live" | "evidence">;
}

/** Tells how the log is doing. */
export class StatusHandler {
  readonly #parts: StatusParts;
  readonly #policy: string;
  readonly #started = performance.now();

  /** @param parts What is told. */
  constructor(parts: StatusParts) {
    this.#parts = parts;
    const own = policyOfLog(parseVkey(parts.keys.vkey));
    // As others need it: with this log's key, whatever logs its own file names.
    this.#policy = formatPolicy({ ...own, ...parts.policy, logs: own.logs });
  }

  /** `GET /status`. */
  async status(): Promise<Response> {
    const { keys, readOnly, witnessFailOpen, metrics, feed: { search, live } } = this.#parts;
    const head = this.#parts.head();
    const [freeBytes, evidence] = await Promise.all([this.#freeBytes(), this.#evidence()]);
    const { conflicts } = metrics.toJSON();
    return json(
      {
        origin: keys.origin,
        vkey: keys.vkey,
        logKeys: keys.vkeys,
        policy: this.#policy,
        head: head && {
          size: head.published.size,
          root: encodeBase64(head.published.root),
          time: head.time,
        },
        size: this.#parts.size(),
        publishedSize: head?.published.size ?? null,
        pending: this.#parts.pending(),
        queue: this.#parts.pending(),
        readOnly,
        witnessFailOpen,
        witnesses: this.#parts.witnesses(),
        ...metrics.toJSON(),
        latencies: metrics.latencies,
        refusals: conflicts,
        evidence,
        disk: { freeBytes },
        workers: this.#parts.workers(),
        search: { indexedTo: search.indexedTo },
        listeners: live.listeners,
        uptimeSeconds: this.#uptime(),
        version: config.version,
      },
      200,
      ANY_ORIGIN,
    );
  }

  /** `GET /metrics`. */
  async metrics(): Promise<Response> {
    const { metrics, witnesses, feed: { search, live } } = this.#parts;
    const published = this.#parts.head()?.published.size ?? 0;
    const { indexedTo } = search;
    const lag = indexedTo === null ? null : published - indexedTo;
    const text = metrics.toPrometheus({
      tree_size: ["Committed tree size.", this.#parts.size()],
      published_size: ["Published tree size.", published],
      pending: ["Submissions that wait.", this.#parts.pending()],
      search_lag_entries: ["Published entries not yet searchable.", lag],
      listeners: ["Open event streams.", live.listeners],
      evidence_files: ["Evidence files shown.", await this.#evidence()],
      disk_free_bytes: ["Bytes free on the log's disk.", await this.#freeBytes()],
      hash_workers: ["Workers that hash.", this.#parts.workers()],
      resident_bytes: ["Memory of the process.", Deno.memoryUsage().rss],
      uptime_seconds: ["Since the log was opened.", this.#uptime()],
    }, witnesses());
    const type = "text/plain; version=0.0.4";
    return new Response(text, {
      headers: { ...ANY_ORIGIN, "Content-Type": type, "Cache-Control": "no-store" },
    });
  }

  #uptime(): number {
    return Math.floor((performance.now() - this.#started) / 1000);
  }

  /** What cannot be told now is not a reason to tell nothing. */
  #freeBytes(): Promise<number | null> {
    return this.#parts.freeBytes().catch(() => null);
  }

  async #evidence(): Promise<number | null> {
    const { evidence } = this.#parts.feed;
    if (!evidence.shown) return null;
    return await evidence.list().then(({ length }) => length, () => null);
  }
}
