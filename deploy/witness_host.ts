/**
 * The witness on a host without a disk (Deno Deploy, `deno serve`): the handler
 * over Deno KV. Its configuration is the environment, the key a secret of it;
 * `docs/witness.md` is the runbook.
 *
 * - `WITNESS_PRIVATE_KEY`: the private key; two on two lines for both types.
 * - `WITNESS_LOGS`: the log list, `<origin> <vkey> [<url>]` a line.
 * - `WITNESS_ACCEPT_ROLLBACK=1`: go on with a store that went back.
 * - `WITNESS_KV_PATH`: a local database instead of the host's own.
 *
 * @module
 */

import { parseSkey, utf8 } from "@indelible/core";
import {
  createWitness,
  findRollback,
  KvStore,
  type Logger,
  makeLogger,
  parseLogList,
  policyLines,
  type WitnessHandler,
} from "@indelible/witness";

/** How long a failed start stands before it is tried again, in milliseconds. */
const START_PAUSE = 10_000;

const logger: Logger = makeLogger("json", (line) => console.error(line));

/** The witness once it has started; started by the first request. */
let handler: Promise<WitnessHandler> | null = null;

async function start(): Promise<WitnessHandler> {
  const secret = Deno.env.get("WITNESS_PRIVATE_KEY")?.trim();
  if (!secret) throw new Error("WITNESS_PRIVATE_KEY must hold the witness's private key");
  const keys = secret.split(/\s+/).map(parseSkey);
  const logs = parseLogList(utf8(Deno.env.get("WITNESS_LOGS") ?? ""));
  const store = await KvStore.open(await Deno.openKv(Deno.env.get("WITNESS_KV_PATH")));
  try {
    const found = await findRollback({ store, keys, logs, logger });
    const accepted = Deno.env.get("WITNESS_ACCEPT_ROLLBACK") === "1";
    if (found.length > 0 && !accepted) {
      throw new Error(
        `The store is older than what was cosigned: ${found.join("; ")}. ` +
          "Accept with WITNESS_ACCEPT_ROLLBACK=1 that logs may fork below that",
      );
    }
    const made = await createWitness({ store, keys, logs, logger });
    for (const line of policyLines(made.witness.cosigner.keys)) console.log(line);
    return made;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function startOnce(): Promise<WitnessHandler> {
  handler ??= start().catch((error) => {
    logger("error", "not started", { error: (error as Error).message });
    setTimeout(() => handler = null, START_PAUSE);
    throw error;
  });
  return handler;
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
