/**
 * Asks the second opinion's worker. One question at a time; a worker that dies
 * or hangs is as bad as one that disagrees: the process stops unsigned.
 *
 * @module
 */

import type { Hash } from "@indelible/core";
import type { StoredEdge } from "./second_opinion.ts";
import type { OpinionAnswer, OpinionQuestion } from "./second_opinion_worker.ts";
import type { StoredObject } from "./storage/objects.ts";

/** Recomputes the root hash of a batch elsewhere. */
export interface Opinion {
  /**
   * The root hash that the objects of a batch give.
   *
   * @throws {Error} If they are wrong in themselves, naming the object.
   */
  rootOf(
    oldSize: number,
    size: number,
    objects: readonly StoredObject[],
  ): Promise<Hash>;
  /** Stops the worker. */
  close(): void;
}

const DEADLINE = 60_000;

/** Starts the worker from what is stored at the right edge. */
export function startSecondOpinion(edge: StoredEdge): Opinion {
  const worker = new Worker(
    new URL("./second_opinion_worker.ts", import.meta.url),
    {
      type: "module",
      name: "second-opinion",
      deno: { permissions: "none" },
    },
  );
  let died: Error | undefined;
  worker.onerror = (event) => {
    event.preventDefault();
    died = new Error(`Second opinion: its worker died: ${event.message}`);
  };
  worker.postMessage({ edge } satisfies OpinionQuestion);
  return {
    rootOf: (oldSize, size, objects) =>
      new Promise((resolve, reject) => {
        if (died) return reject(died);
        const timer = setTimeout(
          () =>
            reject(
              new Error(`Second opinion: no answer within ${DEADLINE} ms`),
            ),
          DEADLINE,
        );
        const settled = (act: () => void) => {
          clearTimeout(timer);
          worker.removeEventListener("error", onError);
          act();
        };
        const onError = () => settled(() => reject(died));
        worker.addEventListener("error", onError);
        worker.onmessage = ({ data }: MessageEvent<OpinionAnswer>) =>
          settled(() => "root" in data ? resolve(data.root) : reject(new Error(data.wrong)));
        worker.postMessage(
          { oldSize, size, objects } satisfies OpinionQuestion,
        );
      }),
    close: () => worker.terminate(),
  };
}
