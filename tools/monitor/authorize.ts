/**
 * `monitor authorize`: says what a release job has built, before it is uploaded, so that
 * whatever else is logged of the project is told (`monitor --guard=PROJECT`).
 *
 * @module
 */

import { checkFile, type Event, EVENTS, parseUtf8 } from "@indelible/core";
import { type Command, type Permissions, UsageError } from "@indelible/core/command";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { cannot, readSmallFile } from "../files.ts";
import { runMain } from "../main.ts";
import { type Authorisation, authorise, authorisedPath } from "./authorised.ts";
import { STATE_FLAG } from "./flags.ts";

/** Flags of `monitor authorize`. */
export type AuthorizeFlags = {
  /** The monitor's state folder. */
  readonly state: string;
  /** A file of digests and names. */
  readonly manifest?: string;
  /** What may be said of the files. */
  readonly event: Event;
};

/** The command line of `monitor authorize`. */
export const command: Command<AuthorizeFlags, string[]> = {
  name: "monitor authorize",
  brief: "Say what a release built, so that whatever else is logged is told",
  description: [
    "Appends name and digest of each file to DIR/authorised, which a running monitor reads",
    "again before each pass. To be run before the files are uploaded.",
    "",
    "Examples:",
    "  deno task monitor authorize dist/* --state=state",
    "  sha256sum pkg-1.0.tar.gz > manifest; deno task monitor authorize --manifest=manifest --state=state",
    "  deno task monitor authorize --event=yank pkg-1.0.tar.gz --state=state",
  ].join("\n"),
  parameters: {
    flags: {
      state: STATE_FLAG,
      manifest: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "PATH",
        brief: "File of digests and names, as sha256sum writes it",
      },
      event: {
        kind: "enum",
        values: EVENTS,
        default: "publish",
        brief: "What may be said of the files",
      },
    },
    positional: {
      kind: "array",
      parameter: { parse: String, placeholder: "FILE", brief: "File that was built" },
    },
  },
  permissions({ state, manifest }, ...files): Permissions {
    return {
      read: [state, ...files, ...manifest === undefined ? [] : [manifest]],
      write: [state],
    };
  },
  async run({ state, manifest, event }, ...files) {
    if (files.length === 0 && manifest === undefined) {
      throw new UsageError("what was built is not said: give FILE… or --manifest=F");
    }
    const statements: Authorisation[] = [];
    for (const path of files) {
      const checksum = `sha256:${await sha256Of(path)}`;
      statements.push({ event, file: checkFile(basename(path)), checksum });
    }
    if (manifest !== undefined) {
      const text = parseUtf8(await readSmallFile(manifest, "--manifest"));
      statements.push(...parseManifest(text, manifest, event));
    }
    const added = await authorise(state, statements);
    const known = statements.length - added;
    const repeated = known > 0 ? `, ${known} were authorised before` : "";
    console.log(`${added} authorised in ${authorisedPath(state)}${repeated}`);
    return 0;
  },
};

async function sha256Of(path: string): Promise<string> {
  try {
    const hash = createHash("sha256");
    using file = await Deno.open(path);
    for await (const piece of file.readable) hash.update(piece);
    return hash.digest("hex");
  } catch (error) {
    throw cannot("read", path, "FILE", error);
  }
}

/** The lines of `sha256sum`: a digest, two spaces or a space and `*`, a path. */
function parseManifest(text: string, path: string, event: Event): Authorisation[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    const [, digest, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    try {
      if (digest === undefined || name === undefined) {
        throw new SyntaxError("it must be a SHA-256 in hexadecimal, two spaces and a name");
      }
      return [{ event, file: checkFile(basename(name)), checksum: `sha256:${digest}` }];
    } catch (error) {
      throw new Error(
        `Cannot use --manifest ${path}: line ${i + 1}: ${(error as Error).message}`,
      );
    }
  });
}

if (import.meta.main) await runMain(command);
