/**
 * `publisher-add`: makes a token for a publisher and permits it to write. The
 * log's file keeps the token's digest only.
 *
 * @module
 */

import { checkPublisherName, formatPublisherLine, sha256, utf8 } from "@indelible/core";
import type { Command } from "@indelible/core/command";
import { cannot, pathsToReplace, writeNew } from "./files.ts";
import { runMain } from "./main.ts";
import { appendPublisher } from "./publishers_file.ts";

/** Flags of `publisher-add`. */
export type PublisherAddFlags = {
  /** The log's publishers file. */
  readonly publishers: string;
  /** The publisher's name. */
  readonly name: string;
  /** Where to write the token, in place of printing it. */
  readonly tokenFile?: string;
};

const TOKEN_SIZE = 32;

/** The command line of `publisher-add`. */
export const command: Command<PublisherAddFlags> = {
  name: "publisher-add",
  brief: "Permit a publisher to write to a log",
  description: [
    "Makes a random token for a publisher and appends its digest to the log's publishers",
    "file. The token is printed once, or written to a new file that only you can read.",
    "A running log reads the file again on SIGHUP.",
    "",
    "Examples:",
    "  deno task publisher-add --publishers=publishers --name=ci",
    "  deno task publisher-add --publishers=publishers --name=ci --token-file=ci.token",
  ].join("\n"),
  parameters: {
    flags: {
      publishers: {
        kind: "parsed",
        parse: String,
        brief: "The log's publishers file; made when it is missing",
      },
      name: {
        kind: "parsed",
        parse: checkPublisherName,
        brief: "Name of the publisher, as the log's own records show it",
      },
      tokenFile: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "File to create for the token, in place of printing it",
      },
    },
  },
  permissions({ publishers, tokenFile }) {
    const paths = pathsToReplace(publishers);
    if (tokenFile !== undefined) paths.push(tokenFile);
    return { read: paths, write: paths };
  },
  async run({ publishers, name, tokenFile }) {
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_SIZE)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    if (tokenFile !== undefined) keepToken(tokenFile, token);
    try {
      const line = formatPublisherLine({ name, digest: sha256(utf8(token)) });
      await appendPublisher(publishers, name, line);
    } catch (error) {
      if (tokenFile !== undefined) Deno.removeSync(tokenFile); // Ours, and useless.
      throw error;
    }
    if (tokenFile === undefined) console.log(token);
    console.error(
      tokenFile === undefined
        ? `Permitted ${name} in ${publishers}; its token, above, is not shown again.`
        : `Permitted ${name} in ${publishers}; its token is in ${tokenFile}.`,
    );
    return 0;
  },
};

function keepToken(path: string, token: string): void {
  try {
    writeNew(path, utf8(token + "\n"), 0o600);
  } catch (error) {
    throw cannot("write", path, "--token-file", error);
  }
}

if (import.meta.main) await runMain(command);
