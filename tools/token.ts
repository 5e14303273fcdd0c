/**
 * The publisher's token: read from a file, sent as a bearer, and only where
 * nobody on the way can read it.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";
import { readSmallFile } from "./files.ts";
import { describe, isLoopback } from "./http_client.ts";

// RFC 6750 §2.1.
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/;

/** The `--token-file` flag, as a command takes it. */
export const TOKEN_FILE_FLAG = {
  kind: "parsed",
  parse: String,
  optional: true,
  brief: "File with your publisher token (a token is never an argument)",
} as const;

/**
 * The header field that carries the token of a file; none without a file.
 *
 * @param path The file.
 * @param log Where it is sent.
 * @throws {Error} If the file holds no token, or the way to the log is not private.
 */
export async function authorization(
  path: string | undefined,
  log: URL,
): Promise<Record<string, string>> {
  if (path === undefined) return {};
  if (log.protocol !== "https:" && !isLoopback(log)) {
    throw new Error(
      `Cannot send --token-file to ${
        describe(log)
      }: a token goes over https or to this machine only`,
    );
  }
  const bytes = await readSmallFile(path, "--token-file");
  const token = parseUtf8(bytes).trim();
  if (!BEARER.test(token)) {
    throw new Error(
      `Cannot use --token-file ${path}: it must hold one token on one line`,
    );
  }
  return { authorization: `Bearer ${token}` };
}
