/** A log and the witness that its policy needs, as an operator runs them. */

import { formatVkey } from "@indelible/core";
import { join } from "node:path";
import { type RunningLog, startLog, writeLogKeys } from "../running_log.ts";
import { RunningWitness } from "../running_witness.ts";

/** A log that publishes nothing without its witness. */
export interface WitnessedLog extends AsyncDisposable {
  /** The log. */
  readonly log: RunningLog;
}

/** Starts both in a folder. */
export async function startWitnessedLog(folder: string): Promise<WitnessedLog> {
  const vkey = formatVkey((await writeLogKeys(folder, "log.test/bench"))!);
  const place = join(folder, "witness");
  await Deno.mkdir(place);
  const witness = await RunningWitness.start(place);
  await witness.addLog(vkey);
  const policy = `log ${vkey}\n${witness.policyLine}\nquorum ours\n`;
  await Deno.writeTextFile(join(folder, "policy"), policy);
  const log = await startLog({ folder, flags: ["--policy=policy"] });
  return {
    log,
    async [Symbol.asyncDispose]() {
      await log.stop();
      await witness[Symbol.asyncDispose]();
    },
  };
}
