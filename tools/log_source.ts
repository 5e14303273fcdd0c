/**
 * Where a log's public objects are read from: its URL, or the folder that it
 * keeps them in.
 *
 * @module
 */

import type { FetchResource } from "@indelible/core";
import { join } from "node:path";
import { FolderReader } from "./folder_reader.ts";
import { hostOf, parseLogUrl } from "./http_client.ts";
import { HttpObjects } from "./http_objects.ts";

/** A log to read. */
export type LogSource =
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "folder"; readonly path: string };

/** Parses `--log`: a URL if it looks like one, else a folder. */
export function parseLogSource(text: string): LogSource {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return { kind: "url", url: parseLogUrl(text) };
  }
  if (text === "") throw new SyntaxError("it must be a URL or a folder");
  return { kind: "folder", path: text };
}

/** What reading the log takes: of a folder its public objects, not the ledger beside them. */
export function permissionsForSource(
  source: LogSource,
): { read?: string[]; net?: string[] } {
  if (source.kind === "url") return { net: [hostOf(source.url)] };
  return {
    read: candidates(source.path).flatMap((folder) =>
      ["checkpoint", "tile"].map((name) => join(folder, name))
    ),
  };
}

/**
 * Opens a log for reading its objects by their paths.
 *
 * @param source The log.
 * @param signal Ends the reading.
 * @param flag The flag that named it, for messages.
 */
export async function openSource(
  source: LogSource,
  signal: AbortSignal,
  flag = "--log",
): Promise<FetchResource> {
  if (source.kind === "folder") return (await openObjects(source, signal, flag)).fetch;
  const log = new HttpObjects(source.url, signal);
  return (path) => log.read(path);
}

/** The objects of a log, by their paths, for who reads all of it. */
export interface LogObjects {
  /** Reads an object. */
  readonly fetch: FetchResource;
  /**
   * Reads an object into memory here and now, where that takes no time: its length, less
   * than the memory's. -1 when there is none, it does not fit or it takes a while; then
   * `fetch` is to be asked.
   */
  readonly readNow?: (path: string, target: Uint8Array) => number;
}

/** Opens a log as {@linkcode openSource} does; what is kept open is closed in the end. */
export async function openObjects(
  source: LogSource,
  signal: AbortSignal,
  flag = "--log",
): Promise<LogObjects & Disposable> {
  if (source.kind === "url") {
    const log = new HttpObjects(source.url, signal, { connections: true });
    return { fetch: (path) => log.read(path), [Symbol.dispose]: () => log[Symbol.dispose]() };
  }
  const folder = new FolderReader(await objectFolder(source.path, flag));
  return {
    async fetch(path) {
      signal.throwIfAborted();
      return await folder.read(path);
    },
    readNow(path, target) {
      signal.throwIfAborted();
      return folder.readNow(path, target);
    },
    [Symbol.dispose]() {},
  };
}

/** The folder itself, or the `log` in it, as `start` makes one. */
function candidates(path: string): string[] {
  return [path, join(path, "log")];
}

/** The one of them where the checkpoint is. */
async function objectFolder(path: string, flag: string): Promise<string> {
  for (const folder of candidates(path)) {
    try {
      if ((await Deno.stat(join(folder, "checkpoint"))).isFile) return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot read ${flag} ${path}: it holds no checkpoint`);
}
