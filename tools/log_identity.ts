/**
 * What a log says it is, unverified: enough to tell two logs apart and to fail
 * at once when there is none.
 *
 * @module
 */

import { type Checkpoint, parseCheckpoint, parseNote } from "@indelible/core";
import { describe, sendRequest } from "./http_client.ts";
import type { LogIdentity } from "./import_state.ts";

/**
 * Reads origin and size from a log's checkpoint. No signature is checked.
 *
 * @param log The log.
 * @param signal Ends the request.
 * @throws {Error} If there is no log.
 */
export async function readIdentity(
  log: URL,
  signal?: AbortSignal,
): Promise<LogIdentity> {
  const { origin, size } = await readUnverified(log, signal);
  return { origin, size: Number(size) };
}

/**
 * Reads a log's checkpoint. No signature is checked.
 *
 * @param log The log.
 * @param signal Ends the request.
 * @throws {Error} If there is no log.
 */
export async function readUnverified(
  log: URL,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const url = new URL("checkpoint", log);
  const { status, body } = await sendRequest(url, {
    maxBytes: 1_000_000,
    ...(signal && { signal }),
  });
  if (status !== 200) {
    throw new Error(
      `${describe(url)} answers ${status}, expected a checkpoint`,
    );
  }
  try {
    return parseCheckpoint(parseNote(body).text);
  } catch (error) {
    throw new Error(
      `Cannot understand ${describe(url)}: ${(error as Error).message}`,
    );
  }
}
