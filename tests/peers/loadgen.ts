/** Bounded load on a loopback server, by our `loadgen` (see cmd/loadgen/main.go). */

import { requirePeer } from "./peers.ts";
import { run } from "./process.ts";

/** How to load a server. */
export interface LoadOptions {
  /** Base URL; for mode `get` the whole URL. */
  url: string;
  /** `bt`: our JSON `/add`; `tessera`: raw `/add`; `get`; `witness`: a growing log. */
  mode: "bt" | "tessera" | "get" | "witness";
  /** Number of requests. */
  requests: number;
  /** Connections at once (default 64). */
  connections?: number;
  /** Bearer token. */
  token?: string;
  /** Mode `bt`: file with the log's vkey; every checkpoint and proof is checked. */
  vkeyFile?: string;
  /** Mode `bt`: send a publisher. */
  publisher?: boolean;
  /** Mode `tessera`: body size in bytes (default 128). */
  size?: number;
  /** Mode `witness`: file with the log's skey. */
  keyFile?: string;
  /** Mode `witness`: leaves added per checkpoint (default 256). */
  step?: number;
  /** Processes whose CPU time and memory to report. */
  pids?: number[];
  /** Label of the result. */
  label?: string;
}

/** What came of it, as loadgen prints it with `-json`. */
export interface LoadResult {
  /** Label given. */
  label?: string;
  /** Mode given. */
  mode: string;
  /** Connections used. */
  c: number;
  /** Requests sent. */
  requests: number;
  /** Requests answered well (and, with a vkey, proven). */
  ok: number;
  /** Requests that failed. */
  errors: number;
  /** Failures by kind. */
  errors_by_kind?: Record<string, number>;
  /** Indices that were answered more than once. */
  repeated_indices: number;
  /** Duration. */
  seconds: number;
  /** Good answers a second. */
  per_sec: number;
  /** Latency percentiles in milliseconds. */
  p50_ms: number;
  /** 95th percentile. */
  p95_ms: number;
  /** 99th percentile. */
  p99_ms: number;
  /** Slowest. */
  max_ms: number;
  /** Mean size of a response body. */
  mean_response_bytes: number;
  /** CPU seconds of loadgen itself. */
  client_cpu_s: number;
  /** CPU seconds of the processes named. */
  server_cpu_s: number;
  /** CPU seconds of everything else on the machine: a disturbed run. */
  other_cpu_s: number;
  /** Resident memory of the processes named, at the end. */
  server_rss_mib: number;
  /** Their peak. */
  server_peak_mib: number;
}

/**
 * Loads a server and waits for the result.
 *
 * @param options What to send, how much.
 * @returns The result, or `null` if the peer is missing.
 * @throws {Error} If loadgen refused its arguments; failed requests are in the result.
 */
export async function loadgen(
  options: LoadOptions,
): Promise<LoadResult | null> {
  const program = await requirePeer("loadgen");
  if (program === null) return null;
  const flags: Record<string, string | undefined> = {
    url: options.url,
    mode: options.mode,
    n: String(options.requests),
    c: String(options.connections ?? 64),
    token: options.token,
    vkey: options.vkeyFile,
    publisher: options.publisher === undefined ? undefined : String(options.publisher),
    size: options.size?.toString(),
    key: options.keyFile,
    step: options.step?.toString(),
    pid: options.pids?.join(","),
    label: options.label,
    json: "true",
  };
  const args = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`-${name}=${value}`]
  );
  const { stdout, stderr } = await run(program, args);
  if (stdout.trim() === "") {
    throw new Error(`Cannot run loadgen: ${stderr.trim()}`);
  }
  return JSON.parse(stdout);
}
