/**
 * The witness on a host without a disk (Deno Deploy, `deno serve`): the handler
 * over Deno KV. Its configuration is the environment, the key a secret of it;
 * `docs/witness.md` is the runbook.
 *
 * - `WITNESS_PRIVATE_KEY`: the private key; two on two lines for both types.
 * - `WITNESS_LOGS`: the log list, `<origin> <vkey> <url>` a line.
 * - `WITNESS_ACCEPT_ROLLBACK=1`: go on with a store that went back.
 * - `WITNESS_KV_PATH`: a local database instead of the host's own.
 *
 * @module
 */

import { parseSkey, utf8 } from "@indelible/core";
import {
  createWitness,
  KvStore,
  type Logger,
  makeLogger,
  parseLogList,
  policyLines,
  RollbackGuard,
  type WitnessHandler,
} from "@indelible/witness";

/** How long a failed start stands before it is tried again, in milliseconds. */
const START_PAUSE = 10_000;

const logger: Logger = makeLogger("json", (line) => console.error(line));

/** The start that stands: the first request brings it about. */
let started: { readonly handler: Promise<WitnessHandler>; until: number } | null = null;

async function start(): Promise<WitnessHandler> {
  const secret = Deno.env.get("WITNESS_PRIVATE_KEY")?.trim();
  if (!secret) throw new Error("WITNESS_PRIVATE_KEY must hold the witness's private key");
  const keys = secret.split(/\s+/).map(parseSkey);
  const logs = parseLogList(utf8(Deno.env.get("WITNESS_LOGS") ?? ""));
  const store = await KvStore.open(await Deno.openKv(Deno.env.get("WITNESS_KV_PATH")));
  try {
    const guard = await RollbackGuard.start({
      store,
      keys,
      logs,
      logger,
      accepted: Deno.env.get("WITNESS_ACCEPT_ROLLBACK") === "1",
      accepting: "WITNESS_ACCEPT_ROLLBACK=1",
      onRollback(why) {
        logger("error", "stopped", { why });
        started = null; // The next start says the same, until the operator has decided.
      },
    });
    const heldBack = (origin: string) => guard.heldBack(origin);
    const made = await createWitness({ store, keys, logs, logger, heldBack });
    for (const line of policyLines(made.witness.cosigner.keys)) console.log(line);
    return made;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function startOnce(): Promise<WitnessHandler> {
  if (started && performance.now() < started.until) return started.handler;
  const attempt = { handler: start(), until: Infinity };
  attempt.handler.catch((error) => {
    logger("error", "not started", { error: (error as Error).message });
    attempt.until = performance.now() + START_PAUSE;
  });
  started = attempt;
  return attempt.handler;
}

function addressOf({ remoteAddr }: Deno.ServeHandlerInfo): string {
  return "hostname" in remoteAddr ? remoteAddr.hostname : "unknown";
}

export default {
  async fetch(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    let witness: WitnessHandler;
    try {
      witness = await startOnce();
    } catch {
      // What is wrong is the operator's business: it is in the log.
      return new Response('{"error":"The witness is not started"}\n', {
        status: 503,
        headers: { "Content-Type": "application/json", "Retry-After": "10" },
      });
    }
    return await witness.fetch(request, { address: addressOf(info) });
  },
} satisfies Deno.ServeDefaultExport;
