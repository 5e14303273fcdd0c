/**
 * Reads the log's public objects from their folder, in a worker that may do nothing else.
 * A link is no object (`storage/objects_fs.ts` says why).
 *
 * @module
 */

import type { Objects } from "../storage/objects.ts";
import { checkObjectPath } from "../storage/objects.ts";

/** Reads the objects below a folder. */
export function objectReader(folder: string): Pick<Objects, "read"> {
  return {
    async read(path) {
      checkObjectPath(path);
      try {
        // Here nobody waits but the worker itself: to read at once costs half.
        if (!Deno.lstatSync(`${folder}/${path}`).isFile) return null;
        return await Promise.resolve(Deno.readFileSync(`${folder}/${path}`));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
  };
}
