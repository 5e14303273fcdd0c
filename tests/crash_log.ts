/**
 * A real log that kills its own process at a chosen moment: `crash_test.ts`
 * starts it. It is put together from the same modules as `log/main.ts`; only
 * the parts in between are wrapped. SIGKILL leaves no time for a last word.
 */

import { openLog } from "../log/log.ts";
import { HashPool } from "../log/hash_pool.ts";
import { openStorage } from "../log/open_storage.ts";
import { startSecondOpinion } from "../log/second_opinion_face.ts";
import { serveLog } from "../log/serve.ts";
import type { StoredObject } from "../log/storage/objects.ts";
import { testKeys, withMethods } from "./test_log.ts";
import { getLogger } from "@logtape/logtape";

/** The steps of the write path, in their order, and of the start. */
export const STEPS = [
  "loaded",
  "batch closing",
  "decided",
  "hashed",
  "second opinion asked",
  "second opinion given",
  "signed",
  "committing",
  "committed",
  "object written",
  "applying",
  "applied",
  "replacing",
  "checkpoint replaced",
  "recording",
  "recorded",
  "settled",
  "writing block",
  "block written",
] as const;

/** A step of the write path. */
export type Step = typeof STEPS[number];

/** What a log is told by who starts it. */
export interface CrashPlan {
  /** Its data folder. */
  readonly folder: string;
  /** Where to die; `null` to live. */
  readonly step: Step | null;
  /** At which time that the step is reached, from 1. */
  readonly time: number;
  /** For steps that end in -ing: how many microseconds into it. */
  readonly delay: number;
}

/** Starts a log from a plan and serves until it dies. */
async function main(plan: CrashPlan): Promise<number> {
  let left = plan.time;
  const reached = (step: Step): void => {
    if (step === plan.step && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
  };
  /** Dies a moment after a call was made, while it is under way elsewhere. */
  const under = <T>(step: Step, call: Promise<T>): Promise<T> => {
    if (step === plan.step && left === 1) {
      const until = performance.now() + plan.delay / 1000;
      if (plan.delay > 1000) setTimeout(() => reached(step), plan.delay / 1000);
      else {
        while (performance.now() < until);
        reached(step);
      }
    } else reached(step);
    return call;
  };
  const after = async <T>(step: Step, call: Promise<T>): Promise<T> => {
    const answer = await call;
    reached(step);
    return answer;
  };

  await using storage = await openStorage(plan.folder);
  const { ledger, objects, identifierFile } = storage;
  const pool = new HashPool();
  const log = await openLog({
    keys: testKeys(),
    batchInterval: 5,
    freeSpaceFloor: 0,
    hasher: {
      growRows(tree, entries) {
        reached("decided");
        return after("hashed", pool.growRows(tree, entries));
      },
      close: () => pool.close(),
    },
    startOpinion(edge) {
      const opinion = startSecondOpinion(edge);
      return {
        rootOf: (...args) =>
          after("second opinion given", under("second opinion asked", opinion.rootOf(...args))),
        close: () => opinion.close(),
      };
    },
    ledger: withMethods(ledger, {
      load: () => after("loaded", ledger.load()),
      commit(batch) {
        reached("signed");
        return after("committed", under("committing", ledger.commit(batch)));
      },
      publish: (...args) => after("recorded", under("recording", ledger.publish(...args))),
    }),
    objects: withMethods(objects, {
      async write(all, options) {
        if (plan.step === "object written") {
          const write = (object: StoredObject) => objects.write([object], options);
          for (const object of all) await after("object written", write(object));
        }
        await after("applied", under("applying", objects.write(all, options)));
      },
      replace: (...args) =>
        after("checkpoint replaced", under("replacing", objects.replace(...args))),
    }),
    identifierFile: withMethods(identifierFile, {
      async write(at, bytes) {
        // In two parts, so that one of them can be there without the other.
        const half = bytes.length >> 1;
        await identifierFile.write(at, bytes.subarray(0, half));
        const rest = identifierFile.write(at + half, bytes.subarray(half));
        await after("block written", under("writing block", rest));
      },
    }),
    monotonic() {
      reached("batch closing");
      return performance.now();
    },
    // Answers are settled when this is called, and nobody has sent one yet.
    events: { batch: () => reached("settled") },
  });
  return await serveLog(log, {
    host: "127.0.0.1",
    port: 0,
    logger: getLogger("crash"),
    onListen: (url) => console.log(url),
  });
}

if (import.meta.main) Deno.exit(await main(JSON.parse(Deno.args[0]!)));
