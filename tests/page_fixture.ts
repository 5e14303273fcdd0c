/** What the page's stories have in common: a real, witnessed log with real files in it. */

import { encodeHex, formatVkey, sha256, utf8 } from "@indelible/core";
import { join } from "node:path";
import {
  add,
  bulkAppend,
  madeUpFile,
  type RunningLog,
  startLog,
  writeLogKeys,
} from "./running_log.ts";
import { RunningWitness } from "./running_witness.ts";

/** A file name that a page must show and a shell must not run. */
export const HOSTILE_NAME = `<svg><script>alert(1)<script>'"$(id)&amp;-1.0.tar.gz`;
/** A file of the log, and what is in it. */
export const REAL_FILE = { name: "example-1.0.tar.gz", content: "what was built" };
/** How many entries the log starts with: more than a full tile. */
export const FIRST_SIZE = 302;

/** A log with a witness, and files in it. */
export interface PageLog extends AsyncDisposable {
  /** The log. */
  readonly log: RunningLog;
  /** Its witness. */
  readonly witness: RunningWitness;
  /** The policy that it runs with. */
  readonly policy: string;
  /** The folder of everything; evidence is in `evidence`. */
  readonly folder: string;
}

/** Starts the log, its witness, and logs {@linkcode FIRST_SIZE} files. */
export async function startPageLog(folder: string, origin: string): Promise<PageLog> {
  const vkey = formatVkey((await writeLogKeys(folder, origin))!);
  const witness = await RunningWitness.start(folder);
  await witness.addLog(vkey);
  const policy = `log ${vkey}\n${witness.policyLine}\nquorum ours\n`;
  await Deno.writeTextFile(join(folder, "policy"), policy);
  await Deno.mkdir(join(folder, "evidence"));
  const flags = ["--policy=policy", "--evidence=evidence", "--batch-interval=50ms"];
  const log = await startLog({ folder, flags });
  await bulkAppend(log.url, Array.from({ length: FIRST_SIZE - 2 }, (_, i) => madeUpFile(i)));
  await add(log.url, { filename: HOSTILE_NAME, checksum: madeUpFile(1, "hostile").checksum });
  await add(log.url, { filename: REAL_FILE.name, checksum: checksumOf(REAL_FILE.content) });
  return {
    log,
    witness,
    policy,
    folder,
    async [Symbol.asyncDispose]() {
      await log.stop();
      await witness[Symbol.asyncDispose]();
    },
  };
}

/** The checksum of a file's content. */
export function checksumOf(content: string): string {
  return `sha256:${digestHex(content)}`;
}

/** The digest of a file's content. */
export function digestHex(content: string): string {
  return encodeHex(sha256(utf8(content)));
}
