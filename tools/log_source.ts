/**
 * Where a log's public objects are read from: its URL, or the folder that it
 * keeps them in.
 *
 * @module
 */

import type { FetchResource } from "@indelible/core";
import { join } from "node:path";
import { describe, hostOf, parseLogUrl, sendRequest } from "./http_client.ts";
import { retrying, TryLater } from "./retry.ts";

/** A log to read. */
export type LogSource =
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "folder"; readonly path: string };

/** The largest object: an entry bundle of 256 entries of 65,535 bytes. */
const MAX_OBJECT = 256 * (2 + 65_535);
/** How long to retry a log that cannot now, in milliseconds. */
const PATIENCE = 60_000;

/** Parses `--log`: a URL if it looks like one, else a folder. */
export function parseLogSource(text: string): LogSource {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return { kind: "url", url: parseLogUrl(text) };
  }
  if (text === "") throw new SyntaxError("it must be a URL or a folder");
  return { kind: "folder", path: text };
}

/** What reading the log takes. */
export function permissionsForSource(
  source: LogSource,
): { read?: string[]; net?: string[] } {
  return source.kind === "url" ? { net: [hostOf(source.url)] } : { read: [source.path] };
}

/** Opens a log for reading its objects by their paths. */
export async function openSource(
  source: LogSource,
  signal: AbortSignal,
): Promise<FetchResource> {
  if (source.kind === "url") {
    return (path) =>
      retrying(() => fetchObject(new URL(path, source.url), signal), {
        patience: PATIENCE,
        signal,
      });
  }
  const folder = await objectFolder(source.path);
  return async (path) => {
    signal.throwIfAborted();
    try {
      return await Deno.readFile(join(folder, path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      if (error instanceof Deno.errors.NotADirectory) return null;
      throw new Error(`Cannot read ${path}: ${(error as Error).message}`);
    }
  };
}

async function fetchObject(
  url: URL,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const { status, body } = await sendRequest(url, {
    maxBytes: MAX_OBJECT,
    signal,
  });
  if (status === 200) return body;
  if (status === 404 || status === 410) return null;
  const message = `${describe(url)} answers ${status}`;
  throw status === 503 || status === 429 ? new TryLater(message, null) : new Error(message);
}

/** The folder itself, or the `log` in it, as `start` makes one: where the checkpoint is. */
async function objectFolder(path: string): Promise<string> {
  for (const folder of [path, join(path, "log")]) {
    try {
      if ((await Deno.stat(join(folder, "checkpoint"))).isFile) return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot read --log ${path}: it holds no checkpoint`);
}
