/** The tutorial of `docs/sig.md`, run as written, must print what it shows. */

import { equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { requirePeers } from "./peers/peers.ts";
import { freePort, run } from "./peers/process.ts";
import { inFolder } from "./temporary.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A block of commands, and what the document shows of its output. */
interface Step {
  readonly script: string;
  readonly shown: string | null;
}

/** The blocks of commands, each with the output that follows it, if one does. */
function stepsOf(text: string): Step[] {
  const blocks = text.matchAll(/^```sh\n([^]*?)^```\n(?:\s*^```text\n([^]*?)^```\n)?/gm);
  return [...blocks].map(([, script, shown]) => ({ script: script!, shown: shown ?? null }));
}

Deno.test("the tutorial of sig works as written", async () => {
  if (await requirePeers("gpg", "gpgconf", "python3", "curl", "bash") === null) return;
  const steps = stepsOf(await Deno.readTextFile(join(ROOT, "docs/sig.md")));
  ok(steps.length >= 7);
  ok(steps.filter(({ shown }) => shown !== null).length >= 5);
  const mark = (step: number): string => `=== step ${step}`;
  const marked = steps.map(({ script }, n) => `echo '${mark(n)}'\n${script}`);
  // Where a step fails, the server that an earlier one started is stopped all the same.
  const trap = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT";
  // A test that npx started has it; a reader's shell has not.
  const script = ["unset INIT_CWD", trap, ...marked].join("\n");
  await inFolder(async (folder) => {
    const { code, stdout, stderr } = await run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: ROOT,
      env: {
        NO_COLOR: "1",
        TMPDIR: folder,
        PORT: String(freePort()),
        LOG_PORT: String(freePort()),
        PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      },
    });
    equal(code, 0, stdout + stderr);
    for (const [n, { shown }] of steps.entries()) {
      if (shown === null) continue;
      const output = stdout.split(`${mark(n)}\n`)[1]!.split(mark(n + 1))[0]!;
      const pattern = shown.split("…").map(RegExp.escape).join("[^]*?");
      match(output, new RegExp(`^${pattern}$`), `step ${n}`);
    }
  });
});
