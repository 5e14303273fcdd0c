import { runCommand } from "@indelible/core/command";
import { equal, match } from "node:assert/strict";
import { LOG_COMMAND, type LogFlags } from "./config.ts";

/** What the log's command line makes of these flags. */
async function parsed(...more: string[]) {
  let flags: LogFlags | undefined;
  let stderr = "";
  const run = (given: LogFlags) => {
    flags = given;
    return Promise.resolve(0);
  };
  const code = await runCommand(
    { ...LOG_COMMAND, run },
    ["--storage-dir=d", "--private-key=k", "--public-key=p", ...more],
    { stdout: { write: () => {} }, stderr: { write: (text) => void (stderr += text) } },
  );
  return { code, flags, stderr };
}

Deno.test("the log takes durations that a timer can wait for, and no longer ones", async () => {
  equal((await parsed()).flags?.batchInterval, 1000);
  equal((await parsed("--batch-interval=24d")).flags?.batchInterval, 24 * 86_400_000);
  equal((await parsed("--witness-timeout=596h")).flags?.witnessTimeout, 596 * 3_600_000);
  for (const flag of ["--batch-interval", "--witness-timeout"]) {
    for (const text of ["25d", "597h", "999999999d"]) {
      const { code, stderr } = await parsed(`${flag}=${text}`);
      equal(code, 2);
      match(stderr, new RegExp(`log: ${flag} must be at most 24d: received "${text}"`));
    }
  }
});
